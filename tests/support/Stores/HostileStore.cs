using LuxHedge.Activities;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Support.Stores;

/// <summary>
/// A store that lies and breaks, laid over a good one: <c>new HostileStore(store).FlipBit("…/packs/", 100)</c>. Faults are chosen by a part of
/// the object's name; what they do to reads is not in the store beneath.
/// </summary>
public sealed class HostileStore(IObjectStore inner) : IObjectStore
{
    private readonly List<(string Part, Func<byte[], byte[]> Change)> reads = [];
    private readonly List<(string Part, long After)> brokenReads = [];
    private readonly HashSet<string> lostAnswers = new(StringComparer.Ordinal);
    private readonly HashSet<string> failingWrites = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    public string Name => inner.Name;

    /// <param name="at">Byte of the object, counted from its end when negative.</param>
    public HostileStore FlipBit(string part, int at) => ChangeReads(part, bytes =>
    {
        bytes[at < 0 ? bytes.Length + at : at] ^= 0x10;
        return bytes;
    });

    public HostileStore Truncate(string part, int by) => ChangeReads(part, bytes => bytes[..^by]);

    public HostileStore Lengthen(string part, int by) => ChangeReads(part, bytes => [.. bytes, .. new byte[by]]);

    /// <summary>Content that is another's, whole.</summary>
    public HostileStore Swap(string part, byte[] with) => ChangeReads(part, _ => with);

    /// <summary>The first read of it breaks off after so many bytes; the next goes through.</summary>
    public HostileStore BreakReadOnce(string part, long after)
    {
        brokenReads.Add((part, after));
        return this;
    }

    /// <summary>The next put or completion under such a name succeeds, and its answer is lost.</summary>
    public HostileStore LoseAnswerOnce(string part)
    {
        lostAnswers.Add(part);
        return this;
    }

    /// <summary>The next streamed write under such a name fails in its middle.</summary>
    public HostileStore FailWriteOnce(string part)
    {
        failingWrites.Add(part);
        return this;
    }

    public Task ProbeAsync(CancellationToken cancellation) => inner.ProbeAsync(cancellation);

    public async Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var outcome = await inner.PutIfAbsentAsync(name, content, cancellation);
        LoseAnswer(name);
        return outcome;
    }

    public async Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation) =>
        new Writer(this, name, await inner.CreateAsync(name, cancellation));

    public async Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation)
    {
        List<Func<byte[], byte[]>> changes;
        long? breakAfter = null;
        lock (gate)
        {
            changes = [.. reads.Where(r => name.Contains(r.Part, StringComparison.Ordinal)).Select(r => r.Change)];
            var broken = brokenReads.FindIndex(b => name.Contains(b.Part, StringComparison.Ordinal));
            if (broken >= 0)
            {
                breakAfter = brokenReads[broken].After;
                brokenReads.RemoveAt(broken);
            }
        }

        if (changes.Count == 0 && breakAfter is null)
            return await inner.OpenReadAsync(name, offset, length, version, cancellation);

        // The whole object is changed, so that a ranged read sees the same lie.
        await using var whole = await inner.OpenReadAsync(name, 0, null, version, cancellation);
        using var content = new MemoryStream();
        await whole.CopyToAsync(content, cancellation);
        var bytes = changes.Aggregate(content.ToArray(), (b, change) => change(b));
        var from = (int)Math.Min(offset, bytes.Length);
        var range = bytes.AsMemory(from, (int)Math.Min(length ?? bytes.Length, bytes.Length - from)).ToArray();
        return breakAfter is { } after ? new BreakingStream(range, after) : new MemoryStream(range);
    }

    public Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation) => inner.HeadAsync(name, cancellation);

    public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellation) => inner.ListAsync(prefix, cancellation);

    public IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, CancellationToken cancellation) => inner.ListVersionsAsync(prefix, cancellation);

    public Task DeleteAsync(string name, CancellationToken cancellation) => inner.DeleteAsync(name, cancellation);

    public Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation) => inner.RetainUntilAsync(name, until, cancellation);

    public Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation) => inner.SweepUnfinishedAsync(prefix, cancellation);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private HostileStore ChangeReads(string part, Func<byte[], byte[]> change)
    {
        reads.Add((part, change));
        return this;
    }

    private bool Take(HashSet<string> faults, string name)
    {
        lock (gate)
            return faults.FirstOrDefault(f => name.Contains(f, StringComparison.Ordinal)) is { } fault && faults.Remove(fault);
    }

    private void LoseAnswer(string name)
    {
        if (Take(lostAnswers, name))
            throw new RefusalException(ErrorKinds.Unreachable, $"Store '{Name}' can't be reached: the answer was lost.", Name) { MayPass = true };
    }

    private sealed class Writer(HostileStore store, string name, IObjectWriter writer) : IObjectWriter
    {
        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            await writer.WriteAsync(bytes, cancellation);
            if (store.Take(store.failingWrites, name))
                throw new IOException("The connection broke off.");
        }

        public async Task<PutOutcome> CompleteAsync(CancellationToken cancellation)
        {
            var outcome = await writer.CompleteAsync(cancellation);
            store.LoseAnswer(name);
            return outcome;
        }

        public ValueTask DisposeAsync() => writer.DisposeAsync();
    }

    private sealed class BreakingStream(byte[] bytes, long after) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer)
        {
            if (Position >= after)
                throw new IOException("The connection broke off.");
            return base.Read(buffer[..(int)Math.Min(buffer.Length, after - Position)]);
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Read(buffer.AsSpan(offset, count)));
    }
}
