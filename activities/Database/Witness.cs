namespace LuxHedge.Activities.Database;

/// <summary>What the source held at the end mark, for one collection (part of the index as <see cref="WitnessDocument"/>).</summary>
/// <param name="Collection">Its name at the end mark.</param>
/// <param name="Uuid">Its UUID at the end mark.</param>
/// <param name="Type"><c>collection</c>, <c>view</c> or <c>timeseries</c>.</param>
/// <param name="Options">Canonical Extended JSON, at the end mark; likewise <paramref name="Indexes"/>.</param>
/// <param name="Documents">Counted by reading, at the end mark; -1 where it could not be read then (see <paramref name="Missing"/>).</param>
/// <param name="Shares">Hashed ranges of <c>_id</c>.</param>
/// <param name="Missing">Why there is no witness of the documents; null when there is one.</param>
public sealed record CollectionWitness(
    string Collection, string? Uuid, string Type, string Options, IReadOnlyList<string> Indexes,
    long Documents, IReadOnlyList<WitnessShare> Shares, string? Missing);

/// <summary>An order-free hash of a range: the sum modulo 2^256 of the SHA-256 of each document's BSON (with a top-level
/// <c>_id</c> moved to the front), as lower-case hex, big-endian.</summary>
/// <param name="Min">As in <see cref="PlannedRange"/>; both null: the whole collection.</param>
public sealed record WitnessShare(string? Min, string? Max, bool ByHint, long Documents, string Hash);

public sealed record WitnessDocument(IReadOnlyList<CollectionWitness> Collections, DateTimeOffset TakenAt);
