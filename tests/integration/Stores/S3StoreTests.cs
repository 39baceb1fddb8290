using System.Security.Cryptography;
using Amazon.S3.Model;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Integration.Stores;

public sealed class S3StoreTests
{
    [Fact]
    public async Task It_keeps_the_contract()
    {
        await using var store = Create(await S3Server.SharedAsync(), prefix: S3Server.NewPrefix(), options: SmallParts);

        var lines = await CheckAsync(store, Small);

        // What this server can't answer is NotProven, never a pass; a bucket without locks likewise.
        Assert.Equal(["object lock", "public access"], lines.Where(l => l.Verdict != Verdict.Proven).Select(l => l.Name));
        Assert.DoesNotContain(lines, l => l.Verdict == Verdict.Failed);
    }

    [Fact]
    public async Task It_keeps_the_contract_in_a_bucket_with_object_lock()
    {
        var server = await S3Server.SharedAsync();
        await using var store = Create(server, await server.CreateBucketAsync(objectLock: true), options: SmallParts);

        Assert.Equal(["public access"], (await CheckAsync(store, Small)).Where(l => l.Verdict != Verdict.Proven).Select(l => l.Name));
    }

    [Fact]
    public async Task It_keeps_the_contract_in_a_bucket_without_versions_but_says_so()
    {
        var server = await S3Server.SharedAsync();
        var bucket = $"test-{Guid.NewGuid():N}"[..20];
        await server.Client.PutBucketAsync(bucket);
        await using var store = Create(server, bucket, options: SmallParts);

        // Without versions a race of completes can't be told on a server that does not complete atomically: that line is not asserted.
        Assert.Equal(["versioning"], (await CheckAsync(store, Small)).Where(l => l.Verdict == Verdict.Failed && !l.Name.StartsWith("one winner", StringComparison.Ordinal)).Select(l => l.Name));
    }

    [Theory]
    [InlineData("bucket", "has no such bucket", "Make the bucket")]
    [InlineData("access key", "does not know the access key", "accessKey")]
    [InlineData("secret key", "refuses the secret key", "secretKey")]
    [InlineData("server", "can't be reached", "server runs")]
    public async Task What_is_wrong_is_told_at_the_first_use_with_where_and_what_to_do(string wrong, string words, string hint)
    {
        var server = await S3Server.SharedAsync();
        await using var store = wrong switch
        {
            "bucket" => Create(server, "no-such-bucket"),
            "access key" => Create(server, access: "nobody"),
            "secret key" => Create(server, secret: "wrong"),
            _ => Create(server, endpoint: "http://127.0.0.1:1"),
        };

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => store.PutIfAbsentAsync("a", new byte[1], default));

        Assert.Equal(ErrorKinds.Unreachable, refusal.Report.Kind);
        Assert.False(refusal.MayPass);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(hint, refusal.Report.Hint, StringComparison.Ordinal);
        Assert.Contains(wrong == "bucket" ? "no-such-bucket" : "127.0.0.1", refusal.Report.Where, StringComparison.Ordinal);
        Assert.DoesNotContain(server.SecretKey, refusal.Report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_answered_before_may_come_back()
    {
        var server = await S3Server.SharedAsync();
        await using var store = Create(server, prefix: S3Server.NewPrefix(), proxy: out var proxy);
        await store.PutIfAbsentAsync("a", new byte[1], default);
        await proxy.DisposeAsync();

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => store.HeadAsync("a", default));

        Assert.True(refusal.MayPass);
    }

    [Fact]
    public async Task A_body_that_is_cut_is_read_on_at_the_byte_it_stopped_at()
    {
        var server = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var store = Create(server, prefix: prefix, proxy: out var proxy);
        await using var __ = proxy;
        var content = RandomNumberGenerator.GetBytes(3_000_000);
        await store.PutIfAbsentAsync("a", content, default);
        proxy.CutAnswerOnce($"GET /{S3Server.Bucket}/{prefix}a", 1_000_000);
        proxy.CutAnswerOnce($"GET /{S3Server.Bucket}/{prefix}a", 500);

        var read = await store.ReadWholeAsync("a", default);

        Assert.Equal(2, proxy.Cut);
        Assert.Equal(content, read);
    }

    [Fact]
    public async Task A_read_that_goes_on_stays_in_the_version_it_began_with()
    {
        var server = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var store = Create(server, prefix: prefix, proxy: out var proxy);
        await using var __ = proxy;
        var content = RandomNumberGenerator.GetBytes(3_000_000);
        await store.PutIfAbsentAsync("a", content, default);
        proxy.CutAnswerOnce($"GET /{S3Server.Bucket}/{prefix}a", 100_000);

        await using var stream = await store.OpenReadAsync("a", 0, null, null, default);
        var read = new byte[content.Length];
        await stream.ReadExactlyAsync(read.AsMemory(0, 1_000));
        await LayOverAsync(server, prefix + "a", RandomNumberGenerator.GetBytes(3_000_000));
        await stream.ReadExactlyAsync(read.AsMemory(1_000));

        Assert.Equal(1, proxy.Cut);
        Assert.Equal(content, read);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(12_000_000)]
    public async Task A_write_whose_answer_was_lost_is_known_as_ones_own(int size)
    {
        var server = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var store = Create(server, prefix: prefix, proxy: out var proxy);
        await using var __ = proxy;
        await store.ProbeAsync(default);
        // The put, or of a multipart upload its completion.
        proxy.CutAnswerOnce(size > 8 << 20 ? $"POST /{S3Server.Bucket}/{prefix}a?uploadId" : $"PUT /{S3Server.Bucket}/{prefix}a", 0);

        await using var writer = await store.CreateAsync("a", default);
        await writer.WriteAsync(new byte[size], default);

        Assert.Equal(PutOutcome.Created, await writer.CompleteAsync(default));
        Assert.Equal(1, proxy.Cut);
        Assert.Single(await store.VersionsOfAsync("a", default));
    }

    [Fact]
    public async Task A_writer_holds_no_more_than_the_parts_in_flight_and_the_one_that_fills()
    {
        var server = await S3Server.SharedAsync();
        await using var store = Create(server, S3Server.NewPrefix(), out var proxy, new() { PartBytes = 5 << 20, PartsInFlight = 2 });
        await using var __ = proxy;
        await store.ProbeAsync(default);
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.Hold = ("partNumber=", opened);
        await using var writer = await store.CreateAsync("a", default);
        var part = new byte[5 << 20];

        // Two are sent and wait at the server, the third fills the last buffer.
        for (var i = 0; i < 3; i++)
            await writer.WriteAsync(part, default);
        var fourth = writer.WriteAsync(new byte[1], default).AsTask();
        Assert.True(SpinWait.SpinUntil(() => proxy.Held == 2, TimeSpan.FromMinutes(2)));
        Assert.False(fourth.IsCompleted);

        opened.SetResult();
        await fourth;
        Assert.Equal(PutOutcome.Created, await writer.CompleteAsync(default));
        Assert.Equal((15 << 20) + 1, (await store.HeadAsync("a", default))!.Size);
    }

    [Fact]
    public async Task What_someone_lays_over_an_object_is_a_newer_version_and_the_oldest_is_still_read()
    {
        var server = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var store = Create(server, prefix: prefix);
        await store.PutIfAbsentAsync("a", "good"u8.ToArray(), default);
        await LayOverAsync(server, prefix + "a", "planted"u8.ToArray());
        await server.Client.DeleteObjectAsync(S3Server.Bucket, prefix + "a");

        var versions = await store.VersionsOfAsync("a", default);

        Assert.Equal([(4L, false, false), (7L, false, false), (0L, true, true)], versions.Select(v => (v.Size, v.IsDeleteMarker, v.IsCurrent)));
        Assert.Null(await store.HeadAsync("a", default));
        await Assert.ThrowsAsync<ObjectMissingException>(() => store.ReadWholeAsync("a", default));
        Assert.Equal("good"u8.ToArray(), await store.ReadOldestAsync("a", default));
        Assert.Equal("good"u8.ToArray(), await store.ReadByHashAsync("a", 4, Hash("good"u8.ToArray()), default));

        // Over a marker a put succeeds on every server; but the oldest version is what counts, so it is taken.
        Assert.Equal(PutOutcome.AlreadyThere, await store.PutIfAbsentAsync("a", "new"u8.ToArray(), default));
        Assert.Equal("good"u8.ToArray(), await store.ReadOldestAsync("a", default));
    }

    [Fact]
    public async Task Of_versions_of_one_size_the_one_with_the_hash_is_found()
    {
        var server = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var store = Create(server, prefix: prefix);
        await store.PutIfAbsentAsync("a", "good"u8.ToArray(), default);
        await LayOverAsync(server, prefix + "a", "evil"u8.ToArray());

        Assert.Equal("good"u8.ToArray(), await store.ReadByHashAsync("a", 4, Hash("good"u8.ToArray()), default));
        Assert.Equal(ErrorKinds.Integrity, (await Assert.ThrowsAsync<RefusalException>(() => store.FindVersionAsync("a", 4, Hash("none"u8.ToArray()), default))).Report.Kind);
        Assert.Contains("4 or 4 bytes, 5 were written",
            (await Assert.ThrowsAsync<RefusalException>(() => store.FindVersionAsync("a", 5, Hash("x"u8.ToArray()), default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_locked_object_is_not_deleted_and_its_lock_is_extended_but_never_shortened()
    {
        var server = await S3Server.SharedAsync();
        var bucket = await server.CreateBucketAsync(objectLock: true);
        await using var store = Create(server, bucket);
        var until = DateTimeOffset.UtcNow.AddMinutes(10);
        await store.PutIfAbsentAsync("a", new byte[1], default);

        Assert.True(await store.RetainUntilAsync("a", until, default));
        Assert.True(await store.RetainUntilAsync("a", until.AddMinutes(5), default));
        Assert.True(await store.RetainUntilAsync("a", until.AddMinutes(-5), default));

        var version = (await store.VersionsOfAsync("a", default)).Single().Version;
        var kept = await server.Client.GetObjectRetentionAsync(new GetObjectRetentionRequest { BucketName = bucket, Key = "a", VersionId = version });
        Assert.InRange(kept.Retention.RetainUntilDate!.Value.ToUniversalTime(), until.AddMinutes(4).UtcDateTime, until.AddMinutes(6).UtcDateTime);
        await Assert.ThrowsAsync<ObjectLockedException>(() => store.DeleteAsync("a", default));
        Assert.NotNull(await store.HeadAsync("a", default));

        // What was laid over it is not locked, and goes.
        await LayOverAsync(server, "a", new byte[5], bucket);
        await Assert.ThrowsAsync<ObjectLockedException>(() => store.DeleteAsync("a", default));
        Assert.Equal(version, Assert.Single(await store.VersionsOfAsync("a", default)).Version);
    }

    [Fact]
    public async Task A_bucket_without_locks_says_so()
    {
        await using var store = Create(await S3Server.SharedAsync(), prefix: S3Server.NewPrefix());
        await store.PutIfAbsentAsync("a", new byte[1], default);

        Assert.False(await store.RetainUntilAsync("a", DateTimeOffset.UtcNow.AddMinutes(5), default));
    }

    [Fact]
    public async Task More_objects_than_one_page_are_listed_in_order()
    {
        await using var store = Create(await S3Server.SharedAsync(), prefix: S3Server.NewPrefix(), options: new() { ListPage = 20 });
        var names = Enumerable.Range(0, 123).Select(n => $"d{n % 7}/{n:0000}").Order(StringComparer.Ordinal).ToList();
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (name, token) => await store.PutIfAbsentAsync(name, new byte[1], token));

        var listed = new List<string>();
        await foreach (var found in store.ListAsync("", default))
            listed.Add(found.Name);
        var versions = new List<string>();
        await foreach (var found in store.ListVersionsAsync("", default))
            versions.Add(found.Name);

        Assert.Equal(names, listed);
        Assert.Equal(names, versions);
    }

    private static S3StoreOptions SmallParts => new() { PartBytes = 5 << 20 };

    private static StoreContractOptions Small => new() { Racers = 4, StreamedBytes = (12 << 20) + 1 };

    private static S3Store Create(
        S3Server server, string? bucket = null, string prefix = "", string? access = null, string? secret = null, string? endpoint = null, S3StoreOptions? options = null) =>
        new(new StorePlan(
            "s3", "s3", bucket ?? S3Server.Bucket, prefix, server.Region, endpoint ?? server.Endpoint, null,
            new SecretReference(access ?? server.AccessKey, "/"), new SecretReference(secret ?? server.SecretKey, "/")), options);

    private static S3Store Create(S3Server server, string prefix, out FlakyProxy proxy, S3StoreOptions? options = null)
    {
        proxy = new FlakyProxy(server.Endpoint);
        return Create(server, prefix: prefix, endpoint: proxy.Endpoint, options: options);
    }

    private static Task<PutObjectResponse> LayOverAsync(S3Server server, string key, byte[] content, string? bucket = null) => server.Client.PutObjectAsync(
        new PutObjectRequest { BucketName = bucket ?? S3Server.Bucket, Key = key, InputStream = new MemoryStream(content), UseChunkEncoding = false });

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static async Task<List<StoreCheck>> CheckAsync(IObjectStore store, StoreContractOptions? options = null)
    {
        var lines = new List<StoreCheck>();
        await foreach (var line in new StoreContract(store, TimeProvider.System, options).RunAsync(default))
            lines.Add(line);
        return lines;
    }
}
