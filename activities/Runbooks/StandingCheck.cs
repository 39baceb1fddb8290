using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Runbooks;

/// <summary>Compares what stands in a database with a backup's witness, collection by collection; at a point in time, with what slices made of
/// it.</summary>
internal sealed class StandingCheck(Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, TimeProvider time)
{
    /// <param name="named">Null: every collection of the backup.</param>
    /// <param name="point">Null: the backup's own end mark.</param>
    public async Task<(IReadOnlyList<Check> Checks, long Documents)> CompareAsync(
        RunTarget target, string backupId, IReadOnlyList<string>? named, IReadOnlyList<HandedKey>? handed, CancellationToken cancellation, RestorePoint? point = null)
    {
        using var reader = await OpenAsync(target.Asset, backupId, handed, cancellation);
        if (point?.Until is { } until)
            return await CompareAsync(target, reader, await CollectionsAsync(reader, until, handed, cancellation), named, clusters, cancellation);
        var database = clusters[target.Cluster].GetDatabase(target.Database);
        var there = (await TargetInventory.ListAsync(database, cancellation)).ToDictionary(c => c.Name, StringComparer.Ordinal);
        var wanted = Selection.Of(reader.Index, named is { Count: > 0 } ? named : null).Names.ToHashSet(StringComparer.Ordinal);
        var checks = new List<Check>();
        var documents = 0L;
        foreach (var witness in reader.Index.Witness.Collections.Where(w => wanted.Contains(w.Collection)))
        {
            Beat.Report("check documents", checks.Count, wanted.Count, "collections");
            var (check, counted) = there.TryGetValue(witness.Collection, out var found)
                ? await CompareAsync(database, target.Production, witness, found, cancellation)
                : (new Check(witness.Collection, Verdict.Failed, "It is not there."), 0);
            checks.Add(check);
            documents += counted;
        }

        return (checks.Count > 0 ? checks : [new("documents", Verdict.NotProven, "There was nothing to compare.")], documents);
    }

    /// <summary>Which collections there are at a point, and what was done to each since the backup.</summary>
    public async Task<IReadOnlyList<ReplayedCollection>> CollectionsAsync(
        BackupReader reader, ClusterTime until, IReadOnlyList<HandedKey>? handed, CancellationToken cancellation)
    {
        using var oplog = await new PointSlices(stores, new SliceCatalog(plan, stores)).OpenAsync(reader, until, store: null, new SliceKeys(keys, handed), cancellation);
        var (to, leftOut) = await oplog.BorderAsync(until, cancellation);
        return [.. (await CollectionsAtPoint.ReadAsync(reader, oplog, to, leftOut, cancellation)).Where(c => !BesideNames.IsOurs(c.Name)).OrderBy(c => c.Name, StringComparer.Ordinal)];
    }

    private static async Task<(IReadOnlyList<Check> Checks, long Documents)> CompareAsync(
        RunTarget target, BackupReader reader, IReadOnlyList<ReplayedCollection> then, IReadOnlyList<string>? named, ClusterConnections clusters, CancellationToken cancellation)
    {
        var database = clusters[target.Cluster].GetDatabase(target.Database);
        var there = (await TargetInventory.ListAsync(database, cancellation)).ToDictionary(c => c.Name, StringComparer.Ordinal);
        var checks = new List<Check>();
        var documents = 0L;
        foreach (var collection in then.Where(c => named is not { Count: > 0 } || named.Contains(c.Name, StringComparer.Ordinal)))
        {
            Beat.Report("check documents", checks.Count, then.Count, "collections");
            var witness = reader.Index.Witness.Collections.FirstOrDefault(w => Selection.KeyOf(w.Collection, w.Type, w.Uuid) == collection.Uuid);
            var (check, counted) = !there.TryGetValue(collection.Name, out var found)
                ? (new Check(collection.Name, Verdict.Failed, "It is not there."), 0)
                : collection.Since is null && witness is not null ? await CompareAsync(database, target.Production, witness, found, cancellation)
                : await CompareChangedAsync(database, target.Production, collection, witness, found, cancellation);
            checks.Add(check);
            documents += counted;
        }

        checks.AddRange((named ?? []).Where(n => then.All(c => c.Name != n)).Select(n => new Check(n, Verdict.Failed, "It was not there at that moment.")));
        return (checks.Count > 0 ? checks : [new("documents", Verdict.NotProven, "There was nothing to compare.")], documents);
    }

    /// <summary>Nobody has a hash of what slices wrote: the count says how many documents there must be.</summary>
    private static async Task<(Check Check, long Documents)> CompareChangedAsync(
        IMongoDatabase database, bool production, ReplayedCollection then, CollectionWitness? witness, TargetCollection found, CancellationToken cancellation)
    {
        var since = then.Since ?? SinceBase.Nothing;
        var wrong = new List<string>();
        if (found.Type != then.Type)
            wrong.Add($"it was a {then.Type} and is a {found.Type}");
        if (then.Type != ReplayedCollection.Collection || found.Type != ReplayedCollection.Collection)
        {
            return (new(then.Name, wrong.Count > 0 ? Verdict.Failed : Verdict.Proven, wrong.Count > 0 ? string.Join("; ", wrong) : "it is there"), 0);
        }

        if (CollectionSpecifications.Form(then.Options, withExpiry: false) is var options
            && CollectionSpecifications.Form(found.Options, withExpiry: false) is var now && options != now)
            wrong.Add($"its options were {options} and are {now}");
        RestoredCheck.CompareIndexes(then.Indexes, await TargetInventory.IndexesAsync(database, then.Name, cancellation), withExpiry: false, wrong);
        var counted = await database.GetCollection<BsonDocument>(then.Name).CountDocumentsAsync(new BsonDocument(), cancellationToken: cancellation);
        var known = since.IsNew || witness is { Missing: null };
        if (wrong.Count == 0 && then.Name == Marks.CanaryCollection && (production || !known))
            return (new(then.Name, counted > 0 ? Verdict.Proven : Verdict.Failed, $"{counted:N0} canaries; they need no witness"), counted);
        if (!known)
        {
            return (new(then.Name, wrong.Count > 0 ? Verdict.Failed : Verdict.NotProven,
                $"{string.Concat(wrong.Select(w => w + "; "))}its count at the base's end mark is not known; {counted:N0} documents are there."), counted);
        }

        var expected = (since.IsNew ? 0 : witness!.Documents) + since.Net;
        if (then.IsCapped && counted != expected)
            await RestoredCheck.CompareCappedAsync(database, then.Name, then.Options, since, expected, counted, wrong, cancellation);
        else if (counted != expected)
            wrong.Add($"{expected:N0} documents were there, {counted:N0} are");
        return (wrong.Count > 0
            ? new(then.Name, Verdict.Failed, string.Join("; ", wrong))
            : new(then.Name, Verdict.Proven, $"{counted:N0} documents, {then.Indexes.Count} indexes: as many as the writes after the base leave ({since.Net:+#,0;-#,0;0})"), counted);
    }

    public async Task<BackupReader> OpenAsync(AssetPlan asset, string backupId, IReadOnlyList<HandedKey>? handed, CancellationToken cancellation)
    {
        var chosen = await new BackupCatalog(plan, stores, time).FindAsync(backupId, cancellation);
        if (chosen.Manifest.Asset != asset.Name)
            throw new RefusalException(ErrorKinds.Usage, $"Backup {backupId} is of the asset '{chosen.Manifest.Asset}', not of '{asset.Name}'.", backupId);
        var from = chosen.Copies.Select(c => c.Store).ToList();
        return await new RestoreBackups(plan, stores, keys).OpenAsync(asset.Name, backupId, chosen.ManifestSha256, from, handed, cancellation);
    }

    private static async Task<(Check Check, long Documents)> CompareAsync(
        IMongoDatabase database, bool production, CollectionWitness witness, TargetCollection found, CancellationToken cancellation)
    {
        var wrong = new List<string>();
        if (found.Type != witness.Type)
            wrong.Add($"it was a {witness.Type} and is a {found.Type}");
        if (witness.Type == ReplayedCollection.View || found.Type == ReplayedCollection.View)
            return (ToCheck(witness, wrong, 0), 0);
        if (CollectionSpecifications.Form(CollectionSpecifications.Parse(witness.Options), withExpiry: false) is var then
            && CollectionSpecifications.Form(found.Options, withExpiry: false) is var now && then != now)
            wrong.Add($"its options were {then} and are {now}");
        var collection = database.GetCollection<BsonDocument>(witness.Collection);
        if (witness.Type == ReplayedCollection.TimeSeries)
        {
            // Its shares are of buckets, or of documents whose fields the server orders: the cut-over has compared them.
            var any = await collection.Find(new BsonDocument()).Limit(1).AnyAsync(cancellation);
            if (witness.Missing is { } unknown)
                return (new Check(witness.Collection, Verdict.NotProven, $"Without a witness: {unknown}. It is {(any ? "there" : "empty")}."), 0);
            if (!any && witness.Documents > 0)
                wrong.Add("it is empty");
            return (ToCheck(witness, wrong, 0), 0);
        }

        RestoredCheck.CompareIndexes(
            witness.Indexes.Select(i => CollectionSpecifications.Listed(CollectionSpecifications.Parse(i))),
            await TargetInventory.IndexesAsync(database, witness.Collection, cancellation), withExpiry: false, wrong);
        var counted = await collection.CountDocumentsAsync(new BsonDocument(), cancellationToken: cancellation);
        if (witness.Collection == Marks.CanaryCollection && wrong.Count == 0 && (witness.Missing is not null || (production && counted >= witness.Documents)))
        {
            return (new Check(witness.Collection, Verdict.Proven, witness.Missing is not null
                ? $"{counted:N0} canaries; they need no witness" : $"{counted:N0} canaries; capture goes on writing them, so no hash is compared"), counted);
        }

        if (witness.Missing is { } why)
            return (new Check(witness.Collection, Verdict.NotProven, $"Without a witness: {why}. {counted:N0} documents are there."), counted);
        if (counted != witness.Documents)
            wrong.Add($"{witness.Documents:N0} documents were there, {counted:N0} are");
        foreach (var share in witness.Shares)
        {
            if (await RestoredCheck.CompareShareAsync(database, witness.Collection, rawData: false, share, witness.Collection, cancellation) is { } other)
                wrong.Add(other);
        }

        return (ToCheck(witness, wrong, counted), counted);
    }

    private static Check ToCheck(CollectionWitness witness, List<string> wrong, long documents) => wrong.Count > 0
        ? new(witness.Collection, Verdict.Failed, string.Join("; ", wrong))
        : new(witness.Collection, Verdict.Proven, witness.Type == ReplayedCollection.Collection
            ? $"{documents:N0} documents, {witness.Indexes.Count} indexes; {witness.Shares.Sum(s => s.Documents):N0} documents compared by hash"
            : witness.Type == ReplayedCollection.TimeSeries ? "it is there, its documents were compared at the cut-over" : "the view is there");
}
