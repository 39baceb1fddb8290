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

    /// <summary>
    /// Of each capped collection, by UUID, when the newest document of its copy was inserted. Its copy was read in the order of its inserts: what was
    /// inserted up to then is in it, or was evicted before. Absent where the oplog begins after that insert.
    /// </summary>
    public async Task<IReadOnlyDictionary<string, ClusterTime>> CappedUntilAsync(
        IEnumerable<(IndexedCollection Indexed, ReplayedCollection Into)> collections, CancellationToken cancellation)
    {
        var newest = new Dictionary<string, DocumentKey>(StringComparer.Ordinal);
        foreach (var (indexed, into) in collections.Where(c => c.Into.IsCapped))
        {
            if (reader.ChunksOf(indexed).LastOrDefault(c => c.Chunk.Documents > 0) is not { } last)
                continue;
            using var chunk = await reader.ReadChunkAsync(last, cancellation);
            ReadOnlyMemory<byte> document = default;
            foreach (var each in chunk.Documents)
                document = each;
            newest[into.Uuid] = DocumentKey.Of(RawWrites.IdOf(document));
        }

        var found = new Dictionary<string, ClusterTime>(StringComparer.Ordinal);
        if (newest.Count == 0)
            return found;
        await foreach (var part in reader.ReadOplogAsync(cancellation))
        {
            using (part)
            {
                foreach (var entry in part.Entries)
                    Look(OplogEntry.Read(entry));
            }

            if (newest.Count == 0)
                break;
        }

        return found;

        void Look(OplogEntry entry)
        {
            if (entry.Operation == "c")
            {
                // Inserts of one command, written as one entry.
                foreach (var inner in RawBson.ToDocument(RawBson.Find(entry.Object, "applyOps")) is { } list ? RawBson.Elements(list) : [])
                    Look(OplogEntry.Read(inner.Value, entry.Time));
            }
            else if (entry.Operation == "i" && entry.Collection is { } uuid && newest.TryGetValue(uuid, out var key)
                && RawBson.Find(entry.Object, "_id") is { } id && DocumentKey.Of(id).Equals(key))
            {
                found.Add(uuid, entry.Time);
                newest.Remove(uuid);
            }
        }
    }

    private static IEnumerable<byte[]> Entries(BsonSequence sequence)
    {
        foreach (var entry in sequence)
            yield return entry.ToArray();
    }
}
