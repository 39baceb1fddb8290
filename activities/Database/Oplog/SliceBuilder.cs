using System.Security.Cryptography;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// Collects the chunks of one slice until it is cut. They are held in memory, compressed: the object's name, which its encryption is bound to, says
/// where it ends. Not thread-safe.
/// </summary>
internal sealed class SliceBuilder(string database)
{
    private readonly OplogEntries _entries = new(database);
    private readonly List<SliceChunk> _chunks = [];
    private string _firstEntry = "";
    private string _lastEntry = "";
    private ClusterTime _from;
    private ClusterTime _to;
    private long _documents;
    private DateTimeOffset? _canary;
    private bool _onlyDocuments = true;

    /// <summary>Nothing of the oplog itself was added.</summary>
    public bool IsEmpty => _firstEntry.Length == 0;

    /// <summary>Of the oplog, uncompressed.</summary>
    public long RawBytes { get; private set; }

    /// <summary>A slice of these raw entries. The first is the last one of the slice before (or a link to it).</summary>
    /// <param name="earlier">Beginnings of transactions that were open where the chain of slices begins.</param>
    /// <param name="chunkBytes">A chunk is cut before the entry that would make it larger.</param>
    public static SliceDraft Build(
        string database, IEnumerable<byte[]> entries, IEnumerable<byte[]>? earlier = null, int level = 1, int chunkBytes = LaneDump.ChunkBytes)
    {
        using var parts = new OplogParts(database, level, chunkBytes);
        var builder = new SliceBuilder(database);
        foreach (var entry in earlier ?? [])
        {
            builder.Add(parts.Single(entry));
        }

        var begun = false;
        foreach (var entry in entries)
        {
            if (!begun)
            {
                parts.Begin(entry, OplogEntries.TimeOf(entry), 0);
                begun = true;
            }
            else
            {
                if (!parts.Fits(entry.Length))
                {
                    builder.Add(parts.Cut()!);
                }

                parts.Append(entry, OplogEntries.TimeOf(entry));
            }
        }

        if (parts.Cut() is { } last)
        {
            builder.Add(last);
        }

        return builder.Finish();
    }

    /// <summary>Takes a copy.</summary>
    public void Add(OplogPartCut part)
    {
        _chunks.Add(new SliceChunk(part.Chunk, part.Frame.ToArray()));
        if (part.Chunk.Range != PackChunk.Oplog)
        {
            return;
        }

        ReadOnlyMemory<byte> last = default;
        foreach (var entry in new BsonSequence(part.Raw))
        {
            if (_firstEntry.Length == 0)
            {
                (_firstEntry, _from) = (Hash(entry.Span), part.Chunk.FirstEntry!.Value);
            }
            else if (_onlyDocuments && !OplogEntries.IsOnDocuments(entry.Span))
            {
                _onlyDocuments = false;
            }
            else if (_entries.CanaryOf(entry.Span) is { } canary && (_canary is null || canary > _canary))
            {
                _canary = canary;
            }

            last = entry;
        }

        (_lastEntry, _to) = (Hash(last.Span), part.Chunk.LastEntry!.Value);
        _documents += part.Chunk.Documents - 1;
        RawBytes += part.Chunk.RawLength;
    }

    public SliceDraft Finish() => _to > _from
        ? new SliceDraft(database, _from, _to, _chunks, _documents, RawBytes, _firstEntry, _lastEntry, _canary) { OnlyDocuments = _onlyDocuments }
        : throw new InvalidOperationException("A slice leads from one time to a later one.");

    internal static string Hash(ReadOnlySpan<byte> entry) => Convert.ToHexStringLower(SHA256.HashData(entry));
}

/// <summary>A slice that is cut and not stored yet.</summary>
/// <param name="Entries">Without the shared first one.</param>
internal sealed record SliceDraft(
    string Database, ClusterTime From, ClusterTime To, IReadOnlyList<SliceChunk> Chunks, long Entries, long RawBytes,
    string FirstEntrySha256, string LastEntrySha256, DateTimeOffset? NewestCanary)
{
    /// <summary>As in <see cref="SliceManifest.OnlyDocuments"/>.</summary>
    public bool OnlyDocuments { get; init; }
}

/// <param name="Chunk">Without its place.</param>
internal sealed record SliceChunk(PackChunk Chunk, byte[] Frame);
