using LuxHedge.Activities.Database;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Atlas;

/// <summary>What the Atlas workflows ask for: a few requests each, and nothing that waits.</summary>
public sealed class AtlasActivities(Plan plan, AtlasConnections atlas, ClusterConnections clusters) : IAtlasActivities
{
    /// <summary>Before the run's id in a snapshot's description.</summary>
    private const string Mark = "luxhedge";

    private const int LongestReason = 200;

    /// <summary>Of the worker that writes canaries, against Atlas'.</summary>
    private static readonly TimeSpan ClockDrift = TimeSpan.FromMinutes(5);

    /// <summary>An attempt ends well before Temporal gives it up and begins another: no two ask Atlas at once.</summary>
    private static readonly TimeSpan LongestAttempt = TimeSpan.FromSeconds(100);

    public Task<AtlasSnapshot> TakeSnapshotAsync(AtlasSnapshotRequest request) => WithinAsync(cancellation => TakeAsync(request, cancellation));

    public Task<AtlasSnapshot> ReadSnapshotAsync(string asset, string snapshot) =>
        WithinAsync(cancellation => atlas.Of(AssetOf(asset)).ReadSnapshotAsync(snapshot, cancellation));

    public Task<AtlasRestorePlan> PlanRestoreAsync(AtlasRestoreRequest request) => WithinAsync(cancellation => PlanAsync(request, cancellation));

    public Task<AtlasRestoreJob> StartRestoreAsync(AtlasRestoreWork work) => WithinAsync(cancellation => StartAsync(work, cancellation));

    public Task<AtlasRestoreJob> ReadRestoreAsync(string asset, string job) =>
        WithinAsync(cancellation => atlas.Of(AssetOf(asset)).ReadRestoreJobAsync(job, cancellation));

    private async Task<AtlasSnapshot> TakeAsync(AtlasSnapshotRequest request, CancellationToken cancellation)
    {
        var client = atlas.Of(AssetOf(request.Asset));
        // An answer that was lost, by this attempt or one before it, left the snapshot behind under the run's id.
        var known = await client.ListSnapshotsAsync(cancellation);
        if (known.FirstOrDefault(s => IsOf(s, request.RunId)) is { } taken)
            return taken;
        if (known.FirstOrDefault(s => s is { Type: "onDemand", Status: AtlasStatus.Queued or AtlasStatus.InProgress }) is { } other)
        {
            throw new RefusalException(
                ErrorKinds.Locked, $"Atlas takes another snapshot on demand ({other.Id}, {other.Status}).", other.Id, "It finishes that one first.");
        }

        return await client.TakeSnapshotAsync(DescriptionOf(request), request.RetentionDays, cancellation);
    }

    private async Task<AtlasRestorePlan> PlanAsync(AtlasRestoreRequest request, CancellationToken cancellation)
    {
        var asset = AssetOf(request.Asset);
        var client = atlas.Of(asset);
        var from = AtlasConnections.SectionOf(plan, asset).Place;
        var target = AtlasTarget.Of(plan, asset);
        if (request is { Snapshot: not null, To: not null })
            throw new RefusalException(ErrorKinds.Usage, "Either a snapshot is restored, or a point in time.", "--to");
        var snapshot = request.To is null ? await ChooseAsync(client, asset, request.Snapshot, cancellation) : null;
        var state = await client.ReadClusterAsync(target, cancellation);
        AtlasTarget.Refuse(plan, target, state);
        RefuseBusy(target, state);
        var known = await client.ListRestoreJobsAsync(cancellation);
        if (known.FirstOrDefault(j => !j.Job.IsOver && AtlasTarget.IsSame(j.Target, target)) is { } running)
        {
            throw new RefusalException(
                ErrorKinds.Locked, $"Atlas restores into {target} already (job {running.Job.Id}).", running.Job.Id, "Wait until it is finished, or cancel it in Atlas.");
        }

        var like = new AtlasRestorePlan(from, target, snapshot, request.To, []);
        return like with { Known = [.. known.Where(j => IsLike(j, like)).Select(j => j.Job.Id)] };
    }

    private async Task<AtlasRestoreJob> StartAsync(AtlasRestoreWork work, CancellationToken cancellation)
    {
        var asset = AssetOf(work.Request.Asset);
        var client = atlas.Of(asset);
        var target = AtlasTarget.Of(plan, asset);
        if (!AtlasTarget.IsSame(target, work.Plan.To))
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"This worker's plan restores {asset.Name} into {target}, not into {work.Plan.To}.", $"clusters.{asset.Cluster}.atlas.restoreTo",
                "Let all workers have the same plan, and start the restore again.");
        }

        var state = await client.ReadClusterAsync(target, cancellation);
        AtlasTarget.Refuse(plan, target, state);
        // An answer that was lost left its job behind: the one like ours that was not there before. Jobs carry no text to be known by.
        var jobs = await client.ListRestoreJobsAsync(cancellation);
        if (jobs.FirstOrDefault(j => IsLike(j, work.Plan) && !work.Plan.Known.Contains(j.Job.Id, StringComparer.Ordinal)) is { } begun)
            return begun.Job;
        RefuseBusy(target, state);
        return await client.StartRestoreAsync(target, work.Plan.Snapshot?.Id, work.Plan.PointInTime, cancellation);
    }

    public async Task<AtlasRestoreLook> CheckRestoreAsync(AtlasRestoreWork work)
    {
        var asset = AssetOf(work.Request.Asset);
        var finished = new Check("restore job", Verdict.Proven, $"Atlas has finished it: {work.Plan.Moment:u} is in {work.Plan.To.Cluster}.");
        var cluster = plan.Clusters.Values.FirstOrDefault(c => c.Atlas is { } a && AtlasTarget.IsSame(a.Place, work.Plan.To));
        if (cluster is null)
        {
            return new([finished, new("data", Verdict.NotProven,
                $"Nobody has looked at the data: no cluster of the plan has {work.Plan.To} as its atlas.")], null);
        }

        if (!asset.Canary)
            return new([finished, new("data", Verdict.NotProven, $"The plan forbids canaries in {asset.Name}, so nothing tells how old the data is.")], null);
        try
        {
            var newest = await clusters[cluster.Name].GetDatabase(asset.Database).GetCollection<BsonDocument>(Marks.CanaryCollection)
                .Find(new BsonDocument("at", new BsonDocument("$type", "date"))).Sort(new BsonDocument("at", -1)).Limit(1).FirstOrDefaultAsync(Beat.Cancellation);
            if (newest is null)
                return new([finished, new("data", Verdict.NotProven, $"There is no canary of {asset.Name} in {work.Plan.To.Cluster}.")], null);
            var at = new DateTimeOffset(newest["at"].ToUniversalTime());
            return at > work.Plan.Moment + ClockDrift
                ? new([finished, new("data", Verdict.Failed,
                    $"The newest canary is of {at:u}, after the moment that was restored ({work.Plan.Moment:u}): this is not that data.")], at)
                : new([finished, new("data", Verdict.Proven, $"The newest canary is of {at:u}.")], at);
        }
        catch (Exception e) when (clusters.Explain(e, cluster.Name) is not null)
        {
            return new([finished, new("data", Verdict.NotProven, $"Nobody has looked at the data: {clusters.Explain(e, cluster.Name)!.Report.Message}")], null);
        }
    }

    private static async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Beat.Cancellation);
        limit.CancelAfter(LongestAttempt);
        try
        {
            return await work(limit.Token);
        }
        catch (OperationCanceledException e) when (!Beat.Cancellation.IsCancellationRequested)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"Atlas did not answer within {LongestAttempt.TotalSeconds:0} s.", null, "It may limit requests: look at its status.", e)
            { MayPass = true };
        }
    }

    private static async Task<AtlasSnapshot> ChooseAsync(AtlasClient client, AssetPlan asset, string? id, CancellationToken cancellation)
    {
        if (id is not null)
        {
            var named = await client.ReadSnapshotAsync(id, cancellation);
            return named.IsComplete ? named : throw new RefusalException(
                ErrorKinds.Usage, $"The snapshot {id} is {named.Status}: only a completed one can be restored.", id);
        }

        return (await client.ListSnapshotsAsync(cancellation)).FirstOrDefault(s => s.IsComplete) ?? throw new RefusalException(
            ErrorKinds.Usage, $"Atlas has no completed snapshot of {asset.Name}.", asset.Name, "luxhedge atlas status shows what there is.");
    }

    private static void RefuseBusy(AtlasPlace target, AtlasClusterState state)
    {
        if (!string.Equals(state.State, "IDLE", StringComparison.OrdinalIgnoreCase))
        {
            throw new RefusalException(
                ErrorKinds.Locked, $"Atlas is at work on {target}: it is {state.State}.", target.Cluster, "Wait until it is IDLE.");
        }
    }

    private static bool IsLike(AtlasStoredJob job, AtlasRestorePlan plan) =>
        AtlasTarget.IsSame(job.Target, plan.To)
        && (plan.Snapshot is { } snapshot ? job.Snapshot == snapshot.Id : job.PointInTime == plan.PointInTime?.ToUnixTimeSeconds());

    private static bool IsOf(AtlasSnapshot snapshot, string runId) =>
        snapshot.Description?.Split(' ').Contains(runId, StringComparer.Ordinal) == true;

    private static string DescriptionOf(AtlasSnapshotRequest request)
    {
        var reason = new string([.. request.Reason.Where(c => !char.IsControl(c))]).Trim();
        return $"{Mark} {request.RunId} {(reason.Length <= LongestReason ? reason : reason[..LongestReason])}".TrimEnd();
    }

    private AssetPlan AssetOf(string name) => plan.Assets.TryGetValue(name, out var asset) && asset.Kind == "database"
        ? asset
        : throw new RefusalException(ErrorKinds.Usage, $"The plan has no database '{name}'.", name, $"It has: {string.Join(", ", plan.Assets.Keys)}.");
}
