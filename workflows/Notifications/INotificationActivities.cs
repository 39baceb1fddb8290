using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Temporalio.Activities;

namespace LuxHedge.Workflows.Notifications;

/// <summary>
/// What people are told, in Slack where the plan has it, always in the log. Never decides anything, and never fails a run: a step that could not
/// be told goes on.
/// </summary>
public interface INotificationActivities
{
    /// <summary>Posts an ask that people can act on, or updates its message (who has decided, escalated, reminded, closed). Doing it twice
    /// posts once: the message's metadata carries the ask's nonce.</summary>
    [Activity("show-ask")]
    Task<MessageReference?> ShowAskAsync(AskNotice notice);

    /// <summary>One message a run, updated as it goes on; the outcome with a link to the evidence at its end.</summary>
    [Activity("show-run")]
    Task<MessageReference?> ShowRunAsync(RunNotice notice);

    /// <summary>Tells at once what must not be missed: a failed or NotProven run, something overdue, tampering, break-glass.</summary>
    [Activity("alert")]
    Task AlertAsync(Alert alert);
}

/// <summary>Where a message stands: Slack's channel and ts. It comes back with every later notice of the same thing.</summary>
public sealed record MessageReference(string Channel, string Timestamp)
{
    /// <summary>Workspace and app, where Slack said them: a click must come from the same.</summary>
    public string? Team { get; init; }

    public string? App { get; init; }
}

/// <param name="Message">Of the first notice; null: not posted yet.</param>
/// <param name="Outcome">An <see cref="AskOutcome"/> as a word; null while it is open.</param>
/// <param name="Event">What made this notice: one of <see cref="AskEvents"/>.</param>
/// <param name="Decision">The decision that made it, for the thread.</param>
public sealed record AskNotice(
    string WorkflowId, string Title, RunbookFacts Run, Ask Ask, IReadOnlyList<Decision> Decisions, string? Outcome, string Event,
    Decision? Decision, MessageReference? Message);

/// <summary>The words of <see cref="AskNotice.Event"/>.</summary>
public static class AskEvents
{
    /// <summary>The message is posted.</summary>
    public const string Opened = "opened";

    /// <summary><see cref="AskNotice.Decision"/> counts: the message says so, and so does its thread.</summary>
    public const string Decided = "decided";

    /// <summary>Who has not decided yet is called in the thread.</summary>
    public const string Reminder = "reminder";

    /// <summary>More people may decide from now on: they are called in the thread.</summary>
    public const string Escalated = "escalated";

    /// <summary><see cref="AskNotice.Outcome"/> is set: the buttons go, and the thread says how it ended.</summary>
    public const string Closed = "closed";
}

/// <summary>Of what run this is told.</summary>
/// <param name="Mode">drill, real or test.</param>
public sealed record RunbookFacts(string RunId, string Name, string Mode, string Asset);

/// <param name="Details">One line each for the end: verdict, RTO, RPO, what is not proven, where the evidence is.</param>
public sealed record RunNotice(
    string WorkflowId, RunbookFacts Run, string Title, IReadOnlyList<StepTiming> Steps, Verdict? Verdict, IReadOnlyList<string> Details,
    MessageReference? Message);

/// <param name="Key">The same trouble has the same key: it is told once a day, not at every look.</param>
/// <param name="Kind">As in the plan's <c>alerts.on</c>: failed, not-proven, suspect, overdue, drift, tampering, break-glass.</param>
public sealed record Alert(string Key, string Kind, string Title, string Text, string? RunId, DateTimeOffset At);
