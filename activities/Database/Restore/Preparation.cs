using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Before the first byte: claims the target, and makes the collections beside it.</summary>
internal sealed class Preparation(RestoringState state)
{
    public async Task PrepareAsync(RestoreWork work, IEnumerable<(IndexedCollection Indexed, ReplayedCollection Into)> collections, CancellationToken cancellation)
    {
        var left = await state.ClaimAsync(
            new BsonDocument
            {
                { "backup", work.Plan.BackupId }, { "manifest", work.Plan.ManifestSha256 }, { "purpose", work.Request.Purpose.ToString() },
                { "startedAt", new BsonDateTime(DateTime.UtcNow) },
            },
            cancellation);
        if (left is not null)
            await ForgetAsync(cancellation);

        var fence = await state.RaiseAsync("prepare", cancellation);
        if ((await state.RunDocumentAsync(cancellation))?.Contains("prepared") == true)
            return; // An attempt before has done it, and lanes may be at work.
        var intos = collections.Select(c => c.Into).ToList();
        await RemoveLeftoversAsync(fence, [.. intos.Select(c => state.ForLoad(c).Beside)], cancellation);
        var made = 0;
        foreach (var collection in intos)
        {
            await fence.CheckAsync(cancellation);
            if (collection.Type != ReplayedCollection.View)
                await BesideTarget.CreateAsync(state.Database, state.ForLoad(collection), cancellation);
            await state.Documents.ReplaceOneAsync(
                KeptCollections.Filter(collection.Uuid), KeptCollections.ToDocument(collection), new ReplaceOptions { IsUpsert = true }, cancellation);
            Beat.Report("prepare", ++made, 0, "collections");
        }

        await state.SetRunAsync(new BsonDocument("prepared", true), cancellation);
    }

    /// <summary>The state of a run that ended without its clean-up (its workflow was terminated, or its history deleted). The lock says that it is
    /// not alive; activities of it that are, are fenced when their state is gone.</summary>
    private async Task ForgetAsync(CancellationToken cancellation)
    {
        await state.Documents.DeleteManyAsync(new BsonDocument("_id", new BsonDocument("$ne", "run")), cancellation);
        await state.Documents.UpdateOneAsync(
            new BsonDocument { { "_id", "run" }, { "runId", state.Run } }, new BsonDocument("$unset", new BsonDocument("cleaning", "")), cancellationToken: cancellation);
    }

    /// <summary>Whatever others left beside the target, whether their state is there or not: it would be taken for what this run loads.</summary>
    /// <param name="own">What only this run's load is named: an attempt of it that was left behind must never drop that.</param>
    private async Task RemoveLeftoversAsync(Fence fence, HashSet<string> own, CancellationToken cancellation)
    {
        foreach (var collection in await TargetInventory.ListAsync(state.Database, cancellation))
        {
            if (BesideNames.IsOurs(collection.Name) && collection.Name != BesideNames.State && !own.Contains(collection.Name))
            {
                await fence.CheckAsync(cancellation);
                await state.Database.DropCollectionAsync(collection.Name, cancellation);
                Beat.Report("remove what another run left", 0, 0, "");
            }
        }
    }
}
