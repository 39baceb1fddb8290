using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Commands;

/// <summary>The one place that turns what went wrong into what a person reads and the exit code a script sees.</summary>
public static class CommandFailures
{
    /// <param name="line">Makes a command to copy (<see cref="CommandContext.Line"/>).</param>
    public static (ErrorReport Report, int ExitCode) Explain(Exception exception, Func<string, string> line) => exception switch
    {
        RefusalException e => (e.Report, ExitCodes.Of(e.Report.Kind, inRun: false)),
        RunLockedException e => (Locked(e.Holder, line), ExitCodes.Usage),
        RunFailedException e => (e.Report, ExitCodes.Of(e.Report.Kind, inRun: true)),
        DeclinedException => (new ErrorReport(ErrorKinds.Interrupted, exception.Message), ExitCodes.NotProven),
        StoppedFollowingException e => (Interrupted(e.Run, line), ExitCodes.Interrupted),
        OperationCanceledException => (
            new ErrorReport(ErrorKinds.Interrupted, "Interrupted.", Hint: $"What was started goes on in Temporal: {line("runs list")}"), ExitCodes.Interrupted),
        RpcException e => (Temporal(e, line), ExitCodes.CouldNotFollow),
        _ => (Unforeseen(exception, line), ExitCodes.CouldNotFollow),
    };

    /// <summary>The kind of a run in words: <c>Backup of luxhedge_production</c>.</summary>
    public static string What(string workflow, string asset) => workflow switch
    {
        Wire.DatabaseBackup => $"Backup of {asset}",
        Wire.AtlasSnapshot => $"Atlas snapshot of {asset}",
        Wire.AtlasRestore => $"Atlas restore of {asset}",
        Wire.Export => $"Export of a backup of {asset}",
        Wire.Acceptance => $"Acceptance of a backup of {asset}",
        Wire.Runbook => $"Runbook for {asset}",
        _ => $"{workflow} of {asset}",
    };

    private static ErrorReport Locked(RunRow holder, Func<string, string> line) => new(
        ErrorKinds.Locked,
        $"{What(holder.Workflow, holder.Asset)} is under way already: run {holder.RunId}, since {Amounts.Time(holder.StartedAt)}.",
        holder.Reference.WorkflowId,
        WatchOrEnd(holder.RunId, line));

    private static ErrorReport Interrupted(RunReference run, Func<string, string> line) => new(
        ErrorKinds.Interrupted, $"Stopped watching; run {run.RunId} goes on in Temporal.", run.RunId, WatchOrEnd(run.RunId, line));

    private static string WatchOrEnd(string runId, Func<string, string> line) =>
        $"Watch it: {line($"runs watch {runId}")}\nEnd it: {line($"runs abort {runId} --reason TEXT")}";

    private static ErrorReport Temporal(RpcException e, Func<string, string> line) => e.Code switch
    {
        RpcException.StatusCode.NotFound => new(ErrorKinds.Usage, $"Temporal knows no such run: {e.Message}", Hint: $"{line("runs list")} shows those it knows."),
        RpcException.StatusCode.PermissionDenied or RpcException.StatusCode.Unauthenticated => new(
            ErrorKinds.Unreachable, $"Temporal refused the credentials: {e.Message}", "temporal.apiKey", "Check temporal.apiKey and temporal.namespace in the plan."),
        _ => new(
            ErrorKinds.Unreachable,
            $"Temporal did not answer ({e.Code}): {e.Message}",
            "temporal.address",
            $"What was started goes on in Temporal. Check that the server answers, then look: {line("runs list")}"),
    };

    private static ErrorReport Unforeseen(Exception e, Func<string, string> line) => new(
        ErrorKinds.Unexpected,
        $"{e.GetType().Name}: {e.Message}",
        Hint: $"Nobody foresaw this. If a run was started it goes on: {line("runs list")}\nLUXHEDGE_DEBUG=1 prints the whole trace.");
}
