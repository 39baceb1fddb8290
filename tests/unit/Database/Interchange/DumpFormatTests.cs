using System.IO.Compression;
using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Interchange;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace LuxHedge.Tests.Unit.Database.Interchange;

/// <summary>Against dumps that another program wrote from the format's description (Python).</summary>
public sealed class DumpFormatTests : IDisposable
{
    private const string Run = "run-1";
    private const string Database = "luxhedge_production";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("123456789", 0x995DC9BBDF1939FA)]
    [InlineData("", 0)]
    [InlineData("This is a test of the emergency broadcast system.", 0x27DB187FC15BBC72)]
    public void The_checksum_is_CRC_64_XZ(string text, ulong expected)
    {
        var crc = default(Crc64Xz);
        foreach (var half in new[] { text[..(text.Length / 2)], text[(text.Length / 2)..] })
        {
            crc.Add(System.Text.Encoding.ASCII.GetBytes(half));
        }

        Assert.Equal(expected, crc.Value);
    }

    [Theory]
    [InlineData("users", "users")]
    [InlineData("odd/name +%", "odd%2Fname+%2B%25")]
    [InlineData("Ü~-_.", "%C3%9C~-_.")]
    public void A_collections_file_is_named_as_the_tools_name_it(string collection, string file)
    {
        Assert.Equal(file, DumpNames.Escape(collection));
        Assert.Equal(collection, DumpNames.Unescape(file));
    }

    [Fact]
    public void An_export_says_of_users_and_roles_that_it_leaves_them_out_where_the_backup_has_any()
    {
        Assert.Contains("Users (2) and roles (1)", ExportActivities.LeftOut(new AccountsDocument(["{}", "{}"], ["{}"], null)), StringComparison.Ordinal);
        Assert.Null(ExportActivities.LeftOut(new AccountsDocument([], [], null)));
        Assert.Null(ExportActivities.LeftOut(new AccountsDocument([], [], "It may not read them.")));
        Assert.Null(ExportActivities.LeftOut(null));
    }

    [Fact]
    public void A_name_too_long_for_a_file_is_cut_and_closed_with_its_hash()
    {
        var name = new string('x', 250);
        var file = DumpNames.Escape(name);
        Assert.Equal(208 + 3 + 27, file.Length);
        Assert.StartsWith(name[..208] + "%24", file, StringComparison.Ordinal);
        Assert.Null(DumpNames.Unescape(file));
        Assert.Equal(new string('y', 238), DumpNames.Escape(new string('y', 238)));
    }

    [Theory]
    [InlineData("dump.archive", true)]
    [InlineData("interleaved.archive.gz", false)]
    [InlineData("mongodb_backup_20250101_020000.tar.gz", false)]
    public async Task Every_kind_of_dump_is_read_whole(string file, bool oplog)
    {
        var read = await ReadAsync(Golden(file));

        Assert.Equal(["cars", "odd/name +%", "rich", "users"], read.Metadata.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([0, 1, 2], read.Documents["users"].Select(d => d["_id"].AsInt32));
        Assert.Equal("Ünï 2", read.Documents["users"][2]["name"]);
        Assert.Single(read.Documents["odd/name +%"]);
        Assert.Empty(read.Documents["cars"]);
        var users = read.Metadata["users"];
        Assert.Equal(("collection", "00112233445566778899aabbccddeeff"), (users.Type, users.Uuid));
        Assert.Equal("^Ü", users.Options["validator"]["name"]["$regex"]);
        Assert.True(users.Indexes[1]["hidden"].AsBoolean);
        Assert.Equal("view", read.Metadata["rich"].Type);
        Assert.Equal(oplog ? 2 : 0, read.Oplog.Count);
    }

    [Fact]
    public async Task The_old_scripts_archive_says_when_it_was_made_and_by_which_server()
    {
        var dump = await DumpSource.OpenAsync(Golden("mongodb_backup_20250101_020000.tar.gz"), CancellationToken.None);
        Assert.Equal(new DateTimeOffset(2025, 1, 1, 2, 0, 0, TimeSpan.Zero), dump.Created);
        Assert.Equal([Database], dump.Databases);
        Assert.Equal("8.0.4", dump.ServerVersion);
    }

    [Fact]
    public async Task An_archive_is_written_byte_for_byte_as_the_tools_read_it()
    {
        var read = await ReadAsync(Golden("dump.archive"));
        var path = _folder["ours.archive"];
        await WriteAsync(read, path, archive: true, gzip: false);
        Assert.Equal(await File.ReadAllBytesAsync(Golden("dump.archive")), await File.ReadAllBytesAsync(path));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task What_is_written_reads_back_the_same(bool archive, bool gzip)
    {
        var read = await ReadAsync(Golden("dump.archive"));
        var path = _folder["out"];
        var files = await WriteAsync(read, path, archive, gzip);

        var again = await ReadAsync(path);
        Assert.Equal(read.Documents.ToJson(), again.Documents.ToJson());
        Assert.Equal(read.Oplog.ToJson(), again.Oplog.ToJson());
        Assert.Equal(read.Metadata["users"].ToJson(), again.Metadata["users"].ToJson());
        if (!archive)
        {
            var end = gzip ? ".gz" : "";
            Assert.Equal(
                [
                    .. new[] { "cars.bson", "cars.metadata.json", "odd%2Fname+%2B%25.bson", "odd%2Fname+%2B%25.metadata.json",
                        "rich.metadata.json", "users.bson", "users.metadata.json" }.Select(f => $"{Database}/{f}{end}"),
                    "oplog.bson", "prelude.json" + end,
                ],
                files.Order(StringComparer.Ordinal));
            Assert.All(
                Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories),
                f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
        }
    }

    [Fact]
    public async Task Nothing_is_written_over_and_an_export_that_does_not_end_leaves_nothing()
    {
        var there = _folder["there"];
        await File.WriteAllTextAsync(there, "mine");
        Assert.Equal(ErrorKinds.Usage, Assert.Throws<RefusalException>(() => { _ = DumpPlace.File(there, Run); }).Report.Kind);
        Assert.Equal(ErrorKinds.Usage, Assert.Throws<RefusalException>(() => { _ = DumpPlace.Folder(there, Run); }).Report.Kind);

        var read = await ReadAsync(Golden("dump.archive"));
        await using (var writer = new DirectoryDumpWriter(DumpPlace.Folder(_folder["half"], Run), gzip: false))
        {
            await writer.BeginAsync(Database, "8.0.4", Dumped(read), CancellationToken.None);
        }

        Assert.Equal([there], Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(there)!));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_export_gets_its_name_once_and_only_when_it_is_what_was_written(bool archive)
    {
        var read = await ReadAsync(Golden("dump.archive"));
        var path = _folder["out"];
        var (first, files) = await WriteAsideAsync(read, path, archive, gzip: false);
        var (second, others) = await WriteAsideAsync(read, path, archive, gzip: false); // an attempt that was given up and is alive
        var longer = files.ToDictionary(f => f.Key, f => f.Value + 1, StringComparer.Ordinal);
        Assert.Equal(ErrorKinds.Integrity, Assert.Throws<RefusalException>(() => DumpPlace.Put(first, path, longer)).Report.Kind);

        DumpPlace.Put(first, path, files);
        DumpPlace.Put(first, path, files); // its answer was lost

        Assert.Equal(files, others);
        Assert.ThrowsAny<IOException>(() => DumpPlace.Put(second, path, others));
        Assert.Equal(ErrorKinds.Usage, Assert.Throws<RefusalException>(() => DumpPlace.Put(first, path, longer)).Report.Kind);
        Assert.Empty(DumpPlace.Clear(path, archive, Run));
        Assert.Equal([path], Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(path)!));
        Assert.Equal(read.Documents.ToJson(), (await ReadAsync(path)).Documents.ToJson());
    }

    [Fact]
    public async Task What_a_killed_attempt_left_is_removed_and_another_runs_is_not()
    {
        var read = await ReadAsync(Golden("dump.archive"));
        var path = _folder["out"];
        await WriteAsideAsync(read, path, archive: false, gzip: false);
        using var other = DumpPlace.Folder(path, "run-2");

        Assert.Empty(DumpPlace.Clear(path, archive: false, Run));

        Assert.Equal([other.Aside], Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(path)!));
    }

    private static async Task<IReadOnlyCollection<string>> WriteAsync(ReadDump read, string path, bool archive, bool gzip)
    {
        var (aside, files) = await WriteAsideAsync(read, path, archive, gzip);
        DumpPlace.Put(aside, path, files);
        return [.. files.Keys];
    }

    private static async Task<(string Aside, IReadOnlyDictionary<string, long> Files)> WriteAsideAsync(
        ReadDump read, string path, bool archive, bool gzip)
    {
        var place = DumpPlace.Of(path, archive, Run);
        await using IDumpWriter writer = archive ? new ArchiveDumpWriter(place, gzip) : new DirectoryDumpWriter(place, gzip);
        await writer.BeginAsync(Database, "8.0.4", Dumped(read), CancellationToken.None);
        foreach (var (collection, documents) in read.Documents)
        {
            if (documents.Count > 0)
            {
                await writer.WriteAsync(collection, documents.SelectMany(d => d.ToBson()).ToArray(), CancellationToken.None);
            }

            await writer.EndAsync(collection, CancellationToken.None);
        }

        await writer.WriteOplogAsync(read.Oplog.SelectMany(d => d.ToBson()).ToArray(), CancellationToken.None);
        return (place.Aside, await writer.CompleteAsync(CancellationToken.None));
    }

    private static IReadOnlyList<DumpedCollection> Dumped(ReadDump read) =>
        [.. read.Metadata.Values.Select(m => new DumpedCollection(m, m.Type == "view" ? null : m.Collection))];

    private static string Golden(string file) => Path.Combine(AppContext.BaseDirectory, "Database", "Interchange", "Golden", file);

    private static async Task<ReadDump> ReadAsync(string path)
    {
        var dump = await DumpSource.OpenAsync(path, CancellationToken.None);
        var read = new ReadDump(
            new(StringComparer.Ordinal), new SortedDictionary<string, List<BsonDocument>>(StringComparer.Ordinal), []);
        await foreach (var item in dump.ReadAsync(Database, CancellationToken.None))
        {
            switch (item)
            {
                case DumpItem.Described described:
                    read.Metadata[described.Collection] = described.Metadata;
                    break;
                case DumpItem.Began began:
                    read.Documents.TryAdd(began.Collection, []);
                    break;
                case DumpItem.Documents documents:
                    read.Documents[documents.Collection].AddRange(Decode(documents.Bytes));
                    break;
                case DumpItem.Oplog oplog:
                    read.Oplog.AddRange(Decode(oplog.Bytes));
                    break;
                default:
                    break;
            }
        }

        return read;
    }

    private static List<BsonDocument> Decode(ReadOnlyMemory<byte> bytes)
    {
        var decoded = new List<BsonDocument>();
        foreach (var document in new BsonSequence(bytes))
        {
            decoded.Add(BsonSerializer.Deserialize<BsonDocument>(document.ToArray()));
        }

        return decoded;
    }

    private sealed record ReadDump(
        SortedDictionary<string, DumpMetadata> Metadata, SortedDictionary<string, List<BsonDocument>> Documents, List<BsonDocument> Oplog);
}
