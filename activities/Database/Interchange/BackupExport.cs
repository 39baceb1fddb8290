using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// A backup as stock <c>mongorestore</c> reads it. Its collections are as they were read, at slightly different moments; with the oplog beside
/// them (<c>mongorestore --oplogReplay</c>) they come to the backup's end mark. Of the oplog only what is of this database goes: see
/// <see cref="ExportedOplog"/>.
/// </summary>
internal static class BackupExport
{
    /// <summary>Every byte that is written was checked by the reader against the backup's hashes.</summary>
    public static async Task<ExportedDump> WriteAsync(
        BackupReader backup, IDumpWriter writer, Action<Progress> heartbeat, CancellationToken cancellation)
    {
        var collections = backup.Index.Collections.Select(c => (Indexed: c, Dumped: ToDumped(c.Collection))).ToList();
        await writer.BeginAsync(
            backup.Index.Database, DumpTool.ServerVersion(backup.Index.ServerVersion), [.. collections.Select(c => c.Dumped)], cancellation);
        long documents = 0, bytes = 0;
        foreach (var (indexed, dumped) in collections.Where(c => c.Dumped.Source is not null))
        {
            foreach (var part in backup.ChunksOf(indexed))
            {
                using var chunk = await backup.ReadChunkAsync(part, cancellation);
                if (chunk.Bytes.Length > 0)
                {
                    await writer.WriteAsync(dumped.Source!, chunk.Bytes, cancellation);
                }

                documents += chunk.Chunk.Documents;
                bytes += chunk.Bytes.Length;
                heartbeat(new Progress(indexed.Collection.Name, bytes, backup.Manifest.RawBytes, "bytes"));
            }

            await writer.EndAsync(dumped.Source!, cancellation);
        }

        // What a transaction that was open at the start mark had done before it, then everything between the marks.
        var oplog = new ExportedOplog(backup.Index.Database, writer);
        foreach (var part in backup.Index.Earlier)
        {
            using var chunk = await backup.ReadChunkAsync(part, cancellation);
            await oplog.WriteAsync(chunk.Bytes, cancellation);
        }

        await foreach (var part in backup.ReadOplogAsync(cancellation))
        {
            using (part)
            {
                await oplog.WriteAsync(part.Entries.Bytes, cancellation);
            }

            heartbeat(new Progress("oplog", oplog.Entries, 0, "entries"));
        }

        return new ExportedDump(
            collections.Count, documents, bytes, oplog.Entries, await writer.CompleteAsync(cancellation), oplog.Notes);
    }

    private static DumpedCollection ToDumped(PlannedCollection collection) =>
        new(DumpMetadata.Of(collection), collection.Type == "view" ? null : collection.Buckets ?? collection.Name);
}

/// <param name="RawBytes">Of the documents; the oplog's are not among them.</param>
/// <param name="Files">As <see cref="IDumpWriter.CompleteAsync"/> answers them.</param>
/// <param name="Notes">What the person who restores it should know.</param>
internal sealed record ExportedDump(
    int Collections, long Documents, long RawBytes, long OplogEntries, IReadOnlyDictionary<string, long> Files, IReadOnlyList<string> Notes);
