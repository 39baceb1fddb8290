namespace LuxHedge.Workflows;

/// <summary>
/// An error for a person: what failed, where, why, what to do. It is the detail of every non-retryable activity failure, and the
/// <c>error</c> of a command's <c>--json</c>.
/// </summary>
/// <param name="Kind">One of <see cref="ErrorKinds"/>; decides the exit code.</param>
/// <param name="Message">One sentence: what failed and why.</param>
/// <param name="Where"><c>file:line:column</c>, a field path, an object's name, or a host.</param>
/// <param name="Hint">What to do now.</param>
public sealed record ErrorReport(string Kind, string Message, string? Where = null, string? Hint = null,
    IReadOnlyList<Problem>? Problems = null);

/// <summary>One of several things wrong at once.</summary>
public sealed record Problem(string Message, string? Where = null);

/// <summary>The kinds of <see cref="ErrorReport"/>, and the <c>errorType</c> of the Temporal failures that carry them.</summary>
public static class ErrorKinds
{
    /// <summary>Wrong command line, an id or name that does not exist, a target that has data without --drop. Exit code 2.</summary>
    public const string Usage = "usage";

    /// <summary>The plan (or a runbook) is refused. Exit code 2.</summary>
    public const string Plan = "plan";

    /// <summary>Another run holds the lock. Exit code 2.</summary>
    public const string Locked = "locked";

    /// <summary>A decision was not accepted. Exit code 2.</summary>
    public const string RefusedDecision = "refused-decision";

    /// <summary>A server could not be reached or refused the credentials. Exit code 4 from a command, Failed in a run.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>Stored bytes are not what they were: changed, truncated, planted, swapped, missing. Exit code 1.</summary>
    public const string Integrity = "integrity";

    /// <summary>The backup can't be consistent: an oplog gap, a collection that changed twice. Exit code 1.</summary>
    public const string Backup = "backup";

    /// <summary>The restore can't be right or go on. Exit code 1.</summary>
    public const string Restore = "restore";

    /// <summary>The command was interrupted, or a person answered no; what was started goes on in Temporal. Exit code 130, or 3.</summary>
    public const string Interrupted = "interrupted";

    /// <summary>The last door: a write to production without the signed decisions it needs. Exit code 3.</summary>
    public const string NotApproved = "not-approved";

    /// <summary>A fence was raised: this attempt was given up and another goes on. Never shown to a person.</summary>
    public const string Fenced = "fenced";

    /// <summary>The run was cancelled or terminated from outside. Exit code 3.</summary>
    public const string Ended = "ended";

    /// <summary>Nothing that was foreseen: the message is what the exception said, masked. Exit code 1.</summary>
    public const string Unexpected = "unexpected";
}
