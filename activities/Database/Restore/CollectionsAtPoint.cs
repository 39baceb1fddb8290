using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Which collections there are at a point, and what was done to each since the base's end mark: replay without its documents.</summary>
internal static class CollectionsAtPoint
{
    public static async Task<IReadOnlyList<ReplayedCollection>> ReadAsync(
        BackupReader reader, IOplogSource slices, ClusterTime to, IReadOnlyList<string> leftOut, CancellationToken cancellation)
    {
        var end = reader.Index.EndMark;
        var atBase = reader.Index.Witness.Collections.Select(w => new ReplayedCollection(
            Selection.KeyOf(w.Collection, w.Type, w.Uuid), w.Collection, w.Type, CollectionSpecifications.Parse(w.Options),
            [.. w.Indexes.Select(i => CollectionSpecifications.Listed(CollectionSpecifications.Parse(i)))], "")).ToList();
        var start = new ReplayState(
            new ReplayPosition(end, ReplayPosition.Whole), atBase, new Dictionary<string, string>(), [], 0, 0, 0, null);
        var scope = new ReplayScope(reader.Index.Database, null, reader.Index.Discarded.ToHashSet(StringComparer.Ordinal), to, end)
        {
            LeftOut = leftOut.ToHashSet(StringComparer.Ordinal),
            OnlyCounts = true,
        };
        var replay = new OplogReplay(scope, start, new Nowhere(), onProgress: done => Beat.Report("look through the slices", done, 0, "entries"));
        return (await replay.RunAsync(slices, cancellation)).Collections;
    }

    private sealed class Nowhere : IReplayTarget
    {
        public Task<IReadOnlyList<ReadOnlyMemory<byte>>> FindAsync(
            ReplayedCollection collection, IReadOnlyList<RawElement> ids, CancellationToken cancellation) => throw new InvalidOperationException("No document is looked at.");

        public Task CreateAsync(ReplayedCollection collection, CancellationToken cancellation) => Task.CompletedTask;

        public Task DropAsync(ReplayedCollection collection, CancellationToken cancellation) => Task.CompletedTask;

        public Task WriteAsync(ReplayStep step, CancellationToken cancellation) => Task.CompletedTask;
    }
}
