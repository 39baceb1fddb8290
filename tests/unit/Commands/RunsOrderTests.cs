using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class RunsOrderTests
{
    private static CommandRig CreateRig(params string[] failed)
    {
        var rig = CommandRig.Create();
        rig.Runs.Rows.Add(Samples.Run("waiting", Wire.Runbook));
        rig.Runs.State = Samples.State() with
        {
            WaitingSteps = [.. failed.Select(f => new WaitingStep(f, "restore-database", "No room on the disk.", Samples.At(8, 12), MaySkip: true))],
        };
        rig.Runs.Answer = new(true, "It is tried again.");
        rig.Variables["LUXHEDGE_PERSON"] = "alice";
        return rig;
    }

    [Theory]
    [InlineData("retry")]
    [InlineData("skip")]
    public async Task The_one_failed_step_that_waits_is_meant(string order)
    {
        await using var rig = CreateRig("database-loss/restore");

        Assert.Equal(0, await rig.RunAsync("runs", order, Samples.RunId, "--reason", "room again", "--json"));

        Assert.Equal((order, new StepOrder("database-loss/restore", "alice", "room again")), Assert.Single(rig.Runs.Orders));
        Assert.Equal(("database-loss/restore", order, "alice", true), (
            rig.Document.GetProperty("step").GetString(), rig.Document.GetProperty("order").GetString(),
            rig.Document.GetProperty("person").GetString(), rig.Document.GetProperty("accepted").GetBoolean()));
    }

    [Fact]
    public async Task With_two_failed_steps_the_command_line_says_which()
    {
        await using var rig = CreateRig("a/restore", "b/restore");

        Assert.Equal(2, await rig.RunAsync("runs", "retry", Samples.RunId, "--json"));
        Assert.Contains("a/restore, b/restore", rig.Document.GetProperty("error").GetProperty("hint").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, await rig.RunAsync("runs", "retry", Samples.RunId, "--step", "c"));
        Assert.Empty(rig.Runs.Orders);
        Assert.Equal(0, await rig.RunAsync("runs", "retry", Samples.RunId, "--step", "b/restore"));
        Assert.Equal("b/restore", Assert.Single(rig.Runs.Orders).Argument.Step);
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("resume")]
    public async Task The_whole_run_is_paused_and_resumed_by_a_person(string order)
    {
        await using var rig = CreateRig();

        Assert.Equal(0, await rig.RunAsync("runs", order, Samples.RunId, "--as", "bob"));

        Assert.Equal((order, null, "bob"), (rig.Runs.Orders[0].Order, rig.Runs.Orders[0].Argument.Step, rig.Runs.Orders[0].Argument.Person));
    }

    [Fact]
    public async Task Where_nothing_failed_there_is_nothing_to_retry()
    {
        await using var rig = CreateRig();

        Assert.Equal(2, await rig.RunAsync("runs", "retry", Samples.RunId, "--json"));
        Assert.Equal("refused-decision", rig.Document.GetProperty("error").GetProperty("kind").GetString());
    }

    [Fact]
    public async Task An_order_that_the_run_refuses_is_wrong_usage_with_the_reason()
    {
        await using var rig = CreateRig("control");
        rig.Runs.Answer = new DecisionAnswer(false, "'control' can't be skipped.");

        Assert.Equal(2, await rig.RunAsync("runs", "skip", Samples.RunId, "--json"));
        Assert.Equal("'control' can't be skipped.", rig.Document.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_backup_has_no_steps_to_retry()
    {
        await using var rig = CreateRig("a");
        rig.Runs.Rows.Clear();
        rig.Runs.Rows.Add(Samples.Run());

        Assert.Equal(2, await rig.RunAsync("runs", "retry", Samples.RunId));
    }

    [Fact]
    public async Task On_a_terminal_skipping_is_asked_first()
    {
        await using var rig = CreateRig("checks");
        rig.Interactive = true;
        rig.Out.Input.PushTextWithEnter("n");

        Assert.Equal(3, await rig.RunAsync("runs", "skip", Samples.RunId, "--reason", "why not"));

        Assert.Empty(rig.Runs.Orders);
        Assert.Contains("NotProven at best", rig.Out.Output, StringComparison.Ordinal);
    }
}
