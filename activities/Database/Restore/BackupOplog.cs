using System.Runtime.CompilerServices;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>The oplog of a sealed backup, as replay reads it. Entries are copied: a window outlives the chunk that they come from.</summary>
internal sealed class BackupOplog(BackupReader reader) : IOplogSource
{
    public async IAsyncEnumerable<(ReadOnlyMemory<byte> Entry, OplogPlace Place)> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        for (var part = 0; part < reader.Index.Earlier.Count; part++)
        {
            using var chunk = await reader.ReadChunkAsync(reader.Index.Earlier[part], cancellation);
            foreach (var entry in Entries(chunk.Documents))
                yield return (entry, new OplogPlace(true, part));
        }

        await foreach (var part in reader.ReadOplogAsync(cancellation))
        {
            using (part)
            {
                foreach (var entry in Entries(part.Entries))
                    yield return (entry, new OplogPlace(false, part.Number));
            }
        }
    }

    public async Task<ReadOnlyMemory<byte>> ReadAgainAsync(OplogPlace place, ClusterTime time, CancellationToken cancellation)
    {
        var chunks = place.Earlier ? reader.Index.Earlier : reader.Index.Oplog;
        using var chunk = await reader.ReadChunkAsync(chunks[place.Part], cancellation);
        foreach (var entry in chunk.Documents)
        {
            if (OplogEntry.ToTime(RawBson.Find(entry, "ts")) == time)
                return RawBson.ToDocument(RawBson.Find(entry, "o"))!.Value.ToArray();
        }

        throw new RefusalException(ErrorKinds.Integrity, $"An oplog entry of {time} is not where it was read before.", chunks[place.Part].Pack);
    }

    private static IEnumerable<byte[]> Entries(BsonSequence sequence)
    {
        foreach (var entry in sequence)
            yield return entry.ToArray();
    }
}
