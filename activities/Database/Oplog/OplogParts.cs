using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// Makes chunks of the oplog. A part begins with the last entry of the part before it (its link), so that two parts prove that nothing is missing
/// between them; an entry that is not kept (it is of another database) is only known as the one that was read last. Not thread-safe.
/// </summary>
/// <param name="chunkBytes">A part is cut before the entry that would make it larger.</param>
internal sealed class OplogParts(string database, int level, int chunkBytes = LaneDump.ChunkBytes) : IDisposable
{
    private const int SmallestBuffer = 1 << 16;

    private readonly ChunkCompressor _compressor = new(level, SmallestBuffer);

    // The part under way, and the one that was cut before it: each grows as large as parts get, and is used again.
    private byte[] _raw = new byte[SmallestBuffer];
    private byte[] _spare = new byte[SmallestBuffer];
    private int _used;
    private int _documents;
    private ClusterTime _first;

    // The entry read last: a part of _raw where it is kept, else a copy.
    private byte[] _passed = new byte[1 << 10];
    private (int Offset, int Length) _last;
    private bool _lastIsKept;

    public OplogEntries Entries { get; } = new(database);

    /// <summary>Time of the entry read last, kept or not.</summary>
    public ClusterTime Last { get; private set; }

    /// <summary>Whether anything was read since the part began.</summary>
    public bool LeadsOn => Last > _first;

    /// <summary>Of the part under way, its link among them.</summary>
    public int RawBytes => _used;

    /// <summary>Number of the part under way.</summary>
    public int Part { get; private set; }

    /// <summary>The entry read last, as a link. A copy.</summary>
    public byte[] Link => _lastIsKept ? _raw.AsSpan(_last.Offset, _last.Length).ToArray() : Entries.LinkOf(_passed.AsSpan(0, _last.Length));

    /// <param name="link">The last entry of the part before, or what stands for it.</param>
    public void Begin(ReadOnlySpan<byte> link, ClusterTime at, int part)
    {
        _used = _documents = 0;
        Append(link, at);
        _first = at;
        Part = part;
    }

    /// <summary>Whether an entry of that length still belongs into the part under way.</summary>
    public bool Fits(int length) => _used + length <= chunkBytes || _documents <= 1;

    /// <summary>An entry that is kept.</summary>
    public void Append(ReadOnlySpan<byte> entry, ClusterTime at)
    {
        Put(entry);
        (_last, _lastIsKept, Last) = ((_used - entry.Length, entry.Length), true, at);
    }

    /// <summary>An entry that is not kept.</summary>
    public void Pass(ReadOnlySpan<byte> entry, ClusterTime at)
    {
        if (_passed.Length < entry.Length)
        {
            _passed = new byte[entry.Length];
        }

        entry.CopyTo(_passed);
        (_last, _lastIsKept, Last) = ((0, entry.Length), false, at);
    }

    /// <summary>Ends the part at the entry read last, and begins the next with it. Null where nothing was read since the part began.</summary>
    /// <param name="end">The end mark, for the last part of a backup: that is written whatever was read.</param>
    /// <returns>Valid until the next call.</returns>
    public OplogPartCut? Cut(ClusterTime? end = null)
    {
        if (!LeadsOn && end is null)
        {
            return null;
        }

        var link = Link;
        if (!_lastIsKept)
        {
            Append(link, Last);
        }

        var raw = _raw.AsMemory(0, _used);
        var (frame, sha256) = _compressor.Compress(raw.Span);
        var chunk = new PackChunk(PackChunk.Oplog, Part, end is not null, 0, 0, _used, _documents, sha256, _first, Last, end);
        (_raw, _spare) = (_spare, _raw);
        Begin(link, Last, Part + 1);
        return new OplogPartCut(chunk, raw, frame);
    }

    /// <summary>A chunk of one entry from before the oplog's beginning. Valid until the next call.</summary>
    public OplogPartCut Single(byte[] entry)
    {
        var (frame, sha256) = _compressor.Compress(entry);
        var at = OplogEntries.TimeOf(entry);
        return new OplogPartCut(new PackChunk(PackChunk.Earlier, 0, LastPart: true, 0, 0, entry.Length, 1, sha256, at, at), entry, frame);
    }

    public void Dispose() => _compressor.Dispose();

    private void Put(ReadOnlySpan<byte> entry)
    {
        if (_raw.Length - _used < entry.Length)
        {
            Array.Resize(ref _raw, Math.Max(_used + entry.Length, 2 * _raw.Length));
        }

        entry.CopyTo(_raw.AsSpan(_used));
        _used += entry.Length;
        _documents++;
    }
}

/// <param name="Chunk">Without its place.</param>
internal sealed record OplogPartCut(PackChunk Chunk, ReadOnlyMemory<byte> Raw, ReadOnlyMemory<byte> Frame);
