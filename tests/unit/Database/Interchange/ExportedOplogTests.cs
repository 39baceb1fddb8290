using LuxHedge.Activities.Database.Interchange;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Interchange;

public sealed class ExportedOplogTests
{
    [Fact]
    public async Task Only_what_is_of_the_database_goes_and_what_the_tools_may_refuse_is_said()
    {
        await using var writer = new Kept();
        var oplog = new ExportedOplog("shop", writer);
        byte[] own = [.. Entry("{op: 'i', ns: 'shop.cars', o: {_id: 1}}"), .. Entry("{op: 'd', ns: 'shop.cars', o: {_id: 1}}")];
        await oplog.WriteAsync(own, CancellationToken.None);
        Assert.Empty(oplog.Notes);
        await oplog.WriteAsync(
            (byte[])
            [
                .. Entry("{op: 'i', ns: 'shop.cars', o: {_id: 2}}"),
                .. Entry("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'kyc.people', o: {name: 'secret'}}]}}"),
                .. Entry("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'kyc.people', o: {name: 'secret'}}, {op: 'i', ns: 'shop.cars', o: {_id: 3}}]}}"),
                .. Entry("{op: 'c', ns: 'shop.$cmd', o: {renameCollection: 'shop.cars', to: 'shop.cars.old', dropTarget: true}}"),
                .. Entry("{op: 'c', ns: 'kyc.$cmd', o: {renameCollection: 'kyc.people', to: 'shop.people'}}"),
                .. Entry("{op: 'i', ns: 'shop.cars', o: {_id: 4}}"),
            ],
            CancellationToken.None);

        byte[] expected =
        [
            .. own,
            .. Entry("{op: 'i', ns: 'shop.cars', o: {_id: 2}}"),
            .. Entry("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'shop.cars', o: {_id: 3}}]}}"),
            .. Entry("{op: 'c', ns: 'shop.$cmd', o: {renameCollection: 'shop.cars', to: 'shop.cars.old', dropTarget: true}}"),
            .. Entry("{op: 'i', ns: 'shop.cars', o: {_id: 4}}"),
        ];
        Assert.Equal(expected, writer.Oplog.ToArray());
        Assert.Equal(6, oplog.Entries);
        Assert.Equal(2, oplog.Notes.Count);
        Assert.Contains("(cars to cars.old)", oplog.Notes[0], StringComparison.Ordinal);
        Assert.Contains("(people from another)", oplog.Notes[1], StringComparison.Ordinal);
        Assert.DoesNotContain(oplog.Notes, n => n.Contains("kyc", StringComparison.Ordinal));
    }

    private static byte[] Entry(string json) => BsonDocument.Parse(json).ToBson();

    private sealed class Kept : IDumpWriter
    {
        public MemoryStream Oplog { get; } = new();

        public async Task WriteOplogAsync(ReadOnlyMemory<byte> entries, CancellationToken cancellation) => await Oplog.WriteAsync(entries, cancellation);

        public Task BeginAsync(string database, string serverVersion, IReadOnlyList<DumpedCollection> collections, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task WriteAsync(string collection, ReadOnlyMemory<byte> documents, CancellationToken cancellation) => throw new NotSupportedException();

        public Task EndAsync(string collection, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyDictionary<string, long>> CompleteAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => Oplog.DisposeAsync();
    }
}
