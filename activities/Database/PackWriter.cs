using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Writes chunks into packs, one after another, each up to <see cref="PackBytes"/>. A pack is visible only whole, with its table. Disposing leaves
/// nothing of an unfinished one. Not thread-safe.
/// </summary>
internal sealed class PackWriter(BackupScope scope, string attempt, Func<string> nextName) : IAsyncDisposable
{
    /// <summary>Large enough that a store has few objects, small enough that little is read again after a failure.</summary>
    public const long PackBytes = 256L << 20;

    /// <summary>Left for the table and the container's own bytes.</summary>
    private const long Reserve = 1L << 20;

    private readonly List<PackChunk> _chunks = [];
    private IObjectWriter? _object;
    private ContainerWriter? _container;
    private string _name = "";

    /// <summary>Of finished packs.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Chunks of the pack under way.</summary>
    public int Pending => _chunks.Count;

    /// <summary>The pack under way has the end of a range: there is something in it that would have to be read again.</summary>
    public bool EndsRange => _chunks.Exists(c => c.LastPart);

    /// <summary>16 hex digits.</summary>
    public static string NewAttempt() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));

    /// <param name="chunk">Without its place.</param>
    public async Task AppendAsync(PackChunk chunk, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        if (_container is not null && _chunks.Count > 0 && _container.PlainPosition + frame.Length > PackBytes - Reserve)
        {
            await CompleteAsync(cancellation);
        }

        if (_container is null)
        {
            _name = nextName();
            _object = await scope.Store.CreateAsync(_name, cancellation);
            _container = new ContainerWriter(scope.Key, scope.ContextOf(_name), _object.WriteAsync);
        }

        _chunks.Add(chunk with { Offset = _container.PlainPosition, Length = frame.Length });
        await _container.WriteAsync(frame, cancellation);
    }

    /// <summary>Finishes the pack under way; null where there is none.</summary>
    public async Task<StoredPack?> CompleteAsync(CancellationToken cancellation)
    {
        if (_container is null || _object is null)
        {
            return null;
        }

        var table = new PackTable(PackTable.FormatName, scope.Backup.BackupId, attempt, [.. _chunks]);
        var frame = Frames.CompressJson(table);
        var offset = _container.PlainPosition;
        await _container.WriteAsync(frame, cancellation);
        await _container.WriteAsync(PackFormat.WriteFooter(offset, frame.Length), cancellation);
        await _container.CompleteAsync(cancellation);
        await scope.RefuseWhenSealedAsync(cancellation);

        // The name is random: one that is taken was taken by this very put, whose first answer was lost.
        await _object.CompleteAsync(cancellation);
        var done = new StoredPack(_name, _container.StoredPosition, table);
        StoredBytes += done.Size;
        await ForgetAsync();
        return done;
    }

    public async ValueTask DisposeAsync() => await ForgetAsync();

    private async Task ForgetAsync()
    {
        _chunks.Clear();
        _container?.Dispose();
        _container = null;
        if (_object is { } unfinished)
        {
            _object = null;
            await unfinished.DisposeAsync();
        }
    }
}
