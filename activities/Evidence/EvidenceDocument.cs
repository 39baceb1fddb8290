using System.Security.Cryptography;
using System.Text.Json;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Evidence;

/// <summary>Stored evidence of either kind.</summary>
public abstract record EvidenceDocument(string Writer, string Sha256)
{
    public abstract string RunId { get; }

    /// <summary>Reads and checks the signature. Throws <see cref="RefusalException"/> (<c>integrity</c>).</summary>
    public static EvidenceDocument Read(byte[] stored, IReadOnlyDictionary<string, string> publicKeys, string where)
    {
        if (KindOf(stored) == StoredRunEvidence.RunbookKind)
        {
            var run = SignedDocument.Read<StoredRunEvidence>(stored, publicKeys, where, e => Format(e.Format));
            return new RunbookEvidenceDocument(run.Value, run.Writer, run.Sha256);
        }

        var restore = SignedDocument.Read<StoredRestoreEvidence>(stored, publicKeys, where, e => Format(e.Format));
        return new RestoreEvidenceDocument(restore.Value, restore.Writer, restore.Sha256);
    }

    /// <summary>Reads without looking at the signature. Throws <see cref="RefusalException"/> (<c>integrity</c>) for what is no evidence.</summary>
    public static EvidenceDocument Parse(byte[] stored)
    {
        var end = Array.IndexOf(stored, (byte)'\n');
        var json = stored.AsSpan(0, end < 0 ? stored.Length : end);
        var hash = Convert.ToHexStringLower(SHA256.HashData(stored));
        try
        {
            CheckText(json);
            if (KindOf(stored) == StoredRunEvidence.RunbookKind)
            {
                var run = JsonSerializer.Deserialize<StoredRunEvidence>(json, LuxJson.Options)!;
                return new RunbookEvidenceDocument(run, run.Writer, hash);
            }

            var restore = JsonSerializer.Deserialize<StoredRestoreEvidence>(json, LuxJson.Options)!;
            return new RestoreEvidenceDocument(restore, restore.Writer, hash);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new RefusalException(ErrorKinds.Integrity, $"This is no evidence that this program reads: {e.Message}", null, null, e);
        }
    }

    /// <summary>Inputs and the like stay JSON, and would only fail where they are looked at.</summary>
    /// <exception cref="InvalidOperationException">A string is no UTF-8, or half a surrogate pair.</exception>
    private static void CheckText(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                reader.GetString();
        }
    }

    private static string? Format(string format) => format == StoredRunEvidence.FormatName ? null : $"its format is '{format}'";

    /// <summary>Decides only how it is read: what it says is checked then.</summary>
    private static string? KindOf(byte[] stored)
    {
        var end = Array.IndexOf(stored, (byte)'\n');
        try
        {
            using var json = JsonDocument.Parse(stored.AsMemory(0, end < 0 ? stored.Length : end));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("kind", out var kind)
                && kind.ValueKind == JsonValueKind.String
                ? kind.GetString()
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the second: a kind that is no UTF-8
        {
            return null;
        }
    }
}

public sealed record RunbookEvidenceDocument(StoredRunEvidence Stored, string Writer, string Sha256) : EvidenceDocument(Writer, Sha256)
{
    public override string RunId => Stored.Evidence.Request.RunId;
}

public sealed record RestoreEvidenceDocument(StoredRestoreEvidence Stored, string Writer, string Sha256) : EvidenceDocument(Writer, Sha256)
{
    public override string RunId => Stored.Evidence.Request.RunId;
}
