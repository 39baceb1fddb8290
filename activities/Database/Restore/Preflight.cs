using System.Globalization;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;
using Temporalio.Activities;
using Temporalio.Api.Enums.V1;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>The first look of a restore: chooses the backup, opens its key, looks at the target, and says what would be done. Changes nothing.</summary>
internal sealed class Preflight(
    Plan plan, BackupCatalog catalog, RestoreBackups backups, PointSlices slices, KeyRing keys, ClusterConnections clusters, MadeDatabases made, TimeProvider time)
{
    /// <summary>So many are named where none can be chosen.</summary>
    private const int MostNamed = 5;

    public async Task<RestorePlan> LookAsync(RestoreRequest request, CancellationToken cancellation)
    {
        var place = RestorePlace.Of(plan, request);
        // A person is told of better ones; a restore test wants this one.
        var view = request is { Purpose: RestorePurpose.RestoreTest, Backup: { } tested }
            ? await catalog.LookAsync(place.Asset.Name, tested, cancellation)
            : await catalog.ListAsync(place.Asset.Name, cancellation);
        var named = request.Backup is { } id ? view.Find(id) ?? await catalog.FindAsync(id, cancellation) : null;
        if (named is not null && named.Manifest.Asset != place.Asset.Name)
            throw Usage($"Backup {named.Id} is of the asset '{named.Manifest.Asset}', not of '{place.Asset.Name}'.", "--backup");
        var (choice, sliced) = await ChooseAsync(request, view, named, cancellation);
        var chosen = choice?.Base ?? named ?? Newest(view);
        var from = StoresFor(request, place, chosen);
        using var reader = await backups.OpenAsync(place.Asset.Name, chosen.Id, chosen.ManifestSha256, from, request.Keys, cancellation);
        var (to, point, atPoint) = await FindPointAsync(request, choice, sliced, reader, cancellation);
        var selection = atPoint ?? Selection.Of(reader.Index, request.Collections);

        await clusters.CheckAsync(place.Cluster, cancellation);
        var client = clusters[place.Cluster];
        var database = client.GetDatabase(place.Database);
        var there = (await TargetInventory.ListAsync(database, cancellation)).Where(c => TargetInventory.IsData(c.Name)).ToList();
        var filled = new List<string>();
        foreach (var collection in there)
        {
            if (await TargetInventory.HasDocumentsAsync(database, collection, cancellation))
                filled.Add(collection.Name);
        }

        var names = selection.Names.ToHashSet(StringComparer.Ordinal);
        var dropped = there.Select(c => c.Name).Where(names.Contains).ToList();
        var left = there.Select(c => c.Name).Where(n => !names.Contains(n)).ToList();
        RefuseData(request, place, filled, dropped);
        RefuseUsers(request, chosen.Id, reader.Index.Accounts);
        await CheckRoomAsync(client, place, reader, selection, cancellation);

        var host = clusters.Hosts(place.Cluster);
        var production = place.Owner is not null
            || (dropped.Count > 0 && !place.IsScratch && !await made.IsMadeAsync(place, host, cancellation));
        if (production)
            RestoreDoor.RefuseDrill(request, place.Database);
        var (documents, bytes) = Size(reader.Index, selection);
        var restore = new RestorePlan(
            chosen.Id, chosen.ManifestSha256, from, host, place.Database, production, to, MomentWanted(request, chosen), selection.Names, dropped, left,
            Lanes(place.Asset, reader.Index), documents, bytes, SafetySkipped(request, filled, dropped), AskHash: "", Approval: null, Shows: [],
            [.. PointNotes(choice, point, to), .. Notes(chosen, view, reader, dropped, left)], place.Asset.Rto, place.Asset.Rpo)
        {
            Point = point,
        };
        return production ? await AskAsync(request, place, restore, chosen, cancellation) : restore;
    }

    private async Task<RestorePlan> AskAsync(
        RestoreRequest request, RestorePlace place, RestorePlan restore, CatalogBackup chosen, CancellationToken cancellation)
    {
        if (RequestSigner.ProblemOf(plan, request) is { } unsigned)
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"A restore over production is asked for by a person of the plan, with that person's key: {unsigned}.", request.RunId,
                "Start it with `luxhedge restore run --as PERSON`.");
        }

        var requester = request.RequestedBy!.Person;
        var name = RestoreDoor.PolicyOf(place);
        var policy = ApprovalTerms.Policy(plan, name);
        ApprovalTerms.Of(plan, policy, time.GetUtcNow()).CheckReachable(plan, $"policies.{name}", requester);
        await RefuseRunningBackupAsync(place, cancellation);
        var hash = RestoreAsk.Hash(
            place.Asset.Name, restore.BackupId, restore.ManifestSha256, restore.Host, restore.Database, restore.To, restore.Collections, restore.Dropped,
            request.NoSafetyBackup, request.Users);
        return restore with { AskHash = hash, Approval = policy.WithoutRequester(requester), Shows = Shows(request, restore, chosen, requester) };
    }

    private IReadOnlyList<Shown> Shows(RestoreRequest request, RestorePlan restore, CatalogBackup chosen, string requester)
    {
        var age = time.GetUtcNow() - chosen.Manifest.ConsistentAt;
        return
        [
            new("what", $"Restore of {request.Asset}{(request.Collections is null ? ", the whole database" : ", named collections")}"),
            new("into", $"{restore.Database} on {restore.Host} (production)"),
            new("backup", $"{restore.BackupId}, of {chosen.Manifest.ConsistentAt:u}, {Span(age)} old"),
            .. restore.Point is { } point
                ? [new Shown("point", $"{restore.To.ToTime():u} ({restore.To}), by {point.Slices} slices after the backup")] : (IEnumerable<Shown>)[],
            new("standing", chosen.Summary.Verdict == Verdict.Proven ? "proven by a restore test" : $"{chosen.Summary.Verdict}; {(restore.Notes.Count > 0 ? restore.Notes[0] : "")}".TrimEnd(' ', ';')),
            new("holds", $"{restore.Documents:N0} documents in {restore.Collections.Count} collections"),
            new("replaces", restore.Dropped.Count == 0 ? "nothing: none of its collections is there" : string.Join(", ", restore.Dropped)),
            new("stays", restore.Left.Count == 0 ? "nothing else is there" : string.Join(", ", restore.Left)),
            .. request.Users ? [new Shown("users and roles", "those that the backup holds and that are not there are made")] : (IEnumerable<Shown>)[],
            new("safety backup", restore.SafetySkipped is { } why ? $"none: {why}" : "of what is replaced, first"),
            new("asked by", requester),
        ];
    }

    private CatalogBackup Newest(CatalogView view)
    {
        if (view.NewestEligible is { } newest)
            return newest;
        var named = view.Backups.Reverse().Take(MostNamed).ToList();
        throw new RefusalException(new ErrorReport(
            view.Unknown.Count > 0 && named.Count == 0 ? ErrorKinds.Unreachable : ErrorKinds.Usage,
            named.Count == 0 ? $"There is no complete backup of {view.Asset} in any store that answers." : $"No backup of {view.Asset} is eligible.",
            "--backup",
            named.Count == 0 ? $"Make one: luxhedge backup run {view.Asset}" : "Read why not, then choose one of these by its id: --backup ID.",
            [
                .. named.Select(b => new Problem(b.Summary.Notes.Count == 0 ? "not eligible" : string.Join("; ", b.Summary.Notes), b.Id)),
                .. view.Unknown.Select(u => new Problem(u.Why, u.Store)),
            ]));
    }

    /// <summary>Null: no moment is asked for, and the backup's own end mark is as late as it gets.</summary>
    private async Task<(PointChoice? Choice, SliceView? Slices)> ChooseAsync(
        RestoreRequest request, CatalogView view, CatalogBackup? named, CancellationToken cancellation)
    {
        if (request.To is not { } wanted)
            return (null, null);
        IReadOnlyList<CatalogBackup> bases = named is not null ? [named] : [.. view.Backups.Where(b => b.Summary.Eligible)];
        if (bases.Count == 0)
            Newest(view); // Says why there is none.
        var (choice, sliced) = await PointChoice.FindAsync(
            bases, wanted, (from, to) => slices.ListAsync(request.Asset, from, to, request.Store, cancellation));
        return (choice ?? throw PointChoice.OutOfReach(bases, sliced, wanted, view.Unknown, time.GetUtcNow()), sliced);
    }

    /// <summary>Where exactly slices end, and which collections there are by then. Null: the base's own end mark is the point.</summary>
    private async Task<(ClusterTime To, PointPlan? Point, Selection? At)> FindPointAsync(
        RestoreRequest request, PointChoice? choice, SliceView? view, BackupReader reader, CancellationToken cancellation)
    {
        var end = reader.Index.EndMark;
        if (choice is not { Chain.Count: > 0 } || view is null)
            return (end, null, null);
        using var oplog = slices.Open(reader, view, choice.Chain, request.Store, new SliceKeys(keys, request.Keys));
        var (to, leftOut) = await oplog.BorderAsync(choice.Until, cancellation);
        if (to <= end)
            return (end, null, null);
        var chain = view.Chains().Covering(end, to) ?? choice.Chain;
        var there = await CollectionsAtPoint.ReadAsync(reader, oplog.OnlyNames(), to, leftOut, cancellation);
        var selection = Selection.At(there, request.Collections, to);
        return (to, new PointPlan(end, chain.Count, chain.Sum(s => s.RawBytes), selection.Uuids is { } uuids ? [.. uuids.Order(StringComparer.Ordinal)] : null, leftOut), selection);
    }

    private static IEnumerable<string> PointNotes(PointChoice? choice, PointPlan? point, ClusterTime to)
    {
        if (choice?.Note is { } note)
            yield return note;
        if (point is not null)
            yield return $"From backup {choice!.Base.Id}, its end mark {point.BaseEnd.ToTime():u}, by {point.Slices} {(point.Slices == 1 ? "slice" : "slices")} to {to.ToTime():u} ({to}).";
        if (point is { LeftOut.Count: > 0 })
            yield return $"{point.LeftOut.Count} transactions were under way at the point: nothing of them comes back.";
    }

    /// <summary>Copies that were verified first, in the plan's order; a store that did not answer may do so later.</summary>
    private static List<string> StoresFor(RestoreRequest request, RestorePlace place, CatalogBackup chosen)
    {
        var copies = chosen.Copies.OrderByDescending(c => c.VerifiedAt is not null).Select(c => c.Store).ToList();
        if (request.Store is not { } pinned)
            return [.. copies, .. place.Asset.Stores.Except(copies)];
        if (!place.Asset.Stores.Contains(pinned, StringComparer.Ordinal))
            throw Usage($"The asset '{place.Asset.Name}' has no store '{pinned}'.", "--store", $"It has: {string.Join(", ", place.Asset.Stores)}.");
        return [pinned];
    }

    private static void RefuseData(RestoreRequest request, RestorePlace place, List<string> filled, List<string> dropped)
    {
        // Collections by name leave the others alone, so only their own places must be free.
        var inTheWay = request.Collections is null ? filled : [.. filled.Where(dropped.Contains)];
        if (request.Drop || inTheWay.Count == 0)
            return;
        throw Usage(
            $"{place.Database} has data: {string.Join(", ", inTheWay.Take(20))}{(inTheWay.Count > 20 ? $" and {inTheWay.Count - 20} more" : "")}.", place.Database,
            "--drop replaces the collections that are restored and leaves the others; --into another database leaves all of it alone.");
    }

    private static async Task CheckRoomAsync(
        IMongoClient client, RestorePlace place, BackupReader reader, Selection selection, CancellationToken cancellation)
    {
        BsonDocument stats;
        try
        {
            stats = await client.GetDatabase(place.Database).RunCommandAsync<BsonDocument>(new BsonDocument("dbStats", 1), cancellationToken: cancellation);
        }
        catch (MongoCommandException)
        {
            return; // Not every service tells.
        }

        var total = stats.GetValue("fsTotalSize", 0).ToDouble();
        if (total <= 0)
            return;
        // Raw bytes: what compression saves, indexes and the oplog take.
        var free = total - stats.GetValue("fsUsedSize", 0).ToDouble();
        var needed = (double)Size(reader.Index, selection).Bytes;
        if (free < needed)
        {
            throw Usage(
                string.Create(CultureInfo.InvariantCulture, $"The server has {free / 1e9:0.0} GB left, and {needed / 1e9:0.0} GB are loaded beside what is there."),
                place.Database, "Make room, or restore into another cluster.");
        }
    }

    private static async Task RefuseRunningBackupAsync(RestorePlace place, CancellationToken cancellation)
    {
        if (!ActivityExecutionContext.HasCurrent || place.Owner is not { } owner)
            return;
        var id = WorkflowIds.Backup(owner.Name);
        try
        {
            var running = await ActivityExecutionContext.Current.TemporalClient.GetWorkflowHandle(id)
                .DescribeAsync(new() { Rpc = new() { CancellationToken = cancellation } });
            if (running.Status == WorkflowExecutionStatus.Running)
            {
                throw new RefusalException(
                    ErrorKinds.Locked, $"A backup of {owner.Name} runs since {running.StartTime:u}: it would be of a database that changes under it.", id,
                    "Wait for it, or abort it: luxhedge runs abort.");
            }
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            // None ever ran.
        }
    }

    private static void RefuseUsers(RestoreRequest request, string backup, AccountsDocument? accounts)
    {
        if (!request.Users)
            return;
        if (request.Collections is not null)
            throw Usage("Users and roles are the whole database's: they do not come back with named collections.", "--users", "Leave out --collection, or --users.");
        if (accounts?.Missing is { } why)
            throw Usage($"Backup {backup} holds no users and roles: {why}.", "--users", "Restore without --users, and make them by hand.");
        if (accounts is null)
            throw Usage($"Backup {backup} holds no users and roles: they were not looked for when it was made.", "--users", "Restore without --users, and make them by hand.");
    }

    private static string? SafetySkipped(RestoreRequest request, List<string> filled, List<string> dropped) =>
        request.Purpose == RestorePurpose.RestoreTest ? "a restore test overwrites nothing"
        : request.Drill ? "a drill overwrites only what it made itself"
        : filled.Count == 0 ? "the target is empty"
        : !filled.Exists(dropped.Contains) ? "nothing that has data is replaced"
        : request.NoSafetyBackup ? "--no-safety-backup was asked for"
        : null;

    /// <summary><c>--to</c> (of latest: the start of the run), else the consistent time of a backup chosen by id, else the start of the run.</summary>
    private DateTimeOffset MomentWanted(RestoreRequest request, CatalogBackup chosen) =>
        request.To?.Moment ?? (request is { Backup: not null, To: null } ? chosen.Manifest.ConsistentAt
            : DateTimeOffset.TryParseExact(
                request.RunId.Split('-')[0], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var started) ? started
            : time.GetUtcNow());

    private static int Lanes(AssetPlan asset, IndexDocument index) =>
        Math.Clamp(asset.Lanes, 1, Math.Max(1, index.Collections.Sum(c => c.Ranges.Count)));

    private static (long Documents, long Bytes) Size(IndexDocument index, Selection selection)
    {
        var taken = index.Collections.Where(c => selection.Takes(c.Collection)).ToList();
        return (taken.Sum(c => c.Documents), taken.Sum(c => c.RawBytes));
    }

    private List<string> Notes(CatalogBackup chosen, CatalogView view, BackupReader reader, List<string> dropped, List<string> left)
    {
        var notes = new List<string>();
        if (chosen.Summary.Verdict != Verdict.Proven)
        {
            notes.Add(
                $"Backup {chosen.Id} is {(chosen.Summary.Verdict == Verdict.Failed ? "Failed" : "not proven")} by a restore test; " +
                (view.NewestProven is { } proven && proven.Id != chosen.Id ? $"the newest that is: {proven.Id}." : "none of those looked at is."));
        }

        notes.AddRange(chosen.Summary.Notes.Select(n => $"Backup {chosen.Id}: {n}."));
        notes.AddRange(reader.Problems.Select(p => $"{p.Object} in '{p.Store}' {p.What}; another store was used."));
        notes.AddRange(view.Unknown.Select(u => $"Store '{u.Store}' could not be read: {u.Why}"));
        if (dropped.Count > 0 && left.Count > 0)
            notes.Add($"Stays as it is: {string.Join(", ", left)}.");
        if (reader.Index.Witness.Collections.SelectMany(c => c.Indexes).Select(CollectionSpecifications.Parse).Any(CollectionSpecifications.IsTtl))
            notes.Add("Indexes with an expiry are switched on last: documents that are past it are deleted by the server soon after.");
        return notes;
    }

    private static string Span(TimeSpan span) => span.TotalDays >= 2 ? $"{span.TotalDays:0.#} days" : span.TotalHours >= 2 ? $"{span.TotalHours:0.#} hours" : $"{span.TotalMinutes:0} minutes";

    private static RefusalException Usage(string message, string where, string? hint = null) => new(ErrorKinds.Usage, message, where, hint);
}
