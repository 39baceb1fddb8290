using System.Runtime.CompilerServices;
using LuxHedge.Activities.Stores;

namespace LuxHedge.Tests.Support.Stores;

/// <summary>
/// A versioned store in memory: as a bucket with versioning behaves, plain puts over an object and delete markers included. It keeps the
/// contract (<see cref="StoreContract"/> is run on it too), so that what reads stores can be tested without a server.
/// </summary>
public sealed class MemoryStore(string name, TimeProvider? clock = null) : IObjectStore
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, List<Version>> objects = new(StringComparer.Ordinal);
    private readonly List<Writer> open = [];
    private int nextVersion;

    public string Name { get; } = name;

    /// <summary>How many objects were opened to be read.</summary>
    public int Reads { get; private set; }

    /// <summary>Throws it on every call.</summary>
    public Exception? Down { get; set; }

    /// <summary>Objects below the prefix whose newest version is no marker.</summary>
    public IReadOnlyList<string> Names(string prefix = "")
    {
        lock (gate)
            return [.. objects.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal) && o.Value[^1].Content is not null).Select(o => o.Key)];
    }

    public byte[] Content(string name)
    {
        lock (gate)
            return objects[name][^1].Content!;
    }

    /// <summary>A plain put, as someone with only the right to put does it: a new version over whatever is there.</summary>
    public void LayOver(string name, byte[] content) => Add(name, content);

    /// <summary>A plain delete: a marker over whatever is there.</summary>
    public void Mark(string name) => Add(name, null);

    /// <summary>As if it had never been: someone with every right, or a rotten disk.</summary>
    public void Lose(string name)
    {
        lock (gate)
            objects.Remove(name);
    }

    /// <summary>Other bytes in the same version: a rotten disk.</summary>
    public void Rot(string name, Func<byte[], byte[]> change)
    {
        lock (gate)
        {
            var versions = objects[name];
            versions[^1] = versions[^1] with { Content = change(versions[^1].Content!) };
        }
    }

    public Task ProbeAsync(CancellationToken cancellation)
    {
        Check();
        return Task.CompletedTask;
    }

    public Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        Check();
        ObjectNameRules.Check(name);
        return Task.FromResult(TryAdd(name, content.ToArray()));
    }

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation)
    {
        Check();
        ObjectNameRules.Check(name);
        var writer = new Writer(this, name);
        lock (gate)
            open.Add(writer);
        return Task.FromResult<IObjectWriter>(writer);
    }

    public Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation)
    {
        Check();
        lock (gate)
        {
            Reads++;
            var versions = objects.GetValueOrDefault(name);
            var content = (version is null ? versions?[^1] : versions?.Find(v => v.Id == version))?.Content ?? throw new ObjectMissingException(Name, name);
            var from = (int)Math.Min(offset, content.Length);
            return Task.FromResult<Stream>(new MemoryStream(content, from, (int)Math.Min(length ?? content.Length, content.Length - from), writable: false));
        }
    }

    public Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation)
    {
        Check();
        lock (gate)
        {
            return Task.FromResult(
                objects.GetValueOrDefault(name)?[^1] is { Content: { } content } newest ? new StoredObject(name, content.Length, newest.At) : null);
        }
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var version in ListVersionsAsync(prefix, cancellation))
        {
            if (version is { IsCurrent: true, IsDeleteMarker: false })
                yield return new StoredObject(version.Name, version.Size, version.ModifiedAt);
        }
    }

    public async IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Check();
        ObjectNameRules.CheckPrefix(prefix);
        await Task.CompletedTask;
        List<ObjectVersion> found;
        lock (gate)
        {
            found = [.. objects.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).SelectMany(o => o.Value.Select(
                (v, i) => new ObjectVersion(o.Key, v.Id, v.Content?.Length ?? 0, v.At, v.Content is null, i == o.Value.Count - 1)))];
        }

        foreach (var version in found)
            yield return version;
    }

    public Task DeleteAsync(string name, CancellationToken cancellation)
    {
        Check();
        Lose(name);
        return Task.CompletedTask;
    }

    public Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation) => Task.FromResult(false);

    public Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation)
    {
        Check();
        lock (gate)
        {
            var swept = open.Where(w => w.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
            swept.ForEach(w => w.Swept = true);
            return Task.FromResult(open.RemoveAll(swept.Contains));
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Check()
    {
        if (Down is not null)
            throw Down;
    }

    private void Add(string name, byte[]? content)
    {
        lock (gate)
        {
            if (!objects.TryGetValue(name, out var versions))
                objects[name] = versions = [];
            versions.Add(new Version($"v{++nextVersion}", content, (clock ?? TimeProvider.System).GetUtcNow()));
        }
    }

    private PutOutcome TryAdd(string name, byte[] content)
    {
        lock (gate)
        {
            if (objects.GetValueOrDefault(name)?[^1].Content is not null)
                return PutOutcome.AlreadyThere;
            Add(name, content);
            return PutOutcome.Created;
        }
    }

    private sealed record Version(string Id, byte[]? Content, DateTimeOffset At);

    private sealed class Writer(MemoryStore store, string name) : IObjectWriter
    {
        private readonly MemoryStream content = new();

        public string Name => name;

        public bool Swept { get; set; }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            store.Check();
            content.Write(bytes.Span);
            return ValueTask.CompletedTask;
        }

        public async Task<PutOutcome> CompleteAsync(CancellationToken cancellation)
        {
            store.Check();
            if (Swept)
                throw new IOException($"The writing of '{name}' was swept.");
            await DisposeAsync();
            return store.TryAdd(name, content.ToArray());
        }

        public ValueTask DisposeAsync()
        {
            lock (store.gate)
                store.open.Remove(this);
            return ValueTask.CompletedTask;
        }
    }
}
