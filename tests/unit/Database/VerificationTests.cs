using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Tests.Unit.Catalog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Unit.Database;

public sealed class VerificationTests
{
    /// <summary>What is done to a store, and the object that must be named for it.</summary>
    public static TheoryData<string, string, string> Damages => new()
    {
        { "flip", "/packs/0-0-", "hash differs" },
        { "flip", "/packs/oplog-", "hash differs" },
        { "flip", "/index", "hash differs" },
        { "flip", "/ranges", "hash differs" },
        { "flip", "/objects.json", "hash differs" },
        { "flip", "/manifest.json", "does not verify" },
        { "truncate", "/packs/0-0-", "truncated" },
        { "truncate", "/index", "truncated" },
        { "truncate", "/objects.json", "bytes" },
        { "truncate", "/manifest.json", "truncated" },
        { "lengthen", "/packs/1-0-", "lengthened" },
        { "lengthen", "/objects.json", "bytes" },
        { "lengthen", "/manifest.json", "lengthened" },
        { "lose", "/packs/1-0-", "missing" },
        { "lose", "/index", "missing" },
        { "lose", "/ranges", "missing" },
        { "lose", "/objects.json", "missing" },
        { "lose", "/manifest.json", "missing" },
        { "lose", "/keys/", "no key object" },
        { "flip", "/keys/", "does not verify" },
        { "lay over", "/packs/0-0-", "newer version was laid over it" },
        { "lay over", "/index", "newer version was laid over it" },
        { "lay over", "/objects.json", "newer version was laid over it" },
        { "lay over", "/manifest.json", "newer version was laid over it" },
        { "lay over", "/keys/", "newer version was laid over it" },
        { "mark", "/packs/0-0-", "delete marker was laid over it" },
        { "mark", "/manifest.json", "delete marker was laid over it" },
    };

    [Fact]
    public async Task A_whole_backup_is_Proven_at_both_levels_in_both_stores()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();

        foreach (var store in new[] { "s3", "nas" })
        {
            foreach (var level in new[] { VerificationLevel.Presence, VerificationLevel.Integrity })
            {
                var found = await backup.VerifyAsync(store, level);

                Assert.Empty(found.Problems);
                Assert.Equal(Verdict.Proven, found.Verdict);
                Assert.Equal((await backup.FindAsync()).ManifestSha256, found.ManifestSha256);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task What_was_done_to_a_copy_is_found_and_named(string damage, string part, string words)
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();
        var name = backup.Name(part, backup.Nas);
        Do(backup.Nas, name, damage);

        var found = await backup.VerifyAsync("nas");

        Assert.Equal(Verdict.Failed, found.Verdict);
        Assert.Contains(found.Problems, p => name.StartsWith(p.Object, StringComparison.Ordinal) && p.Text.Contains(words, StringComparison.Ordinal));
        Assert.Equal(Verdict.Proven, (await backup.VerifyAsync("s3")).Verdict);
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task Presence_alone_finds_all_but_changed_bytes_of_the_same_length(string damage, string part, string words)
    {
        _ = words;
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var name = backup.Name(part);
        Do(backup.S3, name, damage);

        var found = await backup.VerifyAsync(level: VerificationLevel.Presence);

        var invisible = damage == "flip" && part is not "/objects.json" and not "/manifest.json" and not "/keys/";
        Assert.Equal(invisible ? Verdict.Proven : Verdict.Failed, found.Verdict);
    }

    [Fact]
    public async Task A_store_that_lies_only_when_it_is_read_is_found()
    {
        foreach (var (lie, part) in new (Func<HostileStore, HostileStore>, string)[]
        {
            (s => s.FlipBit("/packs/1-0-", 300), "/packs/1-0-"), (s => s.FlipBit("/packs/oplog-", -1), "/packs/oplog-"),
            (s => s.Truncate("/packs/0-0-", 1), "/packs/0-0-"), (s => s.Lengthen("/index", 1), "/index"),
        })
        {
            await using var backup = SampleBackup.Create(s => lie(new HostileStore(s)));
            await backup.SealAsync();

            var found = await backup.VerifyAsync();

            Assert.Equal(Verdict.Failed, found.Verdict);
            Assert.Contains(part, Assert.Single(found.Problems).Object, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_manifest_of_another_backup_is_not_taken_for_this_one()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.SealAsync(SampleBackup.Id(1));
        var name = ObjectNames.Manifest(SampleBackup.Asset, SampleBackup.Id());
        backup.S3.Rot(name, _ => backup.S3.Content(ObjectNames.Manifest(SampleBackup.Asset, SampleBackup.Id(1))));

        var found = await backup.VerifyAsync();

        Assert.Equal(Verdict.Failed, found.Verdict);
        Assert.Contains("moved or copied", Assert.Single(found.Problems, p => p.Object == name).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pack_of_another_place_under_this_name_does_not_verify_though_it_is_ours()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var other = backup.S3.Content(backup.Name("/packs/1-0-"));
        backup.S3.Rot(backup.Name("/packs/0-0-"), _ => other);

        Assert.Equal(Verdict.Failed, (await backup.VerifyAsync()).Verdict);
    }

    [Theory]
    [InlineData("packs/0-7-00000000", false)]
    [InlineData("packs/0-7-00000000", true)]
    [InlineData("index2", true)]
    [InlineData("manifest.json.bak", false)]
    public async Task A_planted_object_is_found_named_and_not_used(string name, bool likeOurs)
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var whole = ObjectNames.Backup(SampleBackup.Asset, SampleBackup.Id()) + name;
        await backup.S3.PutIfAbsentAsync(whole, likeOurs ? backup.S3.Content(backup.Name("/packs/0-0-")) : new byte[100], default);

        foreach (var level in new[] { VerificationLevel.Presence, VerificationLevel.Integrity })
        {
            var found = await backup.VerifyAsync(level: level);

            Assert.Equal(Verdict.Failed, found.Verdict);
            Assert.Contains("somebody put it there", Assert.Single(found.Problems, p => p.Object == whole).Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_pack_left_by_an_attempt_that_was_given_up_is_no_problem()
    {
        await using var backup = SampleBackup.Create();
        var manifest = await backup.SealAsync();
        var name = ObjectNames.Pack(SampleBackup.Asset, SampleBackup.Id(), 0, 1, "dead0000");
        using (var key = await backup.Keys.AdoptAsync("s3", SampleBackup.Asset, manifest.KeyIds[0], default))
            await backup.S3.PutIfAbsentAsync(name, Container.EncryptWhole(key, new(SampleBackup.Asset, manifest.KeyIds[0], name), new byte[50]), default);

        Assert.Equal(Verdict.Proven, (await backup.VerifyAsync()).Verdict);
    }

    [Fact]
    public async Task A_store_that_cannot_be_reached_is_NotProven()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        backup.S3.Down = new RefusalException(ErrorKinds.Unreachable, "Store 's3' can't be reached: no route.", "s3.example", "Check the network.");

        var found = await backup.VerifyAsync();

        Assert.Equal(Verdict.NotProven, found.Verdict);
        Assert.Contains("no route", Assert.Single(found.Problems).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_key_the_bytes_are_still_hashed_but_it_is_NotProven()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        File.Delete(Path.Combine(backup.TestPlan.Folder, "keys", "data.key"));
        var keys = new KeyRing(backup.Plan, backup.Stores, backup.Writer);
        var verifications = new VerificationActivities(backup.Plan, backup.Stores, keys, backup.Writer, backup.Clock);

        var found = await verifications.VerifyCopyAsync(SampleBackup.Asset, SampleBackup.Id(), "s3", VerificationLevel.Integrity);
        Assert.NotEqual(Verdict.Proven, found.Verdict);
        Assert.Contains(found.Problems, p => p.Object.Contains("/keys/", StringComparison.Ordinal));

        backup.S3.Rot(backup.Name("/packs/1-0-"), Flip);
        found = await verifications.VerifyCopyAsync(SampleBackup.Asset, SampleBackup.Id(), "s3", VerificationLevel.Integrity);
        Assert.Equal(Verdict.Failed, found.Verdict);
        Assert.Contains(found.Problems, p => p.Object.Contains("/packs/1-0-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_store_that_was_never_copied_to_is_NotProven_and_a_copy_that_lost_its_manifest_is_Failed()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        Assert.Equal(Verdict.NotProven, (await backup.VerifyAsync("nas")).Verdict);

        await backup.CopyAsync();
        foreach (var name in backup.Nas.Names(ObjectNames.Backup(SampleBackup.Asset, SampleBackup.Id())))
            backup.Nas.Lose(name);
        var found = await backup.VerifyAsync("nas");

        Assert.Equal(Verdict.Failed, found.Verdict);
        Assert.Equal("is missing", Assert.Single(found.Problems).Text);
    }

    [Fact]
    public async Task An_object_that_is_read_again_after_a_broken_connection_is_no_problem()
    {
        var hostile = default(HostileStore);
        await using var backup = SampleBackup.Create(s => hostile = new HostileStore(s));
        await backup.SealAsync();
        hostile!.BreakReadOnce("/packs/1-0-", 100);

        Assert.Equal(Verdict.NotProven, (await backup.VerifyAsync()).Verdict);
        Assert.Equal(Verdict.Proven, (await backup.VerifyAsync()).Verdict);
    }

    public static TheoryData<string, string> FaultyIndexes => new()
    {
        { "lost range", "nothing of 'users' from" },
        { "lost first range", "nothing of 'users' below" },
        { "doubled chunk", "not each once" },
        { "lost part", "not each once" },
        { "lost last part", "no last part" },
        { "lost collection", "no collection 'cars'" },
        { "moved bound", "do not touch" },
        { "miscounted documents", "documents in the parts" },
        { "gap in the oplog", "gap in the oplog" },
        { "no oplog", "no oplog" },
        { "oplog too late", "after the start mark" },
        { "oplog too short", "does not reach" },
        { "other marks", "marks" },
        { "foreign pack", "list of objects has not" },
        { "stray range", "no collection has" },
    };

    [Theory]
    [MemberData(nameof(FaultyIndexes))]
    public async Task An_index_that_is_not_one_whole_is_Failed(string fault, string words)
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync(index: i => Break(i, fault));

        var found = await backup.VerifyAsync();

        Assert.Equal(Verdict.Failed, found.Verdict);
        Assert.Contains(found.Problems, p => p.Object.EndsWith("/index", StringComparison.Ordinal) && p.Text.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_dropped_collection_that_the_index_discards_is_no_problem()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync(index: i => Break(i, "lost collection") with { Discarded = [new string('b', 32)], Chunks = [.. i.Chunks.Where(c => c.Chunk.Range != 2)] });

        Assert.Empty((await backup.VerifyAsync()).Problems);
    }

    [Fact]
    public async Task Copies_are_looked_for_in_the_stores_of_the_asset_only()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var request = new VerificationRequest("run", SampleBackup.Asset, "queue", SampleBackup.Id(), null, VerificationLevel.Integrity);

        Assert.Equal(["s3", "nas"], (await backup.Verifications.FindCopiesAsync(request)).Stores);
        Assert.Equal(["nas"], (await backup.Verifications.FindCopiesAsync(request with { Store = "nas" })).Stores);
        Assert.Equal("main", (await backup.Verifications.FindCopiesAsync(request)).Cluster);
        foreach (var bad in new[] { request with { Store = "tape" }, request with { BackupId = SampleBackup.Id(1) }, request with { BackupId = "x" }, request with { Asset = "x" } })
            Assert.Equal(ErrorKinds.Usage, (await Assert.ThrowsAsync<RefusalException>(() => backup.Verifications.FindCopiesAsync(bad))).Report.Kind);
    }

    private static IndexDocument Break(IndexDocument index, string fault)
    {
        var (users, cars) = (index.Collections[0], index.Collections[1]);
        return fault switch
        {
            "lost range" => index with { Collections = [users with { Ranges = [users.Ranges[0]] }, cars] },
            "lost first range" => index with { Collections = [users with { Ranges = [users.Ranges[1]] }, cars] },
            "doubled chunk" => index with { Chunks = [.. index.Chunks, index.Chunks[0]] },
            "lost part" => index with { Chunks = [.. index.Chunks.Skip(1)] },
            "lost last part" => index with { Chunks = [.. index.Chunks.Where(c => c.Chunk is not { Range: 0, Part: 1 })] },
            "lost collection" => index with { Collections = [users] },
            "moved bound" => index with { Collections = [users with { Ranges = [users.Ranges[0], users.Ranges[1] with { Min = """{"_id": 11}""" }] }, cars] },
            "miscounted documents" => index with { Collections = [users with { Documents = 29 }, cars] },
            "gap in the oplog" => index with { Oplog = [index.Oplog[0], index.Oplog[1] with { Chunk = index.Oplog[1].Chunk with { FirstEntry = new(1_021, 1) } }] },
            "no oplog" => index with { Oplog = [] },
            "oplog too late" => index with { Oplog = [index.Oplog[0] with { Chunk = index.Oplog[0].Chunk with { FirstEntry = new(1_001, 1) } }, index.Oplog[1]] },
            "oplog too short" => index with { Oplog = [index.Oplog[0]] },
            "other marks" => index with { EndMark = new(1_051, 1) },
            "foreign pack" => index with { Chunks = [index.Chunks[0] with { Pack = index.Chunks[0].Pack + "x" }, .. index.Chunks.Skip(1)] },
            "stray range" => index with { Chunks = [.. index.Chunks, index.Chunks[0] with { Chunk = index.Chunks[0].Chunk with { Range = 9 } }] },
            _ => throw new ArgumentOutOfRangeException(nameof(fault)),
        };
    }

    private static void Do(MemoryStore store, string name, string damage)
    {
        switch (damage)
        {
            case "flip": store.Rot(name, Flip); break;
            case "truncate": store.Rot(name, b => b[..^1]); break;
            case "lengthen": store.Rot(name, b => [.. b, 0]); break;
            case "lose": store.Lose(name); break;
            case "lay over": store.LayOver(name, Flip(store.Content(name))); break;
            case "mark": store.Mark(name); break;
            default: throw new ArgumentOutOfRangeException(nameof(damage));
        }
    }

    private static byte[] Flip(byte[] bytes)
    {
        var flipped = bytes.ToArray();
        flipped[flipped.Length / 2] ^= 1;
        return flipped;
    }
}
