using System.Collections.Concurrent;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Runs;
using MongoDB.Driver;
using Serilog;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>The steps of oplog capture (docs/format.md, "Slices").</summary>
public sealed class OplogActivities(
    Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, WriterKey writer, TimeProvider time, ILogger log) : IOplogActivities
{
    /// <summary>Canaries of capture are kept so long in the database: one a minute is 10,000 small documents.</summary>
    public static readonly TimeSpan CanariesKept = TimeSpan.FromDays(7);

    /// <summary>Nothing captured for so many slices is told to people, unless the asset's RPO is shorter.</summary>
    private const int PatienceInSlices = 5;

    private static readonly TimeSpan LeastPatience = TimeSpan.FromMinutes(1);

    /// <summary>How far back the newest slice is looked for at first: a capture that was away for longer looks at the names of all.</summary>
    private static readonly TimeSpan Recent = TimeSpan.FromDays(1);

    /// <summary>One activity copies at most so many of those that it listed.</summary>
    private const int CopiesAtOnce = 20;

    private readonly ILogger _log = log.ForContext<OplogActivities>();
    private readonly SliceWriter _slices = new(plan, stores, keys, writer, time);
    private readonly SliceCatalog _catalog = new(plan, stores);
    private readonly ConcurrentDictionary<string, TimeSpan> _asked = new(StringComparer.Ordinal);

    /// <summary>For tests: as <see cref="SliceCapture.LastWrite"/>, and smaller slices.</summary>
    internal Func<CancellationToken, Task<(ClusterTime Majority, ClusterTime Newest)>>? LastWrite { get; init; }

    internal long MostBytes { get; init; } = SliceCapture.SliceBytes;

    /// <summary>For tests: called when a slice was read, before it is put.</summary>
    internal Func<Task>? Read { get; init; }

    public async Task<CaptureStart> BeginCaptureAsync(string asset)
    {
        var cancellation = Beat.Cancellation;
        var settings = SettingsOf(asset);
        if (await NewestAsync(asset, cancellation) is { } newest)
        {
            return new CaptureStart(settings, newest, $"after the newest slice, of {newest.At.ToTime():u}");
        }

        var database = AssetOf(asset).Database!;
        var view = await new BackupCatalog(plan, stores, time).ListAsync(asset, cancellation);
        var backup = view.Backups.LastOrDefault(b => b.Manifest is { Safety: false, OnlyCollections: null, Imported: null } && b.Manifest.Source.Database == database);
        return await ReachAsync(asset, async () =>
        {
            var client = clusters.Of(AssetOf(asset));
            return backup is not null && await SliceCapture.BeginAtAsync(client, database, backup.Manifest.EndMark, cancellation) is { } position
                ? new CaptureStart(settings, position, $"at the end mark of backup {backup.Id}")
                : new CaptureStart(settings, await NowAsync(client, database, cancellation), "now");
        });
    }

    public Task<CapturePosition> BeginChainAsync(string asset) =>
        ReachAsync(asset, () => NowAsync(clusters.Of(AssetOf(asset)), AssetOf(asset).Database!, Beat.Cancellation));

    public Task<CaptureSettings> ReadSettingsAsync(string asset) => Task.FromResult(SettingsOf(asset));

    public Task<SliceCut> CutSliceAsync(SliceWork work) => ReachAsync(work.Asset, async () =>
    {
        var cancellation = Beat.Cancellation;
        var asset = AssetOf(work.Asset);
        var database = asset.Database!;
        var capture = new SliceCapture(clusters.Of(asset), database, asset.CompressionLevel, time, Report) { LastWrite = LastWrite, MostBytes = MostBytes };
        var read = await capture.ReadAsync(work.From, work.Length, _asked.GetValueOrDefault(work.Asset), cancellation);
        _asked[work.Asset] = capture.Asked;
        if (read.Draft is not { } draft)
        {
            return new SliceCut(null, work.From with { ReadUntil = read.CaughtUp ?? work.From.ReadUntil }, read.CaughtUp, read.Waiting, read.Gap, []);
        }

        if (Read is { } told)
        {
            await told();
        }

        var server = await clusters.CheckAsync(asset.Cluster!, cancellation);
        var source = new SourceDescription(clusters.Hosts(asset.Cluster!), database, server.Version);
        var failed = new List<StoreTrouble>();
        RefusalException? last = null;
        foreach (var store in work.Stores)
        {
            Report(new Progress($"slice into {store}", 0, draft.RawBytes, "bytes"));
            try
            {
                var put = (await _slices.PutAsync(store, work.Asset, work.RunId, draft, source, read.Majority, cancellation)).Value;
                _log.Information(
                    "Oplog of {Asset}: slice {From} to {To}, {Entries} entries, {RawBytes} bytes, in {Store}",
                    work.Asset, put.From, put.To, put.Entries, put.RawBytes, store);
                return new SliceCut(
                    new SealedSlice(put.From, put.To, store, put.Entries, put.RawBytes, put.Object.Size, put.NewestCanary),
                    work.From with { At = put.To, EntrySha256 = put.LastEntrySha256, ReadUntil = read.CaughtUp }, read.CaughtUp, read.Waiting, null, failed);
            }
            catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Unreachable or ErrorKinds.Plan or ErrorKinds.Integrity)
            {
                _log.Warning(e, "A slice of {Asset} could not be put into {Store}", work.Asset, store);
                failed.Add(new StoreTrouble(store, e.Report.Message));
                last = e;
            }
            catch (IOException e)
            {
                _log.Warning(e, "A slice of {Asset} could not be put into {Store}", work.Asset, store);
                failed.Add(new StoreTrouble(store, e.Message));
                last = new RefusalException(ErrorKinds.Unreachable, $"Store '{store}' did not take a slice: {e.Message}", store, null, e);
            }
        }

        throw last ?? throw new RefusalException(ErrorKinds.Plan, $"The asset '{work.Asset}' has no store.", $"assets.{work.Asset}.stores");
    });

    public async Task<SlicesCopied> CopySlicesAsync(SliceCopyWork work)
    {
        var cancellation = Beat.Cancellation;
        var slices = work.Slices;
        var left = 0;
        if (work.Since is { } since)
        {
            var view = await _catalog.ListAsync(work.Asset, since, null, cancellation);
            if (view.Unknown.FirstOrDefault(u => u.Store == work.To) is { } away)
            {
                throw new RefusalException(ErrorKinds.Unreachable, away.Why, work.To);
            }

            var missing = view.Slices.Where(s => s.Copies.All(c => c.Store != work.To)).ToList();
            slices = [.. missing.Take(CopiesAtOnce).Select(s => new SliceName(s.Manifest.From, s.Manifest.To, s.Copies[0].Store))];
            left = missing.Count - slices.Count;
        }

        await stores[work.To].ProbeAsync(cancellation);
        var copier = new SliceCopier(plan, stores, keys, _slices);
        for (var done = 0; done < slices.Count; done++)
        {
            Report(new Progress($"slices to {work.To}", done, slices.Count, "slices"));
            await copier.CopyAsync(work.Asset, slices[done].From, slices[done].To, slices[done].Store, work.To, cancellation);
        }

        return new SlicesCopied(slices.Count, slices.Count > 0 ? slices.Max(s => s.To) : null, left);
    }

    public async Task<IReadOnlyList<StoreTrouble>> RecordGapAsync(GapWork gap)
    {
        var cancellation = Beat.Cancellation;
        _log.Error("The oplog of {Asset} has a gap after {After}: {Why}", gap.Asset, gap.After, gap.Why);
        var record = new GapRecord(GapRecord.FormatName, gap.Asset, gap.RunId, writer.Name, gap.After, gap.Until, gap.At, gap.Why);
        var bytes = SignedDocument.Write(record, writer);
        var failed = new List<StoreTrouble>();
        foreach (var store in AssetOf(gap.Asset).Stores)
        {
            try
            {
                await stores[store].PutIfAbsentAsync(ObjectNames.SliceGap(gap.Asset, gap.After), bytes, cancellation);
            }
            catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Unreachable or ErrorKinds.Plan)
            {
                failed.Add(new StoreTrouble(store, e.Report.Message));
            }
            catch (IOException e)
            {
                failed.Add(new StoreTrouble(store, e.Message));
            }
        }

        return failed.Count < AssetOf(gap.Asset).Stores.Count
            ? failed
            : throw new RefusalException(ErrorKinds.Unreachable, $"No store took the record of a gap: {failed[0].Why}", gap.Asset);
    }

    public Task WriteCanaryAsync(string asset, string runId, bool trim) => ReachAsync(asset, async () =>
    {
        var database = clusters.Of(AssetOf(asset)).GetDatabase(AssetOf(asset).Database);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Beat.Cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        if (!await HasCollectionsAsync(database, limit.Token))
        {
            // Lost, or not made yet: a canary would make it, and it would look as if something were there.
            _log.Warning("{Asset} has no collection: no canary is written into its database", asset);
            return true;
        }

        await Marks.WriteCaptureCanaryAsync(database, runId, time.GetUtcNow(), limit.Token);
        if (trim)
        {
            try
            {
                await Marks.TrimCanariesAsync(database, time.GetUtcNow() - CanariesKept, limit.Token);
            }
            catch (MongoCommandException e) when (e.Code == ServerErrors.Unauthorized)
            {
                _log.Debug(e, "Old canaries of {Asset} stay: this user may not delete them", asset);
            }
        }

        return true;
    });

    public async Task<string?> FindBaseAsync(string asset, ClusterTime after)
    {
        var view = await new BackupCatalog(plan, stores, time).ListAsync(asset, Beat.Cancellation);
        return view.Backups.FirstOrDefault(b => b.Summary.Eligible && b.Manifest.OnlyCollections is null && b.Manifest.EndMark >= after)?.Id;
    }

    /// <summary>Other than the canaries'.</summary>
    private static async Task<bool> HasCollectionsAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        using var names = await database.ListCollectionNamesAsync(cancellationToken: cancellation);
        return (await names.ToListAsync(cancellation)).Exists(n => n != Marks.CanaryCollection);
    }

    private static void Report(Progress progress) => Beat.Report(progress.What, progress.Done, progress.Total, progress.Unit);

    /// <summary>Where a chain begins that begins now: at the majority point, or before it, where the oldest transaction began that is open.</summary>
    private static async Task<CapturePosition> NowAsync(IMongoClient client, string database, CancellationToken cancellation)
    {
        var start = await Marks.StartAsync(client, cancellation);
        return await SliceCapture.BeginAtAsync(client, database, start.OplogFrom, cancellation)
            ?? await SliceCapture.BeginAtAsync(client, database, start.Mark, cancellation)
            ?? throw new RefusalException(
                ErrorKinds.Unreachable, $"The oplog does not reach back to {start.Mark.ToTime():u}, which was now a moment ago.", database,
                "It is far too small for what is written: enlarge it (replSetResizeOplog).")
            { MayPass = true };
    }

    /// <summary>The end of the newest slice, however long ago that was: what the server has lost since is a gap, and told as one. Null where there is
    /// none.</summary>
    private async Task<CapturePosition?> NewestAsync(string asset, CancellationToken cancellation)
    {
        var now = (uint)time.GetUtcNow().ToUnixTimeSeconds();
        var (from, to) = (new ClusterTime(now - (uint)Recent.TotalSeconds, 0), new ClusterTime(now + (uint)Recent.TotalSeconds, 0));
        var view = await _catalog.ListAsync(asset, from, to, cancellation);
        if (view.Slices.Count == 0)
        {
            view = await _catalog.ListAsync(asset, null, null, to, cancellation);
        }

        // Where one store does not answer, none of the others can say that there are no slices.
        if (view.Slices.Count == 0 && view.Unknown.Count > 0)
        {
            throw new RefusalException(ErrorKinds.Unreachable, view.Unknown[0].Why, view.Unknown[0].Store, "Where capture goes on lies in the stores.") { MayPass = true };
        }

        if (view.Slices.Select(s => s.Manifest).MaxBy(m => m.To) is not { } newest)
        {
            return null;
        }

        var chain = view.Chains().Stretches.LastOrDefault(s => s.From <= newest.From && newest.To <= s.To);
        return new CapturePosition(newest.To, newest.LastEntrySha256, chain?.From ?? newest.From);
    }

    private CaptureSettings SettingsOf(string name)
    {
        var asset = AssetOf(name);
        var capture = asset.Capture ?? throw new RefusalException(
            ErrorKinds.Plan, $"The plan of this worker does not capture the oplog of '{name}'.", $"assets.{name}.oplog", "Run luxhedge schedules apply.");
        var patience = TimeSpan.FromTicks(Math.Max(LeastPatience.Ticks, PatienceInSlices * capture.Slice.Ticks));
        return new CaptureSettings(capture.Slice, patience < asset.Rpo || asset.Rpo == default ? patience : asset.Rpo, asset.Canary, asset.Stores);
    }

    private AssetPlan AssetOf(string name)
    {
        var asset = plan.Assets.GetValueOrDefault(name)
            ?? throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{name}'.", name, $"It has: {string.Join(", ", plan.Assets.Keys)}.");
        return asset is { Kind: "database", Cluster: not null, Database: not null, Stores.Count: > 0 }
            ? asset
            : throw new RefusalException(ErrorKinds.Usage, $"The asset '{name}' is of kind {asset.Kind}: only databases have an oplog.", $"assets.{name}.kind");
    }

    private Task<T> ReachAsync<T>(string asset, Func<Task<T>> step) => clusters.ReachAsync(AssetOf(asset).Cluster!, spokenWith: true, step);
}
