using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Workflow.Export;

public sealed class ExportWorkflowTests
{
    [Fact]
    public async Task Data_leaves_after_its_approval_and_its_audit_entry_and_gets_its_name_last()
    {
        await using var worker = await CreateAsync();
        var run = await StartAsync(worker);

        await TestWorker.DecideAsync(run, "alice");
        var summary = await run.GetResultAsync<ExportSummary>();

        Assert.Equal((Verdict.Proven, 200L, "/srv/out"), (summary.Verdict, summary.Documents, summary.Path));
        Assert.Equal(["users.bson"], summary.Files);
        Assert.Equal(
            ["append-audit export", "export-backup", "place-export"],
            worker.Activities.Calls.Where(c => c is "append-audit export" or "export-backup" or "place-export" or "clear-export"));
    }

    [Fact]
    public async Task A_denied_export_writes_nothing()
    {
        await using var worker = await CreateAsync();
        var run = await StartAsync(worker);

        await TestWorker.DecideAsync(run, "alice", DecisionKind.Denied);
        var summary = await run.GetResultAsync<ExportSummary>();

        Assert.Equal((Verdict.NotProven, "Denied"), (summary.Verdict, summary.Ended));
        Assert.DoesNotContain("export-backup", worker.Activities.Calls);
    }

    [Theory]
    [InlineData("export-backup")]
    [InlineData("place-export")]
    public async Task What_was_not_finished_is_removed_when_it_fails(string step)
    {
        await using var worker = await CreateAsync(FakeActivities.Failing(step));
        var run = await StartAsync(worker);

        await TestWorker.DecideAsync(run, "alice");
        await Assert.ThrowsAsync<WorkflowFailedException>(() => run.GetResultAsync<ExportSummary>());

        Assert.Equal("clear-export", worker.Activities.Calls[^1]);
    }

    [Fact]
    public async Task An_aborted_export_says_what_could_not_be_removed()
    {
        await using var worker = await CreateAsync(FakeActivities.Hanging("export-backup"));
        worker.Activities.LeftAside = ["/srv/out.unfinished-run-e-1"];
        var run = await StartAsync(worker);
        await TestWorker.DecideAsync(run, "alice");
        await worker.UntilCalledAsync("export-backup");

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<ExportSummary>();

        Assert.Equal((Verdict.NotProven, "Aborted"), (summary.Verdict, summary.Ended));
        Assert.Contains(summary.Notes, n => n.Contains("/srv/out.unfinished-run-e-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_people_could_not_be_told_is_in_the_notes_however_late_that_is_known()
    {
        await using var worker = await CreateAsync();
        worker.Activities.On("show-ask decided", async () =>
        {
            await worker.UntilCalledAsync("place-export");
            throw new RefusalException(ErrorKinds.Unreachable, "Slack is down.");
        });
        var run = await StartAsync(worker);

        await TestWorker.DecideAsync(run, "alice");
        var summary = await run.GetResultAsync<ExportSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal("People could not be told: Slack is down.", Assert.Single(summary.Notes));
    }

    internal static Task<WorkflowHandle> StartAsync(TestWorker worker) => worker.StartAsync(
        Wire.Export, WorkflowIds.Export("20261123T020000Z-luxhedge_production-7f3a"),
        new ExportRequest("run-e", "luxhedge_production", worker.Queue, "20261123T020000Z-luxhedge_production-7f3a", null, "/srv/out", false, false, null, null));

    private static Task<TestWorker> CreateAsync(FakeActivities? activities = null) => TestWorker.CreateAsync(activities);
}
