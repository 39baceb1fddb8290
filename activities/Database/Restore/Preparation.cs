using LuxHedge.Activities.Catalog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Before the first byte: says in the stores that the backup is in use, claims the target, and makes the collections beside it.</summary>
internal sealed class Preparation(RestoringState state, BackupReader reader, BackupCatalog catalog, RecordWriter records, IReadOnlyList<string> stores)
{
    public async Task PrepareAsync(RestoreWork work, Selection selection, CancellationToken cancellation)
    {
        var (asset, backup) = (work.Request.Asset, work.Plan.BackupId);
        var left = await state.ClaimAsync(
            new BsonDocument
            {
                { "backup", backup }, { "manifest", work.Plan.ManifestSha256 }, { "purpose", work.Request.Purpose.ToString() },
                { "startedAt", new BsonDateTime(DateTime.UtcNow) },
            },
            cancellation);
        if (left is not null)
            await RemoveLeftoversAsync(cancellation);
        await SayUsingAsync(work, cancellation);
        await RefuseExpiredAsync(asset, backup, cancellation);

        var fence = await state.RaiseAsync("prepare", cancellation);
        if ((await state.RunDocumentAsync(cancellation))?.Contains("prepared") == true)
            return; // An attempt before has done it, and lanes may be at work.
        var all = selection.Base(reader.Index, work.Plan.Database).Select(b => b.Into).ToList();
        foreach (var collection in all)
        {
            await fence.CheckAsync(cancellation);
            if (collection.Type != ReplayedCollection.View)
                await BesideTarget.CreateAsync(state.Database, collection, cancellation);
            await state.Documents.ReplaceOneAsync(
                KeptCollections.Filter(collection.Uuid), KeptCollections.ToDocument(collection), new ReplaceOptions { IsUpsert = true }, cancellation);
            Beat.Report("prepare", 0, all.Count, "collections");
        }

        await state.SetRunAsync(new BsonDocument("prepared", true), cancellation);
    }

    /// <summary>
    /// What a run left that ended without its clean-up (its workflow was terminated, or its history deleted). The lock says that it is not
    /// alive; activities of it that are, are fenced when their state is gone.
    /// </summary>
    private async Task RemoveLeftoversAsync(CancellationToken cancellation)
    {
        foreach (var collection in await TargetInventory.ListAsync(state.Database, cancellation))
        {
            if (BesideNames.IsOurs(collection.Name) && collection.Name != BesideNames.State)
            {
                await state.Database.DropCollectionAsync(collection.Name, cancellation);
                Beat.Report("remove what another run left", 0, 0, "");
            }
        }

        await state.Documents.DeleteManyAsync(new BsonDocument("_id", new BsonDocument("$ne", "run")), cancellation);
        await state.Documents.UpdateOneAsync(
            new BsonDocument { { "_id", "run" }, { "runId", state.Run } }, new BsonDocument("$unset", new BsonDocument("cleaning", "")), cancellationToken: cancellation);
    }

    /// <summary>To every store that answers: one that does not never stops a restore.</summary>
    private async Task SayUsingAsync(RestoreWork work, CancellationToken cancellation)
    {
        if ((await state.RunDocumentAsync(cancellation))?.Contains("using") == true)
            return;
        var (names, _) = await records.WriteEverywhereAsync(
            stores, records.Create(RecordKinds.Using, work.Request.Asset, work.Plan.BackupId, work.Request.RunId, work.Plan.ManifestSha256), cancellation);
        await state.SetRunAsync(new BsonDocument("using", new BsonDocument(names.Select(n => new BsonElement(n.Key, n.Value)))), cancellation);
    }

    /// <summary>Retention looks for <c>using</c> after it has written <c>expired</c>: of the two, one sees the other.</summary>
    private async Task RefuseExpiredAsync(string asset, string backup, CancellationToken cancellation)
    {
        if ((await catalog.LookAsync(asset, backup, cancellation)).Find(backup) is { } found
            && BackupStanding.Standing(RecordKinds.Expired, found.Records).FirstOrDefault() is { } expired)
        {
            throw new RefusalException(
                ErrorKinds.Restore, $"Retention is about to delete backup {backup} (since {expired.Record.At:u}).", expired.Name,
                "Wait until it has withdrawn, or restore another backup.");
        }
    }
}
