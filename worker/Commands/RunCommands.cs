using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>One row of <c>runs list --json</c>.</summary>
public sealed record ListedRun(string RunId, string Workflow, string Asset, string State, DateTimeOffset StartedAt, WaitingFor? WaitingFor)
{
    public static ListedRun Of(RunRow run) => new(run.RunId, run.Workflow, run.Asset, run.State, run.StartedAt, run.WaitingFor);
}

public sealed class RunsListCommand : OperatorCommand
{
    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "At most so many runs that have ended; those under way are all shown.",
        HelpName = "N",
        DefaultValueFactory = _ => 20,
    };

    public RunsListCommand(Surroundings surroundings)
        : base(surroundings, "list", "Runs that a person or a schedule started, newest first, and what they wait for. Needs no worker.")
    {
        Add(Limit);
        Examples =
        [
            ("luxhedge runs list", "what goes on now, and how the last ones ended"),
            ("luxhedge runs list --json", "an array of {runId, workflow, asset, state, startedAt, waitingFor}"),
        ];
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var listed = await runs.ListAsync(context.Get(Limit), cancellation);
        context.Answer(listed.Select(ListedRun.Of).ToList(), console => RunViews.List(console, listed, context));
        return ExitCodes.Done;
    }
}

public sealed class RunsWatchCommand : OperatorCommand
{
    private static readonly Argument<string> RunArgument = CommonOptions.RunArgument();

    public RunsWatchCommand(Surroundings surroundings)
        : base(surroundings, "watch", "Follow a run to its end. Ctrl-C stops watching; the run goes on.")
    {
        Add(RunArgument);
        Examples = [("luxhedge runs watch 20261123T081502Z-backup-luxhedge_production-7f3a", "steps, progress, what it waits for, and how it ends")];
        ExitCodesInWords = "those of the run: 0 Proven, 1 Failed, 2 refused, 3 NotProven; 4 could not be followed, 130 you stopped watching";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var run = await runs.FindAsync(context.Get(RunArgument), cancellation);
        return await FollowAsync(context, runs, run, cancellation);
    }

    /// <summary>Follows any kind of run and ends as its own command would.</summary>
    public static async Task<int> FollowAsync(CommandContext context, IRuns runs, RunRow run, CancellationToken cancellation)
    {
        var follower = new RunFollower(context, runs);
        switch (run.Workflow)
        {
            case Wire.DatabaseBackup:
                return Outcomes.Tell(context, await follower.FollowAsync<BackupResult>(run, cancellation), run.Reference);
            case Wire.Verification:
                return Outcomes.Tell(context, await follower.FollowAsync<VerificationSummary>(run, cancellation));
            case Wire.Restore:
                return Outcomes.Tell(context, await follower.FollowAsync<RestoreSummary>(run, cancellation));
            case Wire.Runbook:
                return Outcomes.Tell(context, await follower.FollowAsync<RunbookSummary>(run, cancellation));
            case Wire.Export:
                return Outcomes.Tell(context, await follower.FollowAsync<ExportSummary>(run, cancellation));
            case Wire.Acceptance:
                return Outcomes.Tell(context, await follower.FollowAsync<BackupSummary>(run, cancellation));
            case Wire.AtlasSnapshot:
                return Outcomes.Tell(context, await follower.FollowAsync<AtlasSnapshotSummary>(run, cancellation));
            case Wire.AtlasRestore:
                return Outcomes.Tell(context, await follower.FollowAsync<AtlasRestoreSummary>(run, cancellation));
            case Wire.OplogCapture:
                throw new RefusalException(
                    ErrorKinds.Usage, $"Run {run.RunId} captures the oplog of {run.Asset}: it runs for ever, and has no steps to follow.", "RUN",
                    context.Line($"oplog status {run.Asset}") + " shows how it stands.");
            default:
                throw new RefusalException(
                    ErrorKinds.Usage, $"Run {run.RunId} is a {run.Workflow}, which this version does not know.", "RUN", "Watch it in the Temporal UI.");
        }
    }
}

public sealed class RunsAbortCommand : OperatorCommand
{
    private static readonly Argument<string> RunArgument = CommonOptions.RunArgument();
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why; it is kept with the run. Asked for on a terminal.", HelpName = "TEXT" };
    private static readonly Option<bool> Yes = CommonOptions.Yes("whether to end it");

    public RunsAbortCommand(Surroundings surroundings)
        : base(surroundings, "abort", "End a run: it stops, cleans up after itself and ends NotProven. A target not yet cut over stays as it was.")
    {
        Add(RunArgument);
        Add(Reason);
        Add(As);
        Add(Yes);
        Examples = [("luxhedge runs abort 20261123T081502Z-restore-luxhedge_production-7f3a --reason \"wrong backup\"", "end it, with the reason on record")];
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var run = await runs.FindAsync(context.Get(RunArgument), cancellation);
        run.RefuseWhenEnded();
        var person = Operators.Current(context, context.Get(As));
        if (context.Surroundings.Interactive && !context.Get(Yes))
        {
            context.Confirm(yes: false, $"End {CommandFailures.What(run.Workflow, run.Asset)} ({run.RunId}), running for {Amounts.Span(context.Now - run.StartedAt)}?", "It ends the run.");
        }

        var answer = await runs.AbortAsync(run.Reference, new AbortOrder(person.Name, context.ReasonOrAsk(context.Get(Reason))), cancellation);
        if (!answer.Accepted)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"The run did not take the order: {answer.Why}", run.RunId);
        }

        context.Answer(
            ListedRun.Of(run),
            console =>
            {
                console.MarkupLine($"{Words.Plain(run.RunId)} takes no new step and cleans up after itself.");
                console.MarkupLine($"Watch it end: {Words.Plain(context.Line($"runs watch {run.RunId}"))}");
            });
        return ExitCodes.Done;
    }
}
