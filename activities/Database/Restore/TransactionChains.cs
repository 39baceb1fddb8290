using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The <c>applyOps</c> entries of operations that are not visible yet: transactions, with or without a prepare, and batched deletions,
/// which have no session. Entries are chained by <c>prevOpTime</c>. Beyond a size only references are kept, and the entries are read again
/// when their chain is committed.
/// </summary>
internal sealed class TransactionChains(long mostBytes)
{
    private readonly Dictionary<ClusterTime, List<ChainedEntry>> byLast = [];

    private long held;

    /// <summary>Adds an entry that more will follow.</summary>
    /// <param name="before">The chain that it follows, as it was taken out.</param>
    public void Extend(OplogEntry entry, OplogPlace place, IReadOnlyList<ChainedEntry> before)
    {
        var chain = before as List<ChainedEntry> ?? [.. before];
        held += chain.Sum(c => c.Object?.Length ?? 0);
        var bytes = entry.Object.Length;
        var keep = held + bytes <= mostBytes;
        if (keep)
            held += bytes;
        chain.Add(new ChainedEntry(entry.Time, place, keep ? entry.Object.ToArray() : default(ReadOnlyMemory<byte>?))); // A copy: a slice would keep its whole chunk alive.
        byLast[entry.Time] = chain;
    }

    /// <summary>The chain whose last entry that is, taken out; null: it is not known.</summary>
    public IReadOnlyList<ChainedEntry>? Take(ClusterTime last)
    {
        if (!byLast.Remove(last, out var chain))
            return null;
        held -= chain.Sum(c => c.Object?.Length ?? 0);
        return chain;
    }
}

/// <param name="Object">The entry's <c>o</c>; null: to be read again from <paramref name="Place"/>.</param>
internal sealed record ChainedEntry(ClusterTime Time, OplogPlace Place, ReadOnlyMemory<byte>? Object);

/// <summary>Which part of the backup's oplog an entry lies in; <see cref="Earlier"/> parts are before the start mark.</summary>
internal readonly record struct OplogPlace(bool Earlier, int Part)
{
    /// <summary>Of a slice: which, by its object's name. Null: of the backup itself.</summary>
    public string? Slice { get; init; }
}
