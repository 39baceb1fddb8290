using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database;

/// <summary>The encrypted <c>ranges</c> object (zstd frame of this JSON): what is read, put once before the first pack.</summary>
/// <param name="Lanes">For each lane the numbers of its ranges, in the order they are read.</param>
public sealed record RangesDocument(
    string Format,
    string Backup,
    string Database,
    string ServerVersion,
    IReadOnlyList<PlannedCollection> Collections,
    IReadOnlyList<PlannedRange> Ranges,
    IReadOnlyList<IReadOnlyList<int>> Lanes)
{
    public const string FormatName = "luxhedge-ranges/1";

    /// <summary>UUIDs of collections that the backup leaves out: <see cref="IndexDocument.Discarded"/> has them too.</summary>
    public IReadOnlyList<string>? Passed { get; init; }

    /// <summary>Round 1 only: planned UUIDs that are not there any more, and so not in the backup.</summary>
    public IReadOnlyList<string>? Gone { get; init; }
}

/// <summary>A collection as the server reports it. <see cref="Options"/> and each of <see cref="Indexes"/> are canonical Extended JSON v2.</summary>
/// <param name="Uuid">32 hex digits; null for a view.</param>
/// <param name="Uuid">32 hex digits: by what the oplog names it (of a time series before MongoDB 8.3: its bucket collection's); null for a
/// view.</param>
/// <param name="Type"><c>collection</c>, <c>view</c> or <c>timeseries</c>.</param>
/// <param name="Indexes">As <c>listIndexes</c> gives them, <c>_id_</c> among them; of a time series the client's view of them.</param>
/// <param name="Buckets">Of a time series whose chunks (and oplog entries) hold bucket documents: the collection that they are read from and
/// written to, <c>system.buckets.X</c>, or X itself with <c>rawData: true</c> (from 8.3). Null: documents as clients see them.</param>
public sealed record PlannedCollection(
    string Name, string? Uuid, string Type, string Options, IReadOnlyList<string> Indexes, long EstimatedDocuments, long EstimatedBytes,
    string? Buckets = null);

/// <summary>One range. Bounds are canonical Extended JSON of <c>{"_id": …}</c>, lower inclusive, upper exclusive; both null: the whole
/// collection with neither filter nor hint. Open outer ends are null.</summary>
/// <param name="ByHint">Bounds by hint/min/max (mixed types of _id), not by filter.</param>
public sealed record PlannedRange(int Number, string Collection, string Uuid, string? Min, string? Max, bool ByHint);

/// <summary>
/// The table at the end of every pack: zstd frame of this JSON, then 24 bytes: table offset (u64 LE), table length (u64 LE), magic
/// <c>LUXPACK1</c>. Offsets count in the pack's plaintext.
/// </summary>
/// <param name="Attempt">16 hex digits, random for each attempt at a lane: a range is taken from one attempt only.</param>
public sealed record PackTable(string Format, string Backup, string Attempt, IReadOnlyList<PackChunk> Chunks)
{
    public const string FormatName = "luxhedge-pack/1";
}

/// <summary>A chunk: one zstd frame of concatenated BSON documents, at most 64 MiB raw.</summary>
/// <param name="Range">Number of the range; <see cref="Oplog"/> or <see cref="Earlier"/> for oplog entries.</param>
/// <param name="Part">Counts from 0 within the range (or, of oplog, within the attempt).</param>
/// <param name="LastPart">The range's last chunk: with it the range is whole. An empty range has one chunk of no documents. Oplog: the part
/// that reaches the end mark.</param>
/// <param name="Sha256">Lower-case hex, of the raw (uncompressed) bytes.</param>
/// <param name="FirstEntry">Oplog only: cluster times of its first and last entry. The first is the last of the part before.</param>
/// <param name="Until">Of the oplog's last part: the end mark it was cut at.</param>
public sealed record PackChunk(
    int Range, int Part, bool LastPart, long Offset, int Length, int RawLength, int Documents, string Sha256,
    ClusterTime? FirstEntry = null, ClusterTime? LastEntry = null, ClusterTime? Until = null)
{
    /// <summary><see cref="Range"/> of the oplog between the marks.</summary>
    public const int Oplog = -1;

    /// <summary><see cref="Range"/> of entries before it: the beginnings of transactions that were open then.</summary>
    public const int Earlier = -2;

    /// <summary>No chunk has more raw bytes: readers refuse one that says so, before they make room for it.</summary>
    public const int MaxRawLength = 64 << 20;
}

/// <summary>The encrypted <c>index</c> object (zstd frame of this JSON).</summary>
/// <param name="Oplog">In order of time; each part begins with the last entry of the part before it.</param>
/// <param name="Earlier">Earlier entries of transactions open at the start mark, in order of time; usually empty.</param>
/// <param name="Discarded">UUIDs whose entries replay passes: planned ones that were dropped or replaced and are not in the backup, the
/// server's own (<c>system.views</c>), and in a backup of named collections those of the others.</param>
public sealed record IndexDocument(
    string Format,
    string Backup,
    string Asset,
    string Database,
    string ServerVersion,
    ClusterTime StartMark,
    ClusterTime EndMark,
    IReadOnlyList<IndexedCollection> Collections,
    IReadOnlyList<IndexedChunk> Chunks,
    IReadOnlyList<IndexedChunk> Oplog,
    IReadOnlyList<IndexedChunk> Earlier,
    IReadOnlyList<string> Discarded,
    WitnessDocument Witness)
{
    public const string FormatName = "luxhedge-index/1";

    /// <summary>Users and roles that are defined on the database, at the time of sealing. Null: they were not looked for (named collections, an
    /// import, a backup of an earlier version).</summary>
    public AccountsDocument? Accounts { get; init; }
}

/// <param name="Collection">The planned collection, options and indexes as they were when planned; replay brings them to the end mark.</param>
/// <param name="Ranges">Its ranges in order.</param>
public sealed record IndexedCollection(
    PlannedCollection Collection, IReadOnlyList<PlannedRange> Ranges, long Documents, long RawBytes);

/// <param name="Pack">The pack's whole object name.</param>
public sealed record IndexedChunk(string Pack, PackChunk Chunk);
