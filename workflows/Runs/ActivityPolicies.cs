using Temporalio.Common;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runs;

/// <summary>
/// Every way an activity is called, by name. A refusal (an ErrorReport's kind as error type) is never retried, but for <c>unreachable</c>
/// and <c>fenced</c>, which the worker may report as retryable: whether waiting helps is decided here.
/// </summary>
public static class ActivityPolicies
{
    /// <summary>
    /// The first look at things: begin-backup, preflight, find-copies. A person waits for the answer, so what can't be reached is said at
    /// once rather than tried for minutes. Bounded by the time-outs inside.
    /// </summary>
    /// <param name="most">How long it may take: a point in time is found by reading slices. 5 minutes unless said.</param>
    /// <param name="heartbeats">It tells of progress at least every 20 s; a minute without is a dead worker.</param>
    public static ActivityOptions AtTheDoor(string summary, CancellationToken cancellation, TimeSpan? most = null, bool heartbeats = false) => new()
    {
        Summary = summary,
        StartToCloseTimeout = most ?? TimeSpan.FromMinutes(5),
        HeartbeatTimeout = heartbeats ? TimeSpan.FromMinutes(1) : null,
        RetryPolicy = new()
        {
            InitialInterval = TimeSpan.FromSeconds(1),
            MaximumAttempts = 3,
            NonRetryableErrorTypes = [ErrorKinds.Unreachable],
        },
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.TryCancel,
    };

    /// <summary>
    /// A few requests to servers: marks, records, summaries, evidence. An outage of some minutes is waited out, since giving up would throw
    /// away hours of lanes. No heartbeat: a dead worker is noticed by the time-out.
    /// </summary>
    public static ActivityOptions ForShortWork(string summary, CancellationToken cancellation) => new()
    {
        Summary = summary,
        StartToCloseTimeout = TimeSpan.FromMinutes(2),
        RetryPolicy = ThroughAnOutage,
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.WaitCancellationCompleted,
    };

    /// <summary>
    /// Work inside a server that can take hours: planning ranges, sealing, building indexes, checks, the cut-over, clean-up. Heartbeats
    /// from progress, at least every 20 s; a minute without one is a dead worker.
    /// </summary>
    public static ActivityOptions ForLongWork(string summary, CancellationToken cancellation) => new()
    {
        Summary = summary,
        StartToCloseTimeout = TimeSpan.FromHours(24),
        HeartbeatTimeout = TimeSpan.FromMinutes(1),
        RetryPolicy = ThroughAnOutage,
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.WaitCancellationCompleted,
    };

    /// <summary>
    /// One action of a runbook. Heartbeats from progress, at least every 20 s. Where the runbook says itself how often the step is tried,
    /// only a lost worker is made up for here; else an outage is waited out.
    /// </summary>
    /// <param name="timeout">The step's own; it is cancelled by the workflow then, this is the last resort.</param>
    public static ActivityOptions ForAction(string summary, TimeSpan? timeout, bool triedByRunbook, CancellationToken cancellation) => new()
    {
        Summary = summary,
        StartToCloseTimeout = timeout ?? TimeSpan.FromHours(24),
        HeartbeatTimeout = TimeSpan.FromMinutes(1),
        RetryPolicy = triedByRunbook
            ? new() { InitialInterval = TimeSpan.FromSeconds(1), MaximumAttempts = 3, NonRetryableErrorTypes = [ErrorKinds.Unreachable] }
            : ThroughAnOutage,
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.WaitCancellationCompleted,
    };

    /// <summary>
    /// What moves bytes, on the lanes' queue: dump, tail, load, replay, copy, integrity. Heartbeats from progress, at least every 10 s;
    /// half a minute without one is a dead or stalled worker, and another goes on where it was. The workflow waits until a cancelled lane
    /// has really ended: no lane stays open behind a run.
    /// </summary>
    public static ActivityOptions ForLane(string taskQueue, string summary, CancellationToken cancellation) => new()
    {
        TaskQueue = TaskQueues.Lanes(taskQueue),
        Summary = summary,
        StartToCloseTimeout = TimeSpan.FromDays(3),
        HeartbeatTimeout = TimeSpan.FromSeconds(30),
        RetryPolicy = ThroughAnOutage,
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.WaitCancellationCompleted,
    };

    /// <summary>
    /// One slice of the oplog: reads along for its length, then puts it. Heartbeats at least every 10 s. Tried three times; then the workflow
    /// shows what is wrong, and tries again: nothing is lost as long as the server keeps its oplog.
    /// </summary>
    /// <param name="length">How long it reads along.</param>
    public static ActivityOptions ForSlice(string summary, TimeSpan length, CancellationToken cancellation) => new()
    {
        Summary = summary,
        StartToCloseTimeout = length + TimeSpan.FromMinutes(15),
        HeartbeatTimeout = TimeSpan.FromSeconds(90),
        RetryPolicy = new() { InitialInterval = TimeSpan.FromSeconds(1), MaximumAttempts = 3, NonRetryableErrorTypes = [ErrorKinds.Unreachable] },
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.WaitCancellationCompleted,
    };

    /// <summary>What a later try makes up for by itself: a canary, a look for a base. Not worth waiting for.</summary>
    public static ActivityOptions ForOneTry(string summary, CancellationToken cancellation) => new()
    {
        Summary = summary,
        StartToCloseTimeout = TimeSpan.FromMinutes(1),
        RetryPolicy = new() { MaximumAttempts = 1 },
        CancellationToken = cancellation,
        CancellationType = ActivityCancellationType.TryCancel,
    };

    /// <summary>Judging one decision: reads the plan and checks a signature. A person waits for the answer at a prompt.</summary>
    public static ActivityOptions ForJudging(string summary) => new()
    {
        Summary = summary,
        StartToCloseTimeout = TimeSpan.FromSeconds(30),
        RetryPolicy = new() { InitialInterval = TimeSpan.FromSeconds(1), MaximumAttempts = 3 },
        CancellationToken = CancellationToken.None,
    };

    /// <summary>An entry of the audit log, a message to people: tried for half a minute. A run goes on without it, and says so in a
    /// note.</summary>
    public static ActivityOptions ForTelling(string summary) => new()
    {
        Summary = summary,
        StartToCloseTimeout = TimeSpan.FromMinutes(1),
        ScheduleToCloseTimeout = TimeSpan.FromMinutes(2),
        RetryPolicy = new() { InitialInterval = TimeSpan.FromSeconds(2), MaximumAttempts = 5 },
        CancellationToken = CancellationToken.None,
    };

    /// <summary>Ten attempts over about seven minutes: longer than a failover, a restart or a deployment takes.</summary>
    private static RetryPolicy ThroughAnOutage => new()
    {
        InitialInterval = TimeSpan.FromSeconds(2),
        BackoffCoefficient = 2,
        MaximumInterval = TimeSpan.FromMinutes(1),
        MaximumAttempts = 10,
    };
}
