using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>Codes of the server's errors that mean something to us.</summary>
internal static class ServerErrors
{
    public const int Unauthorized = 13;
    public const int AuthenticationFailed = 18;
    public const int NamespaceNotFound = 26;
    public const int CursorNotFound = 43;
    public const int NamespaceExists = 48;
    public const int CappedPositionLost = 136;

    /// <summary>The collection was dropped or renamed under its cursor.</summary>
    public const int QueryPlanKilled = 175;

    public const int CollectionUuidMismatch = 361;

    /// <summary>The server does not know a field of the command.</summary>
    public const int UnknownField = 40415;

    /// <summary>
    /// Not of what was asked but of who was asked when: a primary that steps down or is not one yet, a server that ends or recovers, a node that
    /// another could not reach, a cursor or an operation that was lost with it. (From the drivers' specification of retryable errors, with the
    /// lost cursor and what an administrator or an election ends.)
    /// </summary>
    private static readonly HashSet<int> Passing =
    [
        6, // HostUnreachable
        7, // HostNotFound
        24, // LockTimeout
        CursorNotFound,
        89, // NetworkTimeout
        91, // ShutdownInProgress
        112, // WriteConflict
        134, // ReadConcernMajorityNotAvailableYet
        189, // PrimarySteppedDown
        237, // CursorKilled
        251, // NoSuchTransaction: it was on the server that is gone
        262, // ExceededTimeLimit
        276, // IndexBuildAborted
        290, // TransactionExceededLifetimeLimitSeconds
        317, // ConnectionPoolExpired
        384, // ConnectionError
        9001, // SocketException
        10058, // LegacyNotPrimary
        10107, // NotWritablePrimary
        11600, // InterruptedAtShutdown
        11601, // Interrupted
        11602, // InterruptedDueToReplStateChange
        13435, // NotPrimaryNoSecondaryOk
        13436, // NotPrimaryOrSecondary
    ];

    /// <summary>Whether the same asked again, of the same or of the next primary, can be answered: no word about a document, an index or an option.</summary>
    public static bool MayPass(int code) => Passing.Contains(code);

    public static bool MayPass(Exception exception) => exception switch
    {
        MongoAuthenticationException => false,
        TimeoutException => true, // no server to select, or no answer in time
        MongoConnectionException or MongoConnectionPoolPausedException or MongoCursorNotFoundException => true,
        MongoNotPrimaryException or MongoNodeIsRecoveringException => true,
        MongoCommandException command => MayPass(command.Code) || command.HasErrorLabel("RetryableWriteError") || command.HasErrorLabel("TransientTransactionError"),
        MongoBulkWriteException { WriteErrors: [var first, ..] } => MayPass(first.Code),
        MongoBulkWriteException { WriteConcernError: { } concern } => MayPass(concern.Code),
        MongoWriteException { WriteError: { } error } => MayPass(error.Code),
        MongoException e when e.HasErrorLabel("RetryableWriteError") || e.HasErrorLabel("TransientTransactionError") => true,
        _ => false,
    };

    /// <summary>The server's last word on what was asked: it will say the same again. (Rights are the plan's matter, and told as that.)</summary>
    public static bool IsRefusal(MongoCommandException exception) =>
        exception.Code is not (Unauthorized or AuthenticationFailed) && !MayPass(exception);
}
