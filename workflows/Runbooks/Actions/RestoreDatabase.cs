using System.Text.Json;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks.Actions;

/// <summary>The workflow Restore as a step: in a drill into the run's own database, in the real event over production, with the decisions of
/// the approve step that stands for it.</summary>
[Action("restore-database",
    "Restores a database, or named collections of it, and compares it with what the source held. Fails when the restore fails, when a check "
    + "of it does, or when it was not approved; what could not be checked is NotProven.",
    Output = typeof(Output))]
public sealed class RestoreDatabase : WorkflowAction<RestoreDatabase.Input>, IApprovedAction
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "What to restore. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "Its id, or latest, the newest eligible one. latest unless said.")]
        public string? Backup { get; init; }

        [Input(InputTypes.Target, "Where it goes: production, or a drill's own database.", Required = true)]
        public string To { get; init; } = "";

        [Input(InputTypes.List, "Names of collections. The whole database unless said.")]
        public IReadOnlyList<string>? Collections { get; init; }

        [Input(InputTypes.Store, "Read from this store only, with no fallback. Any that has it unless said.")]
        public string? Store { get; init; }

        [Input(InputTypes.Moment, "The moment to bring the data to: a time, a cluster time, or latest. The backup's own end mark unless said.")]
        public RestorePoint? PointInTime { get; init; }

        [Input(InputTypes.Time, "The moment whose data is wanted, from which the loss is measured. The declaration unless said.")]
        public DateTimeOffset? Moment { get; init; }

        [Input(InputTypes.Flag, "Replace the collections that are there; others stay. Without it a target with data is refused.")]
        public bool Drop { get; init; }

        [Input(InputTypes.Flag, "Do not back up first what is replaced; the approvers see it.")]
        public bool NoSafetyBackup { get; init; }

        [Input(InputTypes.Flag, "Make the database's users and roles too, as the backup holds them, where they are not there: into a new server. The approvers see it. "
            + "Refused in a drill, whose database they would outlive.")]
        public bool Users { get; init; }

        [Input(InputTypes.Flag, "Open the backup with the keys that --recovery-key handed over: no KMS is asked.")]
        public bool RecoveryKey { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Backup, "Id of the backup that came back.")]
        public string Backup { get; init; } = "";

        [Input(InputTypes.Text, "Proven, Failed or NotProven.")]
        public string Verdict { get; init; } = "";

        [Input(InputTypes.Number, "Documents that came back.")]
        public long Documents { get; init; }

        [Input(InputTypes.Duration, "How long this restore took.")]
        public TimeSpan Rto { get; init; }

        [Input(InputTypes.Duration, "From the newest canary that came back to the moment wanted; empty where there is none.")]
        public TimeSpan? Rpo { get; init; }

        [Input(InputTypes.Text, "The target's host or hosts.")]
        public string Host { get; init; } = "";

        [Input(InputTypes.Text, "The target's database.")]
        public string Database { get; init; } = "";

        [Input(InputTypes.Text, "Run id of the restore: its own evidence is under it.")]
        public string Run { get; init; } = "";
    }

    /// <summary>The checks of the restore's own clock: the run has one of its own, from the declaration.</summary>
    private static readonly string[] OwnClock = ["rto", "rpo"];

    public RestoreRequest Asked(ActionContext context, JsonElement input) =>
        ActionInputs.TryRead<Input>(input, out var read, out var why)
            ? ToRequest(context, read)
            : throw Failures.ToFailure(new(ErrorKinds.Usage, why, context.StepId));

    private static RestoreRequest ToRequest(ActionContext context, Input input)
    {
        var asset = input.Asset ?? context.Asset;
        var drill = context.Mode == RunMode.Drill;
        // The worker's plan refuses production too; this is where a runbook that names another run's database is stopped.
        if (drill && input.To != context.Site.Target)
        {
            throw Failures.ToFailure(new(ErrorKinds.NotApproved,
                $"In a drill only its own database is written to, {context.Site.Target}, and this step names {input.To}.", context.StepId,
                "Write to: ${mode.target}"));
        }

        if (drill && input.Users)
        {
            throw Failures.ToFailure(new(ErrorKinds.Usage,
                "In a drill no users and roles are made: they would outlive its database.", context.StepId, "Write: users: ${mode == real && inputs.users}"));
        }

        var place = input.To.Split('/', 2);
        var production = input.To == "production";
        if (!production && place.Length != 2)
            throw Failures.ToFailure(new(ErrorKinds.Usage, $"'{input.To}' is no target: production, or CLUSTER/DATABASE.", context.StepId));
        var runId = RunIds.Child(context.RunId, $"{context.StepId}-restore-{asset}", Workflow.NewGuid());
        return new RestoreRequest(
            runId, asset, context.TaskQueue, production ? asset : input.To, RestorePurpose.Recovery,
            input.Backup is null or "latest" ? null : input.Backup, input.PointInTime, input.Collections is { Count: > 0 } some ? some : null,
            production ? null : place[1], input.Store, input.Drop, input.NoSafetyBackup, input.RecoveryKey ? context.Keys : null,
            context.RequestedBy)
        {
            Cluster = production ? null : place[0],
            Drill = drill,
            Users = input.Users,
            Claim = context.Claim,
            Approved = context.Approval,
        };
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        if (input.RecoveryKey && context.Keys is not { Count: > 0 })
        {
            throw Failures.ToFailure(new(ErrorKinds.Usage, "No key was handed over that opens the backup without the KMS.", context.StepId,
                "Start the run with --recovery-key FILE."));
        }

        var request = ToRequest(context, input);
        var restored = await ChildRuns.RunAsync(
            (RestoreWorkflow w) => w.RunAsync(request), WorkflowIds.Restore(request.Target), $"restore into {request.Target}", context, cancellation);
        if (restored.Ended is { } ended)
        {
            throw Failures.ToFailure(new(ended is "Denied" or "Expired" or "NotApproved" ? ErrorKinds.NotApproved : ErrorKinds.Ended,
                $"The restore ended before its cut-over: {ended}. {string.Join(" ", restored.Notes)}".TrimEnd(), restored.RunId));
        }

        List<Check> checks = [.. restored.Checks.Where(c => !OwnClock.Contains(c.Name))];
        if (checks.Exists(c => c.Verdict == Verdict.Failed))
            throw Failures.ToFailure(restored.Error ?? Wrong(restored, checks));
        var moment = input.Moment ?? input.PointInTime?.Moment ?? context.DeclaredAt;
        var output = new Output
        {
            Backup = restored.Backup,
            Verdict = Verdicts.Worst(checks.Select(c => c.Verdict)).ToString(),
            Documents = restored.Documents,
            Rto = restored.Rto.Total,
            Rpo = restored.NewestCanary is { } canary ? Later(TimeSpan.Zero, moment - canary) : null,
            Host = context.Site.Host,
            Database = restored.Target,
            Run = restored.RunId,
        };
        return ActionOutcomes.Of(output, checks) with
        {
            Detail = $"{restored.Documents} documents of {restored.Backup} into {restored.Target}",
            NewestCanary = restored.NewestCanary,
            MomentWanted = moment,
            StopsClock = checks.TrueForAll(c => c.Verdict == Verdict.Proven),
            Waiting = restored.Rto.Waiting,
        };
    }

    private static ErrorReport Wrong(RestoreSummary restored, List<Check> checks)
    {
        var failed = checks.Where(c => c.Verdict == Verdict.Failed).ToList();
        return new(ErrorKinds.Restore, $"The restore of {restored.Backup} did not come back as it was: {failed[0].Name}: {failed[0].Detail}",
            restored.RunId, null, [.. failed.Take(10).Select(c => new Problem(c.Detail, c.Name))]);
    }

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
