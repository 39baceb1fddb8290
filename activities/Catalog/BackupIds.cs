using System.Globalization;

namespace LuxHedge.Activities.Catalog;

/// <summary><c>20261123T020000Z-luxhedge_production-7f3a</c>: a backup's id sorts by time and names its asset.</summary>
public static class BackupIds
{
    private const string TimeFormat = "yyyyMMdd'T'HHmmss'Z'";
    private const int TimeLength = 16;
    private const int RandomLength = 4;

    /// <summary>False for what is no backup id.</summary>
    public static bool TryParse(string id, out DateTimeOffset time, out string asset)
    {
        (time, asset) = (default, "");
        if (id.Length < TimeLength + RandomLength + 3 || id[TimeLength] != '-' || id[^(RandomLength + 1)] != '-' || id.Contains('/', StringComparison.Ordinal))
            return false;
        if (!DateTimeOffset.TryParseExact(
                id[..TimeLength], TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time))
            return false;
        if (id[^RandomLength..].All(char.IsAsciiHexDigitLower))
            asset = id[(TimeLength + 1)..^(RandomLength + 1)];
        return asset.Length > 0;
    }
}
