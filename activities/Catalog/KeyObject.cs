using System.Globalization;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;

namespace LuxHedge.Activities.Catalog;

/// <summary><c>{asset}/keys/{keyId}/{n}.json</c>: a data key in every wrapping it was given when it was made, or (n above 1) later.
/// Signed.</summary>
/// <param name="Format"><c>luxhedge-key/1</c>.</param>
public sealed record KeyObject(
    string Format,
    string Asset,
    string KeyId,
    int N,
    string Purpose,
    DateTimeOffset CreatedAt,
    string Writer,
    IReadOnlyList<KeyWrapping> Wrappings) : ISignedContent
{
    public const string FormatName = "luxhedge-key/1";

    internal KeyContext Context => new(Asset, KeyId, Purpose);

    internal string? ProblemUnder(string objectName) =>
        Format != FormatName ? $"its format is '{Format}', not {FormatName}"
        : ObjectNames.Key(Asset, KeyId, N) != objectName ? $"says that it is {ObjectNames.Key(Asset, KeyId, N)}"
        : Wrappings.Count == 0 ? "has no wrapping"
        : null;

    /// <summary>The number in a key object's name; null for what is none.</summary>
    internal static int? NumberOf(string objectName, string asset, string keyId) =>
        objectName.StartsWith(ObjectNames.Keys(asset, keyId), StringComparison.Ordinal) &&
        objectName.EndsWith(".json", StringComparison.Ordinal) &&
        objectName.AsSpan()[ObjectNames.Keys(asset, keyId).Length..^".json".Length] is var number &&
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n) &&
        ObjectNames.Key(asset, keyId, n) == objectName
            ? n
            : null;
}
