using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Verification;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>
/// The negative control: checks that have never failed prove nothing. What is bad is planted where only this drill looks, and the very checks
/// that have just passed must find it.
/// </summary>
[Action("expect-failure",
    "Plants something bad and runs the drill's own checks on it: a backup with one damaged bit (a copy of one pack, laid over the backup for this "
    + "check alone), or one changed document in the drill's restored database. Succeeds only when they name it; fails when it passes as good. "
    + "NotProven when the checks could not look.",
    Output = typeof(Output))]
public sealed class ExpectFailure(Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, TimeProvider time)
    : ActivityAction<ExpectFailure.Input>
{
    public const string OfBackup = "backup";
    public const string OfDocuments = "documents";

    /// <summary>For trying the control itself: what is then checked is good.</summary>
    public const string OfNothing = "nothing";

    /// <summary>Everything that a drill plants in a store lies under it.</summary>
    public const string Folder = "drills";

    private const string Planted = "luxhedge_planted";

    public sealed record Input
    {
        [Input(InputTypes.Text, "What is planted: a damaged backup, a changed document, or nothing (to see the drill fail). backup unless said.",
            Values = [OfBackup, OfDocuments, OfNothing])]
        public string Plant { get; init; } = OfBackup;

        [Input(InputTypes.Asset, "Whose. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "Id of the backup that the drill restored.", Required = true)]
        public string Backup { get; init; } = "";

        [Input(InputTypes.Moment, "For documents: the point in time that was restored. The backup's own end mark unless said.")]
        public RestorePoint? PointInTime { get; init; }

        [Input(InputTypes.Target, "For documents: the drill's own database.")]
        public string? Target { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Flag, "Whether it was caught.")]
        public bool Caught { get; init; }

        [Input(InputTypes.Text, "What the checks said of it.")]
        public string Said { get; init; } = "";
    }

    protected override Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, input.Asset ?? context.Asset);
        return input.Plant == OfDocuments
            ? ChangeDocumentAsync(context, asset, input, cancellation)
            : DamageBackupAsync(context, asset, input, cancellation);
    }

    private async Task<ActionOutcome> DamageBackupAsync(ActionContext context, AssetPlan asset, Input input, CancellationToken cancellation)
    {
        var backup = await new BackupCatalog(plan, stores, time).FindAsync(input.Backup, cancellation);
        // What is planted must go again: a store that locks what is written keeps it.
        if (backup.Copies.FirstOrDefault(c => c.VerifiedAt is not null && !Locks(c.Store)) is not { Store: { } name })
            return NotJudged($"No store without object lock has a verified copy of {input.Backup}, so nothing can be planted that could be taken away again.");
        var store = stores[name];
        var pack = await SmallestPackAsync(name, backup.Manifest, cancellation);
        var planted = $"{Folder}/{context.RunId}/planted/{pack.Name}";
        try
        {
            await store.DeleteAsync(planted, cancellation); // An attempt that was killed.
            await CopyAsync(store, pack, planted, damage: input.Plant != OfNothing, cancellation);
            var overlaid = new StoreSet(new PlantedStore(store, pack.Name, planted));
            var found = await new VerificationOfCopy(plan, overlaid, keys, new BackupCatalog(plan, overlaid, time))
                .VerifyAsync(asset.Name, input.Backup, name, VerificationLevel.Integrity, cancellation);
            return Judge(
                $"a copy of {input.Backup} with one bit of {pack.Name.Split('/')[^1]} damaged", found.Verdict,
                found.Problems.FirstOrDefault(p => p.Object == pack.Name)?.Text,
                found.Problems.Count == 0 ? "" : $"{found.Problems[0].Object}: {found.Problems[0].Text}");
        }
        finally
        {
            await store.DeleteAsync(planted, CancellationToken.None);
        }
    }

    private async Task<ActionOutcome> ChangeDocumentAsync(ActionContext context, AssetPlan asset, Input input, CancellationToken cancellation)
    {
        var target = DropDrillDatabase.OwnTarget(plan, context, asset.Name, input.Target ?? context.Site.Target);
        var check = new StandingCheck(plan, stores, keys, clusters, time);
        var database = clusters[target.Cluster].GetDatabase(target.Database);
        var (collection, id) = await DocumentAsync(database, check, asset, input, cancellation);
        if (collection is null && input.PointInTime is not null)
            return await TakeDocumentAsync(target, check, input, cancellation);
        if (collection is null)
            return NotJudged("No restored collection has documents that are compared by hash, so a changed one can't be told.");
        var documents = database.GetCollection<BsonDocument>(collection);
        var one = new BsonDocument("_id", new BsonDocument("$eq", id));
        // A field beside the others: taking it away again leaves the document byte for byte as it was. It need not fit the validator.
        var unchecked_ = new UpdateOptions { BypassDocumentValidation = true };
        try
        {
            await documents.UpdateOneAsync(one, new BsonDocument("$set", new BsonDocument(Planted, true)), unchecked_, cancellation);
            var found = await check.CompareAsync(target, input.Backup, [collection], null, cancellation, input.PointInTime);
            var about = found.Checks.FirstOrDefault(c => c.Name == collection);
            return Judge(
                $"a changed document in {collection}", Verdicts.Worst(found.Checks.Select(c => c.Verdict)),
                about is { Verdict: Verdict.Failed } ? about.Detail : null, about?.Detail ?? "");
        }
        finally
        {
            await documents.UpdateOneAsync(one, new BsonDocument("$unset", new BsonDocument(Planted, "")), unchecked_, CancellationToken.None);
        }
    }

    /// <summary>Where slices wrote to every collection none is compared by hash any more: one document less must be noticed. Not a canary, which
    /// may have no number to compare with.</summary>
    private async Task<ActionOutcome> TakeDocumentAsync(RunTarget target, StandingCheck check, Input input, CancellationToken cancellation)
    {
        using var reader = await check.OpenAsync(target.Asset, input.Backup, null, cancellation);
        var there = await check.CollectionsAsync(reader, input.PointInTime!.Until!.Value, null, cancellation);
        foreach (var collection in there.Where(
            c => c is { Type: ReplayedCollection.Collection, IsCapped: false, Name: not Marks.CanaryCollection } && !c.Name.StartsWith("system.", StringComparison.Ordinal)))
        {
            var documents = clusters[target.Cluster].GetDatabase(target.Database).GetCollection<RawBsonDocument>(collection.Name);
            if (await documents.Find(new BsonDocument()).Limit(1).FirstOrDefaultAsync(cancellation) is not { } taken)
                continue;
            var one = new BsonDocument("_id", new BsonDocument("$eq", taken["_id"]));
            try
            {
                await documents.DeleteOneAsync(one, cancellation);
                var found = await check.CompareAsync(target, input.Backup, [collection.Name], null, cancellation, input.PointInTime);
                var about = found.Checks.FirstOrDefault(c => c.Name == collection.Name);
                return Judge(
                    $"a missing document in {collection.Name}", Verdicts.Worst(found.Checks.Select(c => c.Verdict)),
                    about is { Verdict: Verdict.Failed } ? about.Detail : null, about?.Detail ?? "");
            }
            finally
            {
                await documents.InsertOneAsync(taken, new InsertOneOptions { BypassDocumentValidation = true }, CancellationToken.None);
            }
        }

        return NotJudged("No restored collection has documents, so a missing one can't be told.");
    }

    private static ActionOutcome Judge(string planted, Verdict verdict, string? caught, string said) => caught is not null && verdict == Verdict.Failed
        ? ActionOutcomes.Of(
            new Output { Caught = true, Said = caught }, new Check("negative control", Verdict.Proven, $"Caught {planted}: {caught}")) with
        {
            Detail = $"caught: {caught}",
        }
        : verdict == Verdict.NotProven
            ? NotJudged($"The checks could not look at {planted}: {said}")
            : throw new RefusalException(
                ErrorKinds.Integrity,
                verdict == Verdict.Failed ? $"The negative control was not caught for what it is: {said}" : $"The negative control passed as good: {planted} was not noticed.",
                "negative control", "Until this is understood, no Proven of these checks means anything.");

    private static ActionOutcome NotJudged(string why) =>
        ActionOutcomes.Of(new Output { Said = why }, new Check("negative control", Verdict.NotProven, why)) with { Detail = why };

    private bool Locks(string store) => plan.Document.GetProperty("stores").GetProperty(store).TryGetProperty("objectLock", out _);

    private async Task<ObjectReference> SmallestPackAsync(string store, Manifest manifest, CancellationToken cancellation)
    {
        var objects = await new BackupCatalog(plan, stores, time).ReadObjectsAsync(store, manifest, cancellation);
        var packs = ObjectNames.Packs(manifest.Asset, manifest.Id);
        return objects.Objects.Where(o => o.Name.StartsWith(packs, StringComparison.Ordinal) && o.Size > 0).OrderBy(o => o.Size).FirstOrDefault()
            ?? objects.Objects.OrderByDescending(o => o.Size).First();
    }

    private static async Task CopyAsync(IObjectStore store, ObjectReference from, string to, bool damage, CancellationToken cancellation)
    {
        var version = await store.FindVersionAsync(from.Name, from.Size, from.Sha256, cancellation);
        await using var source = await store.OpenReadAsync(from.Name, 0, null, version.Version, cancellation);
        await using var writer = await store.CreateAsync(to, cancellation);
        var buffer = new byte[1 << 20];
        var at = 0L;
        var middle = from.Size / 2;
        while (await source.ReadAsync(buffer, cancellation) is > 0 and var read)
        {
            if (damage && middle >= at && middle < at + read)
                buffer[middle - at] ^= 0x10;
            await writer.WriteAsync(buffer.AsMemory(0, read), cancellation);
            at += read;
            Beat.Report("plant a damaged copy", at, from.Size, "bytes");
        }

        await writer.CompleteAsync(cancellation);
    }

    /// <summary>A document that the witness has hashed, of the first collection that has one.</summary>
    private static async Task<(string? Collection, BsonValue? Id)> DocumentAsync(
        IMongoDatabase database, StandingCheck check, AssetPlan asset, Input input, CancellationToken cancellation)
    {
        using var reader = await check.OpenAsync(asset, input.Backup, null, cancellation);
        // At a point in time: of collections that no slice has touched.
        var untouched = input.PointInTime?.Until is { } until
            ? (await check.CollectionsAsync(reader, until, null, cancellation)).Where(c => c.Since is null).Select(c => c.Name).ToHashSet(StringComparer.Ordinal) : null;
        foreach (var witness in reader.Index.Witness.Collections.Where(w => w is { Type: "collection", Missing: null } && untouched?.Contains(w.Collection) != false))
        {
            foreach (var share in witness.Shares.Where(s => s is { ByHint: false, Documents: > 0 }))
            {
                var within = new BsonDocument();
                if (share.Min is { } min)
                    within["$gte"] = BsonDocument.Parse(min)["_id"];
                if (share.Max is { } max)
                    within["$lt"] = BsonDocument.Parse(max)["_id"];
                var filter = within.ElementCount == 0 ? new BsonDocument() : new BsonDocument("_id", within);
                var found = await database.GetCollection<BsonDocument>(witness.Collection)
                    .Find(filter).Project<BsonDocument>(new BsonDocument("_id", 1)).Limit(1).FirstOrDefaultAsync(cancellation);
                if (found is not null)
                    return (witness.Collection, found["_id"]);
            }
        }

        return (null, null);
    }
}
