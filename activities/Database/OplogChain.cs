using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database;

/// <summary>
/// The oplog's parts as several attempts at the tail may have written them, some of them beyond the end mark or over the same time. A chain
/// begins at the oplog's beginning, and each part in it begins with the last entry of the part before.
/// </summary>
internal sealed class OplogChain
{
    private readonly ClusterTime _from;
    private readonly List<(StoredPack Pack, PackChunk Chunk)> _open;
    private readonly List<(StoredPack Pack, PackChunk Chunk)> _last;

    /// <summary>For each time that a chain reaches, the part that reaches it (null at the beginning).</summary>
    private readonly Dictionary<ClusterTime, (StoredPack Pack, PackChunk Chunk)?> _reached = [];

    public OplogChain(IEnumerable<StoredPack> packs, ClusterTime from)
    {
        _from = from;
        var parts = packs.SelectMany(p => p.Table.Chunks, (p, c) => (Pack: p, Chunk: c)).Where(p => p.Chunk.Range == PackChunk.Oplog).ToList();
        _open = [.. parts.Where(p => !p.Chunk.LastPart)
            .OrderBy(p => p.Chunk.FirstEntry).ThenBy(p => p.Chunk.LastEntry).ThenBy(p => p.Pack.Name, StringComparer.Ordinal)];
        _last = [.. parts.Where(p => p.Chunk.LastPart).OrderBy(p => p.Pack.Name, StringComparer.Ordinal)];
        _reached[from] = null;

        // Each open part ends later than it begins, so in this order every part's beginning is settled before the part is looked at.
        foreach (var part in _open)
        {
            if (part.Chunk is { FirstEntry: { } first, LastEntry: { } end } && end > first && _reached.ContainsKey(first))
            {
                _reached.TryAdd(end, part);
            }
        }
    }

    /// <summary>The last part of the longest chain that does not pass <paramref name="until"/>; null when there is none yet.</summary>
    public (StoredPack Pack, PackChunk Chunk)? Furthest(ClusterTime? until) =>
        _reached.Where(r => r.Value is not null && (until is null || r.Key <= until)).Select(r => r.Value).MaxBy(p => p!.Value.Chunk.LastEntry);

    /// <summary>The whole chain up to the end mark, in order; null while there is none.</summary>
    public IReadOnlyList<IndexedChunk>? To(ClusterTime end)
    {
        foreach (var last in _last)
        {
            if (last.Chunk.Until != end || last.Chunk.FirstEntry is not { } first || !_reached.TryGetValue(first, out var before))
            {
                continue;
            }

            var chain = new List<IndexedChunk> { new(last.Pack.Name, last.Chunk) };
            while (before is { } part)
            {
                chain.Add(new(part.Pack.Name, part.Chunk));
                before = _reached[part.Chunk.FirstEntry!.Value];
            }

            chain.Reverse();
            return chain[0].Chunk.FirstEntry == _from ? chain : null;
        }

        return null;
    }
}
