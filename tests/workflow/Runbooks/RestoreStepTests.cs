using System.Collections.Concurrent;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;
using Flow = Temporalio.Workflows.Workflow;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookPeopleTests;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookRig;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookStepTests;

namespace LuxHedge.Tests.Workflow.Runbooks;

/// <summary>The workflow Restore as a step of a runbook, as it is shipped.</summary>
public sealed class RestoreStepTests
{
    private const string Backup = "20261123T020000Z-luxhedge_production-7f3a";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task In_the_real_event_the_approvers_see_the_users_that_the_restore_is_then_asked_for(bool users)
    {
        await using var rig = await CreateAsync();
        var asked = new ConcurrentQueue<RestoreRequest>();
        rig.On("choose-backup", (_, _) => Outcome(new { backup = Backup, moment = Answers.Moment, age = "PT3H", point = (string?)null }));
        rig.Restores.Preflight = request =>
        {
            asked.Enqueue(request);
            var plan = Answers.ProductionPlan(request);
            return request.Users ? plan with { Shows = [.. plan.Shows, new("users and roles", "those that the backup holds")] } : plan;
        };
        var definition = new RunbookLoader(null, Path.Combine(AppContext.BaseDirectory, "runbooks")).Load("database-loss");
        var run = await rig.StartAsync(rig.Request(definition) with { Inputs = With(("users", users)) });

        await AsksAsync(run);
        var ask = Assert.Single(rig.Asked);
        Assert.Equal(users, ask.Restore!.Users);
        Assert.Equal(users, ask.Shows.Any(s => s.Label == "users and roles"));
        await DecideAsync(run, "alice");
        await DecideAsync(run, "bob");
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal("done", summary.Steps.Single(s => s.Id == "restore").State);
        var child = Assert.Single(asked, r => r.Approved is not null);
        Assert.Equal((users, Backup, "declare"), (child.Users, child.Backup, child.Approved!.Ask.Step));
    }

    /// <summary>A restore that looks at what it was asked for, and went well.</summary>
    [Workflow(Wire.Restore)]
    public sealed class Restored
    {
        [WorkflowRun]
        public async Task<RestoreSummary> RunAsync(RestoreRequest request)
        {
            var plan = await Flow.ExecuteActivityAsync(
                (IRestoreActivities a) => a.PreflightAsync(request), new() { StartToCloseTimeout = TimeSpan.FromMinutes(5) });
            var measured = new RtoMeasure(plan.RtoTarget, default, default, default, default);
            return new RestoreSummary(
                request.RunId, Verdict.Proven, plan.Database, plan.Documents, measured, new(plan.RpoTarget, null),
                [new("witness", Verdict.Proven, "all equal")]);
        }
    }
}
