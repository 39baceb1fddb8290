using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace LuxHedge.Activities.Audit;

/// <summary>The names of the log's objects. Numbers have eight digits, so that a list of names is in the chain's order.</summary>
internal static class AuditNames
{
    public const string All = "audit/";
    public const string Chain = "audit/chain/";
    public const string Pending = "audit/pending/";

    /// <summary>As many links share the prefix that one look for the newest lists.</summary>
    public const int Block = 100;

    private const string Suffix = ".json";

    public static string Link(int number) => string.Create(CultureInfo.InvariantCulture, $"{Chain}{number:D8}{Suffix}");

    /// <summary>Of the links from <c>100 × block</c> on.</summary>
    public static string BlockPrefix(int block) => string.Create(CultureInfo.InvariantCulture, $"{Chain}{block:D6}");

    /// <summary>The same act waits under the same name, whoever writes it.</summary>
    public static string PendingOf(string entryId) => $"{Pending}{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(entryId)))[..32]}{Suffix}";

    /// <summary>Null for what is no link's name.</summary>
    public static int? NumberOf(string name) =>
        name.StartsWith(Chain, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(Chain.Length, name.Length - Chain.Length - Suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number > 0 && Link(number) == name
            ? number
            : null;
}
