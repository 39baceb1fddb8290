using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using MongoDB.Driver;

namespace LuxHedge.Worker.Commands;

/// <summary>What is in a restore's target now, as far as this machine can see it.</summary>
/// <param name="Collections">Name and about how many documents; null: it can't be seen from here.</param>
/// <param name="Unknown">Why it can't.</param>
public sealed record TargetContents(IReadOnlyDictionary<string, long>? Collections, string? Unknown);

/// <summary>Looks into the target, so that the question names what is overwritten. The run's own preflight is what decides.</summary>
public static class TargetLook
{
    /// <summary>A person waits for the question; a target that answers later is described by the run.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static async Task<TargetContents> LookAsync(Plan plan, RestoreTarget target, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        using var clusters = new ClusterConnections(plan);
        try
        {
            var database = clusters[target.Cluster].GetDatabase(target.Database);
            var found = new SortedDictionary<string, long>(StringComparer.Ordinal);
            using var names = await database.ListCollectionNamesAsync(cancellationToken: patience.Token);
            foreach (var name in (await names.ToListAsync(patience.Token)).Where(n => !n.StartsWith("system.", StringComparison.Ordinal) && TargetInventory.IsData(n)))
            {
                found[name] = await database.GetCollection<MongoDB.Bson.BsonDocument>(name).EstimatedDocumentCountAsync(cancellationToken: patience.Token);
            }

            return new(found, null);
        }
        catch (RefusalException e)
        {
            return new(null, e.Report.Message);
        }
        catch (Exception e) when (e is MongoException or TimeoutException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return new(null, clusters.Explain(e, target.Cluster)?.Report.Message ?? $"it did not answer in {Patience.TotalSeconds:0} s");
        }
    }
}
