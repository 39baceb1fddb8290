using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>What people approve of a restore. The activity that writes computes it again from what it is about to do.</summary>
public static class RestoreAsk
{
    /// <summary>One field more where they come back too.</summary>
    internal const string Users = "users";

    private const string Domain = "luxhedge-restore-ask/1";

    public static string Hash(RestoreSubject subject) => Hash(
        subject.Asset, subject.BackupId, subject.ManifestSha256, subject.Host, subject.Database, subject.To, subject.Collections,
        subject.Dropped, subject.NoSafetyBackup, subject.Users);

    /// <summary>Lower-case hex SHA-256; the order of the collections does not matter.</summary>
    /// <param name="host">The target's hosts, without credentials, as <c>RestorePlan.Host</c>.</param>
    /// <param name="to">The cluster time that is restored to.</param>
    /// <param name="restored">Names of the collections that are restored.</param>
    /// <param name="dropped">Names of the existing collections that are replaced.</param>
    /// <param name="users">Users and roles come back too.</param>
    public static string Hash(
        string asset,
        string backupId,
        string manifestSha256,
        string host,
        string database,
        ClusterTime to,
        IEnumerable<string> restored,
        IEnumerable<string> dropped,
        bool noSafetyBackup,
        bool users = false)
    {
        var fields = new Fields()
        .Text(Domain)
        .Text(asset)
        .Text(backupId)
        .Text(manifestSha256)
        .Text(host)
        .Text(database)
        .Text(to.ToString())
        .Names(restored)
        .Names(dropped)
        .Flag(noSafetyBackup);
        return (users ? fields.Text(Users) : fields).Sha256();
    }
}
