using System.Buffers.Binary;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization.Serializers;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>
/// A <c>find</c> whose batches are taken raw, as they come from the wire: no document is decoded and nothing is allocated for one. The cursor
/// belongs to the session it was opened in. Errors are the driver's own (<see cref="MongoCommandException"/> with the server's code).
/// Not thread-safe.
/// </summary>
public sealed class RawCursor : IAsyncDisposable
{
    /// <summary>The server ends a batch at 16 MB by itself: as many documents as fit.</summary>
    public const int BatchDocuments = 100_000;

    private readonly IMongoDatabase _database;
    private readonly IClientSessionHandle _session;
    private readonly string _collection;
    private readonly BsonValue _batch;
    private long _id;
    private RawBatch? _first;

    private RawCursor(IMongoDatabase database, IClientSessionHandle session, BsonDocument find)
    {
        _database = database;
        _session = session;
        _collection = find["find"].AsString;
        _batch = find.GetValue("batchSize", BatchDocuments);
    }

    /// <summary>The newest <c>operationTime</c> of its replies.</summary>
    public ClusterTime OperationTime { get; private set; }

    /// <summary>What a snapshot read was taken at, as the server says in its first reply; null where it says nothing.</summary>
    public ClusterTime? AtClusterTime { get; private set; }

    /// <summary>False when the server has closed it: for a tailable cursor too.</summary>
    public bool IsOpen => _id != 0;

    /// <summary>How many documents of a collection make about so many bytes; the server's limit where nobody knows.</summary>
    internal static int BatchOf(PlannedCollection collection, int bytes) => collection is { EstimatedDocuments: > 0, EstimatedBytes: > 0 }
        ? (int)Math.Clamp(bytes * (double)collection.EstimatedDocuments / collection.EstimatedBytes, 100, BatchDocuments)
        : BatchDocuments;

    /// <param name="find">A whole <c>find</c> command: read concern, filter, hint and the rest are the caller's; its <c>batchSize</c> is that of
    /// every batch.</param>
    public static async Task<RawCursor> OpenAsync(
        IMongoDatabase database, IClientSessionHandle session, BsonDocument find, CancellationToken cancellation)
    {
        var cursor = new RawCursor(database, session, find);
        cursor._first = await cursor.RunAsync(find, cancellation);
        return cursor;
    }

    /// <summary>The next batch, which the caller disposes; null after the last. A tailable cursor answers empty batches while nothing new is
    /// there.</summary>
    /// <param name="wait">Tailable cursors: how long the server waits for something new.</param>
    public async Task<RawBatch?> NextAsync(CancellationToken cancellation, TimeSpan? wait = null)
    {
        if (_first is { } first)
        {
            _first = null;
            return first;
        }

        if (_id == 0)
        {
            return null;
        }

        var more = new BsonDocument { { "getMore", _id }, { "collection", _collection }, { "batchSize", _batch } };
        if (wait is { } time)
        {
            more.Add("maxTimeMS", (long)time.TotalMilliseconds);
        }

        return await RunAsync(more, cancellation);
    }

    /// <summary>The first document of a cursor that nothing was taken from yet, which stays in its first batch; null: that batch is empty.</summary>
    internal ReadOnlyMemory<byte>? Peek()
    {
        var batch = _first ?? throw new InvalidOperationException("The first batch was taken.");
        foreach (var document in batch)
        {
            return document;
        }

        return null;
    }

    /// <summary>Ends the cursor on the server, as well as that goes.</summary>
    public async ValueTask DisposeAsync()
    {
        _first?.Dispose();
        _first = null;
        if (_id == 0)
        {
            return;
        }

        var id = _id;
        _id = 0;
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await _database.RunCommandAsync<BsonDocument>(
                _session, new BsonDocument { { "killCursors", _collection }, { "cursors", new BsonArray { id } } }, cancellationToken: limit.Token);
        }
        catch (Exception e) when (e is MongoException or OperationCanceledException or TimeoutException or ObjectDisposedException)
        {
            // The server ends it with its session, or after ten idle minutes.
        }
    }

    /// <summary>A session for raw cursors: a cursor's <c>getMore</c> must come in the session of its <c>find</c>.</summary>
    public static Task<IClientSessionHandle> StartSessionAsync(IMongoClient client, CancellationToken cancellation) =>
        client.StartSessionAsync(new ClientSessionOptions { CausalConsistency = false }, cancellation);

    private async Task<RawBatch> RunAsync(BsonDocument command, CancellationToken cancellation)
    {
        var reply = await _database.RunCommandAsync(
            _session, new BsonDocumentCommand<RawBsonDocument>(command, RawBsonDocumentSerializer.Instance), ReadPreference.Primary, cancellation);
        try
        {
            return Parse(reply);
        }
        catch
        {
            reply.Dispose();
            throw;
        }
    }

    private RawBatch Parse(RawBsonDocument reply)
    {
        var (bytes, rented) = Contiguous(reply.Slice);
        try
        {
            int start = -1, length = 0;
            foreach (var field in new BsonFields(bytes.AsSpan()))
            {
                if (field.Is("cursor"u8))
                {
                    var outer = field.Offset;
                    foreach (var part in field.AsDocument())
                    {
                        if (part.Is("id"u8))
                        {
                            _id = part.AsInt64();
                        }
                        else if (part.Is("atClusterTime"u8))
                        {
                            AtClusterTime = part.AsClusterTime();
                        }
                        else if (part.Is("firstBatch"u8) || part.Is("nextBatch"u8))
                        {
                            (start, length) = (outer + part.Offset, part.Value.Length);
                        }
                    }
                }
                else if (field.Is("operationTime"u8))
                {
                    OperationTime = ClusterTime.Max(OperationTime, field.AsClusterTime());
                }
            }

            return start < 0
                ? throw new InvalidDataException("The server's reply to find or getMore has no batch.")
                : new RawBatch(reply, rented, bytes.Slice(start, length), OperationTime);
        }
        catch
        {
            if (rented is not null)
            {
                LargeBuffers.Return(rented);
            }

            throw;
        }
    }

    /// <summary>The reply as one piece of memory: the driver's own buffer where it is in one piece, else a copy.</summary>
    private static (ArraySegment<byte> Bytes, byte[]? Rented) Contiguous(IByteBuffer slice)
    {
        var own = slice.AccessBackingBytes(0);
        if (own.Array is not null && own.Count >= slice.Length)
        {
            return (own[..slice.Length], null);
        }

        var copy = LargeBuffers.Rent(slice.Length);
        slice.GetBytes(0, copy, 0, slice.Length);
        return (new ArraySegment<byte>(copy, 0, slice.Length), copy);
    }
}

/// <summary>One batch of raw documents. Its memory is given back on dispose.</summary>
public sealed class RawBatch : IDisposable
{
    private readonly RawBsonDocument _reply;
    private readonly ArraySegment<byte> _array;
    private byte[]? _rented;
    private bool _disposed;

    internal RawBatch(RawBsonDocument reply, byte[]? rented, ArraySegment<byte> array, ClusterTime operationTime)
    {
        _reply = reply;
        _rented = rented;
        _array = array;
        OperationTime = operationTime;
    }

    public ClusterTime OperationTime { get; }

    public bool IsEmpty => _array.Count <= 5;

    /// <summary>Of the whole array, with the few bytes that number each document.</summary>
    public int Bytes => _array.Count;

    public Enumerator GetEnumerator() => new(_array);

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _reply.Dispose();
        if (_rented is not null)
        {
            LargeBuffers.Return(_rented);
            _rented = null;
        }
    }

    /// <summary>The documents of the batch in order; each is valid until the batch is disposed.</summary>
    public struct Enumerator
    {
        private readonly ArraySegment<byte> _array;
        private int _next;

        internal Enumerator(ArraySegment<byte> array)
        {
            _array = array;
            _next = 4;
            Current = default;
        }

        public ReadOnlyMemory<byte> Current { get; private set; }

        public bool MoveNext()
        {
            // Every element: type 0x03, its number as text, zero, the document.
            var array = _array.AsSpan();
            if (array[_next] == 0)
            {
                return false;
            }

            var name = array[_next..].IndexOf((byte)0);
            var start = _next + name + 1;
            if (array[_next] != (byte)BsonType.Document || start + 5 > array.Length)
            {
                throw new InvalidDataException("The server's batch has an element that is no document.");
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(array[start..]);
            if (length < 5 || start + length >= array.Length)
            {
                throw new InvalidDataException("The server's batch has a document that does not end within it.");
            }

            Current = new ReadOnlyMemory<byte>(_array.Array, _array.Offset + start, length);
            _next = start + length;
            return true;
        }
    }
}
