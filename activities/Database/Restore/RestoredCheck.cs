using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Compares what stands beside the target with the witness: names, options, indexes, counts, and the hashes of its shares.</summary>
internal sealed class RestoredCheck(RestoringState state, BackupReader reader)
{
    public async Task<CheckResult> CompareAsync(
        RestoreWork work, Selection selection, bool canaryAllowed, CancellationToken cancellation)
    {
        var restored = (await KeptCollections.ReadAsync(state, cancellation)).Where(c => !BesideNames.IsOurs(c.Name)).ToList();
        var checks = new List<Check>();
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        var wanted = selection.Names.ToHashSet(StringComparer.Ordinal);
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var witness in reader.Index.Witness.Collections.Where(w => wanted.Contains(w.Collection)))
        {
            Beat.Report("check", checks.Count, reader.Index.Witness.Collections.Count, "collections");
            var found = restored.Where(c => c.Name == witness.Collection).ToList();
            if (found.Count != 1 && witness.Missing is { } unsure && restored.Where(c => c.Uuid == witness.Uuid).ToList() is [var known, ..])
            {
                // The witness came after it had been renamed: only its UUID is sure.
                named.Add(known.Name);
                checks.Add(new(known.Name, Verdict.NotProven, $"Without a witness: {unsure}."));
                continue;
            }

            if (found.Count != 1)
            {
                checks.Add(new(
                    witness.Collection, Verdict.Failed,
                    found.Count == 0 ? "It was there at the end mark, and did not come back." : "Two collections came back under this name."));
                continue;
            }

            var (check, count) = await CompareAsync(witness, found[0], cancellation);
            checks.Add(check);
            counts[found[0].Uuid] = count;
        }

        checks.AddRange(restored.Where(c => !wanted.Contains(c.Name) && !named.Contains(c.Name)).Select(c => new Check(
            c.Name, Verdict.Failed, "It came back, and was not there at the end mark under this name.")));
        await KeepCountsAsync(counts, cancellation);
        var (canary, standsIn) = canaryAllowed ? (await NewestCanaryAsync(restored, work, cancellation), false) : (await NewestEntryAsync(cancellation), true);
        return new CheckResult(checks, canary, standsIn, counts.Values.Sum());
    }

    private async Task<(Check Check, long Documents)> CompareAsync(CollectionWitness witness, ReplayedCollection found, CancellationToken cancellation)
    {
        var wrong = new List<string>();
        if (witness.Type != found.Type)
            wrong.Add($"it was a {witness.Type} and is a {found.Type}");
        CompareOptions(witness, found, wrong);
        if (found.Type == ReplayedCollection.View)
        {
            return (witness.Missing is { } changed
                ? new Check(witness.Collection, Verdict.NotProven, $"Without a witness: {changed}.") : ToCheck(witness, wrong, 0), 0);
        }

        if (found.Type == ReplayedCollection.Collection)
            await CompareMadeAsync(found, wrong, cancellation);
        CompareIndexes(
            witness.Indexes.Select(i => CollectionSpecifications.Listed(CollectionSpecifications.Parse(i))),
            found.Type == ReplayedCollection.Collection ? await TargetInventory.IndexesAsync(state.Database, found.Beside, cancellation) : found.Indexes,
            withExpiry: found.Type != ReplayedCollection.Collection, wrong);

        var counted = await CountAsync(found, cancellation);
        if (witness.Missing is { } why)
        {
            // What it was is not known to the end mark: neither are these differences, if there are any.
            var differences = wrong.Count == 0 ? "" : $" {string.Join("; ", wrong)}.";
            return (new Check(witness.Collection, Verdict.NotProven, $"Without a witness: {why}. {counted:N0} documents came back.{differences}"), counted);
        }

        if (counted != witness.Documents)
            wrong.Add($"{witness.Documents:N0} documents were there, {counted:N0} came back");
        // A server that shows a time series as its measurements puts their fields in an order of its own: compared once they are in place.
        var inPlaceOnly = found is { Type: ReplayedCollection.TimeSeries, Buckets: null };
        foreach (var share in inPlaceOnly ? [] : witness.Shares)
        {
            if (await CompareShareAsync(state.Database, found.Beside, rawData: false, share, found.Name, cancellation) is { } other)
                wrong.Add(other);
        }

        return (ToCheck(witness, wrong, counted), counted);
    }

    private static void CompareOptions(CollectionWitness witness, ReplayedCollection found, List<string> wrong)
    {
        var then = CollectionSpecifications.Form(CollectionSpecifications.Parse(witness.Options), withExpiry: true);
        var now = CollectionSpecifications.Form(found.Options, withExpiry: true);
        if (then != now)
            wrong.Add($"its options were {then} and are {now}");
    }

    /// <summary>What the server made of the options, where it could set them already.</summary>
    private async Task CompareMadeAsync(ReplayedCollection found, List<string> wrong, CancellationToken cancellation)
    {
        var made = (await TargetInventory.ListAsync(state.Database, cancellation)).FirstOrDefault(c => c.Name == found.Beside);
        if (made is null)
            wrong.Add("the collection that was loaded is gone");
        else if (CollectionSpecifications.Form(made.Options, withExpiry: false) is var is_ && is_ != CollectionSpecifications.Form(found.Options, withExpiry: false))
            wrong.Add($"the server made it with {is_}, not with {CollectionSpecifications.Form(found.Options, withExpiry: false)}");
    }

    public static void CompareIndexes(IEnumerable<BsonDocument> then, IEnumerable<BsonDocument> now, bool withExpiry, List<string> wrong)
    {
        // That of _id comes with its collection.
        var before = then.Where(i => i["name"] != "_id_").ToDictionary(i => i["name"].AsString, i => CollectionSpecifications.IndexForm(i, withExpiry), StringComparer.Ordinal);
        var after = now.Where(i => i["name"] != "_id_").ToDictionary(i => i["name"].AsString, i => CollectionSpecifications.IndexForm(i, withExpiry), StringComparer.Ordinal);
        wrong.AddRange(before.Keys.Except(after.Keys).Order(StringComparer.Ordinal).Select(name => $"index '{name}' did not come back"));
        wrong.AddRange(after.Keys.Except(before.Keys).Order(StringComparer.Ordinal).Select(name => $"index '{name}' was not there"));
        wrong.AddRange(before.Keys.Intersect(after.Keys).Where(n => before[n] != after[n]).Order(StringComparer.Ordinal)
            .Select(name => $"index '{name}' was {before[name]} and is {after[name]}"));
    }

    private static Check ToCheck(CollectionWitness witness, List<string> wrong, long documents) => wrong.Count > 0
        ? new(witness.Collection, Verdict.Failed, $"{char.ToUpperInvariant(string.Join("; ", wrong)[0])}{string.Join("; ", wrong)[1..]}.")
        : new(witness.Collection, Verdict.Proven, witness.Type == ReplayedCollection.View
            ? "the view is as it was"
            : $"{documents:N0} documents, {witness.Indexes.Count} indexes and the options are as they were; {witness.Shares.Sum(s => s.Documents):N0} documents compared by hash");

    /// <summary>An index scan on the server: nothing is sent for a document.</summary>
    private Task<long> CountAsync(ReplayedCollection found, CancellationToken cancellation) => LongCommands.WatchAsync(
        RawWrites.Of(state.Database, found.Beside).CountDocumentsAsync(new BsonDocument(), cancellationToken: cancellation),
        () => Task.FromResult(true), $"count {found.Name}", cancellation);

    /// <summary>Null: the same documents.</summary>
    public static async Task<string?> CompareShareAsync(
        IMongoDatabase database, string collection, bool rawData, WitnessShare share, string name, CancellationToken cancellation)
    {
        var sum = new OrderFreeHash();
        using var session = await RawCursor.StartSessionAsync(database.Client, cancellation);
        await using var cursor = await RawCursor.OpenAsync(
            database, session, RangeReads.Find(collection, share.Min, share.Max, share.ByHint, inOrder: false, rawData, readConcern: null), cancellation);
        while (await cursor.NextAsync(cancellation) is { } batch)
        {
            using (batch)
            {
                foreach (var document in batch)
                    sum.Add(document.Span);
            }

            Beat.Report($"check {name}", sum.Documents, share.Documents, "documents");
        }

        return sum.Documents == share.Documents && sum.ToString() == share.Hash ? null
            : $"the documents {Bounds(share)} are not those that were there ({share.Documents:N0} then, {sum.Documents:N0} now)";
    }

    private static string Bounds(WitnessShare share) => (share.Min, share.Max) switch
    {
        (null, null) => "of the whole collection",
        (null, var max) => $"with _id below {max}",
        (var min, null) => $"with _id from {min}",
        var (min, max) => $"with _id from {min} to {max}",
    };

    /// <summary>The cut-over compares with them: a count that changes between the two is not what was checked.</summary>
    private Task<ReplaceOneResult> KeepCountsAsync(Dictionary<string, long> counts, CancellationToken cancellation) => state.Documents.ReplaceOneAsync(
        new BsonDocument("_id", "counts"),
        new BsonDocument { { "_id", "counts" }, { "counts", new BsonArray(counts.Select(c => new BsonDocument { { "uuid", c.Key }, { "documents", c.Value } })) } },
        new ReplaceOptions { IsUpsert = true }, cancellation);

    /// <summary>What was counted, by source UUID.</summary>
    public static async Task<IReadOnlyDictionary<string, long>> CountsAsync(RestoringState state, CancellationToken cancellation) =>
        (await state.Documents.Find(new BsonDocument("_id", "counts")).FirstOrDefaultAsync(cancellation))?["counts"].AsBsonArray
            .ToDictionary(c => c["uuid"].AsString, c => c["documents"].ToInt64(), StringComparer.Ordinal) ?? [];

    /// <summary>The newest <c>at</c> of the canary collection as it came back; for named collections as it is in the backup.</summary>
    private async Task<DateTimeOffset?> NewestCanaryAsync(IReadOnlyList<ReplayedCollection> restored, RestoreWork work, CancellationToken cancellation)
    {
        if (restored.FirstOrDefault(c => c is { Name: Selection.Canary, Type: ReplayedCollection.Collection }) is { } canary)
        {
            var newest = await state.Database.GetCollection<BsonDocument>(canary.Beside)
                .Find(new BsonDocument("at", new BsonDocument("$type", "date"))).Sort(new BsonDocument("at", -1)).Limit(1).FirstOrDefaultAsync(cancellation);
            return newest is null ? null : new DateTimeOffset(newest["at"].ToUniversalTime());
        }

        return work.Request.Collections is null ? null : await NewestCanaryOfBackupAsync(cancellation);
    }

    private async Task<DateTimeOffset?> NewestCanaryOfBackupAsync(CancellationToken cancellation)
    {
        DateTimeOffset? newest = null;
        void Take(ReadOnlyMemory<byte> document)
        {
            if (RawBson.Find(document, "at") is { Type: RawBson.Date } at)
            {
                var time = DateTimeOffset.FromUnixTimeMilliseconds(BitConverter.ToInt64(at.Value.Span));
                newest = newest is { } n && n > time ? n : time;
            }
        }

        foreach (var collection in reader.Index.Collections.Where(c => c.Collection.Name == Selection.Canary))
        {
            foreach (var part in reader.ChunksOf(collection))
            {
                using var chunk = await reader.ReadChunkAsync(part, cancellation);
                foreach (var document in chunk.Documents)
                    Take(document);
            }
        }

        await foreach (var part in reader.ReadOplogAsync(cancellation))
        {
            using (part)
            {
                foreach (var bson in part.Entries)
                {
                    var entry = OplogEntry.Read(bson);
                    if (entry is { Operation: "i", CollectionName: Selection.Canary } && entry.Time <= reader.Index.EndMark)
                        Take(entry.Object);
                }

                Beat.Report("look for the newest canary", part.Number, reader.Index.Oplog.Count, "oplog parts");
            }
        }

        return newest;
    }

    private async Task<DateTimeOffset?> NewestEntryAsync(CancellationToken cancellation) =>
        KeptCollections.ToState(await state.Documents.Find(new BsonDocument("_id", "fence/replay")).FirstOrDefaultAsync(cancellation), []).NewestEntry;
}
