using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Catalog;

/// <summary>
/// Writes records: signed, write-once, under a name with a random part, so that an activity that runs twice leaves two that say the same.
/// </summary>
public sealed class RecordWriter(StoreSet stores, WriterKey writer, TimeProvider clock)
{
    /// <summary>A new record of now, to be completed with <c>with</c>; <see cref="BackupRecord.Store"/> is set where it is written.</summary>
    public BackupRecord Create(string kind, string asset, string backupId, string runId, string manifestSha256) =>
        new(BackupRecord.FormatName, kind, asset, backupId, "", Milliseconds(clock.GetUtcNow()), runId, writer.Name, manifestSha256);

    /// <summary>Into one store: <c>copied</c> and <c>verified</c> lie with the copy they are of.</summary>
    /// <returns>The object's name.</returns>
    public async Task<string> WriteAsync(string store, BackupRecord record, CancellationToken cancellation)
    {
        var placed = record with { Store = store };
        var bytes = SignedDocument.Write(placed, writer);
        while (true)
        {
            var name = ObjectNames.Record(
                placed.Asset, placed.Backup, placed.At, placed.Kind, store, RandomNumberGenerator.GetHexString(8, lowercase: true));
            if (await stores[store].PutIfAbsentAsync(name, bytes, cancellation) == PutOutcome.Created)
                return name;
        }
    }

    /// <summary>Into every store: <c>held</c>, <c>released</c>, <c>using</c>, <c>expired</c> and <c>accepted</c>.</summary>
    /// <returns>The names by store, and the stores that could not be written.</returns>
    public async Task<(IReadOnlyDictionary<string, string> Names, IReadOnlyList<UnknownStore> Failed)> WriteEverywhereAsync(
        IReadOnlyList<string> storeNames, BackupRecord record, CancellationToken cancellation)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        var failed = new List<UnknownStore>();
        foreach (var store in storeNames)
        {
            try
            {
                names[store] = await WriteAsync(store, record, cancellation);
            }
            catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Unreachable or ErrorKinds.Plan)
            {
                failed.Add(new UnknownStore(store, e.Report.Message));
            }
            catch (IOException e)
            {
                failed.Add(new UnknownStore(store, e.Message));
            }
        }

        return (names, failed);
    }

    /// <summary>Stored times have milliseconds: the name is made of the same ones.</summary>
    private static DateTimeOffset Milliseconds(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
