using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace LuxHedge.Worker.Slack;

/// <summary>
/// Whether a request is Slack's: HMAC-SHA256 over <c>v0:{timestamp}:{raw body}</c> with the app's signing secret, and not older or newer than
/// <see cref="Window"/>. Judged on the bytes as they came, before anything in them is looked at. Without a secret nothing is Slack's.
/// </summary>
public static class RequestVerifier
{
    public const string SignatureHeader = "X-Slack-Signature";
    public const string TimestampHeader = "X-Slack-Request-Timestamp";

    /// <summary>A request that was caught and is sent again later is refused; clocks may be this far apart, either way.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(300);

    private const string Version = "v0=";
    private const int MostDigits = 12;

    public static bool Verify(string? secret, string? timestamp, string? signature, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        if (string.IsNullOrEmpty(secret) || timestamp is null || signature is null)
            return false;
        // Digits only: no sign, no space, no group. Few enough that no arithmetic can overflow.
        if (timestamp.Length is 0 or > MostDigits || !timestamp.All(char.IsAsciiDigit))
            return false;
        var at = long.Parse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture);
        var seconds = now.ToUnixTimeSeconds();
        var window = (long)Window.TotalSeconds;
        if (at < seconds - window || at > seconds + window)
            return false;
        if (!signature.StartsWith(Version, StringComparison.Ordinal) || signature.Length != Version.Length + (2 * HMACSHA256.HashSizeInBytes))
            return false;
        Span<byte> claimed = stackalloc byte[HMACSHA256.HashSizeInBytes];
        if (Convert.FromHexString(signature.AsSpan(Version.Length), claimed, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        mac.AppendData(Encoding.ASCII.GetBytes($"v0:{timestamp}:"));
        mac.AppendData(body);
        Span<byte> computed = stackalloc byte[HMACSHA256.HashSizeInBytes];
        mac.GetHashAndReset(computed);
        return CryptographicOperations.FixedTimeEquals(computed, claimed);
    }
}
