namespace LuxHedge.Activities.Database;

/// <summary>
/// Which attempt's chunks a range is taken from. Attempts at a lane may overlap (one that was given up may still be alive): a range counts only
/// from one that has all of it, from part 0 to its last part.
/// </summary>
/// <example>Attempt a wrote parts 0, 1 of range 7 and died; attempt b wrote 0, 1 and 2, the last: range 7 is b's.</example>
internal sealed class AttemptChoice
{
    private readonly Dictionary<int, IReadOnlyList<IndexedChunk>> _ranges = [];

    public AttemptChoice(IEnumerable<StoredPack> packs)
    {
        var chunks = packs.SelectMany(p => p.Table.Chunks, (p, c) => (p.Table.Attempt, Chunk: new IndexedChunk(p.Name, c))).Where(c => c.Chunk.Chunk.Range >= 0);
        foreach (var range in chunks.GroupBy(c => c.Chunk.Chunk.Range))
        {
            foreach (var attempt in range.GroupBy(c => c.Attempt, StringComparer.Ordinal).OrderBy(a => a.Key, StringComparer.Ordinal))
            {
                var parts = attempt.Select(c => c.Chunk).OrderBy(c => c.Chunk.Part).ToList();
                if (parts.Index().All(p => p.Item.Chunk.Part == p.Index && p.Item.Chunk.LastPart == (p.Index == parts.Count - 1)))
                {
                    _ranges[range.Key] = parts;
                    break;
                }
            }
        }
    }

    /// <summary>The range's chunks in order; null when no attempt has it whole.</summary>
    public IReadOnlyList<IndexedChunk>? Find(int range) => _ranges.GetValueOrDefault(range);
}
