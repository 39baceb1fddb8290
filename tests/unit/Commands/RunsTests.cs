using LuxHedge.Activities.Approvals;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class RunsTests
{
    private static CommandRig CreateRig(Ask? ask = null, string state = "waiting")
    {
        var rig = CommandRig.Create();
        rig.Runs.Rows.Add(Samples.Run(state));
        rig.Runs.State = Samples.State(ask ?? Samples.Ask());
        rig.Variables["LUXHEDGE_PERSON"] = "alice";
        return rig;
    }

    [Theory]
    [InlineData("approve", DecisionKind.Approved, Samples.RunId)]
    [InlineData("deny", DecisionKind.Denied, "restore/luxhedge_production")]
    public async Task A_decision_is_signed_by_the_person_over_what_is_asked(string command, DecisionKind kind, string run)
    {
        await using var rig = CreateRig();
        Assert.Equal(0, await rig.RunAsync("runs", command, run, "--reason", "seen it"));
        var decision = Assert.Single(rig.Runs.Decisions);
        Assert.Equal(kind, decision.Kind);
        Assert.Equal("alice", decision.Person);
        Assert.Equal("seen it", decision.Reason);
        Assert.Null(DecisionSigner.ProblemOf(rig.Plan.Plan, DecisionSubject.Of(Samples.Ask()), decision));
    }

    [Fact]
    public async Task A_refused_decision_says_why_and_is_wrong_usage()
    {
        await using var rig = CreateRig();
        rig.Runs.Answer = new DecisionAnswer(false, "operator asked for it and can't approve it");
        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId, "--as", "operator", "--json"));
        var error = rig.Document.GetProperty("error");
        Assert.Equal("refused-decision", error.GetProperty("kind").GetString());
        Assert.Equal("operator asked for it and can't approve it", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task On_a_terminal_it_shows_what_is_decided_and_asks()
    {
        await using var rig = CreateRig();
        rig.Interactive = true;
        rig.Out.Input.PushTextWithEnter("n");
        Assert.Equal(3, await rig.RunAsync("runs", "approve", Samples.RunId));
        Assert.Empty(rig.Runs.Decisions);
        Assert.Contains("luxhedge_production on db1.example:27017", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("users, positions", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains(new string('c', 64), rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("Approve this as alice?", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_step_than_the_one_that_asks_is_refused()
    {
        await using var rig = CreateRig();
        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId, "--step", "declare"));
        Assert.Empty(rig.Runs.Decisions);
    }

    [Fact]
    public async Task With_two_open_decisions_the_step_is_required()
    {
        await using var rig = CreateRig();
        rig.Runs.State = Open(Samples.Ask() with { Step = "declare" }, Samples.Ask() with { Step = "cut-over", Nonce = "other" });

        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId));
        Assert.Contains("declare, cut-over", rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Decisions);
        Assert.Equal(0, await rig.RunAsync("runs", "approve", Samples.RunId, "--step", "cut-over"));
        Assert.Equal(("cut-over", "other"), (rig.Runs.Decisions[0].Step, rig.Runs.Decisions[0].Nonce));
    }

    [Fact]
    public async Task What_a_person_does_is_confirmed_and_not_approved()
    {
        await using var rig = CreateRig();
        rig.Runs.State = Open(Samples.Ask() with { Step = "tell-customers", Kind = AskKinds.Manual });

        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId));
        Assert.Contains("runs confirm", rig.Error.Output, StringComparison.Ordinal);
        Assert.Equal(0, await rig.RunAsync("runs", "confirm", Samples.RunId, "--reason", "told"));
        Assert.Equal(DecisionKind.Approved, Assert.Single(rig.Runs.Decisions).Kind);
        rig.Runs.State = Open(Samples.Ask());
        Assert.Equal(2, await rig.RunAsync("runs", "confirm", Samples.RunId));
    }

    [Fact]
    public async Task An_approval_and_a_manual_step_at_once_need_no_step_since_the_command_says_which()
    {
        await using var rig = CreateRig();
        rig.Runs.State = Open(Samples.Ask(), Samples.Ask() with { Step = "tell-customers", Kind = AskKinds.Manual, Nonce = "n" });

        Assert.Equal(0, await rig.RunAsync("runs", "confirm", Samples.RunId));
        Assert.Equal(2, await rig.RunAsync("runs", "deny", Samples.RunId));
        Assert.Equal("tell-customers", Assert.Single(rig.Runs.Decisions).Step);
    }

    [Fact]
    public async Task What_a_restore_below_a_runbook_asks_is_decided_by_the_runbooks_run_too()
    {
        await using var rig = CreateRig();
        rig.Runs.Rows[0] = Samples.Run("waiting", LuxHedge.Workflows.Runs.Wire.Runbook);
        rig.Runs.State = Open();
        var child = Samples.Run().Reference with { RunId = "the child's" };
        rig.Runs.Looks.Enqueue(run => new(run, "running", Open(), [], [new(child, "running", Open(Samples.Ask()), [], [])]));

        Assert.Equal(0, await rig.RunAsync("runs", "approve", Samples.RunId));
        Assert.Equal("approval", Assert.Single(rig.Runs.Decisions).Step);
    }

    [Fact]
    public async Task Break_glass_is_signed_as_that_and_needs_a_reason()
    {
        await using var rig = CreateRig();

        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId, "--break-glass"));
        Assert.Equal(0, await rig.RunAsync("runs", "approve", Samples.RunId, "--break-glass", "--reason", "nobody else"));
        var decision = Assert.Single(rig.Runs.Decisions);
        Assert.True(decision.BreakGlass);
        Assert.Null(DecisionSigner.ProblemOf(rig.Plan.Plan, DecisionSubject.Of(Samples.Ask()), decision));
        Assert.NotNull(DecisionSigner.ProblemOf(rig.Plan.Plan, DecisionSubject.Of(Samples.Ask()), decision with { BreakGlass = false }));
    }

    private static LuxHedge.Workflows.Runs.RunState Open(params Ask[] asks) =>
        Samples.State(asks.Length > 0 ? asks[0] : null) with { Asks = asks };

    [Fact]
    public async Task A_run_that_asks_nothing_or_has_ended_takes_no_decision()
    {
        await using var rig = CreateRig();
        rig.Runs.State = Samples.State();
        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId));
        rig.Runs.Rows[0] = Samples.Run("completed");
        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId));
        Assert.Contains("has ended already", rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_worker_answers_nothing_is_decided_blindly()
    {
        await using var rig = CreateRig();
        rig.Runs.State = null;
        Assert.Equal(4, await rig.RunAsync("runs", "approve", Samples.RunId));
        Assert.Empty(rig.Runs.Decisions);
    }

    [Fact]
    public async Task An_abort_keeps_who_and_why_and_is_refused_without_a_reason()
    {
        await using var rig = CreateRig();
        Assert.Equal(2, await rig.RunAsync("runs", "abort", Samples.RunId));
        Assert.Equal(2, await rig.RunAsync("runs", "abort", Samples.RunId, "--reason", " "));
        Assert.Equal(0, await rig.RunAsync("runs", "abort", Samples.RunId, "--reason", "wrong backup"));
        Assert.Equal(new LuxHedge.Workflows.Runs.AbortOrder("alice", "wrong backup"), Assert.Single(rig.Runs.Aborts));
    }

    [Fact]
    public async Task Watching_a_run_that_does_not_exist_is_wrong_usage()
    {
        await using var rig = CreateRig();
        Assert.Equal(2, await rig.RunAsync("runs", "watch", "20200101T000000Z-nope-0000"));
    }

    [Fact]
    public async Task Watching_ends_as_the_runs_own_command_would()
    {
        await using var rig = CreateRig(state: "completed");
        rig.Runs.Result = Samples.Restored(LuxHedge.Workflows.Verdict.Failed);
        Assert.Equal(1, await rig.RunAsync("runs", "watch", Samples.RunId));
    }

    [Fact]
    public async Task The_list_shows_who_may_decide_and_the_line_that_does()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Rows.Add(Samples.Run("waiting", waitingFor: new LuxHedge.Workflows.Runs.WaitingFor("approval", "approval", ["alice", "bob"], Samples.At(8, 26))));
        Assert.Equal(0, await rig.RunAsync("runs", "list"));
        Assert.Contains("approval by alice, bob until 2026-11-23 08:26:00 UTC", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains($"luxhedge runs approve {Samples.RunId}", rig.Out.Output, StringComparison.Ordinal);
    }
}
