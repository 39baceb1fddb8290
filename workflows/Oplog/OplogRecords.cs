namespace LuxHedge.Workflows.Oplog;

/// <summary>Input of <c>OplogCapture</c>.</summary>
/// <param name="Carried">What the execution before handed over; null: capture is started.</param>
public sealed record CaptureRequest(string RunId, string Asset, string TaskQueue, CarriedCapture? Carried = null);

/// <summary>Where capture has come to: the next slice begins with that entry.</summary>
/// <param name="EntrySha256">Of the entry as slices store it (a link, where it is one).</param>
/// <param name="ChainFrom">Where the chain of slices that it continues begins.</param>
public sealed record CapturePosition(ClusterTime At, string EntrySha256, ClusterTime ChainFrom)
{
    /// <summary>Everything up to here was read, though no slice keeps anything of it since <see cref="At"/>; null: nothing is known.</summary>
    public ClusterTime? ReadUntil { get; init; }
}

/// <summary>What the worker's plan says of an asset's capture.</summary>
/// <param name="Slice">Length of a slice.</param>
/// <param name="Patience">Nothing captured for so long is told to people: some slices, and never longer than the asset's RPO.</param>
/// <param name="Canary">One is written each minute.</param>
/// <param name="Stores">In the plan's order.</param>
public sealed record CaptureSettings(TimeSpan Slice, TimeSpan Patience, bool Canary, IReadOnlyList<string> Stores);

/// <summary>Answer of <c>begin-capture</c>.</summary>
/// <param name="Why">Why there, for people: after which slice, at whose end mark, or now.</param>
public sealed record CaptureStart(CaptureSettings Settings, CapturePosition Position, string Why);

/// <summary>One slice to cut.</summary>
/// <param name="Length">How long to read along; zero: what is there already.</param>
/// <param name="Stores">In the order they are tried: one must take it, the others get copies.</param>
public sealed record SliceWork(string RunId, string Asset, CapturePosition From, TimeSpan Length, IReadOnlyList<string> Stores);

/// <summary>A slice that is sealed in one store.</summary>
/// <param name="Entries">Without the shared first one.</param>
public sealed record SealedSlice(
    ClusterTime From, ClusterTime To, string Store, long Entries, long RawBytes, long StoredBytes, DateTimeOffset? NewestCanary);

/// <summary>Answer of <c>cut-slice</c>. With neither a slice nor a gap there was nothing new.</summary>
/// <param name="Next">Where the next slice begins.</param>
/// <param name="CaughtUp">The majority point up to which everything was read; null: more is there already, or nothing could be read.</param>
/// <param name="Waiting">Why nothing can be cut: no majority has what was written. Null: nothing waits.</param>
/// <param name="Gap">Why the oplog after <see cref="SliceWork.From"/> is lost; null: it is not.</param>
/// <param name="Failed">Stores that did not take it.</param>
public sealed record SliceCut(
    SealedSlice? Slice, CapturePosition Next, ClusterTime? CaughtUp, string? Waiting, string? Gap, IReadOnlyList<StoreTrouble> Failed);

public sealed record StoreTrouble(string Store, string Why);

/// <summary>Name of a slice, and a store that has it.</summary>
public sealed record SliceName(ClusterTime From, ClusterTime To, string Store);

/// <summary>Slices to copy into a store.</summary>
/// <param name="Since">Not null: everything from there on that other stores have and this one has not, found by listing them.</param>
public sealed record SliceCopyWork(string RunId, string Asset, string To, IReadOnlyList<SliceName> Slices, ClusterTime? Since);

/// <param name="Copied">How many it has now that it had not.</param>
/// <param name="Left">How many are still missing, of those that were listed.</param>
public sealed record SlicesCopied(int Copied, ClusterTime? Newest, int Left);

/// <summary>A gap to be put down, signed, in every store.</summary>
/// <param name="Until">Where the next chain begins.</param>
public sealed record GapWork(string RunId, string Asset, ClusterTime After, ClusterTime Until, DateTimeOffset At, string Why);

/// <summary>The words of <see cref="CaptureState.State"/>.</summary>
public static class CaptureStates
{
    /// <summary>Slices are cut.</summary>
    public const string Running = "running";

    /// <summary>No majority, no server or no store: nothing can be cut; the server still has what is missing.</summary>
    public const string Waiting = "waiting";

    /// <summary>Something between two slices is lost, and no backup has been made since from which a point in time could be reached.</summary>
    public const string Gap = "gap";

    public const string Stopped = "stopped";
}

/// <summary>How capture of an asset stands.</summary>
/// <param name="State">One of <see cref="CaptureStates"/>.</param>
/// <param name="Since">When it came into that state.</param>
/// <param name="Why">Of a state that is not <c>running</c>.</param>
/// <param name="Slices">Cut since it was started.</param>
/// <param name="Newest">End of the newest slice.</param>
/// <param name="Lag">From now back to the moment up to which everything is captured; null: nothing is yet.</param>
public sealed record CaptureState(
    string State, DateTimeOffset Since, string? Why, long Slices, ClusterTime? Newest, TimeSpan? Lag, CapturePosition? Position,
    IReadOnlyList<StoreCapture> Stores);

/// <param name="Newest">End of the newest slice that it got; null: none since capture was started.</param>
/// <param name="Behind">Slices that it has not yet.</param>
/// <param name="Trouble">Why; null: none.</param>
public sealed record StoreCapture(string Store, ClusterTime? Newest, int Behind, string? Trouble);

/// <summary>What the memo says of a capture: it is there for whoever has no worker to ask.</summary>
public sealed record CaptureNote(string State, DateTimeOffset Since, string? Why);

/// <summary>What one execution of capture hands to the next.</summary>
/// <param name="Told">When people were told of the trouble that lasts; null: it was not told.</param>
/// <param name="BaseAfter">Of a gap: a backup whose end mark is at or after it ends the state.</param>
public sealed record CarriedCapture(
    DateTimeOffset StartedAt, CapturePosition Position, string State, DateTimeOffset Since, string? Why, long Slices, ClusterTime? Newest,
    DateTimeOffset? CapturedUntil, DateTimeOffset? Told, ClusterTime? BaseAfter, DateTimeOffset? BaseStarted, DateTimeOffset NextCanary,
    int Canaries, IReadOnlyList<CarriedStore> Stores)
{
    /// <value>Gaps whose record no store has taken yet.</value>
    public IReadOnlyList<GapWork> Unrecorded { get; init; } = [];
}

/// <param name="Pending">Slices to copy there, oldest first.</param>
/// <param name="Since">More than that: everything from there on.</param>
public sealed record CarriedStore(
    string Store, ClusterTime? Newest, IReadOnlyList<SliceName> Pending, ClusterTime? Since, int Behind, string? Trouble);

/// <summary>What a capture that was stopped returns.</summary>
public sealed record CaptureResult(string RunId, long Slices, ClusterTime? Newest, string Ended);
