using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Activities.Atlas;

/// <summary>How an asset stands by its snapshots at Atlas.</summary>
/// <param name="Newest">The newest complete one; null: there is none, or it is not known.</param>
/// <param name="Snapshots">Newest first.</param>
/// <param name="Unknown">Why Atlas could not be asked; null: it answered.</param>
public sealed record AtlasStanding(string Asset, AtlasSnapshot? Newest, IReadOnlyList<AtlasSnapshot> Snapshots, string? Unknown)
{
    /// <summary>Nobody who looks at many things waits longer for one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    public static async Task<AtlasStanding> ReadAsync(AtlasConnections atlas, AssetPlan asset, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            var all = await atlas.Of(asset).ListSnapshotsAsync(limit.Token);
            return new(asset.Name, all.FirstOrDefault(s => s.IsComplete), all, null);
        }
        catch (RefusalException e)
        {
            return new(asset.Name, null, [], e.Report.Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new(asset.Name, null, [], $"Atlas did not answer within {Patience.TotalSeconds:0} s.");
        }
    }

    /// <summary>From the newest moment that Atlas has to now; null: none, or it is not known.</summary>
    public TimeSpan? AgeAt(DateTimeOffset now) => Newest is { CreatedAt: { } at } ? now > at ? now - at : TimeSpan.Zero : null;

    /// <summary>Whether its snapshots alone would meet the RPO now. Null: it is not known.</summary>
    public bool? IsFresh(AssetPlan asset, DateTimeOffset now) => Unknown is not null ? null : AgeAt(now) is { } age && age <= asset.Rpo;
}
