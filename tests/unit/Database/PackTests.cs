using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Unit.Database;

public sealed class PackTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("luxhedge-packs-").FullName;
    private readonly DirectoryStore _store;
    private readonly DataKey _key = new("k-b", [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
    private readonly BackupScope _scope;

    public PackTests()
    {
        _store = new DirectoryStore("nas", _folder, "");
        var backup = new BackupContext("r", "asset", "b", "k-b", "d", "nas", null, false, false, DateTimeOffset.UnixEpoch);
        _scope = new BackupScope(backup, null!, _store, new MongoClient("mongodb://127.0.0.1:1"), _key);
    }

    [Fact]
    public async Task Chunks_are_read_by_their_place_in_any_order()
    {
        var raw = Enumerable.Range(0, 5).Select(i => Raw(i * 100)).ToList();
        var pack = await WriteAsync(raw);
        using var reader = await PackReader.OpenAsync(Source(pack), _scope.ContextOf(pack.Name), _key, CancellationToken.None);

        var table = await reader.ReadTableAsync(CancellationToken.None);

        Assert.Equal(pack.Table.Chunks, table.Chunks);
        foreach (var i in new[] { 3, 0, 4, 1, 2 })
        {
            using var chunk = await reader.ReadChunkAsync(table.Chunks[i], CancellationToken.None);
            Assert.Equal(raw[i], chunk.Bytes.ToArray());
            Assert.Equal(i * 100, chunk.Documents.Count());
        }
    }

    [Fact]
    public async Task A_pack_read_whole_gives_the_chunks_that_the_index_has_and_proves_the_rest()
    {
        var raw = Enumerable.Range(1, 4).Select(i => Raw(i * 50)).ToList();
        var pack = await WriteAsync(raw);
        var read = new List<byte[]>();
        await foreach (var chunk in PackReader.ReadAllAsync(
            await _store.OpenReadAsync(pack.Name, 0, null, null, CancellationToken.None), _scope.ContextOf(pack.Name), DataKeys.Borrow(_key),
            [pack.Table.Chunks[2], pack.Table.Chunks[0]], CancellationToken.None))
        {
            using (chunk)
            {
                read.Add(chunk.Bytes.ToArray());
            }
        }

        Assert.Equal([raw[0], raw[2]], read);
    }

    [Fact]
    public async Task A_place_or_hash_that_does_not_fit_is_an_integrity_error_that_names_the_pack()
    {
        var pack = await WriteAsync([Raw(10), Raw(20)]);
        var good = pack.Table.Chunks[1];
        foreach (var wrong in new[]
        {
            good with { Sha256 = new string('0', 64) }, good with { Offset = good.Offset + 1 }, good with { RawLength = good.RawLength + 1 },
            good with { Length = good.Length - 1 }, good with { Offset = 1 << 30 }, good with { RawLength = int.MaxValue }, good with { Length = 0 },
        })
        {
            using var reader = await PackReader.OpenAsync(Source(pack), _scope.ContextOf(pack.Name), _key, CancellationToken.None);
            var refusal = await Assert.ThrowsAsync<RefusalException>(() => reader.ReadChunkAsync(wrong, CancellationToken.None));
            Assert.Equal(ErrorKinds.Integrity, refusal.Report.Kind);
            Assert.Contains(pack.Name, refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_unfinished_pack_leaves_nothing_and_a_sealed_backup_takes_no_more()
    {
        await using (var writer = NewWriter())
        {
            await AppendAsync(writer, 0, Raw(10));
        }

        Assert.Empty(await NamesAsync());
        await _store.PutIfAbsentAsync(ObjectNames.Manifest("asset", "b"), new byte[] { 1 }, CancellationToken.None);
        await using var late = NewWriter();
        await AppendAsync(late, 0, Raw(10));
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => late.CompleteAsync(CancellationToken.None));
        Assert.Equal(ErrorKinds.Fenced, refusal.Report.Kind);
        await late.DisposeAsync();
        Assert.Empty(await NamesAsync());
    }

    [Fact]
    public void A_footer_is_read_only_where_it_fits_the_pack()
    {
        Assert.Equal((100L, 50), PackFormat.ReadFooter(PackFormat.WriteFooter(100, 50), 174));
        Gen.Select(Gen.Int[0, 23], Gen.Int[0, 7]).Sample((at, bit) =>
        {
            var footer = PackFormat.WriteFooter(100, 50);
            footer[at] ^= (byte)(1 << bit);
            Assert.Null(PackFormat.ReadFooter(footer, 174));
        });
        Assert.Null(PackFormat.ReadFooter(PackFormat.WriteFooter(100, 50), 175));
        Assert.Null(PackFormat.ReadFooter([], 174));
    }

    public async ValueTask DisposeAsync()
    {
        _scope.Dispose();
        await _store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static byte[] Raw(int documents) =>
        [.. Enumerable.Range(0, documents).SelectMany(i => new BsonDocument { { "_id", i }, { "text", $"document {i * 7919}" } }.ToBson())];

    private StoredObjectRange Source(StoredPack pack) => new(_store, pack.Name, pack.Size);

    private PackWriter NewWriter() => new(_scope, "0123456789abcdef", () => ObjectNames.Pack("asset", "b", 0, 0, "01234567"));

    private async Task<StoredPack> WriteAsync(IReadOnlyList<byte[]> raw)
    {
        await using var writer = NewWriter();
        foreach (var (i, bytes) in raw.Index())
        {
            await AppendAsync(writer, i, bytes);
        }

        return (await writer.CompleteAsync(CancellationToken.None))!;
    }

    private static async Task AppendAsync(PackWriter writer, int range, byte[] raw)
    {
        using var compressor = new ChunkCompressor(1, Math.Max(raw.Length, 1));
        var (frame, sha256) = compressor.Compress(raw);
        await writer.AppendAsync(
            new PackChunk(range, 0, true, 0, 0, raw.Length, new BsonSequence(raw).Count(), sha256), frame, CancellationToken.None);
    }

    private async Task<IReadOnlyList<string>> NamesAsync()
    {
        var names = new List<string>();
        await foreach (var found in _store.ListAsync(ObjectNames.Packs("asset", "b"), CancellationToken.None))
        {
            names.Add(found.Name);
        }

        return names;
    }

    private sealed class StoredObjectRange(DirectoryStore store, string name, long length) : IRangeSource
    {
        public long Length => length;

        public Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) => store.OpenReadAsync(name, offset, length, null, cancellation);
    }
}
