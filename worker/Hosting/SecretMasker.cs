using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Hosting;

/// <summary>
/// Takes secrets out of text before it is logged or sent to Temporal: every value that a <see cref="SecretReference"/> was resolved to, and
/// what looks like a secret by its form. Addresses stay readable: of a connection string only the credentials go.
/// </summary>
public sealed partial class SecretMasker
{
    public const string Mask = "***";

    /// <summary>A shorter value is no secret, and would blacken half of every line.</summary>
    private const int Shortest = 4;

    /// <summary>Shorter values are masked only as whole words: 'admin' is a word of many sentences.</summary>
    private const int LongEnoughAnywhere = 16;

    private readonly ConcurrentDictionary<string, Regex> values = new(StringComparer.Ordinal);

    /// <summary>Knows every secret that this process has resolved.</summary>
    public static SecretMasker Shared { get; } = Listening();

    /// <summary>Masks this value from now on, in the forms in which it may appear: as it is, escaped for a URL, escaped for JSON, line by
    /// line.</summary>
    public void Register(string value)
    {
        if (Url().Match(value) is { Success: true } url)
        {
            // The host of a connection string is what an error has to name.
            foreach (var part in new[] { url.Groups["password"].Value, Uri.UnescapeDataString(url.Groups["password"].Value) })
                Add(part);
            return;
        }

        if (value.Contains('\n', StringComparison.Ordinal))
        {
            foreach (var line in value.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!line.StartsWith("-----", StringComparison.Ordinal))
                    Add(line);
            }

            return;
        }

        Add(value);
        Add(Uri.EscapeDataString(value));
        Add(System.Text.Json.JsonEncodedText.Encode(value).Value);
    }

    public string Apply(string text)
    {
        if (text.Length == 0)
            return text;
        foreach (var value in values.Values)
            text = value.Replace(text, Mask);
        text = PrivateKey().Replace(text, "-----PRIVATE KEY " + Mask);
        text = Credentials().Replace(text, "${scheme}" + Mask + "@");
        text = SlackToken().Replace(text, Mask);
        text = SlackHook().Replace(text, "https://hooks.slack.com/" + Mask);
        text = WebToken().Replace(text, Mask);
        text = QuerySecret().Replace(text, "${name}" + Mask);
        return AwsKeyId().Replace(text, Mask);
    }

    public ErrorReport Apply(ErrorReport report) => report with
    {
        Message = Apply(report.Message),
        Where = report.Where is null ? null : Apply(report.Where),
        Hint = report.Hint is null ? null : Apply(report.Hint),
        Problems = report.Problems?.Select(p => new Problem(Apply(p.Message), p.Where is null ? null : Apply(p.Where))).ToList(),
    };

    private static SecretMasker Listening()
    {
        var masker = new SecretMasker();
        SecretReference.Resolved = masker.Register;
        return masker;
    }

    private void Add(string value)
    {
        if (value.Length < Shortest)
            return;
        var escaped = Regex.Escape(value);
        var pattern = value.Length >= LongEnoughAnywhere ? escaped : $"(?<![A-Za-z0-9_-]){escaped}(?![A-Za-z0-9_-])";
        values.TryAdd(value, new(pattern, RegexOptions.CultureInvariant));
    }

    [GeneratedRegex(@"^[a-z][a-z0-9+.-]*://(?:[^:@/\s]*(?::(?<password>[^@/\s]*))?@)?[^/\s@]", RegexOptions.IgnoreCase)]
    private static partial Regex Url();

    [GeneratedRegex(@"(?<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/@""']+@", RegexOptions.IgnoreCase)]
    private static partial Regex Credentials();

    // Also where line ends were escaped: '\n' as two characters.
    [GeneratedRegex("-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", RegexOptions.Singleline)]
    private static partial Regex PrivateKey();

    [GeneratedRegex(@"\b(?:xoxe\.)?xox[a-z]-[A-Za-z0-9-]+|\bx(?:app|wfp)-[A-Za-z0-9-]+|\bv0=[0-9a-f]{64}\b")]
    private static partial Regex SlackToken();

    // Access tokens (JWT), and secrets of Atlas' service accounts: a token is another each hour, too many to remember.
    [GeneratedRegex(@"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,2}|\bmdb_sa_sk_[A-Za-z0-9_-]+")]
    private static partial Regex WebToken();

    [GeneratedRegex(@"https://hooks\.slack\.com/[^\s""']+")]
    private static partial Regex SlackHook();

    // Tickets of Slack's sockets, resumable uploads and presigned requests: who has the URL has the right.
    [GeneratedRegex(@"(?<name>(?:[?&]|\\u0026|&amp;)(?:ticket|upload_id|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature|sig)=)[^&\s""']+",
        RegexOptions.IgnoreCase)]
    private static partial Regex QuerySecret();

    [GeneratedRegex(@"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")]
    private static partial Regex AwsKeyId();
}
