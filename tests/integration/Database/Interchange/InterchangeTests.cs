using System.IO.Compression;
using System.Security.Cryptography;
using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Interchange;
using LuxHedge.Tests.Integration.Database.Dump;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;
using MongoDB.Driver;
using Serilog.Core;

namespace LuxHedge.Tests.Integration.Database.Interchange;

public sealed class InterchangeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("luxhedge-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_backup_that_is_exported_and_imported_is_the_same_backup(bool archive, bool gzip)
    {
        await using var rig = await DumpRig.CreateAsync();
        var db = rig.Source;
        await db.CreateCollectionAsync("capped", new CreateCollectionOptions { Capped = true, MaxSize = 1 << 20, MaxDocuments = 50 });
        await db.CreateCollectionAsync("empty");
        foreach (var name in new[] { "cars", "we/ird %41 ü+.x", "capped" })
        {
            await db.GetCollection<BsonDocument>(name).InsertManyAsync(
                Enumerable.Range(0, 300).Select(i => new BsonDocument { { "_id", i }, { "n", i }, { "amount", new Decimal128(i) } }));
        }

        await db.GetCollection<BsonDocument>("cars").Indexes.CreateOneAsync(
            new CreateIndexModel<BsonDocument>(new BsonDocument("n", -1), new CreateIndexOptions { Unique = true }));
        await db.CreateViewAsync<BsonDocument, BsonDocument>("some", "cars", new EmptyPipelineDefinition<BsonDocument>().Match(new BsonDocument("n", 1)));
        await rig.RunAsync(afterLanes: async () =>
        {
            await db.GetCollection<BsonDocument>("cars").UpdateOneAsync(new BsonDocument("_id", 7), new BsonDocument("$set", new BsonDocument("n", -7)));
            await db.GetCollection<BsonDocument>("cars").InsertOneAsync(new BsonDocument { { "_id", 9000 }, { "n", 9000 } });
        });
        var path = Path.Combine(_folder, "out");
        IReadOnlyDictionary<string, string> exported;
        using (var reader = await rig.OpenAsync())
        {
            var place = DumpPlace.Of(path, archive, "run-export");
            await using IDumpWriter writer = archive ? new ArchiveDumpWriter(place, gzip) : new DirectoryDumpWriter(place, gzip);
            var result = await BackupExport.WriteAsync(reader, writer, _ => { }, CancellationToken.None);
            DumpPlace.Put(place.Aside, place.Final, result.Files);
            Assert.Equal(reader.Index.Collections.Sum(c => c.Documents), result.Documents);
            exported = (await ReplayedBackup.ReadAsync(reader)).State;
        }

        Assert.Equal(await rig.SourceStateAsync(), exported);
        var import = CreateImport(rig);
        var request = new DatabaseBackupRequest("run-import", rig.Asset.Name, "luxhedge") { Import = new ImportSource(path, null) };
        var start = await import.BeginImportAsync(request);
        var backup = rig.NewContext();
        var work = new ImportWork(backup, request.Import, start);
        var imported = await import.ImportAsync(work);

        using var back = await rig.OpenAsync();
        Assert.Equal(exported, (await ReplayedBackup.ReadAsync(back)).State);
        Assert.Equal(imported.Seal.ManifestSha256, (await import.ImportAsync(work)).Seal.ManifestSha256);
        Assert.Contains(back.Index.Witness.Collections, w => w is { Collection: "cars", Missing: not null });
        Assert.Equal(-1, back.Index.Collections.Single(c => c.Collection.Name == "cars").Collection.Indexes.Select(ExtendedJson.Parse)
            .Single(i => i["key"].AsBsonDocument.Contains("n"))["key"]["n"].ToInt32());
        Assert.Contains(back.Index.Collections, c => c.Collection.Type == "view");
        await DumpTests.AssertVerifiedAsync(rig);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_dump_that_is_refused_leaves_no_object_of_a_backup(bool forItsOplog)
    {
        await using var rig = await DumpRig.CreateAsync();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "dump", rig.Source.DatabaseNamespace.DatabaseName)).FullName;
        var good = new BsonDocument { { "_id", 1 }, { "text", new string('x', 1000) } }.ToBson();
        await File.WriteAllBytesAsync(Path.Combine(folder, "a.bson"), [.. Enumerable.Repeat(good, 1000).SelectMany(b => b)]);
        await File.WriteAllBytesAsync(Path.Combine(folder, "b.bson"), forItsOplog ? good : good[..^2]);
        if (forItsOplog)
        {
            var before = BsonDocument.Parse("{ts: Timestamp(1000, 1), op: 'n', ns: '', o: {msg: 'x'}}");
            var none = BsonDocument.Parse("{ts: Timestamp(1000, 2), op: 'c', ns: 'admin.$cmd', o: {applyOps: 5}}");
            await File.WriteAllBytesAsync(Path.Combine(_folder, "dump", "oplog.bson"), [.. before.ToBson(), .. none.ToBson()]);
        }

        var import = CreateImport(rig);
        var request = new DatabaseBackupRequest("run-import", rig.Asset.Name, "luxhedge")
        {
            Import = new ImportSource(Path.Combine(_folder, "dump"), new DateTimeOffset(2025, 1, 1, 2, 0, 0, TimeSpan.Zero)),
        };
        var start = await import.BeginImportAsync(request);
        var backup = rig.NewContext();

        var e = await Assert.ThrowsAsync<RefusalException>(() => import.ImportAsync(new ImportWork(backup, request.Import, start)));

        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains(forItsOplog ? "oplog.bson, entry 2" : "b.bson, byte 0", e.Report.Where, StringComparison.Ordinal);
        var left = new List<string>();
        await foreach (var item in rig.Store.ListAsync($"{rig.Asset.Name}/backups/{backup.BackupId}/", CancellationToken.None))
        {
            left.Add(item.Name);
        }

        Assert.Empty(left);
    }

    [Fact]
    public async Task A_bomb_of_valid_documents_leaves_no_object_of_a_backup()
    {
        await using var rig = await DumpRig.CreateAsync();
        await BombAsync(rig, members: 4);
        await AssertBombAsync(rig, unpacksTo: 32 << 20);
    }

    [Fact(Explicit = true)]
    public async Task A_bomb_behind_a_whole_pack_is_refused_by_the_limit_that_nobody_said()
    {
        await using var rig = await DumpRig.CreateAsync();
        var folder = await BombAsync(rig, members: 100);
        await using (var before = File.Create(Path.Combine(folder, "a.bson")))
        {
            var document = new BsonDocument { { "_id", 1 }, { "noise", RandomNumberGenerator.GetBytes(15 << 20) } }.ToBson();
            for (var written = 0L; written <= PackWriter.PackBytes; written += document.Length)
            {
                await before.WriteAsync(document);
            }
        }

        await AssertBombAsync(rig, unpacksTo: null);
    }

    [Fact]
    public async Task Users_and_roles_of_a_dump_are_left_out_and_that_is_said()
    {
        await using var rig = await DumpRig.CreateAsync();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "dump", rig.Source.DatabaseNamespace.DatabaseName)).FullName;
        var admin = Directory.CreateDirectory(Path.Combine(_folder, "dump", "admin")).FullName;
        var user = new BsonDocument { { "_id", "shop.app" }, { "user", "app" }, { "credentials", new BsonDocument("SCRAM-SHA-256", "hash") } }.ToBson();
        await File.WriteAllBytesAsync(Path.Combine(folder, "cars.bson"), new BsonDocument("_id", 1).ToBson());
        // As --dumpDbUsersAndRoles lays them beside the collections, and as a dump of the whole server has them.
        await File.WriteAllBytesAsync(Path.Combine(folder, "%24admin.system.users.bson"), user);
        await File.WriteAllBytesAsync(Path.Combine(admin, "system.users.bson"), user);
        var import = CreateImport(rig);
        var request = new DatabaseBackupRequest("run-import", rig.Asset.Name, "luxhedge")
        {
            Import = new ImportSource(Path.Combine(_folder, "dump"), new DateTimeOffset(2025, 1, 1, 2, 0, 0, TimeSpan.Zero)),
        };
        var start = await import.BeginImportAsync(request);
        var imported = await import.ImportAsync(new ImportWork(rig.NewContext(), request.Import, start));

        Assert.Contains("users and roles are left out", Assert.Single(imported.Notes, n => n.Contains("users", StringComparison.Ordinal)), StringComparison.Ordinal);
        using var back = await rig.OpenAsync();
        Assert.Equal(["cars"], back.Index.Collections.Select(c => c.Collection.Name));
        Assert.Null(back.Index.Accounts);
    }

    /// <summary>A gzipped file of members one after another, each of them 16 KB that come to 15 MiB.</summary>
    private async Task<string> BombAsync(DumpRig rig, int members)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "dump", rig.Source.DatabaseNamespace.DatabaseName)).FullName;
        using var member = new MemoryStream();
        await using (var gzip = new GZipStream(member, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            await gzip.WriteAsync(new BsonDocument { { "_id", 1 }, { "text", new string('x', 15 << 20) } }.ToBson());
        }

        await using var bomb = File.Create(Path.Combine(folder, "b.bson.gz"));
        for (var i = 0; i < members; i++)
        {
            await bomb.WriteAsync(member.GetBuffer().AsMemory(0, (int)member.Length));
        }

        return folder;
    }

    private async Task AssertBombAsync(DumpRig rig, long? unpacksTo)
    {
        var import = CreateImport(rig);
        var request = new DatabaseBackupRequest("run-import", rig.Asset.Name, "luxhedge")
        {
            Import = new ImportSource(Path.Combine(_folder, "dump"), new DateTimeOffset(2025, 1, 1, 2, 0, 0, TimeSpan.Zero)) { UnpacksTo = unpacksTo },
        };
        var start = await import.BeginImportAsync(request);

        var e = await Assert.ThrowsAsync<RefusalException>(() => import.ImportAsync(new ImportWork(rig.NewContext(), request.Import, start)));

        Assert.Equal(ErrorKinds.Integrity, e.Report.Kind);
        Assert.Contains("b.bson.gz, byte ", e.Report.Where, StringComparison.Ordinal);
        Assert.Empty(await rig.ObjectsAsync());

        // A person who knows the dump says how far it may go.
        var known = request.Import with { UnpacksTo = 64L << 30 };
        var imported = await import.ImportAsync(new ImportWork(rig.NewContext(), known, start));
        Assert.True(imported.Seal.Documents >= 4);
    }

    private static ImportActivities CreateImport(DumpRig rig) =>
        new(rig.Plan, rig.Stores, rig.Keys, rig.Clusters, rig.Writer, TimeProvider.System, Logger.None);
}
