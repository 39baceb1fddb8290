using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The last door of a restore. Every writing activity asks here first; target, policy and people come from this worker's own plan, and the
/// hash is computed from what is about to be done.
/// </summary>
internal sealed class RestoreDoor(Plan plan, ClusterConnections clusters, MadeDatabases made, TimeProvider time)
{
    /// <param name="replaces">The activity may replace what is there, or prepares it: then a database that no run of ours made counts as production too.</param>
    /// <exception cref="RefusalException"><c>not-approved</c>; <c>usage</c>, <c>plan</c>.</exception>
    public async Task<RestorePlace> OpenAsync(RestoreWork work, bool replaces, CancellationToken cancellation)
    {
        var place = RestorePlace.Of(plan, work.Request);
        if (place.Database != work.Plan.Database)
            throw new RefusalException(ErrorKinds.NotApproved, $"The run was told to write to {work.Plan.Database}, and its request names {place.Database}.", place.Database);
        var production = place.Owner is not null
            || work.Plan.Production
            || (replaces && work.Plan.Dropped.Count > 0 && !place.IsScratch && !await made.IsMadeAsync(place, clusters.Hosts(place.Cluster), cancellation));
        if (!production)
            return place;
        RefuseDrill(work.Request, place.Database);
        var scope = RequestSigner.Scope(work.Request, place.Lock);
        LastDoor.Check(new DoorQuestion(
            plan,
            PolicyOf(place),
            work.Request.RequestedBy,
            scope,
            [work.Request.RunId, scope.RunId],
            work.Ask,
            Hash(work, place),
            work.Decisions,
            time.GetUtcNow())
        {
            Incident = work.Request.Claim?.Mode == RunMode.Real,
        });
        return place;
    }

    /// <summary>The policy of the production that is overwritten; of the asset, where it is no asset's.</summary>
    public static string PolicyOf(RestorePlace place) => (place.Owner ?? place.Asset).Production ?? throw new RefusalException(
        ErrorKinds.Plan,
        $"The plan names no policy for a restore over {place.Database}: nobody could approve it.",
        $"assets.{(place.Owner ?? place.Asset).Name}.production",
        "Name one under production.approval.");

    /// <summary>A drill that meets production stops, whoever has approved what.</summary>
    public static void RefuseDrill(RestoreRequest request, string database)
    {
        if (request.Drill)
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"A drill never writes over production, and {database} holds what no run of ours made.", database,
                "Nothing was changed. The real event is started with `luxhedge incident run`.");
        }
    }

    private string Hash(RestoreWork work, RestorePlace place) => RestoreAsk.Hash(
        place.Asset.Name, work.Plan.BackupId, work.Plan.ManifestSha256, clusters.Hosts(place.Cluster), place.Database, work.Plan.To,
        work.Plan.Collections, work.Plan.Dropped, work.Request.NoSafetyBackup, work.Request.Users);
}
