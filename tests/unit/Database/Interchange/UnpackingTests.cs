using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities;
using LuxHedge.Activities.Database.Interchange;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using Temporalio.Testing;

namespace LuxHedge.Tests.Unit.Database.Interchange;

/// <summary>Bombs of valid documents, with a small limit in place of the real one.</summary>
public sealed class UnpackingTests : IDisposable
{
    private const string Database = "luxhedge_production";
    private const string Users = $"dump/{Database}/users.bson";
    private const long Free = 4 << 20;

    /// <summary>A valid document that deflate makes a thousandth of.</summary>
    private static readonly byte[] Alike = new BsonDocument { { "_id", 1 }, { "text", new string('x', 1 << 20) } }.ToBson();

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Packings =>
        ["a gzipped file", "members one after another", "many gzipped files", "an archive", "a tar", "a gzipped file in a tar", "behind a tar's end", "of another database"];

    [Theory]
    [MemberData(nameof(Packings))]
    public async Task A_bomb_of_valid_documents_is_refused_with_file_and_byte_however_it_is_packed(string packing)
    {
        var bomb = Repeat(Alike, 16);
        var path = packing switch
        {
            "a gzipped file" => Folder((Users + ".gz", Gzip(bomb))),
            "members one after another" => Folder((Users + ".gz", Repeat(Gzip(Alike), 16))),
            // None of them alone is beyond what is free.
            "many gzipped files" => Folder([.. Enumerable.Range(0, 16).Select(i => ($"dump/{Database}/c{i}.bson.gz", Gzip(Alike)))]),
            "an archive" => Write("bomb.archive.gz", Gzip(await ArchiveAsync(bomb))),
            "a tar" => Write("bomb.tar.gz", Gzip(Tar((Users, bomb)))),
            "a gzipped file in a tar" => Write("bomb.tar", Tar((Users + ".gz", Gzip(bomb)))),
            "behind a tar's end" => Write("bomb.tar.gz", Gzip([.. Tar((Users, Alike)), .. bomb])),
            _ => Write("bomb.tar.gz", Gzip(Tar(("dump/other/users.bson", bomb), (Users, Alike)))),
        };
        var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(path, Free));
        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains("more than 100 times", e.Report.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, e.Report.Where, StringComparison.Ordinal);
        Assert.Matches(", byte [1-9][0-9]*$", e.Report.Where!);
        Assert.Contains("--unpacks-to", e.Report.Hint, StringComparison.Ordinal);

        Assert.True(await ReadAllAsync(path, 20 * Alike.Length) >= Alike.Length); // a person said that it is one
    }

    [Fact]
    public async Task Layers_count_together_and_not_each_by_itself()
    {
        var documents = Diluted(1_000);
        var inner = Gzip(documents);
        var members = Repeat(inner, 60);
        var path = Write("layers.tar.gz", Gzip(Tar((Users + ".gz", members))));
        Assert.InRange(documents.Length / inner.Length, 10, 90);
        Assert.InRange(members.Length / new FileInfo(path).Length, 2, 90);

        var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(path, Free));

        Assert.StartsWith($"{path}: {Users}.gz, byte ", e.Report.Where, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_that_nobody_reads_allow_nothing()
    {
        var path = Folder((Users + ".gz", Gzip(Repeat(Alike, 16))), ("dump/padding.gz", new byte[1 << 20]));
        await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(path, Free));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_dump_that_compresses_as_well_as_any_is_read_however_large(bool tar)
    {
        var documents = Gzip(Diluted(20_000)); // to a thirtieth
        var path = tar ? Write("good.tar.gz", Gzip(Tar((Users, Repeat(Diluted(20_000), 5))))) : Folder((Users + ".gz", Repeat(documents, 5)));
        Assert.True(await ReadAllAsync(path, Free) > 10 * Free);
    }

    /// <summary>Its names are known only when all of it was unpacked, which takes an hour for a large one: a worker that says nothing is taken for dead.</summary>
    [Fact]
    public async Task A_compressed_tar_tells_how_far_it_is_while_it_is_looked_through()
    {
        var path = Write("large.tar.gz", Gzip(Tar((Users, Repeat(Alike, 130)))));
        var told = new List<Progress>();
        var environment = new ActivityEnvironment { Heartbeater = details => told.Add((Progress)details[0]!) };

        await environment.RunAsync(() => DumpSource.OpenAsync(path, 1L << 30, environment.CancellationTokenSource.Token));

        Assert.Equal(2, told.Count);
        Assert.All(told, t => Assert.Equal("look through large.tar.gz", t.What));
        Assert.All(told.Index(), t => Assert.InRange(t.Item.Done, (t.Index + 1) * (64 << 20), (t.Index + 1) * (66 << 20)));
    }

    [Fact]
    public async Task A_small_dump_may_be_as_alike_as_it_likes() =>
        Assert.Equal(3 * Alike.Length, await ReadAllAsync(Folder((Users + ".gz", Gzip(Repeat(Alike, 3)))), Free));

    [Fact]
    public async Task An_archives_head_without_end_is_refused_before_it_is_kept()
    {
        var collection = new BsonDocument { { "db", Database }, { "collection", "" }, { "size", new string('x', 4 << 20) } };
        byte[] head = [.. ArchiveFormat.Magic, .. new BsonDocument { { "version", ArchiveFormat.Version } }.ToBson()];
        var collections = Join(Enumerable.Range(0, 20).Select(i => new BsonDocument(collection) { ["collection"] = $"c{i}" }.ToBson()));

        var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(Write("head.archive", [.. head, .. collections]), Free));

        Assert.Contains("head is larger than 64 MiB", e.Report.Message, StringComparison.Ordinal);
    }

    /// <summary>A tar's reader keeps such a header whole: what it says is looked at before it is believed.</summary>
    [Theory]
    [InlineData('x', 100L << 20)]
    [InlineData('L', 1L << 30)]
    [InlineData('x', 3L << 30)]
    public async Task A_tars_header_that_says_it_is_as_large_as_memory_is_refused(char type, long says)
    {
        var header = new byte[512];
        Encoding.ASCII.GetBytes("header").CopyTo(header, 0);
        Encoding.ASCII.GetBytes("0000644\0" + "0000000\0" + "0000000\0").CopyTo(header, 100);
        Encoding.ASCII.GetBytes($"{Convert.ToString(says, 8).PadLeft(11, '0')}\0").CopyTo(header, 124);
        Encoding.ASCII.GetBytes("00000000000\0        ").CopyTo(header, 136);
        header[156] = (byte)type;
        Encoding.ASCII.GetBytes("ustar\0" + "00").CopyTo(header, 257);
        Encoding.ASCII.GetBytes($"{Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0')}\0 ").CopyTo(header, 148);

        var path = Write("header.tar.gz", Gzip([.. header, .. new byte[1 << 20]]));
        var e = await Assert.ThrowsAsync<RefusalException>(() => ReadAllAsync(path, Unpacking.StandardBytes));

        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains("the tar is damaged after 0 entries", e.Report.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("end of", e.Report.Message, StringComparison.OrdinalIgnoreCase);
    }

    /// <returns>Bytes of documents.</returns>
    private static async Task<long> ReadAllAsync(string path, long unpacksTo)
    {
        var dump = await DumpSource.OpenAsync(path, unpacksTo, CancellationToken.None);
        var bytes = 0L;
        await foreach (var item in dump.ReadAsync(Database, CancellationToken.None))
        {
            bytes += item is DumpItem.Documents documents ? documents.Bytes.Length : 0;
        }

        return bytes;
    }

    private static byte[] Repeat(byte[] bytes, int times) => Join(Enumerable.Repeat(bytes, times));

    private static byte[] Join(IEnumerable<byte[]> parts)
    {
        using var whole = new MemoryStream();
        foreach (var part in parts)
        {
            whole.Write(part);
        }

        return whole.ToArray();
    }

    /// <summary>Documents with ids that differ, as those of databases do.</summary>
    private static byte[] Diluted(int documents)
    {
        var text = new string('x', 400);
        return Join(Enumerable.Range(0, documents).Select(i =>
            new BsonDocument { { "_id", new BsonBinaryData(SHA256.HashData(BitConverter.GetBytes(i))[..8]) }, { "text", text } }.ToBson()));
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Tar(params (string Name, byte[] Content)[] entries)
    {
        using var packed = new MemoryStream();
        using (var tar = new TarWriter(packed))
        {
            foreach (var (name, content) in entries)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
            }
        }

        return packed.ToArray();
    }

    private async Task<byte[]> ArchiveAsync(byte[] documents)
    {
        using var place = DumpPlace.File(_folder["bomb.archive"], "run");
        await using var writer = new ArchiveDumpWriter(place, gzip: false);
        var users = new DumpedCollection(new DumpMetadata("users", "collection", null, [], []), "users");
        await writer.BeginAsync(Database, "8.0.0", [users], CancellationToken.None);
        await writer.WriteAsync("users", documents, CancellationToken.None);
        await writer.EndAsync("users", CancellationToken.None);
        await writer.CompleteAsync(CancellationToken.None);
        return await File.ReadAllBytesAsync(place.Aside);
    }

    private string Folder(params (string Name, byte[] Content)[] files)
    {
        foreach (var (name, content) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
            Write(name, content);
        }

        return _folder["dump"];
    }

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        return _folder[name];
    }
}
