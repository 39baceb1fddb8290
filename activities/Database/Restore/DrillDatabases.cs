using System.Security.Cryptography;
using System.Text;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The database that a drill restores into: <c>luxhedge_drill_</c> and eight hexadecimal digits of its run. The plan takes no asset with such
/// a name, so one is never production; and from its name it can be told whose run made it.
/// </summary>
public static class DrillDatabases
{
    public const string Prefix = "luxhedge_drill_";

    private const int Digits = 8;

    /// <summary>The database of that run, the same in every attempt.</summary>
    public static string Of(string runId) => Prefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(runId)))[..Digits];

    public static bool IsOne(string database) =>
        database.Length == Prefix.Length + Digits && database.StartsWith(Prefix, StringComparison.Ordinal)
        && database[Prefix.Length..].All(char.IsAsciiHexDigitLower);
}
