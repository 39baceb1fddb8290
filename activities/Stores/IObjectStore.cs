namespace LuxHedge.Activities.Stores;

/// <summary>
/// A place that keeps objects by name: write once, read any range, list by prefix. Names are <c>/</c>-separated, of ASCII letters,
/// digits and <c>. _ - % =</c>, at most 512 bytes; no part of one is empty or begins with a dot, and no object's name is a folder of
/// another's. The contract below is run against every implementation by one test suite, which ships as <c>luxhedge stores check</c>.
/// <para>
/// Errors: a missing object is <see cref="ObjectMissingException"/>; a server that can't be reached, refuses the credentials or has no such
/// bucket is a <see cref="RefusalException"/> of kind <c>unreachable</c> that names host, bucket and what to check, and
/// <see cref="RefusalException.MayPass"/> when it had answered before. Transient errors are retried inside. Every call may be repeated,
/// and all but a writer's may run in parallel.
/// </para>
/// </summary>
public interface IObjectStore : IAsyncDisposable
{
    /// <summary>The plan's name of this store.</summary>
    string Name { get; }

    /// <summary>Refuses now what the first use would refuse: an unreachable server, wrong credentials, a missing bucket or folder.</summary>
    Task ProbeAsync(CancellationToken cancellation);

    /// <summary>Puts a small object whole. <see cref="PutOutcome.AlreadyThere"/>: the name is taken, nothing was changed. After a lost answer
    /// the caller can't tell whose put won: it reads what is there.</summary>
    Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <summary>Starts an object of unknown length, in bounded memory. Nothing is visible under the name before
    /// <see cref="IObjectWriter.CompleteAsync"/>; disposing before that leaves nothing behind.</summary>
    Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation);

    /// <summary>Reads <paramref name="length"/> bytes from <paramref name="offset"/> (to the end when null). A range beyond the end gives what
    /// there is. <paramref name="version"/> null: the current version.</summary>
    Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation);

    /// <summary>The current version's size, or null where there is none (or a delete marker).</summary>
    Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation);

    /// <summary>Current objects whose name begins with the prefix, in ordinal order of names.</summary>
    IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellation);

    /// <summary>Every version and delete marker below the prefix, per name from the oldest to the newest. Where a store has no versions,
    /// each object is its own only version.</summary>
    IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, CancellationToken cancellation);

    /// <summary>Removes the object and every version of it that no lock holds. Nothing there is no error; a locked one is
    /// <see cref="ObjectLockedException"/>.</summary>
    Task DeleteAsync(string name, CancellationToken cancellation);

    /// <summary>Locks the object's current version until then, or extends its lock; never shortens it. False where the store has no locks.</summary>
    Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation);

    /// <summary>Removes what writers that died left unfinished below the prefix (partial files, open multipart uploads), and answers how
    /// many. A writer there that is alive after all loses its object: its complete fails. For a backup whose lanes have all ended. Without
    /// the right to look for them it answers 0: the bucket's lifecycle rule takes them.</summary>
    Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation);
}

/// <summary>Receives an object's bytes in order. Not thread-safe. A failed write or complete leaves nothing under the name.</summary>
public interface IObjectWriter : IAsyncDisposable
{
    /// <summary>May return before the bytes are sent; blocks while the bounded buffers are full. The buffer may be reused on return.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation);

    /// <summary>Makes the object visible if the name is free, and checks its size against what was written.</summary>
    Task<PutOutcome> CompleteAsync(CancellationToken cancellation);
}

public enum PutOutcome
{
    Created,
    AlreadyThere,
}

/// <param name="Size">Bytes.</param>
public sealed record StoredObject(string Name, long Size, DateTimeOffset ModifiedAt);

/// <param name="Version">What <see cref="IObjectStore.OpenReadAsync"/> takes; null in stores without versions.</param>
public sealed record ObjectVersion(string Name, string? Version, long Size, DateTimeOffset ModifiedAt, bool IsDeleteMarker, bool IsCurrent);

public sealed class ObjectMissingException(string store, string name)
    : IOException($"Store '{store}' has no object '{name}'.")
{
    public string Store { get; } = store;
    public string ObjectName { get; } = name;
}

public sealed class ObjectLockedException(string store, string name, DateTimeOffset? until)
    : IOException($"Object '{name}' in store '{store}' is locked{(until is { } t ? $" until {t:u}" : "")}.")
{
    public string Store { get; } = store;
    public string ObjectName { get; } = name;
}
