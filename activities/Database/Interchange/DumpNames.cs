using System.Security.Cryptography;
using System.Text;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>The names of a dump's files, as mongo-tools 100.18 makes and reads them.</summary>
internal static class DumpNames
{
    public const string Prelude = "prelude.json";
    public const string Oplog = "oplog.bson";
    public const string Documents = ".bson";
    public const string Metadata = ".metadata.json";
    public const string Gzip = ".gz";
    public const string BucketsPrefix = "system.buckets.";

    /// <summary>What <c>mongodump --dumpDbUsersAndRoles</c> puts beside a database's collections: no collection of it.</summary>
    public static bool IsAccounts(string collection) => collection.StartsWith("$admin.system.", StringComparison.Ordinal);

    /// <summary>Where a dump of a whole server has the users and roles of all its databases.</summary>
    public static bool IsAccounts(string database, string? collection) => database == "admin" && collection is "system.users" or "system.roles";

    /// <summary>A file system takes 255 bytes, and the tools leave room for their endings.</summary>
    private const int LongestName = 238;
    private const int KeptOfLonger = 208;

    /// <summary>Go's <c>QueryEscape</c>; a longer one is cut and closed with the name's hash.</summary>
    public static string Escape(string collection)
    {
        var escaped = QueryEscape(collection);
        if (escaped.Length <= LongestName)
        {
            return escaped;
        }

        // SHA-1 is the format's; nothing is trusted by it.
#pragma warning disable CA5350
        var hash = Convert.ToBase64String(SHA1.HashData(Encoding.UTF8.GetBytes(collection)));
#pragma warning restore CA5350
        return $"{escaped[..KeptOfLonger]}%24{hash.TrimEnd('=').Replace('+', '-').Replace('/', '_')}";
    }

    /// <summary>The collection of a file's name without its ending; null where the name was cut, so that only its metadata can tell.</summary>
    public static string? Unescape(string escaped)
    {
        if (escaped.Length > KeptOfLonger && escaped.IndexOf("%24", KeptOfLonger, StringComparison.Ordinal) == KeptOfLonger)
        {
            return null;
        }

        return Uri.UnescapeDataString(escaped.Replace('+', ' '));
    }

    // RFC 3986's unreserved characters stay, as in Go; a blank becomes a plus.
    private static string QueryEscape(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);
}
