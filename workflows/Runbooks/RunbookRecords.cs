using System.Text.Json;
using System.Text.Json.Serialization;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Workflows.Runbooks;

[JsonConverter(typeof(JsonStringEnumConverter<RunMode>))]
public enum RunMode
{
    /// <summary>Isolated from production; carries a negative control.</summary>
    [JsonStringEnumMemberName("drill")]
    Drill,

    /// <summary>The real event.</summary>
    [JsonStringEnumMemberName("real")]
    Real,
}

/// <summary>Input of <c>Runbook</c>.</summary>
/// <param name="Name">The drill's name in the plan, or the runbook's: the lock is <c>drill/{name}</c> or <c>incident/{name}/{asset}</c>.</param>
/// <param name="Asset">The asset it is about: the search attribute, the target, the tier.</param>
/// <param name="Inputs">As given, by name; the definition's defaults fill the rest.</param>
/// <param name="DeclaredAt">Where the clock starts; null: when the workflow does (a schedule started it).</param>
/// <param name="RequestedBy">Who started it, signed (docs/format.md, "Requests"); that person can't approve. Null for a scheduled
/// drill.</param>
public sealed record RunbookRequest(
    string RunId,
    string TaskQueue,
    string Name,
    string Asset,
    RunMode Mode,
    RunbookDefinition Definition,
    IReadOnlyDictionary<string, JsonElement> Inputs,
    DateTimeOffset? DeclaredAt,
    SignedRequest? RequestedBy)
{
    /// <summary>Data keys opened with a recovery key on the operator's machine, for the restores of this run.</summary>
    public IReadOnlyList<HandedKey>? Keys { get; init; }

    /// <summary>What an earlier execution of this run carried over (continue-as-new).</summary>
    public JsonElement? Carried { get; init; }

    /// <summary>After so many events the run goes on in a new execution; null: when Temporal suggests it. Tests set it low.</summary>
    public int? EventsPerExecution { get; init; }

    /// <summary>Hash of the whole <see cref="Definition"/> as it travels: part of what is signed (RequestSigner.Sign sets it), so that
    /// nobody runs other steps under a person's name. Null where nobody signed.</summary>
    public string? DefinitionSha256 { get; init; }
}

/// <summary>What the signed request of a runbook is over (docs/format.md, "Decisions and requests"): every step that opens the last door
/// carries it, so that the worker there can verify who started the run, and that it is an incident.</summary>
public sealed record RunbookClaim(
    string Name,
    string Sha256,
    string? DefinitionSha256,
    string Asset,
    RunMode Mode,
    IReadOnlyDictionary<string, JsonElement> Inputs,
    DateTimeOffset? DeclaredAt)
{
    public static RunbookClaim Of(RunbookRequest run) =>
        new(run.Name, run.Definition.Sha256, run.DefinitionSha256, run.Asset, run.Mode, run.Inputs, run.DeclaredAt);

    /// <summary>Of the run's workflow: its lock.</summary>
    public string WorkflowId() => Mode == RunMode.Real ? WorkflowIds.Incident(Name, Asset) : WorkflowIds.Drill(Name);
}

/// <summary>Answer of <c>begin-runbook</c>: where the run may write, and what it is measured against. From the worker's own plan.</summary>
/// <param name="Target"><c>production</c> in real mode, else <c>{cluster}/{database}</c> of a database of this run's own.</param>
/// <param name="Before">Everything that is there before the run, so that clean-up can be proven by what differs after it.</param>
/// <param name="Tiers">The targets that the run is judged by: its own, its drill's of the plan, and the tier's of each asset.</param>
/// <param name="LastDurations">By step id: how long its last done runs took, newest first.</param>
public sealed record RunbookSite(
    string Target,
    string Host,
    string Database,
    IReadOnlyList<string> Before,
    IReadOnlyList<TierTarget> Tiers,
    IReadOnlyDictionary<string, IReadOnlyList<TimeSpan>> LastDurations,
    IReadOnlyList<string> Notes)
{
    /// <summary>What names production by the worker's plan: asset ids and <c>{cluster}/{database}</c>. A drill refuses each of them in every
    /// input of type <c>target</c>, and <c>{cluster}/{database}</c> in any input.</summary>
    public IReadOnlyList<string> Production { get; init; } = [];

    /// <summary>Somebody listens who is told how the run stands (the plan has a Slack); else its log and its state have to do.</summary>
    public bool Told { get; init; }
}

/// <param name="Name">Such as <c>runbook</c>, <c>database</c>, <c>critical</c>.</param>
public sealed record TierTarget(string Name, TimeSpan Rto, TimeSpan Rpo);

/// <summary>What <c>drill run --json</c> and <c>incident run --json</c> end in.</summary>
public sealed record RunbookSummary(
    string RunId,
    string Runbook,
    int Version,
    RunMode Mode,
    Verdict Verdict,
    RtoMeasure Rto,
    RpoMeasure Rpo,
    IReadOnlyList<RunbookStepResult> Steps,
    IReadOnlyList<ApprovalResult> Approvals,
    IReadOnlyList<string> NotProven,
    IReadOnlyList<EvidenceObject> Evidence)
{
    public IReadOnlyList<Check> Checks { get; init; } = [];
    public IReadOnlyList<TierResult> Tiers { get; init; } = [];
    public IReadOnlyList<string> Notes { get; init; } = [];
    public IReadOnlyList<Intervention> Interventions { get; init; } = [];
    /// <summary><c>Denied</c>, <c>Expired</c>, <c>Aborted</c>, <c>NotApproved</c>, or null.</summary>
    public string? Ended { get; init; }
    public ErrorReport? Error { get; init; }
    public string Title { get; init; } = "";
    public string Target { get; init; } = "";
    public DateTimeOffset DeclaredAt { get; init; }
    public DateTimeOffset StartedAt { get; init; }
    /// <summary>When the checks were green, or the steps ended without that: here the clock stopped.</summary>
    public DateTimeOffset StoppedAt { get; init; }
    public DateTimeOffset EndedAt { get; init; }
}

/// <param name="Id">Flat: a nested runbook's or loop's step is <c>database-loss/restore</c>, an item's <c>each/1/restore</c>.</param>
/// <param name="Kind">The action's name, or <c>approve</c>, <c>manual</c>, <c>wait</c>.</param>
/// <param name="State"><c>done</c>, <c>failed</c> or <c>skipped</c>.</param>
/// <param name="Waiting">The part of it that waited on people.</param>
public sealed record RunbookStepResult(
    string Id, string Kind, string State, DateTimeOffset StartedAt, DateTimeOffset EndedAt, int Attempts, TimeSpan Waiting)
{
    public string? Detail { get; init; }
    /// <summary>Who retried or skipped it, and why.</summary>
    public IReadOnlyList<string> Interventions { get; init; } = [];
    public Verdict Verdict { get; init; } = Verdict.Proven;
}

/// <param name="Decision"><c>approved</c> or <c>denied</c>.</param>
public sealed record ApprovalResult(string Step, string Decision, string By, string Reason, DateTimeOffset At);

/// <param name="Sha256">Of the stored bytes.</param>
public sealed record EvidenceObject(string Store, string Object, string Sha256);

/// <summary>Answer of <c>write-run-evidence</c>.</summary>
/// <param name="AuditTrouble">Why the audit log did not take the run's acts; null: it has them.</param>
public sealed record KeptEvidence(IReadOnlyList<EvidenceObject> Objects, string? AuditTrouble = null);

/// <summary>One tier's targets against what was measured.</summary>
public sealed record TierResult(string Tier, RtoMeasure Rto, RpoMeasure Rpo, Verdict Verdict);

/// <summary>What a step came to, for the steps after it and for the verdict.</summary>
/// <param name="Output">What <c>${steps.ID.…}</c> reads.</param>
/// <param name="Checks">Each counts for the verdict; a Failed one does not stop the run unless the action fails.</param>
public sealed record ActionOutcome(JsonElement Output, IReadOnlyList<Check> Checks)
{
    public string? Detail { get; init; }
    /// <summary>The newest canary in what came back, where the action looked.</summary>
    public DateTimeOffset? NewestCanary { get; init; }
    /// <summary>The moment wanted, where the action knows it.</summary>
    public DateTimeOffset? MomentWanted { get; init; }
    /// <summary>When the checks of this action were green: the clock of the run stops with the last of them.</summary>
    public bool StopsClock { get; init; }
    /// <summary>The part of it that waited on people, as in a child restore that asked by itself.</summary>
    public TimeSpan Waiting { get; init; }
}
