using System.Security.Cryptography;
using System.Text;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>The names of what a restore makes in the target before its cut-over.</summary>
internal static class BesideNames
{
    /// <summary>The state collection: fences, progress, and the map from source UUID to collection.</summary>
    public const string State = "luxhedge_restoring";

    private const string Prefix = "luxhedge_restoring.";

    /// <summary>What every server since 4.4 takes for database, dot and collection, less room for what <c>$out</c> and index builds add.</summary>
    private const int MostBytes = 220;

    /// <summary><c>luxhedge_restoring.{name}</c>, or a hash in the name's place where the namespace would be too long.</summary>
    public static string Of(string database, string name)
    {
        var plain = Prefix + name;
        return Encoding.UTF8.GetByteCount(database) + 1 + Encoding.UTF8.GetByteCount(plain) <= MostBytes
            ? plain
            : $"{Prefix}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32]}";
    }

    /// <summary>
    /// The name that a collection of the base bears while it is loaded: of one run only. Replay gives it its own, so that a load that was left
    /// behind writes to a name that nobody looks at.
    /// </summary>
    public static string OfLoad(string database, string name, string run) =>
        Of(database, $"{name}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(run)))[..8]}");

    /// <summary>For a collection that the oplog creates: its name may be taken by one that is still to be dropped or renamed.</summary>
    public static string OfUuid(string uuid) => $"{Prefix}~{uuid}";

    public static bool IsOurs(string collection) =>
        collection == State || collection.StartsWith(Prefix, StringComparison.Ordinal);
}
