using System.Formats.Tar;
using System.IO.Compression;
using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Database.Interchange;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Interchange;

public sealed class HostileDumpTests : IDisposable
{
    private const string Database = "luxhedge_production";
    private static readonly byte[] Good = new BsonDocument { { "_id", 1 }, { "text", "x" } }.ToBson();
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_archive_cut_anywhere_is_refused()
    {
        var whole = await File.ReadAllBytesAsync(Golden("dump.archive"));

        // An archive's head does not say that an oplog follows: cut right before it, it is one of a dump without.
        var beforeOplog = whole.AsSpan().IndexOf("collection\0\u0006\0\0\0oplog"u8) - 14;
        await Parallel.ForEachAsync(Enumerable.Range(0, whole.Length).Where(length => length != beforeOplog), async (length, _) =>
        {
            var path = await FileAsync($"cut-{length}.archive", whole[..length]);
            var e = await Record.ExceptionAsync(() => ReadAllAsync(path)) as RefusalException;
            Assert.True(e?.Report.Kind == ErrorKinds.Integrity, $"cut at {length}: {e?.Report.Kind ?? "read"}");
            File.Delete(path);
        });
    }

    [Fact]
    public async Task A_document_of_an_archive_that_was_changed_is_found_by_its_checksum()
    {
        var whole = await File.ReadAllBytesAsync(Golden("dump.archive"));
        var at = whole.AsSpan().IndexOf("\u00dcn\u00ef 2"u8);
        whole[at + 1] ^= 1;
        var e = await Assert.ThrowsAsync<RefusalException>(async () => await ReadAllAsync(await FileAsync("changed.archive", whole)));
        Assert.Contains("CRC", e.Report.Message, StringComparison.Ordinal);
        Assert.Contains("luxhedge_production.users", e.Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compressed_dump_that_was_cut_is_refused()
    {
        foreach (var file in new[] { "interleaved.archive.gz", "mongodb_backup_20250101_020000.tar.gz" })
        {
            var whole = await File.ReadAllBytesAsync(Golden(file));
            foreach (var length in new[] { whole.Length - 1, whole.Length - 8, whole.Length / 2, 20 })
            {
                var path = await FileAsync("cut.gz", whole[..length]);
                var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(path));
                Assert.True(e.Report.Kind == ErrorKinds.Integrity, $"{file} cut at {length}: {e.Report.Kind}");
            }
        }
    }

    [Theory]
    [InlineData("../outside/luxhedge_production/users.bson")]
    [InlineData("/etc/luxhedge_production/users.bson")]
    [InlineData("dump/luxhedge_production/..\\users.bson")]
    [InlineData("dump/luxhedge_production/a\u0007b.bson")]
    public async Task A_tars_entry_that_leads_elsewhere_is_refused(string name)
    {
        var path = Tar((new UstarTarEntry(TarEntryType.RegularFile, name), Good));
        await RefusedAsync(path, "leads out of the dump");
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.Fifo)]
    public async Task A_tars_link_or_device_is_refused(TarEntryType type)
    {
        var entry = new PaxTarEntry(type, "dump/luxhedge_production/users.bson");
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
        {
            entry.LinkName = "/etc/passwd";
        }

        await RefusedAsync(Tar((entry, null)), "link or a device");
    }

    [Fact]
    public async Task A_folders_link_is_refused()
    {
        Directory.CreateDirectory(_folder["dump/luxhedge_production"]);
        File.CreateSymbolicLink(_folder["dump/luxhedge_production/users.bson"], Golden("dump.archive"));
        await RefusedAsync(_folder["dump"], "link or a device");
    }

    [Fact]
    public async Task Two_dumps_in_one_and_a_collection_twice_are_refused()
    {
        await RefusedAsync(
            Tar((Regular("a/luxhedge_production/users.bson"), Good), (Regular("b/luxhedge_production/cars.bson"), Good)), "several dumps");
        await RefusedAsync(
            Tar((Regular("a/luxhedge_production/users.bson"), Good), (Regular("a/luxhedge_production/users.bson.gz"), Good)), "twice");
    }

    [Fact]
    public async Task A_bomb_of_nothing_is_refused_at_its_first_document()
    {
        var path = _folder["bomb.bson.gz"];
        await using (var gzip = new GZipStream(File.Create(_folder["zeros.gz"]), CompressionLevel.SmallestSize))
        {
            await gzip.WriteAsync(new byte[64 << 20]);
        }

        Directory.CreateDirectory(_folder["dump/luxhedge_production"]);
        File.Move(_folder["zeros.gz"], _folder["dump/luxhedge_production/users.bson.gz"]);
        await RefusedAsync(_folder["dump"], "byte 0");
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Metadata_larger_than_any_is_refused_without_being_kept()
    {
        Directory.CreateDirectory(_folder["dump/luxhedge_production"]);
        await using (var gzip = new GZipStream(File.Create(_folder["dump/luxhedge_production/users.metadata.json.gz"]), CompressionLevel.Fastest))
        {
            await gzip.WriteAsync(new byte[DumpMetadata.LargestText + 2]);
        }

        await RefusedAsync(_folder["dump"], "larger than");
    }

    public static TheoryData<string, byte[]> Broken => new()
    {
        { "a length of nothing", [0, 0, 0, 0, 0] },
        { "a negative length", [0xfb, 0xff, 0xff, 0xff, 0] },
        { "a length of a gigabyte", [0, 0, 0, 0x40, 0] },
        { "an element of an unknown type", [12, 0, 0, 0, 0x77, (byte)'a', 0, 1, 0, 0, 0, 0] },
        { "an inner document that is longer than its outer", [13, 0, 0, 0, 3, (byte)'a', 0, 99, 0, 0, 0, 0, 0] },
        { "a text without its zero", [14, 0, 0, 0, 2, (byte)'a', 0, 2, 0, 0, 0, (byte)'b', (byte)'c', 0] },
        { "documents deeper than any server takes", Deep(5_000) },
        { "code with a scope of no bytes", [12, 0, 0, 0, 15, (byte)'a', 0, 4, 0, 0, 0, 0] },
        { "code with a scope that says nothing", [16, 0, 0, 0, 15, (byte)'a', 0, 8, 0, 0, 0, 1, 0, 0, 0, 0] },
        { "an end in the middle", Good[..^3] },
        { "three bytes too many", [.. Good, 1, 2, 3] },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task Broken_documents_are_refused_with_file_and_byte(string what, byte[] bytes)
    {
        Directory.CreateDirectory(_folder["dump/luxhedge_production"]);
        await File.WriteAllBytesAsync(_folder["dump/luxhedge_production/users.bson"], [.. Good, .. bytes]);
        var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(_folder["dump"]));
        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains("luxhedge_production/users.bson, byte ", e.Report.Where, StringComparison.Ordinal);
        Assert.NotEmpty(what);
    }

    [Fact]
    public void Whatever_is_changed_in_a_document_is_taken_or_refused_and_nothing_else()
    {
        var every = new BsonDocument
        {
            { "d", 1.5 }, { "s", "text" }, { "o", new BsonDocument("a", new BsonArray { 1, "b" }) }, { "bin", new BsonBinaryData([1, 2, 3]) },
            { "id", ObjectId.Empty }, { "t", true }, { "at", new BsonDateTime(5) }, { "n", BsonNull.Value }, { "re", new BsonRegularExpression("a+", "i") },
            { "js", new BsonJavaScript("f()") }, { "jss", new BsonJavaScriptWithScope("f()", new BsonDocument("x", 1)) }, { "i", 1 },
            { "ts", new BsonTimestamp(5, 1) }, { "l", 1L }, { "dec", new Decimal128(1) }, { "min", BsonMinKey.Value }, { "max", BsonMaxKey.Value },
        }.ToBson();
        Gen.Select(Gen.Int[4, every.Length - 1], Gen.Byte, Gen.Int[4, every.Length - 1], Gen.Byte).Sample((at, to, also, other) =>
        {
            var changed = every.ToArray();
            changed[at] = to;
            changed[also] = other;
            try
            {
                BsonCheck.Validate(changed);
            }
            catch (InvalidDataException)
            {
                // Any other exception fails the test.
            }
        });
    }

    [Theory]
    [InlineData(0, "version", "version\0\u0004\0\0\00.1\0\u0002")] // twice the same field
    [InlineData(1, "collection", "")]
    public async Task An_archive_whose_own_headers_are_none_is_refused_with_its_byte(int number, string field, string value)
    {
        var head = new BsonDocument { { "concurrent_collections", 1 }, { "version", "0.1" }, { "server_version", "7.0.14" }, { "tool_version", "100.10.0" } };
        var described = new BsonDocument { { "db", Database }, { "collection", "users" }, { "metadata", "{}" }, { "size", 0 }, { "type", "collection" } };
        var twice = new BsonDocument(allowDuplicateNames: true).AddRange(number == 0 ? head : described).Add(field, value);
        byte[] archive =
        [
            .. ArchiveFormat.Magic, .. (number == 0 ? twice : head).ToBson(), .. (number == 1 ? twice : described).ToBson(), 0xff, 0xff, 0xff, 0xff,
        ];

        var e = await Assert.ThrowsAsync<RefusalException>(async () => await ReadAllAsync(await FileAsync("twice.archive", archive)));

        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains("twice.archive, byte ", e.Report.Where, StringComparison.Ordinal);
        Assert.Contains("header", e.Report.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ns: 'shop.a', o: {_id: 1}}", "op, ns")]
    [InlineData("{op: 'i', ns: 5, o: {_id: 1}}", "op, ns")]
    [InlineData("{op: 'i', ns: 'shop.a', o: 5}", "o, o2")]
    [InlineData("{op: 'u', ns: 'shop.a', o: {_id: 1}}", "o, o2")]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: 'drop'}", "o, o2")]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {applyOps: 5}}", "no list")]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {applyOps: {a: 1}}}", "no list")]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {applyOps: [5]}}", "no document")]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {applyOps: [{op: 'i', ns: 'shop.a', o: 5}]}}", "o, o2")]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {applyOps: [{op: 'c', ns: 'shop.$cmd', o: {applyOps: []}}]}}", "another in it")]
    public void What_is_no_entry_of_an_oplog_is_told_so(string entry, string why)
    {
        var e = Assert.Throws<InvalidDataException>(() => OplogCheck.Validate(BsonDocument.Parse(entry).ToBson()));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_with_a_field_twice_is_none()
    {
        var twice = new BsonDocument(allowDuplicateNames: true)
            .AddRange(BsonDocument.Parse("{op: 'i', ns: 'shop.a', o: {_id: 1}}")).Add("ns", "other.a");
        Assert.Contains("'ns' twice", Assert.Throws<InvalidDataException>(() => OplogCheck.Validate(twice.ToBson())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{\"indexes\": 3}")]
    [InlineData("{\"indexes\": [{\"name\": \"no key\"}]}")]
    [InlineData("{\"indexes\": [{\"key\": {\"a\": 1}}]}")]
    [InlineData("{\"indexes\": [{\"key\": {\"a\": 1}, \"name\": 3}]}")]
    [InlineData("{\"indexes\": [], \"uuid\": \"short\"}")]
    [InlineData("{\"indexes\": [], \"type\": \"other\"}")]
    public async Task Metadata_that_is_none_is_refused_with_its_file(string text)
    {
        Directory.CreateDirectory(_folder["dump/luxhedge_production"]);
        await File.WriteAllTextAsync(_folder["dump/luxhedge_production/users.metadata.json"], text);
        await RefusedAsync(_folder["dump"], "users.metadata.json");
    }

    [Fact]
    public async Task Nothing_and_what_is_no_dump_are_told_apart()
    {
        Assert.Equal(ErrorKinds.Usage, (await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(_folder["missing"]))).Report.Kind);
        await RefusedAsync(await FileAsync("text.txt", "hello, this is no dump"u8.ToArray()), "neither");
        await RefusedAsync(await FileAsync("empty", []), "neither");
        Directory.CreateDirectory(_folder["nothing"]);
        await RefusedAsync(_folder["nothing"], "no collection");
    }

    private static async Task ReadAllAsync(string path)
    {
        var dump = await DumpSource.OpenAsync(path, CancellationToken.None);
        await foreach (var _ in dump.ReadAsync(Database, CancellationToken.None))
        {
            // Reading is the test.
        }
    }

    private static async Task RefusedAsync(string path, string why)
    {
        var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(path));
        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains(why, e.Report.Message, StringComparison.Ordinal);
    }

    private async Task<string> FileAsync(string name, byte[] bytes)
    {
        await File.WriteAllBytesAsync(_folder[name], bytes);
        return _folder[name];
    }

    private static UstarTarEntry Regular(string name) => new(TarEntryType.RegularFile, name);

    private string Tar(params (TarEntry Entry, byte[]? Content)[] entries)
    {
        using var file = File.Create(_folder["hostile.tar"]);
        using var tar = new TarWriter(file);
        foreach (var (entry, content) in entries)
        {
            if (content is not null)
            {
                entry.DataStream = new MemoryStream(content);
            }

            tar.WriteEntry(entry);
        }

        return file.Name;
    }

    private static byte[] Deep(int levels)
    {
        var document = new byte[] { 5, 0, 0, 0, 0 };
        for (var i = 0; i < levels; i++)
        {
            byte[] outer = [.. BitConverter.GetBytes(document.Length + 8), 3, (byte)'a', 0, .. document, 0];
            document = outer;
        }

        return document;
    }

    private static string Golden(string file) => Path.Combine(AppContext.BaseDirectory, "Database", "Interchange", "Golden", file);
}
