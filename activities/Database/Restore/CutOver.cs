using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Puts what stands beside the target into its place. From the first rename on it is finished, not undone: each step is noted before and
/// found again after, by the UUIDs of the collections that were loaded. Only what the approvers saw is replaced.
/// </summary>
internal sealed class CutOver(RestoringState state, WitnessDocument witnesses)
{
    public async Task<IReadOnlyList<Check>> ReplaceAsync(RestoreWork work, Selection selection, CancellationToken cancellation)
    {
        var fence = await state.RaiseAsync("cut-over", cancellation);
        // Named ones that bear another name at the end mark stay beside; the check has said so.
        var wanted = selection.Uuids is null ? null : selection.Names.ToHashSet(StringComparer.Ordinal);
        var collections = (await KeptCollections.ReadAsync(state, cancellation))
            .Where(c => (wanted is null || wanted.Contains(c.Name)) && !BesideNames.IsOurs(c.Name)).ToList();
        var uuids = await RememberAsync(fence, collections, cancellation);
        await RefuseNewcomersAsync(work, collections, uuids, fence, cancellation);

        await state.SetRunAsync(new BsonDocument("cutOver", "begun"), cancellation);
        var checks = new List<Check>();
        // Views last: they may look at any of the others.
        foreach (var collection in collections.OrderBy(c => c.Type == ReplayedCollection.View).ThenBy(c => c.Name, StringComparer.Ordinal))
        {
            await fence.CheckAsync(cancellation);
            await PutAsync(collection, uuids, fence, checks, cancellation);
            Beat.Report("cut over", 0, collections.Count, "collections");
        }

        checks.AddRange(await StandAsync(collections, cancellation));
        foreach (var collection in collections)
        {
            await fence.CheckAsync(cancellation);
            await SwitchExpiryOnAsync(collection, checks, cancellation);
        }

        await state.SetRunAsync(new BsonDocument("cutOver", "done"), cancellation);
        return checks;
    }

    /// <summary>The UUIDs of what was loaded, noted before the first rename: a collection in place with one of them is ours.</summary>
    private async Task<Dictionary<string, string>> RememberAsync(Fence fence, List<ReplayedCollection> collections, CancellationToken cancellation)
    {
        if (await fence.ReadAsync(cancellation) is { } kept && kept.Contains("uuids"))
            return kept["uuids"].AsBsonArray.ToDictionary(u => u["source"].AsString, u => u["uuid"].AsString, StringComparer.Ordinal);
        var there = (await TargetInventory.ListAsync(state.Database, cancellation)).ToDictionary(c => c.Name, StringComparer.Ordinal);
        var uuids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var collection in collections.Where(c => c.Beside.Length > 0))
        {
            if (!there.TryGetValue(collection.Beside, out var beside))
                throw RestoringState.Gone(collection.Name, collection.Beside);
            uuids[collection.Uuid] = beside.Uuid ?? "";
        }

        await fence.WriteAsync(
            _ => Task.CompletedTask,
            new BsonDocument("uuids", new BsonArray(uuids.Select(u => new BsonDocument { { "source", u.Key }, { "uuid", u.Value } }))),
            cancellation);
        return uuids;
    }

    private async Task RefuseNewcomersAsync(
        RestoreWork work, List<ReplayedCollection> collections, Dictionary<string, string> uuids, Fence fence, CancellationToken cancellation)
    {
        var made = (await fence.ReadAsync(cancellation))?.GetValue("made", new BsonArray()).AsBsonArray.Select(m => m.AsString).ToHashSet(StringComparer.Ordinal) ?? [];
        var names = collections.ToDictionary(c => c.Name, StringComparer.Ordinal);
        var newcomers = (await TargetInventory.ListAsync(state.Database, cancellation))
            .Where(t => names.TryGetValue(t.Name, out var ours)
                && !work.Plan.Dropped.Contains(t.Name, StringComparer.Ordinal)
                && !made.Contains(t.Name)
                && t.Name != Marks.CanaryCollection // capture goes on writing one a minute, which nobody needs to have back
                && !(uuids.TryGetValue(ours.Uuid, out var uuid) && uuid.Length > 0 && uuid == t.Uuid))
            .Select(t => t.Name)
            .ToList();
        if (newcomers.Count > 0)
        {
            throw new RefusalException(
                ErrorKinds.Restore, $"Since it was decided what is replaced, the target got {string.Join(", ", newcomers)}: nobody has approved to replace that.",
                string.Join(", ", newcomers), "Stop what writes there, and restore again.");
        }
    }

    private async Task PutAsync(
        ReplayedCollection collection, Dictionary<string, string> uuids, Fence fence, List<Check> checks, CancellationToken cancellation)
    {
        switch (collection.Type)
        {
            case ReplayedCollection.View:
                await MakeAsync(collection, fence, copy: false, checks, cancellation);
                break;
            case ReplayedCollection.TimeSeries:
                await MakeAsync(collection, fence, copy: true, checks, cancellation);
                break;
            default:
                if (collection.Name.StartsWith("system.", StringComparison.Ordinal))
                {
                    await NoteAsync(fence, "made", collection.Name, cancellation);
                    await FillAsync(collection, cancellation);
                }
                else
                {
                    await RenameAsync(collection, uuids[collection.Uuid], fence, cancellation);
                }

                break;
        }
    }

    private async Task RenameAsync(ReplayedCollection collection, string uuid, Fence fence, CancellationToken cancellation)
    {
        var there = (await TargetInventory.ListAsync(state.Database, cancellation)).ToDictionary(c => c.Name, StringComparer.Ordinal);
        if (!there.ContainsKey(collection.Beside))
        {
            if (there.TryGetValue(collection.Name, out var inPlace) && (inPlace.Uuid ?? "") == uuid)
                return; // An attempt before has done it.
            throw new RefusalException(
                ErrorKinds.Restore, $"What was loaded for {collection.Name} is gone: {collection.Beside} is not there.", collection.Name);
        }

        // No server renames over a view or a time series.
        if (there.TryGetValue(collection.Name, out var old) && old.Type != ReplayedCollection.Collection)
        {
            await fence.CheckAsync(cancellation); // a later attempt may have put the restored one there since it was looked at
            await state.Database.DropCollectionAsync(collection.Name, cancellation);
        }

        var database = state.Database.DatabaseNamespace.DatabaseName;
        await LongCommands.RunAsync(
            state.Database.Client.GetDatabase("admin"),
            new BsonDocument
            {
                { "renameCollection", $"{database}.{collection.Beside}" }, { "to", $"{database}.{collection.Name}" }, { "dropTarget", true },
                { "writeConcern", new BsonDocument("w", "majority") },
            },
            $"rename {collection.Name}", cancellation);
    }

    /// <summary>Views and time series can't be renamed: the old one goes, the new one is made, and noted so that it is known as ours.</summary>
    private async Task MakeAsync(ReplayedCollection collection, Fence fence, bool copy, List<Check> checks, CancellationToken cancellation)
    {
        var noted = await fence.ReadAsync(cancellation);
        bool IsIn(string list) => noted?.GetValue(list, new BsonArray()).AsBsonArray.Contains(collection.Name) == true;
        if (IsIn("finished"))
            return;
        await NoteAsync(fence, "made", collection.Name, cancellation);
        await state.Database.DropCollectionAsync(collection.Name, cancellation);
        try
        {
            var create = new BsonDocument("create", collection.Name);
            create.AddRange(CollectionSpecifications.ToCreate(collection));
            create.Remove("expireAfterSeconds");
            await state.Database.RunCommandAsync<BsonDocument>(create, cancellationToken: cancellation);
        }
        catch (MongoCommandException e) when (ServerErrors.IsRefusal(e))
        {
            checks.Add(new(collection.Name, Verdict.Failed, $"The server does not make this {collection.Type}: {e.Message}"));
            return;
        }

        if (copy)
        {
            await CopyAsync(collection, cancellation);
            var indexes = collection.Indexes.Select(i => CollectionSpecifications.ToBuild(i, collection)).OfType<BsonDocument>().Select(CollectionSpecifications.WithoutTtl).ToList();
            if (indexes.Count > 0)
                await IndexBuilder.BuildAsync(state.Database, collection, collection.Name, indexes, checks, cancellation);
        }

        await NoteAsync(fence, "finished", collection.Name, cancellation);
    }

    private static Task NoteAsync(RestoringState state, Fence fence, string list, string name, CancellationToken cancellation) => fence.WriteAsync(
        session => session is null
            ? state.Documents.UpdateOneAsync(new BsonDocument("_id", fence.Id), new BsonDocument("$addToSet", new BsonDocument(list, name)), cancellationToken: cancellation)
            : state.Documents.UpdateOneAsync(session, new BsonDocument("_id", fence.Id), new BsonDocument("$addToSet", new BsonDocument(list, name)), cancellationToken: cancellation),
        null, cancellation);

    private Task NoteAsync(Fence fence, string list, string name, CancellationToken cancellation) => NoteAsync(state, fence, list, name, cancellation);

    /// <summary>The documents of a time series (as buckets, or as its users see them) out of the plain collection that they were loaded into.</summary>
    private async Task CopyAsync(ReplayedCollection collection, CancellationToken cancellation)
    {
        var into = collection.Buckets ?? collection.Name;
        long copied = 0;
        await EachBatchAsync(collection, async batch =>
        {
            if (collection.Buckets == collection.Name)
            {
                // From 8.3 on buckets have no collection of their own name: the time series takes them as raw data.
                await state.Database.RunCommandAsync<BsonDocument>(
                    new BsonDocument { { "insert", into }, { "documents", new BsonArray(batch.Select(RawWrites.Wrap)) }, { "rawData", true } }, cancellationToken: cancellation);
            }
            else
            {
                await RawWrites.Of(state.Database, into).InsertManyAsync(batch.Select(RawWrites.Wrap), cancellationToken: cancellation);
            }

            copied += batch.Count;
            Beat.Report($"cut over {collection.Name}", copied, 0, "documents");
        }, cancellation);
    }

    /// <summary><c>system.js</c> keeps its place: its documents are exchanged.</summary>
    private async Task FillAsync(ReplayedCollection collection, CancellationToken cancellation)
    {
        var place = RawWrites.Of(state.Database, collection.Name);
        await place.DeleteManyAsync(new BsonDocument(), cancellation);
        await EachBatchAsync(collection, batch => RawWrites.InsertAsync(place, null, batch, cancellation), cancellation);
    }

    private async Task EachBatchAsync(ReplayedCollection collection, Func<List<ReadOnlyMemory<byte>>, Task> write, CancellationToken cancellation)
    {
        using var session = await RawCursor.StartSessionAsync(state.Database.Client, cancellation);
        await using var cursor = await RawCursor.OpenAsync(
            state.Database, session, new BsonDocument { { "find", collection.Beside }, { "batchSize", RawWrites.BatchDocuments } }, cancellation);
        while (await cursor.NextAsync(cancellation) is { } batch)
        {
            using (batch)
            {
                var documents = new List<ReadOnlyMemory<byte>>();
                foreach (var document in batch)
                    documents.Add(document.ToArray());
                foreach (var part in documents.Chunk(RawWrites.BatchDocuments))
                    await write([.. part]);
            }
        }
    }

    /// <summary>Everything stands under its name, with its indexes and as many documents as were checked.</summary>
    private async Task<IReadOnlyList<Check>> StandAsync(List<ReplayedCollection> collections, CancellationToken cancellation)
    {
        var there = (await TargetInventory.ListAsync(state.Database, cancellation)).ToDictionary(c => c.Name, StringComparer.Ordinal);
        var counts = await RestoredCheck.CountsAsync(state, cancellation);
        var wrong = new List<string>();
        foreach (var collection in collections)
        {
            if (!there.TryGetValue(collection.Name, out var found) || found.Type != collection.Type)
            {
                wrong.Add($"{collection.Name} does not stand there");
                continue;
            }

            if (collection.Type == ReplayedCollection.TimeSeries)
                await CompareSeriesAsync(collection, wrong, cancellation);
            if (collection.Type == ReplayedCollection.Collection && !collection.Name.StartsWith("system.", StringComparison.Ordinal))
            {
                var odd = new List<string>();
                RestoredCheck.CompareIndexes(
                    collection.Indexes, await TargetInventory.IndexesAsync(state.Database, collection.Name, cancellation), withExpiry: false, odd);
                wrong.AddRange(odd.Select(o => $"{collection.Name}: {o}"));
                if (counts.TryGetValue(collection.Uuid, out var counted))
                    await CompareCountAsync(collection, counted, wrong, cancellation);
            }
        }

        return
        [
            wrong.Count == 0
                ? new("cut-over", Verdict.Proven, $"{collections.Count} collections stand in their place.")
                : new("cut-over", Verdict.Failed, string.Join("; ", wrong)),
        ];
    }

    private async Task CompareSeriesAsync(ReplayedCollection collection, List<string> wrong, CancellationToken cancellation)
    {
        if (collection.Since is { Operations: > 0 })
            return; // Written to since the witness was taken.
        var witness = witnesses.Collections.FirstOrDefault(w => Selection.KeyOf(w.Collection, w.Type, w.Uuid) == collection.Uuid && w.Missing is null);
        foreach (var share in witness?.Shares ?? [])
        {
            if (await RestoredCheck.CompareShareAsync(
                    state.Database, collection.Buckets ?? collection.Name, collection.Buckets == collection.Name, share, collection.Name, cancellation) is { } other)
                wrong.Add($"{collection.Name}: {other}");
        }
    }

    /// <summary>The server's own count, at once. More than were checked is what clients have written meanwhile; less is a loss.</summary>
    private async Task CompareCountAsync(ReplayedCollection collection, long counted, List<string> wrong, CancellationToken cancellation)
    {
        var now = await state.Database.GetCollection<BsonDocument>(collection.Name).EstimatedDocumentCountAsync(cancellationToken: cancellation);
        if (now < counted && !collection.IsCapped)
            wrong.Add($"{collection.Name}: {counted:N0} documents were checked, {now:N0} stand there");
    }

    /// <summary>The very last: from here on the server deletes what is past its expiry.</summary>
    private async Task SwitchExpiryOnAsync(ReplayedCollection collection, List<Check> checks, CancellationToken cancellation)
    {
        var wrong = new List<string>();
        foreach (var index in collection.Indexes.Where(CollectionSpecifications.IsTtl))
        {
            if (!await ModifyAsync(
                    collection, new BsonDocument("index", new BsonDocument { { "name", index["name"] }, { "expireAfterSeconds", index["expireAfterSeconds"] } }), cancellation))
            {
                // Servers before 5.1 do not turn a plain index into one with an expiry.
                await state.Database.RunCommandAsync<BsonDocument>(
                    new BsonDocument { { "dropIndexes", collection.Name }, { "index", index["name"] } }, cancellationToken: cancellation);
                await IndexBuilder.BuildAsync(
                    state.Database, collection, collection.Name, [CollectionSpecifications.ToBuild(index, collection)!], checks, cancellation);
            }
        }

        if (collection.Options.TryGetValue("expireAfterSeconds", out var expiry)
            && !await ModifyAsync(collection, new BsonDocument("expireAfterSeconds", expiry), cancellation))
            wrong.Add($"the server does not set the expiry of {expiry} s");
        if (collection.Type == ReplayedCollection.View)
            return;
        var found = (await TargetInventory.ListAsync(state.Database, cancellation)).FirstOrDefault(c => c.Name == collection.Name);
        if (found is not null && collection.Type == ReplayedCollection.Collection
            && CollectionSpecifications.Form(found.Options, withExpiry: true) != CollectionSpecifications.Form(collection.Options, withExpiry: true))
            wrong.Add($"its options are {CollectionSpecifications.Form(found.Options, true)} and should be {CollectionSpecifications.Form(collection.Options, true)}");
        if (collection.Indexes.Any(CollectionSpecifications.IsTtl))
            RestoredCheck.CompareIndexes(collection.Indexes, await TargetInventory.IndexesAsync(state.Database, collection.Name, cancellation), withExpiry: true, wrong);
        if (wrong.Count > 0)
            checks.Add(new(collection.Name, Verdict.Failed, string.Join("; ", wrong)));
    }

    private async Task<bool> ModifyAsync(ReplayedCollection collection, BsonDocument change, CancellationToken cancellation)
    {
        try
        {
            var command = new BsonDocument("collMod", collection.Name);
            command.AddRange(change);
            await state.Database.RunCommandAsync<BsonDocument>(command, cancellationToken: cancellation);
            return true;
        }
        catch (MongoCommandException e) when (ServerErrors.IsRefusal(e))
        {
            return false;
        }
    }
}
