using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Catalog;

/// <summary>
/// Data keys and the objects in the stores that hold them wrapped. A data key is made once; whoever comes second, or again, adopts what is
/// stored. Thread-safe.
/// </summary>
/// <param name="writer">Null where this machine only reads.</param>
public sealed class KeyRing(Plan plan, StoreSet stores, WriterKey? writer, TimeProvider? time = null) : IDisposable
{
    /// <summary>A key a backup.</summary>
    public const string DatabaseBackup = "database-backup";

    /// <summary>A key a UTC day of an asset's slices.</summary>
    public const string OplogSlices = "oplog-slices";

    private readonly ConcurrentDictionary<string, IKeyWrapper> _wrappers = new(StringComparer.Ordinal);

    /// <summary>For tests: wrappers other than those of the plan.</summary>
    internal Func<KeyPlan, IKeyWrapper> CreateWrapper { get; init; } = Create;

    /// <summary>
    /// The data key of that id: from its first key object in the store, which is made when it is not there. Either way the object is read
    /// back and unwrapped before the key is answered, so that nothing is ever encrypted under a key that could not be opened again.
    /// </summary>
    /// <exception cref="RefusalException"><c>integrity</c>: what lies there is not what a writer of the plan wrote; <c>unreachable</c>: the
    /// store or the KMS.</exception>
    public async Task<DataKey> CreateOrAdoptAsync(string store, string asset, string keyId, string purpose, CancellationToken cancellation)
    {
        var name = ObjectNames.Key(asset, keyId, 1);
        var stored = await ReadIfThereAsync(stores[store], name, cancellation);
        if (stored is null)
        {
            var mine = await CreateObjectAsync(asset, keyId, purpose, cancellation);
            Exception? lost = null;
            try
            {
                await stores[store].PutIfAbsentAsync(name, mine, cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                // The answer may be lost and the put done: what is there decides.
                lost = e;
            }

            try
            {
                stored = await ReadIfThereAsync(stores[store], name, cancellation);
            }
            catch (Exception e) when (lost is not null && e is not OperationCanceledException)
            {
                throw new AggregateException(lost, e);
            }

            if (stored is null)
            {
                throw lost ?? new RefusalException(
                    ErrorKinds.Integrity, $"The key object {name} was put into store '{store}' and is not there.", name,
                    "Check the store (luxhedge stores check).");
            }
        }

        var found = stored.Value;
        return found.Asset == asset && found.Purpose == purpose
            ? await UnwrapAsync(found, store, cancellation)
            : throw new RefusalException(
                ErrorKinds.Integrity, $"The key object {name} is for '{found.Purpose}', not for '{purpose}'.", name);
    }

    /// <summary>
    /// Copies a key's objects into another store. Where that store has a number already of another data key (each was made while the other store was
    /// away), the wrappings are signed again under the next free number: readers try every one.
    /// </summary>
    /// <exception cref="RefusalException"><c>integrity</c>: the source has none that verifies.</exception>
    public async Task CopyAsync(string source, string target, string asset, string keyId, CancellationToken cancellation)
    {
        var from = await KeyObjects.ReadAsync(stores[source], asset, keyId, plan.Writer.PublicKeys, cancellation);
        if (from.Good.Count == 0)
        {
            throw new RefusalException(
                ErrorKinds.Integrity, $"Store '{source}' has no key object that verifies of the key {keyId}.", ObjectNames.Keys(asset, keyId), "Copy from another store.");
        }

        foreach (var (name, bytes) in from.Good)
        {
            var mine = SignedDocument.Read<KeyObject>(bytes, plan.Writer.PublicKeys, name, k => k.ProblemUnder(name)).Value;
            var (put, content) = (name, bytes);
            while (!await IsThereAsync(stores[target], put, content, mine, cancellation))
            {
                var n = 1 + (KeyObject.NumberOf(put, asset, keyId) ?? throw new InvalidOperationException($"{put} has no number."));
                put = ObjectNames.Key(asset, keyId, n);
                content = SignedDocument.Write(mine with { N = n, Writer = RequireWriter().Name }, RequireWriter());
            }
        }
    }

    /// <summary>Puts it where the name is free; false where another key lies there.</summary>
    private async Task<bool> IsThereAsync(IObjectStore store, string name, byte[] bytes, KeyObject wanted, CancellationToken cancellation)
    {
        if (await ReadIfThereAsync(store, name, cancellation) is not { } there)
        {
            await store.PutIfAbsentAsync(name, bytes, cancellation);
            there = await ReadIfThereAsync(store, name, cancellation) ?? throw new RefusalException(
                ErrorKinds.Integrity, $"The key object {name} was put into store '{store.Name}' and is not there.", name, "Check the store (luxhedge stores check).");
        }

        return there.Value.Wrappings.SequenceEqual(wanted.Wrappings);
    }

    /// <summary>The data key to write with, from its first key object, which must be there.</summary>
    public async Task<DataKey> AdoptAsync(string store, string asset, string keyId, CancellationToken cancellation)
    {
        var name = ObjectNames.Key(asset, keyId, 1);
        var stored = await ReadIfThereAsync(stores[store], name, cancellation) ?? throw new RefusalException(
            ErrorKinds.Integrity, $"Store '{store}' has no key object {name}.", name);
        return await UnwrapAsync(stored.Value, store, cancellation);
    }

    /// <summary>
    /// The data key to read with: a handed one, else from every key object of the first store where one opens, by every wrapping that the
    /// plan can open. An object's key commitment decides which is right.
    /// </summary>
    /// <param name="from">Names of stores, in the order they are tried.</param>
    /// <exception cref="RefusalException">Names every wrapping that was tried, and why it did not open: <c>unreachable</c> where one of
    /// them may open another time, else <c>integrity</c>.</exception>
    public async Task<DataKeys> OpenAsync(
        string asset, string keyId, IReadOnlyList<string> from, IReadOnlyList<HandedKey>? handed, CancellationToken cancellation)
    {
        // The operator has opened it already, because what the plan has does not: no store and no KMS is asked.
        var mine = handed?.Where(h => h.KeyId == keyId).ToList();
        if (mine is { Count: > 0 })
        {
            return new DataKeys([.. mine.Select(h => HandedKeys.Open(h, asset, RequireWriter()))]);
        }

        var failures = new Failures();
        foreach (var store in from)
        {
            var keys = new List<DataKey>();
            await foreach (var stored in ListAsync(store, asset, keyId, failures, cancellation))
            {
                if (await TryUnwrapAsync(stored, store, failures, cancellation) is not { } key)
                {
                    continue;
                }

                if (keys.Exists(k => CryptographicOperations.FixedTimeEquals(k.Bytes, key.Bytes)))
                {
                    key.Dispose();
                }
                else
                {
                    keys.Add(key);
                }
            }

            if (keys.Count > 0)
            {
                return new DataKeys([.. keys]) { Problems = failures.Problems };
            }
        }

        throw failures.ToException(asset, keyId);
    }

    /// <summary>
    /// On an operator's machine: opens the data key with a recovery key's private half and wraps it for the worker. Needs no KMS and no
    /// private key of the writer.
    /// </summary>
    /// <exception cref="RefusalException">Names every key object and wrapping that was looked at.</exception>
    public async Task<HandedKey> RecoverAsync(
        string asset, string keyId, IReadOnlyList<string> from, RecoveryKey recovery, CancellationToken cancellation)
    {
        var failures = new Failures();
        foreach (var store in from)
        {
            await foreach (var stored in ListAsync(store, asset, keyId, failures, cancellation))
            {
                foreach (var wrapping in stored.Wrappings.OrderByDescending(w => w.Reference == recovery.Reference))
                {
                    try
                    {
                        using var key = new DataKey(keyId, recovery.Unwrap(wrapping, stored.Context));
                        return HandedKeys.Wrap(key, asset, plan.Writer.PublicKeys[plan.Writer.Name]);
                    }
                    catch (RefusalException e)
                    {
                        failures.Add(e, WhereOf(store, stored));
                    }
                }
            }
        }

        throw failures.ToException(asset, keyId);
    }

    public void Dispose()
    {
        foreach (var wrapper in _wrappers.Values.OfType<IDisposable>())
        {
            wrapper.Dispose();
        }
    }

    private static IKeyWrapper Create(KeyPlan key) => key.Kind switch
    {
        "kms" => new KmsKeyWrapper(key),
        "local" => new LocalKeyWrapper(
            key.Name,
            key.File ?? throw new RefusalException(
                ErrorKinds.Plan, $"The key '{key.Name}' of kind local has no file.", $"keys.{key.Name}.file")),
        _ => throw new RefusalException(
            ErrorKinds.Plan, $"The key '{key.Name}' is of an unknown kind '{key.Kind}'.", $"keys.{key.Name}.kind", "kms or local."),
    };

    private static string WhereOf(string store, KeyObject stored) => $"{store}: {ObjectNames.Key(stored.Asset, stored.KeyId, stored.N)}";

    private WriterKey RequireWriter() => writer ?? throw new RefusalException(
        ErrorKinds.Plan, "This needs the writer's private key, which this machine's plan does not have.", "writer.privateKey");

    private IKeyWrapper Wrapper(KeyPlan key) => _wrappers.GetOrAdd(key.Name, _ => CreateWrapper(key));

    private async Task<byte[]> CreateObjectAsync(string asset, string keyId, string purpose, CancellationToken cancellation)
    {
        var assetPlan = plan.Assets.GetValueOrDefault(asset) ?? throw new RefusalException(
            ErrorKinds.Usage, $"The plan has no asset '{asset}'.", "assets");
        var keyPlan = assetPlan.Key is { } key && plan.Keys.TryGetValue(key, out var found)
            ? found
            : throw new RefusalException(ErrorKinds.Plan, $"The asset '{asset}' names no key of the plan.", $"assets.{asset}.key");
        var context = new KeyContext(asset, keyId, purpose);
        var (dataKey, wrapping) = await Wrapper(keyPlan).GenerateAsync(context, cancellation);
        try
        {
            var wrappings = new List<KeyWrapping> { wrapping };
            foreach (var name in assetPlan.RecoveryKeys)
            {
                var recovery = plan.RecoveryKeys.GetValueOrDefault(name) ?? throw new RefusalException(
                    ErrorKinds.Plan, $"The asset '{asset}' names a recovery key '{name}' that the plan has not.",
                    $"assets.{asset}.recoveryKeys");
                wrappings.Add(await new RecoveryKeyWrapper(recovery).WrapAsync(dataKey, context, cancellation));
            }

            var now = (time ?? TimeProvider.System).GetUtcNow();
            return SignedDocument.Write(
                new KeyObject(KeyObject.FormatName, asset, keyId, 1, purpose, now, RequireWriter().Name, wrappings), RequireWriter());
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    private async Task<Signed<KeyObject>?> ReadIfThereAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            var bytes = await store.ReadOldestAsync(name, cancellation);
            return SignedDocument.Read<KeyObject>(bytes, plan.Writer.PublicKeys, name, o => o.ProblemUnder(name));
        }
        catch (ObjectMissingException)
        {
            return null;
        }
    }

    /// <summary>The key objects of that key that verify, in order of their numbers; what does not is noted.</summary>
    private async IAsyncEnumerable<KeyObject> ListAsync(
        string store, string asset, string keyId, Failures failures, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var names = new SortedDictionary<int, string>();
        try
        {
            await foreach (var version in stores[store].ListVersionsAsync(ObjectNames.Keys(asset, keyId), cancellation))
            {
                if (!version.IsDeleteMarker && KeyObject.NumberOf(version.Name, asset, keyId) is { } n)
                {
                    names[n] = version.Name;
                }
            }
        }
        catch (RefusalException e)
        {
            failures.Add(e, store);
            yield break;
        }

        if (names.Count == 0)
        {
            failures.Add(new RefusalException(ErrorKinds.Integrity, "it has no key object of that key"), store);
        }

        foreach (var name in names.Values)
        {
            KeyObject? stored = null;
            try
            {
                stored = (await ReadIfThereAsync(stores[store], name, cancellation))?.Value;
            }
            catch (RefusalException e)
            {
                failures.Add(e, $"{store}: {name}");
            }

            if (stored is not null)
            {
                yield return stored;
            }
        }
    }

    private async Task<DataKey> UnwrapAsync(KeyObject stored, string store, CancellationToken cancellation)
    {
        var failures = new Failures();
        return await TryUnwrapAsync(stored, store, failures, cancellation) ?? throw failures.ToException(stored.Asset, stored.KeyId);
    }

    /// <summary>By the first wrapping that opens: local ones first, which cost nothing.</summary>
    private async Task<DataKey?> TryUnwrapAsync(KeyObject stored, string store, Failures failures, CancellationToken cancellation)
    {
        foreach (var wrapping in stored.Wrappings.OrderByDescending(w => w.Kind == "local"))
        {
            var where = WhereOf(store, stored);
            if (wrapping.Kind == RecoveryKey.Kind)
            {
                failures.AddRecovery(wrapping, where);
                continue;
            }

            try
            {
                var key = plan.Keys.GetValueOrDefault(wrapping.Key);
                if (key?.Kind != wrapping.Kind)
                {
                    throw new RefusalException(
                        ErrorKinds.Integrity, $"it is wrapped under the {wrapping.Kind} key '{wrapping.Key}', which the plan has not");
                }

                return new DataKey(stored.KeyId, await Wrapper(key).UnwrapAsync(wrapping, stored.Context, cancellation));
            }
            catch (RefusalException e)
            {
                failures.Add(e, where);
            }
        }

        return null;
    }

    /// <summary>What was tried, so that the operator who gets nothing knows all of it at once.</summary>
    private sealed class Failures
    {
        private readonly List<(RefusalException Error, string Where)> _tried = [];
        private readonly SortedSet<string> _recovery = new(StringComparer.Ordinal);

        public IReadOnlyList<Problem> Problems => [.. _tried.Select(t => new Problem(t.Error.Message, t.Where))];

        public void Add(RefusalException error, string where) => _tried.Add((error, where));

        public void AddRecovery(KeyWrapping wrapping, string where) => _recovery.Add(wrapping.Key);

        public RefusalException ToException(string asset, string keyId)
        {
            var unreachable = _tried.Exists(t => t.Error.Report.Kind == ErrorKinds.Unreachable);
            var tried = string.Join("; ", _tried.Select(t => $"{t.Where}: {t.Error.Message.TrimEnd('.')}"));
            return new RefusalException(
                new ErrorReport(
                    unreachable ? ErrorKinds.Unreachable : ErrorKinds.Integrity,
                    $"The data key '{keyId}' of asset '{asset}' does not open. " +
                    $"Tried: {(tried.Length > 0 ? tried : "nothing; no store was named")}.",
                    keyId,
                    _recovery.Count > 0
                        ? $"It is also wrapped for the recovery key '{string.Join("', '", _recovery)}': restore run … --recovery-key FILE."
                        : _tried.Select(t => t.Error.Report.Hint).FirstOrDefault(h => h is not null),
                    Problems))
            {
                MayPass = _tried.Exists(t => t.Error.MayPass),
            };
        }
    }
}
