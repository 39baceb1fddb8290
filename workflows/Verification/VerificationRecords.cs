using System.Text.Json.Serialization;

namespace LuxHedge.Workflows.Verification;

[JsonConverter(typeof(JsonStringEnumConverter<VerificationLevel>))]
public enum VerificationLevel
{
    /// <summary>Every object that the manifest names is there with its size, and the signatures hold.</summary>
    [JsonStringEnumMemberName("presence")]
    Presence,

    /// <summary>Every byte was read back, decrypted and matched its hashes.</summary>
    [JsonStringEnumMemberName("integrity")]
    Integrity,

    /// <summary>Restored into a scratch target and compared with the witness.</summary>
    [JsonStringEnumMemberName("restore")]
    Restore,
}

/// <summary>Input of <c>Verification</c>.</summary>
/// <param name="Store">Null: every store of the asset.</param>
public sealed record VerificationRequest(string RunId, string Asset, string TaskQueue, string BackupId, string? Store,
    VerificationLevel Level);

/// <summary>Answer of <c>find-copies</c>.</summary>
/// <param name="Stores">In the plan's order.</param>
/// <param name="Cluster">The plan's name of the cluster that a restore test's scratch database is made on.</param>
public sealed record CopiesFound(IReadOnlyList<string> Stores, string Cluster);

/// <summary>Shape of <c>backups verify --json</c>.</summary>
public sealed record VerificationSummary(string Id, Verdict Verdict, VerificationLevel Level, IReadOnlyList<StoreVerification> Stores);

public sealed record StoreVerification(string Store, Verdict Verdict, IReadOnlyList<ObjectProblem> Problems)
{
    /// <summary>Hash of the manifest that was checked; empty when it could not be read.</summary>
    public string ManifestSha256 { get; init; } = "";
}

/// <param name="Object">The object's name in the store; for a restore test the check's name.</param>
/// <param name="Text">What is wrong with it, for a person.</param>
public sealed record ObjectProblem(string Object, [property: JsonPropertyName("problem")] string Text);
