using System.Globalization;
using System.Net.Mail;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace LuxHedge.Activities.Plans;

/// <summary>The single values that a plan can hold.</summary>
internal static partial class Scalars
{
    public const string IdPattern = "[a-z0-9][a-z0-9_-]{0,62}";

    /// <summary>Names of the user's own: they become object names, workflow ids and file names, so they are plain.</summary>
    public static readonly ScalarShape Id = Pattern(
        IdExpression(), IdPattern, "is no id; ids are of a-z, 0-9, _ and -, begin with a letter or digit and have at most 63 characters");

    /// <summary>Names of a runbook's inputs.</summary>
    public static readonly ScalarShape InputName = Pattern(
        InputExpression(), "[a-zA-Z][a-zA-Z0-9_-]{0,62}", "is no name of an input; they are of letters, digits, _ and -, and begin with a letter");

    public static readonly ScalarShape Text = new(s => s.Text.Length is 0 or > 4000 ? "must be a text of 1 to 4,000 characters" : null, Schema("string"));

    public static readonly ScalarShape TextOrEmpty = new(s => s.Text.Length > 4000 ? "must be a text of at most 4,000 characters" : null, Schema("string"));

    public static readonly ScalarShape Flag = new(s => s is { Plain: true, Text: "true" or "false" } ? null : "must be true or false", Schema("boolean"));

    public static readonly ScalarShape Duration = new(CheckDuration, Schema("string", Units.DurationPattern, "integer")) { Name = "duration" };

    public static readonly ScalarShape Period = new(
        s => Units.TryPeriod(s.Text, out _) || s.Text == "forever" ? null : $"is no period; write {Units.PeriodForm}, or forever",
        Schema("string", "(forever|" + Units.PeriodPattern + ")"))
    { Name = "period" };

    public static readonly ScalarShape Size = new(CheckSize, Schema("string", Units.SizePattern)) { Name = "size" };

    public static readonly ScalarShape Share = new(
        s => Units.TryShare(s.Text, out _) ? null : $"is no share from 0% to 100%; write {Units.ShareForm}", Schema("string", Units.SharePattern))
    { Name = "share" };

    public static readonly ScalarShape Time = new(
        s => Units.TryTime(s.Text, out _) ? null : $"is no time of day; write {Units.TimeForm}", Schema("string", Units.TimePattern))
    { Name = "time" };

    public static readonly ScalarShape Date = new(
        s => DateOnly.TryParseExact(s.Text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? null : "is no date; write 2026-12-31",
        Schema("string", "[0-9]{4}-[0-9]{2}-[0-9]{2}"));

    public static readonly ScalarShape DayOfYear = new(
        s => DateOnly.TryParseExact("2024-" + s.Text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? null : "is no day of a year; write 01-15",
        Schema("string", "[0-9]{2}-[0-9]{2}"));

    public static readonly ScalarShape HostAndPort = new(CheckHostAndPort, Schema("string", "[^:/@ ]+:[0-9]{1,5}")) { Secret = true };

    public static readonly ScalarShape Url = new(CheckUrl, Schema("string", "https?://.+")) { Secret = true };

    public static readonly ScalarShape Email = new(
        s => MailAddress.TryCreate(s.Text, out var address) && address.Address == s.Text ? null : "is no e-mail address", Schema("string", "[^@ ]+@[^@ ]+"));

    public static readonly ScalarShape TimeZone = new(
        s => s.Text == "UTC" || (TimeZoneInfo.TryFindSystemTimeZoneById(s.Text, out var zone) && zone.HasIanaId) ? null : "is no time zone known here; write UTC or Europe/Berlin",
        Schema("string"));

    /// <summary>A text that must stay out of the file. The message does not repeat what was written.</summary>
    public static readonly ScalarShape Secret = new(CheckSecret, Schema("string", ReferencePattern)) { Name = "secret", Secret = true };

    /// <summary>An address that may be a secret by itself.</summary>
    public static readonly ScalarShape SecretUrl = new(
        s => s.Text.StartsWith("${", StringComparison.Ordinal) ? CheckSecret(s) : CheckUrl(s), Schema("string", "(https?://.+|" + ReferencePattern + ")"))
    { Secret = true };

    /// <summary>Who makes decisions and signs what the writer wrote.</summary>
    public static readonly ScalarShape P256PublicKey = new(CheckP256, Schema("string", PublicKeyPattern)) { Name = "p256PublicKey" };

    public static readonly ScalarShape RsaPublicKey = new(CheckRsa, Schema("string", PublicKeyPattern)) { Name = "rsaPublicKey" };

    /// <summary>RSA keys below this are not expected to outlive what they protect (NIST SP 800-57: 128 bits of security).</summary>
    public const int SmallestRsaKey = 3072;

    private const string ReferencePattern = @"\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^{}\r\n]+)\}";
    private const string PublicKeyPattern = "(" + ReferencePattern + "|[A-Za-z0-9+/]+={0,2})";

    /// <summary>Of a project at MongoDB Atlas.</summary>
    public static readonly ScalarShape AtlasId = Pattern(
        AtlasIdExpression(), "[0-9a-fA-F]{24}", "is no id of an Atlas project; it is 24 hexadecimal digits, as in the address of its page");

    public static readonly ScalarShape AtlasCluster = Pattern(
        AtlasClusterExpression(), "[a-zA-Z0-9][a-zA-Z0-9-]{0,63}", "is no name of an Atlas cluster; they are of letters, digits and -");

    public static ScalarShape OneOf(params string[] words) => new(
        s => words.Contains(s.Text, StringComparer.Ordinal) ? null : $"must be {Words(words)}{Suggestion.For(s.Text, words)}",
        new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. words.Select(w => (JsonNode)w)]) });

    public static ScalarShape Number(int smallest, int largest) => new(
        s => s.Plain && YamlJson.IsInteger(s.Text, out var n) && n >= smallest && n <= largest ? null : $"must be a whole number from {smallest} to {largest}",
        new JsonObject { ["type"] = "integer", ["minimum"] = smallest, ["maximum"] = largest });

    public static ScalarShape Pattern(Regex expression, string pattern, string wrong) =>
        new(s => expression.IsMatch(s.Text) ? null : wrong, Schema("string", pattern));

    public static string Words(IReadOnlyList<string> words) =>
        words.Count == 1 ? words[0] : $"{string.Join(", ", words.Take(words.Count - 1))} or {words[^1]}";

    private static JsonObject Schema(string type, string? pattern = null, string? orType = null)
    {
        var schema = new JsonObject { ["type"] = orType is null ? type : new JsonArray(type, orType) };
        if (pattern is not null)
        {
            schema["pattern"] = $"^{pattern}$";
        }

        return schema;
    }

    private static string? CheckDuration(YamlScalar s) => s.Text switch
    {
        _ when Units.TryDuration(s.Text, out _) => null,
        _ when long.TryParse(s.Text, CultureInfo.InvariantCulture, out _) => $"has no unit; write {Units.DurationForm}",
        _ => $"is no duration; write {Units.DurationForm}",
    };

    private static string? CheckSize(YamlScalar s) => s.Text switch
    {
        _ when Units.TrySize(s.Text, out _) => null,
        _ when long.TryParse(s.Text, CultureInfo.InvariantCulture, out _) => $"has no unit; write {Units.SizeForm}",
        [.., 'M' or 'K' or 'k' or 'G' or 'T', 'B'] => $"counts by 1,000; sizes here count by 1,024: write {Units.SizeForm}",
        _ => $"is no size; write {Units.SizeForm}",
    };

    private static string? CheckHostAndPort(YamlScalar s)
    {
        var colon = s.Text.LastIndexOf(':');
        return colon > 0 && s.Text.IndexOfAny(['/', '@', ' ']) < 0
            && int.TryParse(s.Text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? null
            : "is no host:port, such as temporal.example.com:7233";
    }

    private static string? CheckUrl(YamlScalar s) =>
        !Uri.TryCreate(s.Text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") ? "is no address that begins with http:// or https://"
        : uri.UserInfo.Length > 0 ? "must not carry a user or password"
        : null;

    private static string? CheckSecret(YamlScalar s) =>
        s.Text.StartsWith("${", StringComparison.Ordinal)
            ? ReferenceExpression().IsMatch(s.Text) ? null : "is no reference; write ${env:NAME} or ${file:path}"
            : "is a secret and must not stand in the plan; write ${env:NAME} or ${file:path}";

    private static string? CheckP256(YamlScalar s) => CheckPublicKey(s, bytes =>
    {
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(bytes, out var read);
        return read != bytes.Length || key.ExportParameters(false).Curve.Oid.Value != ECCurve.NamedCurves.nistP256.Oid.Value
            ? "is a public key, but not of ECDSA P-256"
            : null;
    }, "is no public key of ECDSA P-256 (base64 of its SubjectPublicKeyInfo); `luxhedge people enrol` prints one");

    private static string? CheckRsa(YamlScalar s) => CheckPublicKey(s, bytes =>
    {
        using var key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(bytes, out var read);
        return read != bytes.Length ? "has bytes behind the key"
            : key.KeySize < SmallestRsaKey ? $"is an RSA key of {key.KeySize} bits; at least {SmallestRsaKey} are needed"
            : null;
    }, $"is no public RSA key (base64 of its SubjectPublicKeyInfo, at least {SmallestRsaKey} bits)");

    private static string? CheckPublicKey(YamlScalar s, Func<byte[], string?> check, string notAKey)
    {
        if (PublicKeyText.IsReference(s.Text))
        {
            return ReferenceExpression().IsMatch(s.Text) ? null : "is no reference; write ${file:path} or ${env:NAME}, or the key itself";
        }

        try
        {
            var bytes = System.Convert.FromBase64String(s.Text);
            return System.Convert.ToBase64String(bytes) == s.Text ? check(bytes) : notAKey;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return notAKey;
        }
    }

    [GeneratedRegex("^[0-9a-fA-F]{24}\\z")]
    private static partial Regex AtlasIdExpression();

    [GeneratedRegex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,63}\\z")]
    private static partial Regex AtlasClusterExpression();

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9_-]{0,62}\\z")]
    private static partial Regex InputExpression();

    [GeneratedRegex("^" + IdPattern + "\\z", RegexOptions.CultureInvariant)]
    private static partial Regex IdExpression();

    [GeneratedRegex("^" + ReferencePattern + "\\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ReferenceExpression();
}

/// <summary>"did you mean", from the names that are there.</summary>
internal static class Suggestion
{
    /// <returns><c>; did you mean 'x'?</c>, or nothing where no name is near.</returns>
    public static string For(string written, IEnumerable<string> known)
    {
        var nearest = known.Select(k => (Name: k, Distance: Distance(Plain(written), Plain(k)))).OrderBy(k => k.Distance).FirstOrDefault();
        return nearest.Name is not null && nearest.Distance <= Math.Max(1, written.Length / 3) ? $"; did you mean '{nearest.Name}'?" : "";
    }

    // 'recovery_keys', 'recovery-keys' and 'RecoveryKeys' are all 'recoveryKeys'.
    private static string Plain(string text) => text.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>Edits from one to the other, two neighbours swapped being one (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        if (a.Length > 80 || b.Length > 80)
        {
            return int.MaxValue;
        }

        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }

                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
