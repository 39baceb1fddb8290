using System.Text.Json;
using System.Text.Json.Serialization;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// A runbook as read from its file: every reference checked, nested runbooks embedded, so that a run is reproducible and a later edit changes
/// no run under way. It travels whole in the workflow's input.
/// </summary>
/// <param name="Inputs">In the file's order.</param>
/// <param name="Cleanup">Run however the steps ended.</param>
/// <param name="Sha256">Of the file's bytes, lower-case hex: evidence names which text was run.</param>
public sealed record RunbookDefinition(
    string Runbook,
    int Version,
    string Title,
    RunbookTargets? Targets,
    IReadOnlyList<RunbookInput> Inputs,
    IReadOnlyList<RunbookStep> Steps,
    IReadOnlyList<RunbookStep> Cleanup,
    string Sha256);

/// <summary>Of the whole runbook; the plan's tiers have their own.</summary>
public sealed record RunbookTargets(TimeSpan? Rto, TimeSpan? Rpo);

/// <param name="Type">One of <see cref="InputTypes"/>.</param>
/// <param name="Default">Null with <paramref name="Optional"/> false: it must be given. May hold an expression over earlier inputs.</param>
/// <param name="Asset">For <c>backup</c>: whose.</param>
public sealed record RunbookInput(string Name, string Type, bool Optional, JsonElement? Default, string? Title = null, string? Asset = null);

/// <summary>The types of a runbook's inputs and of an action's inputs and outputs.</summary>
public static class InputTypes
{
    public const string Text = "text";
    public const string Number = "number";
    public const string Flag = "flag";
    public const string Duration = "duration";
    public const string Time = "time";
    /// <summary>What data can be brought to: a time, a cluster time, or <c>latest</c>.</summary>
    public const string Moment = "moment";
    public const string Asset = "asset";
    public const string Backup = "backup";
    public const string Store = "store";
    public const string Person = "person";
    public const string List = "list";
    /// <summary>Where an action writes: <c>production</c> or <c>{cluster}/{database}</c>. In a drill the workflow refuses production in every
    /// input of this type.</summary>
    public const string Target = "target";
    /// <summary>Structured, as an action answered it.</summary>
    public const string Object = "object";

    public static readonly IReadOnlyList<string> All =
        [Text, Number, Flag, Duration, Time, Moment, Asset, Backup, Store, Person, List, Target, Object];
}

/// <summary>One line of a runbook. Exactly one of <see cref="Uses"/>, <see cref="Approve"/>, <see cref="Manual"/>, <see cref="Wait"/>,
/// <see cref="Parallel"/>, <see cref="ForEach"/> and <see cref="Nested"/> is set.</summary>
/// <param name="Id">Unique in its runbook; lower-case letters, digits and '-'.</param>
public sealed record RunbookStep(string Id)
{
    public string? Title { get; init; }

    /// <summary>Expression; false: the step is skipped without harm to the verdict, since the runbook says so.</summary>
    public string? When { get; init; }

    /// <summary>Name of an action.</summary>
    public string? Uses { get; init; }

    /// <summary>Inputs of the action or of the nested runbook; texts may hold <c>${…}</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement> With { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The type of each input in <see cref="With"/>, one of <see cref="InputTypes"/>: written by the loader from the action's
    /// schema, so that a workflow can judge what it knows no class of. Empty for a nested runbook, whose inputs say their types.</summary>
    public IReadOnlyDictionary<string, string> Types { get; init; } = new Dictionary<string, string>();

    public ApproveStep? Approve { get; init; }
    public ManualStep? Manual { get; init; }

    /// <summary>An ISO 8601 duration, or an expression that comes to a duration or a time.</summary>
    public string? Wait { get; init; }

    public IReadOnlyList<RunbookStep>? Parallel { get; init; }
    public ForEachStep? ForEach { get; init; }

    /// <summary>The runbook that is run as this step, with <see cref="With"/> as its inputs.</summary>
    public RunbookDefinition? Nested { get; init; }

    public StepRetry? Retry { get; init; }
    public TimeSpan? Timeout { get; init; }
    public OnFailure OnFailure { get; init; } = OnFailure.Stop;
}

[JsonConverter(typeof(JsonStringEnumConverter<OnFailure>))]
public enum OnFailure
{
    /// <summary>The run ends Failed (or NotProven); clean-up still runs. The default; in a real run a denied or expired approval waits for
    /// <c>runs retry</c> all the same.</summary>
    [JsonStringEnumMemberName("stop")]
    Stop,

    /// <summary>Its failure counts, but the steps after it run.</summary>
    [JsonStringEnumMemberName("continue")]
    Continue,

    /// <summary>The run waits until a person retries or skips it.</summary>
    [JsonStringEnumMemberName("ask")]
    Ask,

    /// <summary>The rest of the steps are skipped, clean-up runs, and the step's own failure alone decides the verdict.</summary>
    [JsonStringEnumMemberName("cleanup")]
    CleanUp,
}

/// <param name="Attempts">All attempts together, from 1.</param>
/// <param name="Backoff">Before the second attempt; doubles after each.</param>
public sealed record StepRetry(int Attempts, TimeSpan Backoff);

/// <summary>A question to people. <see cref="Policy"/> names one of the plan, whose fields stand unless said here.</summary>
/// <param name="By">People or groups of the plan.</param>
/// <param name="Shows">Names of inputs, <c>target</c>, or expressions, that approvers see and sign.</param>
/// <param name="For">Id of a later step that is approved by this: its preflight runs first, what it found is shown, and the decisions
/// open the last door for it. Null: the step right after in document order that writes to the mode's target, if any.</param>
public sealed record ApproveStep(
    string? Policy,
    IReadOnlyList<string> By,
    int? Quorum,
    int? Deny,
    TimeSpan? Expires,
    bool? OwnKey,
    IReadOnlyList<TimeSpan> Reminders,
    IReadOnlyList<EscalationTier> Escalate,
    IReadOnlyList<string> Shows,
    string? For);

/// <param name="To">A person or group of the plan.</param>
public sealed record EscalationTier(TimeSpan After, string To);

/// <summary>Something that people do themselves, and confirm: one signed confirmation by one of <paramref name="By"/>.</summary>
/// <param name="Do">What to do, for a person under stress; may hold <c>${…}</c>.</param>
/// <param name="Confirm">What is confirmed, in one sentence.</param>
public sealed record ManualStep(string Do, string Confirm, IReadOnlyList<string> By, TimeSpan? Expires);

/// <param name="In">Expression that comes to a list.</param>
/// <param name="As">Name that each item has in the steps.</param>
public sealed record ForEachStep(string In, string As, IReadOnlyList<RunbookStep> Steps);
