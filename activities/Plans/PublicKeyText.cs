using System.Collections;
using System.Diagnostics.CodeAnalysis;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Plans;

/// <summary>
/// A public key as the plan has it: base64 of a SubjectPublicKeyInfo, or <c>${file:…}</c>/<c>${env:…}</c> of that or of its PEM
/// ("BEGIN PUBLIC KEY", as <c>openssl pkey -pubout</c> writes it). References are followed on use: a plan can be read and checked before
/// everyone has enrolled.
/// </summary>
internal static class PublicKeyText
{
    private const string Begin = "-----BEGIN PUBLIC KEY-----";
    private const string End = "-----END PUBLIC KEY-----";

    public static bool IsReference(string written) => written.StartsWith("${", StringComparison.Ordinal);

    /// <returns>The base64 text.</returns>
    /// <exception cref="RefusalException">Kind <c>plan</c>: the file or variable isn't there.</exception>
    public static string Read(string written)
    {
        try
        {
            return IsReference(written) ? Unwrap(new SecretReference(written, folder: "/").Resolve()) : written;
        }
        catch (RefusalException e)
        {
            throw new RefusalException(
                ErrorKinds.Plan, "The public key that the plan names is not there.", e.Report.Where, "Put the public half there: base64, or PEM as openssl writes it.", e);
        }
    }

    public static string? ReadIfEnrolled(string? written)
    {
        try
        {
            return written is null ? null : Read(written);
        }
        catch (RefusalException)
        {
            return null;
        }
    }

    private static string Unwrap(string text)
    {
        var trimmed = text.Trim();
        return trimmed.StartsWith(Begin, StringComparison.Ordinal) && trimmed.EndsWith(End, StringComparison.Ordinal)
            ? string.Concat(trimmed[Begin.Length..^End.Length].Where(c => !char.IsWhiteSpace(c)))
            : trimmed;
    }
}

/// <summary>Names and public keys, each followed to its file when it is asked for.</summary>
internal sealed class PublicKeyBook(IReadOnlyDictionary<string, string> written) : IReadOnlyDictionary<string, string>
{
    public string this[string key] => PublicKeyText.Read(written[key]);
    public IEnumerable<string> Keys => written.Keys;
    public IEnumerable<string> Values => written.Values.Select(PublicKeyText.Read);
    public int Count => written.Count;
    public bool ContainsKey(string key) => written.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        value = written.TryGetValue(key, out var text) ? PublicKeyText.Read(text) : null;
        return value is not null;
    }

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() =>
        written.Select(e => KeyValuePair.Create(e.Key, PublicKeyText.Read(e.Value))).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
