namespace LuxHedge.Workflows.Oplog;

/// <summary>What one store has of the slices, and what it still has to get. Bounded, however long the store is away.</summary>
internal sealed class StoreShelf(string store)
{
    /// <summary>More than that is found again by listing the stores.</summary>
    private const int MostPending = 200;

    /// <summary>One activity copies so many: short enough to end with its execution.</summary>
    private const int AtOnce = 20;

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private readonly List<SliceName> _pending = [];
    private ClusterTime? _since;
    private ClusterTime? _newest;
    private int _beyond;
    private int _added;
    private int _failures;

    public StoreShelf(CarriedStore carried)
        : this(carried.Store)
    {
        _pending.AddRange(carried.Pending);
        (_since, _newest, Trouble) = (carried.Since, carried.Newest, carried.Trouble);
        _beyond = carried.Behind - _pending.Count;
    }

    public string Store { get; } = store;

    /// <summary>Why it does not get what it should; null: nothing is wrong.</summary>
    public string? Trouble { get; private set; }

    public bool IsBehind => _pending.Count > 0 || _since is not null;

    /// <summary>Before it is tried again: twice as long after each failure.</summary>
    public TimeSpan PauseFrom(TimeSpan shortest) => TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, shortest.Ticks << Math.Min(_failures, 10)));

    /// <summary>The slice was sealed here.</summary>
    public void Has(ClusterTime to)
    {
        (_newest, Trouble, _failures) = (to, null, 0);
    }

    public void Add(SliceName slice)
    {
        if (_since is null && _pending.Count < MostPending)
        {
            _pending.Add(slice);
            return;
        }

        // Listed from the oldest on: nothing is kept twice.
        _since ??= _pending[0].From;
        _beyond += _pending.Count + 1;
        _added++;
        _pending.Clear();
    }

    public SliceCopyWork Next(CaptureRequest request)
    {
        _added = 0;
        return new(request.RunId, request.Asset, Store, [.. _pending.Take(AtOnce)], _since);
    }

    public void Done(SliceCopyWork work, SlicesCopied copied)
    {
        (Trouble, _failures) = (null, 0);
        _newest = copied.Newest ?? _newest;
        if (work.Since is not null)
        {
            // What was cut meanwhile may not have been in the list.
            (_beyond, _since) = (copied.Left + _added, copied.Left + _added == 0 ? null : copied.Newest ?? work.Since);
        }
        else
        {
            _pending.RemoveAll(work.Slices.Contains);
        }
    }

    public void Fail(string why)
    {
        Trouble = why.Length <= 500 ? why : why[..500] + "…";
        _failures++;
    }

    public StoreCapture Show() => new(Store, _newest, _pending.Count + _beyond, Trouble);

    public CarriedStore Carry() => new(Store, _newest, [.. _pending], _since, _pending.Count + _beyond, Trouble);
}
