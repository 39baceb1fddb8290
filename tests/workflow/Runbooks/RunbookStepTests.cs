using System.Text.Json;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookRig;

namespace LuxHedge.Tests.Workflow.Runbooks;

public sealed class RunbookStepTests
{
    [Fact]
    public async Task Steps_run_one_after_another_and_the_run_is_proven_with_evidence()
    {
        await using var rig = await CreateAsync();

        var summary = await rig.RunAsync(Define(Act("one"), Act("two", "check"), Act("three")));

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal([("one", "no-op", "done"), ("two", "check", "done"), ("three", "no-op", "done")],
            summary.Steps.Select(s => (s.Id, s.Kind, s.State)));
        Assert.Equal(["one", "two", "three"], rig.Ran);
        Assert.Equal("s3", Assert.Single(summary.Evidence).Store);
        Assert.Equal(Verdict.Proven, Assert.Single(rig.Evidence).Summary.Verdict);
        Assert.Empty(rig.Alerts);
        Assert.Equal(["run-started"], rig.Audit.Select(a => a.Kind));
    }

    [Fact]
    public async Task An_audit_log_that_took_nothing_with_the_evidence_is_told_of_the_end_again()
    {
        await using var rig = await CreateAsync();
        rig.AuditTrouble = "s3 is away.";

        await rig.RunAsync(Define(Act("one")));

        Assert.Equal(["run-started", "run-ended"], rig.Audit.Select(a => a.Kind));
    }

    [Fact]
    public async Task A_step_reads_inputs_what_earlier_steps_answered_and_the_mode()
    {
        await using var rig = await CreateAsync();
        rig.On("choose", (_, _) => Outcome(new { backup = "b-1" }));
        JsonElement? seen = null;
        rig.On("restore", (_, input) =>
        {
            seen = input;
            return Outcome();
        });
        var definition = Define(Act("choose", "choose"), Act("restore", "restore") with
        {
            With = With(("backup", "${steps.choose.backup}"), ("to", "${mode.target}"), ("from", "${inputs.store}")),
        }) with
        {
            Inputs = [new("store", "store", false, Json("nas"))],
        };

        await rig.RunAsync(definition, RunMode.Drill);

        Assert.Equal(("b-1", "drill/luxhedge_drill_7f3a", "nas"),
            (seen!.Value.GetProperty("backup").GetString(), seen.Value.GetProperty("to").GetString(), seen.Value.GetProperty("from").GetString()));
    }

    [Fact]
    public async Task A_step_whose_when_is_false_is_skipped_without_harm()
    {
        await using var rig = await CreateAsync();

        var summary = await rig.RunAsync(Define(Act("drill-only") with { When = "mode == drill" }, Act("always")));

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(["skipped", "done"], summary.Steps.Select(s => s.State));
        Assert.Equal(["always"], rig.Ran);
    }

    [Fact]
    public async Task Parallel_steps_run_side_by_side_and_the_group_waits_for_all()
    {
        await using var rig = await CreateAsync();
        var both = new CountdownEvent(2);
        rig.On("meet", async (_, _) =>
        {
            both.Signal();
            while (!both.IsSet)
                await Task.Delay(5);
            return Outcome();
        });

        var summary = await rig.RunAsync(Define(Parallel("checks", Act("a", "meet"), Act("b", "meet")), Act("after")));

        Assert.Equal(["a", "after", "b"], summary.Steps.Select(s => s.Id).Order());
        Assert.Equal("after", rig.Ran.Last());
    }

    [Fact]
    public async Task A_loop_runs_its_steps_for_each_item_with_flat_ids()
    {
        await using var rig = await CreateAsync();
        var seen = new List<string?>();
        rig.On("check", (_, input) =>
        {
            seen.Add(input.GetProperty("store").GetString());
            return Outcome(new { ok = true });
        });
        rig.On("list", (_, _) => Outcome(new { stores = new[] { "s3", "nas" } }));
        var each = new RunbookStep("each")
        {
            ForEach = new("steps.list.stores", "store", [Act("check", "check") with { With = With(("store", "${store}")) }]),
        };

        var summary = await rig.RunAsync(Define(Act("list", "list"), each));

        Assert.Equal(["list", "each/1/check", "each/2/check"], summary.Steps.Select(s => s.Id));
        Assert.Equal(["s3", "nas"], seen);
    }

    [Fact]
    public async Task A_nested_runbook_has_its_own_inputs_and_its_clean_up_follows_its_steps()
    {
        await using var rig = await CreateAsync();
        JsonElement? seen = null;
        rig.On("restore", (_, input) =>
        {
            seen = input;
            return Outcome(new { documents = 12 });
        });
        rig.On("check", (_, input) => Outcome(new { same = input.GetProperty("documents").GetInt32() }));
        var nested = new RunbookDefinition("database-loss", 1, "Lost", null, [new("backup", "backup", false, null), new("deep", "flag", false, Json(true))],
            [Act("restore", "restore") with { With = With(("backup", "${inputs.backup}"), ("deep", "${inputs.deep}")) }], [Act("tidy")], "01");

        var summary = await rig.RunAsync(Define(
            Nested("database-loss", nested) with { With = With(("backup", "latest")) },
            Act("check", "check") with { With = With(("documents", "${steps.database-loss.restore.documents}")) }));

        Assert.Equal(["database-loss/restore", "database-loss/tidy", "check"], summary.Steps.Select(s => s.Id));
        Assert.Equal(("latest", true), (seen!.Value.GetProperty("backup").GetString(), seen.Value.GetProperty("deep").GetBoolean()));
        Assert.Equal(Verdict.Proven, summary.Verdict);
    }

    [Fact]
    public async Task A_wait_waits_and_counts_as_the_machines_time()
    {
        await using var rig = await CreateAsync();

        var summary = await rig.RunAsync(Define(Wait("settle", "PT30M"), Act("check")));

        Assert.Equal("wait", summary.Steps[0].Kind);
        Assert.True(summary.Steps[0].EndedAt - summary.Steps[0].StartedAt >= TimeSpan.FromMinutes(30));
        Assert.True(summary.Rto.Machine >= TimeSpan.FromMinutes(30));
        Assert.True(summary.Rto.Waiting < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task The_clock_stops_with_the_last_step_that_says_so_and_clean_up_is_apart()
    {
        await using var rig = await CreateAsync();
        rig.On("green", (_, _) => Outcome() with { StopsClock = true });
        var definition = Define(Act("checks", "green"), Wait("afterwards", "PT20M")) with { Cleanup = [Wait("slow", "PT10M")] };

        var summary = await rig.RunAsync(definition);

        Assert.True(summary.Rto.Total < TimeSpan.FromMinutes(5), $"{summary.Rto}");
        Assert.True(summary.Rto.Cleanup >= TimeSpan.FromMinutes(10), $"{summary.Rto}");
    }

    [Fact]
    public async Task The_clock_runs_from_the_declaration_and_until_the_start_people_were_waited_for()
    {
        await using var rig = await CreateAsync();

        var run = await rig.StartAsync(rig.Request(Define(Act("one"))) with { DeclaredAt = DateTimeOffset.UtcNow - TimeSpan.FromHours(1) });
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.InRange(summary.Rto.Total, TimeSpan.FromMinutes(60), TimeSpan.FromMinutes(65));
        Assert.InRange(summary.Rto.Waiting, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
        Assert.Equal(summary.Rto.Total, summary.Rto.Machine + summary.Rto.Waiting);
    }

    [Fact]
    public async Task Each_tier_is_judged_against_its_own_targets_and_a_missing_canary_is_not_proven()
    {
        await using var rig = await CreateAsync();
        rig.Site = WithTiers(new TierTarget("critical", TimeSpan.FromMinutes(5), TimeSpan.Zero), new("database", TimeSpan.FromHours(2), TimeSpan.FromHours(1)));
        rig.On("restore", (_, _) => Outcome() with { MomentWanted = Answers.Moment });

        var summary = await rig.RunAsync(Define(Wait("long", "PT10M"), Act("restore", "restore")));

        Assert.Equal([("critical", Verdict.Failed), ("database", Verdict.NotProven)], summary.Tiers.Select(t => (t.Tier, t.Verdict)));
        Assert.Equal((Verdict.Failed, null), (summary.Verdict, summary.Rpo.Measured));
        Assert.Contains(summary.NotProven, n => n.Contains("canary", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_loss_is_the_worst_of_all_restores()
    {
        await using var rig = await CreateAsync();
        var ages = new Queue<int>([3, 20, 1]);
        rig.On("restore", (_, _) => Outcome() with { MomentWanted = Answers.Moment, NewestCanary = Answers.Moment - TimeSpan.FromMinutes(ages.Dequeue()) });

        var summary = await rig.RunAsync(Define(Act("a", "restore"), Act("b", "restore"), Act("c", "restore")));

        Assert.Equal(TimeSpan.FromMinutes(20), summary.Rpo.Measured);
    }

    [Fact]
    public async Task A_failed_check_does_not_stop_the_run_and_decides_the_verdict()
    {
        await using var rig = await CreateAsync();
        rig.On("check", (_, _) => Outcome(null, new Check("users", Verdict.Failed, "2 of 3")));

        var summary = await rig.RunAsync(Define(Act("check", "check"), Act("after")));

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Equal(["check", "after"], rig.Ran);
        Assert.Equal("failed", Assert.Single(rig.Alerts).Kind);
    }

    [Fact]
    public async Task What_clean_up_left_behind_makes_the_run_failed()
    {
        await using var rig = await CreateAsync();
        rig.Left = ["drill/luxhedge_drill_7f3a.users"];

        var summary = await rig.RunAsync(Define(Act("one")));

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Contains(summary.Checks, c => c.Name == "clean-up" && c.Detail.Contains("luxhedge_drill_7f3a.users", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_drill_without_a_negative_control_is_not_proven()
    {
        await using var rig = await CreateAsync();

        var summary = await rig.RunAsync(Define(Act("one")), RunMode.Drill);

        Assert.Equal(Verdict.NotProven, summary.Verdict);
        Assert.Contains(summary.NotProven, n => n.StartsWith("negative control", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Telling_and_evidence_that_fail_are_notes_and_fail_no_run()
    {
        await using var rig = await CreateAsync();
        rig.TellingFails = new Activities.RefusalException(ErrorKinds.Plan, "Slack said no.");
        rig.EvidenceFails = new Activities.RefusalException(ErrorKinds.Plan, "No store answered.");

        var summary = await rig.RunAsync(Define(Act("one")));

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Contains(summary.Notes, n => n.Contains("Slack said no", StringComparison.Ordinal));
        Assert.Contains(summary.Notes, n => n.Contains("No store answered", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_run_that_can_not_begin_fails_with_the_reason_and_alerts()
    {
        await using var rig = await CreateAsync();
        rig.Site = _ => throw new Activities.RefusalException(ErrorKinds.Plan, "A drill without an isolated target.");

        var report = await TestWorker.FailureAsync(await rig.StartAsync(Define(Act("one"))));

        Assert.Equal(ErrorKinds.Plan, report.Kind);
        Assert.Single(rig.Alerts);
        Assert.Empty(rig.Ran);
    }

    [Fact]
    public async Task The_message_is_updated_at_intervals_and_not_for_every_step()
    {
        await using var rig = await CreateAsync();
        rig.Message = new("C1", "1.0");

        var summary = await rig.RunAsync(Define([.. Enumerable.Range(1, 20).Select(i => Act($"s{i}"))]));

        // One more each ten seconds, where the machine takes so long.
        Assert.InRange(rig.Notices.Count, 2, 6 + (int)((summary.EndedAt - summary.StartedAt) / TimeSpan.FromSeconds(10)));
        Assert.Equal(Verdict.Proven, rig.Notices.Last().Verdict);
    }

    private static Func<RunbookRequest, RunbookSite> WithTiers(params TierTarget[] tiers) =>
        r => new("production", "db1:27017", Production, [], tiers, new Dictionary<string, IReadOnlyList<TimeSpan>>(), []);

    internal static JsonElement Json(object value) => JsonSerializer.SerializeToElement(value);

    internal static IReadOnlyDictionary<string, JsonElement> With(params (string Name, object Value)[] inputs) =>
        inputs.ToDictionary(i => i.Name, i => Json(i.Value), StringComparer.Ordinal);
}
