using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Removes what this run made beside the target, and nothing else: the state collection says whose it is. May run any number of times, and
/// ends in an inventory.
/// </summary>
internal static class CleanUp
{
    public static async Task<CleanUpResult> RunAsync(RestoringState state, RestorePlace place, RestorePurpose purpose, bool succeeded, CancellationToken cancellation)
    {
        var removed = new List<string>();
        var run = await state.RunDocumentAsync(cancellation);
        if (run is null || run["runId"] != state.Run)
            return new(removed, run is null ? await LeftAsync(state, cancellation) : []); // Nothing of ours, or another run's already.

        if (run.GetValue("cutOver", "") == "begun" && !succeeded)
        {
            // Half in place: what is not renamed yet is all that is left of it.
            return new(removed, await LeftAsync(state, cancellation));
        }

        // Whoever still holds a fence of this run loses it here, before anything is dropped.
        await state.SetRunAsync(new BsonDocument("ending", true), cancellation);
        await state.Documents.UpdateManyAsync(
            new BsonDocument("_id", new BsonRegularExpression("^fence/")), new BsonDocument("$inc", new BsonDocument("attempt", 1_000_000L)), cancellationToken: cancellation);
        if (purpose == RestorePurpose.RestoreTest && place.IsScratch && place.Owner is null)
        {
            var all = await TargetInventory.ListAsync(state.Database, cancellation);
            removed.AddRange(all.Where(c => c.Name != BesideNames.State).Select(c => c.Name));
        }

        foreach (var name in (await LeftAsync(state, cancellation)).Where(n => n != BesideNames.State))
        {
            await state.Database.DropCollectionAsync(name, cancellation);
            if (!removed.Contains(name))
                removed.Add(name);
            Beat.Report("clean up", removed.Count, 0, "collections");
        }

        if (purpose == RestorePurpose.RestoreTest && place.IsScratch && place.Owner is null)
            await state.Database.Client.DropDatabaseAsync(place.Database, cancellation);
        else
            await state.Database.DropCollectionAsync(BesideNames.State, cancellation); // Last: it is how another attempt knows the rest as ours.
        removed.Add(BesideNames.State);
        var still = purpose == RestorePurpose.RestoreTest
            ? [.. (await TargetInventory.ListAsync(state.Database, cancellation)).Select(c => c.Name)]
            : await LeftAsync(state, cancellation);
        return new(removed, still);
    }

    private static async Task<IReadOnlyList<string>> LeftAsync(RestoringState state, CancellationToken cancellation) =>
        [.. (await TargetInventory.ListAsync(state.Database, cancellation)).Select(c => c.Name).Where(BesideNames.IsOurs)];
}
