using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Catalog;

public sealed class KeyRingTests : IAsyncDisposable
{
    private const string Asset = "luxhedge_production";
    private const string KeyId = "k-20261123T020000Z-luxhedge_production-7f3a";
    private const string Purpose = KeyRing.DatabaseBackup;
    private static readonly string KeyName = ObjectNames.Key(Asset, KeyId, 1);

    private readonly TemporaryFolder _folder = new();
    private readonly WriterKey _writer = WriterKey.Create("writer-1");
    private readonly RecoveryKey _recovery = RecoveryKey.Load(
        Path.Combine(AppContext.BaseDirectory, "Encryption", "Golden", "recovery.pem"), null);

    private readonly FaultyStore _first;
    private readonly FaultyStore _second;
    private readonly StoreSet _stores;

    public KeyRingTests()
    {
        _first = CreateStore("first");
        _second = CreateStore("second");
        _stores = new StoreSet(_first, _second);
        LocalKeyWrapper.CreateFile(_folder["data.key"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _stores.DisposeAsync();
        _writer.Dispose();
        _recovery.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_data_key_is_made_once_and_opens_again()
    {
        using var ring = CreateRing();
        using var made = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);
        using var again = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);
        using var adopted = await ring.AdoptAsync("first", Asset, KeyId, default);
        using var opened = await ring.OpenAsync(Asset, KeyId, ["first"], null, default);

        Assert.Equal(KeyId, made.Id);
        Assert.Equal(made.Bytes, again.Bytes);
        Assert.Equal(made.Bytes, adopted.Bytes);
        Assert.Equal(made.Bytes, Assert.Single(opened.Of(KeyId)).Bytes);
        Assert.Empty(opened.Problems);
        Assert.Empty(opened.Of("k-other"));
    }

    [Fact]
    public async Task The_key_object_says_what_it_is_and_names_every_wrapping()
    {
        using var ring = CreateRing();
        (await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default)).Dispose();

        var stored = await ReadKeyObjectAsync();

        Assert.Equal("luxhedge-key/1", stored.Format);
        Assert.Equal((Asset, KeyId, 1, Purpose, "writer-1"), (stored.Asset, stored.KeyId, stored.N, stored.Purpose, stored.Writer));
        Assert.Equal([("local", "main"), ("recovery", "offline")], stored.Wrappings.Select(w => (w.Kind, w.Key)));
    }

    [Fact]
    public async Task Who_comes_second_adopts_what_is_stored_and_not_its_own()
    {
        using var ring = CreateRing();
        DataKey? others = null;
        _first.BeforePut = async () =>
        {
            _first.BeforePut = null;
            others = await CreateRing().CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);
        };

        using var mine = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);

        Assert.Equal(others!.Bytes, mine.Bytes);
    }

    [Fact]
    public async Task A_put_whose_answer_is_lost_is_adopted()
    {
        using var ring = CreateRing();
        _first.AfterPut = () => throw new IOException("connection reset");

        using var made = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);

        _first.AfterPut = null;
        using var again = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);
        Assert.Equal(again.Bytes, made.Bytes);
    }

    [Fact]
    public async Task A_put_that_failed_is_told_as_what_it_was()
    {
        using var ring = CreateRing();
        _first.BeforePut = () => throw new IOException("disk full");

        var error = await Assert.ThrowsAsync<IOException>(() => ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default));

        Assert.Equal("disk full", error.Message);
    }

    [Fact]
    public async Task A_planted_or_moved_key_object_is_not_used()
    {
        using var ring = CreateRing();
        (await ring.CreateOrAdoptAsync("first", Asset, "k-other", Purpose, default)).Dispose();
        var moved = await _first.ReadWholeAsync(ObjectNames.Key(Asset, "k-other", 1), default);
        await _first.PutIfAbsentAsync(KeyName, moved, default);

        var error = await Assert.ThrowsAsync<RefusalException>(
            () => ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default));

        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        Assert.Contains("moved or copied", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_object_for_another_purpose_is_not_adopted()
    {
        using var ring = CreateRing();
        (await ring.CreateOrAdoptAsync("first", Asset, KeyId, "oplog-slice", default)).Dispose();

        await Assert.ThrowsAsync<RefusalException>(() => ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default));
    }

    [Fact]
    public async Task A_planted_second_key_object_is_a_problem_and_changes_nothing()
    {
        using var ring = CreateRing();
        using var made = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);
        await _first.PutIfAbsentAsync(ObjectNames.Key(Asset, KeyId, 2), Encoding.UTF8.GetBytes("{}\nwriter-1 AAAA\n"), default);
        await _first.PutIfAbsentAsync($"{ObjectNames.Keys(Asset, KeyId)}notes.json", Encoding.UTF8.GetBytes("hello"), default);

        using var opened = await ring.OpenAsync(Asset, KeyId, ["first"], null, default);

        Assert.Equal(made.Bytes, Assert.Single(opened.Of(KeyId)).Bytes);
        Assert.Contains("/2.json", Assert.Single(opened.Problems).Where, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_store_is_tried_when_the_first_has_no_key_object()
    {
        using var ring = CreateRing();
        using var made = await ring.CreateOrAdoptAsync("second", Asset, KeyId, Purpose, default);

        using var opened = await ring.OpenAsync(Asset, KeyId, ["first", "second"], null, default);

        Assert.Equal(made.Bytes, Assert.Single(opened.Of(KeyId)).Bytes);
        Assert.Contains("no key object", Assert.Single(opened.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_wrapping_opens_all_are_told_with_why_and_the_recovery_key_is_named()
    {
        using (var ring = CreateRing())
        {
            (await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default)).Dispose();
        }

        using var lost = CreateRing(_ => new LostWrapper());
        var error = await Assert.ThrowsAsync<RefusalException>(() => lost.OpenAsync(Asset, KeyId, ["first", "second"], null, default));

        Assert.Equal(ErrorKinds.Unreachable, error.Report.Kind);
        Assert.Contains("the KMS is lost", error.Message, StringComparison.Ordinal);
        Assert.Contains($"first: {KeyName}", error.Message, StringComparison.Ordinal);
        Assert.Contains("second: it has no key object", error.Message, StringComparison.Ordinal);
        Assert.Contains("'offline'", error.Report.Hint, StringComparison.Ordinal);
        Assert.Contains("--recovery-key", error.Report.Hint, StringComparison.Ordinal);
        Assert.Equal(2, error.Report.Problems!.Count);
    }

    [Fact]
    public async Task With_the_KMS_lost_the_recovery_key_opens_and_the_handed_key_is_enough()
    {
        byte[] made;
        using (var ring = CreateRing())
        {
            using var key = await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default);
            made = key.Bytes.ToArray();
        }

        // The operator's machine has no private key of the writer.
        using var operators = new KeyRing(CreatePlan(), _stores, writer: null) { CreateWrapper = _ => new LostWrapper() };
        var handed = await operators.RecoverAsync(Asset, KeyId, ["second", "first"], _recovery, default);
        _first.BeforeRead = () => throw new IOException("nobody reads the store any more");

        using var workers = CreateRing(_ => new LostWrapper());
        using var opened = await workers.OpenAsync(Asset, KeyId, ["first"], [handed], default);

        Assert.Equal(made, Assert.Single(opened.Of(KeyId)).Bytes);
    }

    [Fact]
    public async Task A_recovery_key_of_another_plan_says_for_which_it_is_wrapped()
    {
        using var ring = CreateRing();
        (await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default)).Dispose();
        using var other = RecoveryKey.Create(_folder["other.pem"], null, RecoveryKey.SmallestBits);

        var error = await Assert.ThrowsAsync<RefusalException>(() => ring.RecoverAsync(Asset, KeyId, ["first"], other, default));

        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        Assert.Contains("'offline'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrapping_under_a_key_that_the_plan_no_longer_has_is_named()
    {
        using (var ring = CreateRing())
        {
            (await ring.CreateOrAdoptAsync("first", Asset, KeyId, Purpose, default)).Dispose();
        }

        var plan = CreatePlan() with { Keys = new Dictionary<string, KeyPlan>() };
        using var without = new KeyRing(plan, _stores, _writer);
        var error = await Assert.ThrowsAsync<RefusalException>(() => without.OpenAsync(Asset, KeyId, ["first"], null, default));

        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        Assert.Contains("local key 'main', which the plan has not", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_can_not_be_reached_is_passed_for_the_next()
    {
        using var ring = CreateRing();
        using var made = await ring.CreateOrAdoptAsync("second", Asset, KeyId, Purpose, default);
        _first.BeforeRead = () => throw new RefusalException(ErrorKinds.Unreachable, "no route to host");

        using var opened = await ring.OpenAsync(Asset, KeyId, ["first", "second"], null, default);

        Assert.Equal(made.Bytes, Assert.Single(opened.Of(KeyId)).Bytes);
    }

    private async Task<KeyObject> ReadKeyObjectAsync() => SignedDocument.Read<KeyObject>(
        await _first.ReadWholeAsync(KeyName, default), CreatePlan().Writer.PublicKeys, KeyName).Value;

    private KeyRing CreateRing(Func<KeyPlan, IKeyWrapper>? wrapper = null) =>
        wrapper is null
            ? new KeyRing(CreatePlan(), _stores, _writer)
            : new KeyRing(CreatePlan(), _stores, _writer) { CreateWrapper = wrapper };

    private FaultyStore CreateStore(string name)
    {
        Directory.CreateDirectory(_folder[name]);
        return new FaultyStore(new DirectoryStore(name, _folder[name], ""));
    }

    private Plan CreatePlan() => new(
        _folder["luxhedge.yaml"],
        new TemporalPlan("127.0.0.1:7233", "default", "luxhedge", false, null, null),
        new WriterPlan("writer-1", null, new Dictionary<string, string> { ["writer-1"] = _writer.PublicKey }),
        new Dictionary<string, KeyPlan> { ["main"] = new("main", "local", null, null, null, _folder["data.key"], null, null) },
        new Dictionary<string, RecoveryKeyPlan> { ["offline"] = new("offline", _recovery.PublicKey) },
        new Dictionary<string, StorePlan>(),
        new Dictionary<string, ClusterPlan>(),
        new Dictionary<string, AssetPlan>
        {
            [Asset] = new(
                Asset, "database", true, "main", Asset, ["first", "second"], "main", ["offline"], null, 2, 1, 64 << 20, 0.2, true,
                TimeSpan.FromHours(2), TimeSpan.FromHours(1), null),
        },
        new Dictionary<string, PersonPlan>(),
        new Dictionary<string, PolicyPlan>());

    private sealed class LostWrapper : IKeyWrapper
    {
        public string Name => "main";
        public string Kind => "kms";
        public bool CanUnwrap => true;

        public Task<(byte[] DataKey, KeyWrapping Wrapping)> GenerateAsync(KeyContext context, CancellationToken cancellation) => throw Lost();

        public Task<KeyWrapping> WrapAsync(ReadOnlyMemory<byte> dataKey, KeyContext context, CancellationToken cancellation) => throw Lost();

        public Task<byte[]> UnwrapAsync(KeyWrapping wrapping, KeyContext context, CancellationToken cancellation) => throw Lost();

        private static RefusalException Lost() => new(ErrorKinds.Unreachable, "the KMS is lost");
    }

    /// <summary>A store with a hook before and after what changes it, and before what reads it.</summary>
    private sealed class FaultyStore(IObjectStore inner) : IObjectStore
    {
        public Func<Task>? BeforePut { get; set; }
        public Action? AfterPut { get; set; }
        public Action? BeforeRead { get; set; }

        public string Name => inner.Name;

        public Task ProbeAsync(CancellationToken cancellation) => inner.ProbeAsync(cancellation);

        public async Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            if (BeforePut is { } before)
            {
                await before();
            }

            var outcome = await inner.PutIfAbsentAsync(name, content, cancellation);
            AfterPut?.Invoke();
            return outcome;
        }

        public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation) => inner.CreateAsync(name, cancellation);

        public Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation)
        {
            BeforeRead?.Invoke();
            return inner.OpenReadAsync(name, offset, length, version, cancellation);
        }

        public Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation) => inner.HeadAsync(name, cancellation);

        public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellation) => inner.ListAsync(prefix, cancellation);

        public IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, CancellationToken cancellation)
        {
            BeforeRead?.Invoke();
            return inner.ListVersionsAsync(prefix, cancellation);
        }

        public Task DeleteAsync(string name, CancellationToken cancellation) => inner.DeleteAsync(name, cancellation);

        public Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation) =>
            inner.RetainUntilAsync(name, until, cancellation);

        public Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation) => inner.SweepUnfinishedAsync(prefix, cancellation);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
