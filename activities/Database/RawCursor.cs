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
        var batch = RawBatch.Of(await _database.RunCommandAsync(
            _session, new BsonDocumentCommand<RawBsonDocument>(command, RawBsonDocumentSerializer.Instance), ReadPreference.Primary, cancellation));
        _id = batch.CursorId ?? _id;
        AtClusterTime = batch.AtClusterTime ?? AtClusterTime;
        OperationTime = ClusterTime.Max(OperationTime, batch.OperationTime);
        return batch;
    }
}

/// <summary>
/// One batch of raw documents, in the pieces of memory that the driver read it into: whole replies are never copied. Its memory is given back on
/// dispose. Not thread-safe.
/// </summary>
public sealed class RawBatch : IDisposable
{
    private readonly RawBsonDocument _reply;
    private readonly IByteBuffer _bytes;
    private readonly int _start;
    private byte[] _across = [];
    private bool _disposed;

    private RawBatch(RawBsonDocument reply)
    {
        _reply = reply;
        _bytes = reply.Slice;
        using var stream = new ByteBufferStream(_bytes, ownsBuffer: false);
        using var reader = new BsonBinaryReader(stream);
        reader.ReadStartDocument();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
        {
            switch (reader.ReadName())
            {
                case "cursor" when reader.CurrentBsonType == BsonType.Document:
                    reader.ReadStartDocument();
                    while (reader.ReadBsonType() != BsonType.EndOfDocument)
                    {
                        switch (reader.ReadName(), reader.CurrentBsonType)
                        {
                            case ("id", BsonType.Int64):
                                CursorId = reader.ReadInt64();
                                break;
                            case ("id", BsonType.Int32):
                                CursorId = reader.ReadInt32();
                                break;
                            case ("atClusterTime", BsonType.Timestamp):
                                AtClusterTime = TimeOf(reader.ReadTimestamp());
                                break;
                            case ("firstBatch" or "nextBatch", BsonType.Array):
                                _start = (int)stream.Position;
                                reader.SkipValue();
                                Bytes = (int)stream.Position - _start;
                                break;
                            default:
                                reader.SkipValue();
                                break;
                        }
                    }

                    reader.ReadEndDocument();
                    break;
                case "operationTime" when reader.CurrentBsonType == BsonType.Timestamp:
                    OperationTime = TimeOf(reader.ReadTimestamp());
                    break;
                default:
                    reader.SkipValue();
                    break;
            }
        }

        if (Bytes < 5)
        {
            throw new InvalidDataException("The server's reply to find or getMore has no batch.");
        }
    }

    public ClusterTime OperationTime { get; }

    /// <summary>0: the server has closed the cursor; null: the reply says nothing of it.</summary>
    public long? CursorId { get; }

    /// <summary>What a snapshot read was taken at, where the reply says so.</summary>
    public ClusterTime? AtClusterTime { get; }

    public bool IsEmpty => Bytes <= 5;

    /// <summary>Of the whole array, with the few bytes that number each document.</summary>
    public int Bytes { get; }

    /// <summary>Takes over the reply of a <c>find</c> or <c>getMore</c>: it is disposed with the batch, or here where it is none.</summary>
    public static RawBatch Of(RawBsonDocument reply)
    {
        try
        {
            return new RawBatch(reply);
        }
        catch
        {
            reply.Dispose();
            throw;
        }
    }

    public Enumerator GetEnumerator() => new(this);

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _reply.Dispose();
        if (_across.Length > 0)
        {
            LargeBuffers.Return(_across);
        }
    }

    private byte[] Across(int length)
    {
        if (_across.Length < length)
        {
            var larger = LargeBuffers.Rent(length);
            if (_across.Length > 0)
            {
                LargeBuffers.Return(_across);
            }

            _across = larger;
        }

        return _across;
    }

    private static ClusterTime TimeOf(long timestamp) => new((uint)(timestamp >> 32), (uint)timestamp);

    /// <summary>The documents of the batch in order; each is valid until the next one is taken, or the batch is disposed.</summary>
    public struct Enumerator
    {
        private readonly RawBatch _batch;
        private readonly int _end;
        private ArraySegment<byte> _piece;
        private int _next;

        internal Enumerator(RawBatch batch)
        {
            _batch = batch;
            _end = batch._start + batch.Bytes;
            _next = batch._start + 4;
            _piece = batch._bytes.AccessBackingBytes(_next);
            Current = default;
        }

        public ReadOnlyMemory<byte> Current { get; private set; }

        public bool MoveNext()
        {
            // Every element: type 0x03, its number as text, zero, the document.
            var piece = _piece.AsSpan();
            if (piece.IndexOf((byte)0) is > 0 and var name && name + 5 <= piece.Length
                && BinaryPrimitives.ReadInt32LittleEndian(piece[(name + 1)..]) is >= 5 and var length && length < piece.Length - name - 1)
            {
                // All of it, and what comes next begins in this piece too.
                Take(piece[0], _next + name + 1, length);
                Current = _piece.AsMemory(name + 1, length);
                _piece = _piece[(name + 1 + length)..];
                return true;
            }

            return MoveAcross();
        }

        /// <summary>An element that does not end within its piece is put together in a buffer of the batch; or there is none left.</summary>
        private bool MoveAcross()
        {
            var bytes = _batch._bytes;
            var type = bytes.GetByte(_next);
            if (type == 0)
            {
                return false;
            }

            var start = _next + 1;
            while (start < _end && bytes.GetByte(start) != 0)
            {
                start++;
            }

            start++;
            var length = 0;
            if (start + 5 <= _end)
            {
                Span<byte> prefix = [bytes.GetByte(start), bytes.GetByte(start + 1), bytes.GetByte(start + 2), bytes.GetByte(start + 3)];
                length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
            }

            Take(type, start, length);
            var across = _batch.Across(length);
            bytes.GetBytes(start, across, 0, length);
            Current = across.AsMemory(0, length);
            _piece = bytes.AccessBackingBytes(_next);
            return true;
        }

        private void Take(byte type, int start, int length)
        {
            if (type != (byte)BsonType.Document)
            {
                throw new InvalidDataException("The server's batch has an element that is no document.");
            }

            if (length < 5 || length >= _end - start)
            {
                throw new InvalidDataException("The server's batch has a document that does not end within it.");
            }

            _next = start + length;
        }
    }
}
