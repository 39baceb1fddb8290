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

            var (check, count) = await CompareAsync(witness, found[0], areBuilt: true, cancellation);
            checks.Add(check);
            counts[found[0].Uuid] = count;
        }

        checks.AddRange(restored.Where(c => !wanted.Contains(c.Name) && !named.Contains(c.Name)).Select(c => new Check(
            c.Name, Verdict.Failed, "It came back, and was not there at the end mark under this name.")));
        await KeepCountsAsync(counts, cancellation);
        var (canary, standsIn) = canaryAllowed ? (await NewestCanaryAsync(restored, work, cancellation), false) : (await NewestEntryAsync(cancellation), true);
        return new CheckResult(checks, canary, standsIn, counts.Values.Sum());
    }

    /// <param name="areBuilt">Indexes and validators are there; before that, what they are to be is compared.</param>
    private async Task<(Check Check, long Documents)> CompareAsync(
        CollectionWitness witness, ReplayedCollection found, bool areBuilt, CancellationToken cancellation)
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

        areBuilt &= found.Type == ReplayedCollection.Collection;
        if (areBuilt)
            await CompareMadeAsync(found, wrong, cancellation);
        CompareIndexes(
            witness.Indexes.Select(i => CollectionSpecifications.Listed(CollectionSpecifications.Parse(i))),
            areBuilt ? await TargetInventory.IndexesAsync(state.Database, found.Beside, cancellation) : found.Indexes,
            withExpiry: !areBuilt, wrong);

        var counted = await CountAsync(found, cancellation);
        if (witness is { Missing: not null, Collection: Marks.CanaryCollection } && wrong.Count == 0)
            return (new Check(witness.Collection, Verdict.Proven, $"{counted:N0} canaries; they need no witness"), counted); // Written to all the while.
        if (witness.Missing is { } why)
        {
            // What it was is not known to the end mark: neither are these differences, if there are any.
            var differences = wrong.Count == 0 ? "" : $" {string.Join("; ", wrong)}.";
            return (new Check(witness.Collection, Verdict.NotProven, $"Without a witness: {why}. {counted:N0} documents came back.{differences}"), counted);
        }

        await CompareDocumentsAsync(witness, found, counted, wrong, cancellation);
        return (ToCheck(witness, wrong, counted), counted);
    }

    private async Task CompareDocumentsAsync(
        CollectionWitness witness, ReplayedCollection found, long counted, List<string> wrong, CancellationToken cancellation)
    {
        if (counted != witness.Documents)
            wrong.Add($"{witness.Documents:N0} documents were there, {counted:N0} came back");
        // A server that shows a time series as its measurements puts their fields in an order of its own: compared once they are in place.
        var inPlaceOnly = found is { Type: ReplayedCollection.TimeSeries, Buckets: null };
        foreach (var share in inPlaceOnly ? [] : witness.Shares)
        {
            if (await CompareShareAsync(state.Database, found.Beside, rawData: false, share, found.Name, cancellation) is { } other)
                wrong.Add(other);
        }
    }

    // A point in time: the base is proven where it has a witness, and exact replay from there leaves only the count to compare.

    private const string BaseId = "base";

    /// <summary>What stands beside the target at the base's end mark. Answers one check over all, and one for each collection that is not
    /// Proven.</summary>
    public async Task<IReadOnlyList<Check>> CompareBaseAsync(Selection selection, CancellationToken cancellation)
    {
        var restored = (await KeptCollections.ReadAsync(state, cancellation)).Where(c => !BesideNames.IsOurs(c.Name)).ToDictionary(c => c.Uuid, StringComparer.Ordinal);
        var witnesses = reader.Index.Witness.Collections.Where(w => !BesideNames.IsOurs(w.Collection) && selection.Uuids?.Contains(KeyOf(w)) != false).ToList();
        var found = new List<(string Uuid, Check Check, long Documents)>();
        foreach (var witness in witnesses)
        {
            Beat.Report("check the base", found.Count, witnesses.Count, "collections");
            var (check, count) = !restored.TryGetValue(KeyOf(witness), out var there)
                ? (new Check(witness.Collection, Verdict.Failed, "It was there at the base's end mark, and is not in what was loaded."), 0)
                : there.Name != witness.Collection && witness.Missing is null
                ? (new Check(witness.Collection, Verdict.Failed, $"At the base's end mark it came back as {there.Name}."), 0)
                : await CompareAsync(witness, there, areBuilt: false, cancellation);
            found.Add((KeyOf(witness), check, count));
        }

        var known = witnesses.Select(KeyOf).ToHashSet(StringComparer.Ordinal);
        found.AddRange(restored.Values.Where(c => !known.Contains(c.Uuid)).Select(c => (
            c.Uuid, new Check(c.Name, Verdict.Failed, "It was not there at the base's end mark, and came back."), 0L)));
        await KeepBaseAsync(found, cancellation);
        var bad = found.Where(f => f.Check.Verdict != Verdict.Proven).Select(f => f.Check with { Name = $"base: {f.Check.Name}" }).ToList();
        var hashed = witnesses.Sum(w => w.Shares.Sum(s => s.Documents));
        return
        [
            bad.Count == 0
                ? new("base", Verdict.Proven,
                    $"At its end mark {reader.Index.EndMark.ToTime():u} backup {reader.Index.Backup} is as its witness has it: {found.Count} collections, " +
                    $"{found.Sum(f => f.Documents):N0} documents, {hashed:N0} of them compared by hash.")
                : new("base", Verdicts.Worst(bad.Select(b => b.Verdict)), $"Of {found.Count} collections {bad.Count} are not proven at the base's end mark."),
            .. bad,
        ];
    }

    /// <summary>What stands beside the target at the point.</summary>
    public async Task<CheckResult> ComparePointAsync(
        RestoreWork work, Selection selection, Func<CancellationToken, Task<DateTimeOffset?>>? newestCanary, CancellationToken cancellation)
    {
        var restored = (await KeptCollections.ReadAsync(state, cancellation)).Where(c => !BesideNames.IsOurs(c.Name)).ToList();
        var atBase = await BaseAsync(cancellation);
        var checks = new List<Check>();
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var name in selection.Names)
        {
            Beat.Report("check", checks.Count, selection.Names.Count, "collections");
            if (restored.Where(c => c.Name == name).ToList() is not [var found])
            {
                checks.Add(new(name, Verdict.Failed, restored.Exists(c => c.Name == name)
                    ? "Two collections came back under this name." : "It was there at the point, and did not come back."));
                continue;
            }

            var witness = reader.Index.Witness.Collections.FirstOrDefault(w => KeyOf(w) == found.Uuid);
            var (check, count) = found.Since is null && witness is not null
                ? await CompareAsync(witness, found, areBuilt: true, cancellation)
                : await CompareChangedAsync(found, witness, atBase.GetValueOrDefault(found.Uuid), cancellation);
            checks.Add(check);
            counts[found.Uuid] = count;
        }

        var wanted = selection.Names.ToHashSet(StringComparer.Ordinal);
        checks.AddRange(restored.Where(c => !wanted.Contains(c.Name)).Select(c => new Check(
            c.Name, Verdict.Failed, "It came back, and was not there at the point under this name.")));
        await KeepCountsAsync(counts, cancellation);
        return newestCanary is null
            ? new(checks, await NewestEntryAsync(cancellation), true, counts.Values.Sum())
            : new(checks, await NewestRestoredCanaryAsync(restored, cancellation) ?? (work.Request.Collections is null ? null : await newestCanary(cancellation)), false, counts.Values.Sum());
    }

    /// <summary>A collection that slices wrote to, or changed. Options and indexes are those that its commands left; of its documents nobody has a
    /// hash at the point.</summary>
    private async Task<(Check Check, long Documents)> CompareChangedAsync(
        ReplayedCollection found, CollectionWitness? witness, BaseCount? atBase, CancellationToken cancellation)
    {
        var since = found.Since ?? SinceBase.Nothing;
        if (found.Type == ReplayedCollection.View)
            return (new(found.Name, Verdict.Proven, "the view is as the oplog left it"), 0);
        var wrong = new List<string>();
        if (found.Type == ReplayedCollection.Collection)
        {
            await CompareMadeAsync(found, wrong, cancellation);
            CompareIndexes(found.Indexes, await TargetInventory.IndexesAsync(state.Database, found.Beside, cancellation), withExpiry: false, wrong);
        }

        var counted = await CountAsync(found, cancellation);
        if (since.IsNew)
            atBase = new BaseCount(0, Verdict.Proven);
        if (atBase is not { Verdict: Verdict.Proven })
        {
            var why = wrong.Count > 0 ? $" {string.Join("; ", wrong)}." : "";
            return (new(found.Name, wrong.Count > 0 || atBase?.Verdict == Verdict.Failed ? Verdict.Failed : Verdict.NotProven,
                $"It is not proven at the base's end mark, so not after it either. {counted:N0} documents came back.{why}"), counted);
        }

        var expected = atBase.Documents + since.Net;
        if (since.Operations == 0 && witness is not null)
            await CompareDocumentsAsync(witness, found, counted, wrong, cancellation);
        else if (found.IsCapped && counted != expected)
            await CompareCappedAsync(state.Database, found.Beside, found.Options, since, expected, counted, wrong, cancellation);
        else if (counted != expected)
            wrong.Add($"{atBase.Documents:N0} documents were there at the base's end mark and {since.Net:+#,0;-#,0;0} came with the slices, {counted:N0} are here");
        return (wrong.Count > 0
            ? new(found.Name, Verdict.Failed, Sentence(wrong))
            : new(found.Name, Verdict.Proven, Explain(since, atBase.Documents, counted)), counted);
    }

    private static string Explain(SinceBase since, long before, long counted) =>
        (since.IsNew ? "created since the base; " : since.Operations == 0 ? $"{counted:N0} documents as at the base's end mark; " : $"{before:N0} documents proven at the base's end mark; ")
        + (since.Operations == 0 ? "only its name, options or indexes were changed since, by commands that were replayed"
            : $"{since.Operations:N0} {(since.Operations == 1 ? "write" : "writes")} since replayed in order, none of which missed its document ({since.Net:+#,0;-#,0;0}): {counted:N0} documents" + (before + since.Net == counted || since.IsNew && since.Net == counted ? "" : ", the newest; older ones were evicted, as it is capped"));

    /// <summary>A capped collection evicts its oldest by itself, and no entry tells of it: there are as many as it may have, or fewer, and the
    /// newest insert must be among them.</summary>
    internal static async Task CompareCappedAsync(
        IMongoDatabase database, string collection, BsonDocument options, SinceBase since, long expected, long counted, List<string> wrong, CancellationToken cancellation)
    {
        var most = options.GetValue("max", 0L).ToInt64();
        var newestIsThere = since.Newest is not { } newest
            || await RawWrites.Of(database, collection).CountDocumentsAsync(RawWrites.ById(RawBson.Find(newest, "_id")!.Value), cancellationToken: cancellation) == 1;
        if (!newestIsThere)
            wrong.Add("the newest document that was inserted is not there");
        if (counted > expected || counted == 0 || (most > 0 && counted > most))
            wrong.Add($"{expected:N0} documents at most can be there{(most > 0 ? $", capped at {most:N0}" : "")}, {counted:N0} are");
    }

    private static string Sentence(List<string> wrong)
    {
        var text = string.Join("; ", wrong);
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }

    private static string KeyOf(CollectionWitness witness) => Selection.KeyOf(witness.Collection, witness.Type, witness.Uuid);

    private sealed record BaseCount(long Documents, Verdict Verdict);

    private Task<ReplaceOneResult> KeepBaseAsync(List<(string Uuid, Check Check, long Documents)> found, CancellationToken cancellation) => state.Documents.ReplaceOneAsync(
        new BsonDocument("_id", BaseId),
        new BsonDocument
        {
            { "_id", BaseId },
            {
                "collections", new BsonArray(found.Select(f => new BsonDocument
                {
                    { "uuid", f.Uuid }, { "documents", f.Documents }, { "verdict", f.Check.Verdict.ToString() },
                }))
            },
        },
        new ReplaceOptions { IsUpsert = true }, cancellation);

    private async Task<IReadOnlyDictionary<string, BaseCount>> BaseAsync(CancellationToken cancellation) =>
        (await state.Documents.Find(new BsonDocument("_id", BaseId)).FirstOrDefaultAsync(cancellation))?["collections"].AsBsonArray.ToDictionary(
            c => c["uuid"].AsString, c => new BaseCount(c["documents"].ToInt64(), Enum.Parse<Verdict>(c["verdict"].AsString)), StringComparer.Ordinal)
        ?? throw new RefusalException(ErrorKinds.Restore, "What was counted at the base's end mark is not in the target any more.", BesideNames.State);

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
        ? new(witness.Collection, Verdict.Failed, Sentence(wrong))
        : new(witness.Collection, Verdict.Proven, witness.Type == ReplayedCollection.View
            ? "the view is as it was"
            : $"documents ({documents:N0}), indexes ({witness.Indexes.Count}) and options are as they were; {witness.Shares.Sum(s => s.Documents):N0} compared by hash");

    /// <summary>An index scan on the server: nothing is sent for a document.</summary>
    private Task<long> CountAsync(ReplayedCollection found, CancellationToken cancellation) => LongCommands.WatchAsync(
        RawWrites.Of(state.Database, found.Beside).CountDocumentsAsync(new BsonDocument(), cancellationToken: cancellation), $"count {found.Name}", cancellation);

    /// <summary>Null: the same documents.</summary>
    public static async Task<string?> CompareShareAsync(
        IMongoDatabase database, string collection, bool rawData, WitnessShare share, string name, CancellationToken cancellation)
    {
        var sum = new OrderFreeHash();
        using var session = await RawCursor.StartSessionAsync(database.Client, cancellation);
        await using var cursor = await RawCursor.OpenAsync(
            database, session, RangeReads.Find(collection, share.Min, share.Max, share.ByHint, rawData, readConcern: null), cancellation);
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
        if (restored.Any(IsCanary))
            return await NewestRestoredCanaryAsync(restored, cancellation);
        return work.Request.Collections is null ? null : await NewestCanaryOfBackupAsync(cancellation);
    }

    private static bool IsCanary(ReplayedCollection collection) => collection is { Name: Marks.CanaryCollection, Type: ReplayedCollection.Collection };

    private async Task<DateTimeOffset?> NewestRestoredCanaryAsync(IReadOnlyList<ReplayedCollection> restored, CancellationToken cancellation)
    {
        if (restored.FirstOrDefault(IsCanary) is not { } canary)
            return null;
        var newest = await state.Database.GetCollection<BsonDocument>(canary.Beside)
            .Find(new BsonDocument("at", new BsonDocument("$type", "date"))).Sort(new BsonDocument("at", -1)).Limit(1).FirstOrDefaultAsync(cancellation);
        return newest is null ? null : new DateTimeOffset(newest["at"].ToUniversalTime());
    }

    public async Task<DateTimeOffset?> NewestCanaryOfBackupAsync(CancellationToken cancellation)
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

        foreach (var collection in reader.Index.Collections.Where(c => c.Collection.Name == Marks.CanaryCollection))
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
                    if (entry is { Operation: "i", CollectionName: Marks.CanaryCollection } && entry.Time <= reader.Index.EndMark)
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
