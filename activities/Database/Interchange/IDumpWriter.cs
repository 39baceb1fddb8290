namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// Receives a database as stock <c>mongorestore</c> reads it: once <see cref="BeginAsync"/>, each collection's documents, then the oplog, then
/// <see cref="CompleteAsync"/>. Disposing earlier removes what was written.
/// </summary>
internal interface IDumpWriter : IAsyncDisposable
{
    /// <param name="collections">Every one that will come, views and empty ones too.</param>
    Task BeginAsync(string database, string serverVersion, IReadOnlyList<DumpedCollection> collections, CancellationToken cancellation);

    /// <summary>Whole documents, one after another, of one collection at a time.</summary>
    /// <param name="collection">As in <see cref="DumpedCollection.Source"/>.</param>
    Task WriteAsync(string collection, ReadOnlyMemory<byte> documents, CancellationToken cancellation);

    /// <summary>No more of this collection.</summary>
    Task EndAsync(string collection, CancellationToken cancellation);

    Task WriteOplogAsync(ReadOnlyMemory<byte> entries, CancellationToken cancellation);

    /// <summary>Every file is whole, aside: <see cref="DumpPlace.Put"/> gives them their final name. Answers names, relative to the place asked for
    /// (an archive's is empty), and sizes in bytes.</summary>
    Task<IReadOnlyDictionary<string, long>> CompleteAsync(CancellationToken cancellation);
}

/// <param name="Source">The collection whose documents are written: <c>system.buckets.X</c> for a time series that was read so, else its own
/// name; null for a view.</param>
internal sealed record DumpedCollection(DumpMetadata Metadata, string? Source);
