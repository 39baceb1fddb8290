using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// Makes a dump into a backup's packs: every document is checked, hashed into the witness, compressed and encrypted as it streams by. Memory is
/// bounded however many collections the dump mixes. What was written stays unsealed, and so no backup, until <see cref="Sealer"/> has ended it;
/// a dump that is refused leaves nothing (the caller sweeps).
/// </summary>
internal sealed class DumpImport(BackupScope scope, DumpSource source, string database, Action<Progress> heartbeat) : IAsyncDisposable
{
    /// <summary>Chunks of several collections that fill at once; the fullest is written when they are more.</summary>
    private const long BufferedBytes = 64L << 20;

    private const int LargestRaw = LaneDump.ChunkBytes + (1 << 16);

    /// <summary>More than a database has collections: an oplog that names more has touched them all.</summary>
    private const int MostTouched = 100_000;

    /// <summary>No collection's name: of a command that does not say which it touches.</summary>
    private const string AnyCollection = "\0";

    private const string AccountsLeftOut =
        "The dump's users and roles are left out: make them again where the data is restored (createUser, createRole), or take them from the dump with mongorestore.";

    private readonly string _attempt = PackWriter.NewAttempt();
    private readonly SortedDictionary<string, Imported> _collections = new(StringComparer.Ordinal);
    private readonly OplogEntries _entries = new(database);
    private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
    private readonly List<string> _notes = [];
    private readonly ArrayBufferWriter<byte> _oplog = new(1 << 20);
    private PackWriter? _packs;
    private PackWriter? _oplogPacks;
    private ChunkCompressor? _compressor;
    private long _buffered;
    private long _rawBytes;
    private int _oplogPart;
    private int _oplogDocuments;
    private long _oplogEntries;
    private byte[]? _lastEntry;
    private ClusterTime _firstTime;
    private ClusterTime _partFrom;

    /// <param name="created">When the dump was made, where it has no oplog to say so.</param>
    public async Task<ImportedDump> RunAsync(DateTimeOffset created, CancellationToken cancellation)
    {
        var number = 0;
        var oplogNumber = 0;
        var (asset, id) = (scope.Backup.Asset, scope.Backup.BackupId);
        _packs = new PackWriter(scope, _attempt, () => ObjectNames.Pack(asset, id, 0, number++, _attempt[..8]));
        _oplogPacks = new PackWriter(scope, _attempt, () => ObjectNames.OplogPack(asset, id, oplogNumber++, _attempt[..8]));
        _compressor = new ChunkCompressor(scope.Asset.CompressionLevel, LargestRaw);
        if (source.HasAccounts)
        {
            Note(AccountsLeftOut);
        }

        await foreach (var item in source.ReadAsync(database, cancellation))
        {
            if (item is DumpItem.Oplog oplog)
            {
                await TakeOplogAsync(oplog.Bytes, cancellation);
                continue;
            }

            if (DumpNames.IsAccounts(item.Collection))
            {
                Note(AccountsLeftOut);
                continue;
            }

            var name = item.Collection.StartsWith(DumpNames.BucketsPrefix, StringComparison.Ordinal)
                ? item.Collection[DumpNames.BucketsPrefix.Length..] : item.Collection;
            if (CollectionListing.IsPassed(name))
            {
                Note($"{name} is the server's own, and is left out.");
                continue;
            }

            var collection = _collections.TryGetValue(name, out var known) ? known : _collections[name] = new Imported(name, _collections.Count);
            switch (item)
            {
                case DumpItem.Described described:
                    collection.Metadata = described.Metadata;
                    break;
                case DumpItem.Documents documents:
                    collection.Buckets |= item.Collection != name;
                    await TakeAsync(collection, documents.Bytes, cancellation);
                    break;
                default:
                    collection.Buckets |= item.Collection != name;
                    break;
            }
        }

        if (_collections.Count == 0)
        {
            throw DumpSource.Refused(database, $"it has no collection of '{database}'");
        }

        foreach (var collection in _collections.Values.Where(c => !c.IsView))
        {
            await FlushAsync(collection, last: true, cancellation);
        }

        var (start, end) = await EndOplogAsync(created, cancellation);
        await _packs.CompleteAsync(cancellation);
        await _oplogPacks.CompleteAsync(cancellation);
        return Result(start, end);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var collection in _collections.Values)
        {
            collection.Dispose();
        }

        _compressor?.Dispose();
        if (_packs is { } packs)
        {
            await packs.DisposeAsync();
        }

        if (_oplogPacks is { } oplog)
        {
            await oplog.DisposeAsync();
        }
    }

    private async Task TakeAsync(Imported collection, ReadOnlyMemory<byte> documents, CancellationToken cancellation)
    {
        foreach (var document in new BsonSequence(documents))
        {
            if (!new BsonFields(document.Span).Find("_id"u8).IsThere && !collection.IsView)
            {
                collection.WithoutId++;
            }

            collection.Hash.Add(document.Span);
            if (collection.Used + document.Length > LaneDump.ChunkBytes && collection.Documents > 0)
            {
                await FlushAsync(collection, last: false, cancellation);
            }

            collection.Append(document.Span);
            _buffered += document.Length;
        }

        _rawBytes += documents.Length;
        heartbeat(new Progress(collection.Name, _rawBytes, 0, "bytes"));
        while (_buffered > BufferedBytes)
        {
            await FlushAsync(_collections.Values.MaxBy(c => c.Used)!, last: false, cancellation);
        }
    }

    private async Task FlushAsync(Imported collection, bool last, CancellationToken cancellation)
    {
        var (frame, sha256) = _compressor!.Compress(collection.Bytes);
        await _packs!.AppendAsync(
            new PackChunk(collection.Range, collection.Part++, last, 0, 0, collection.Used, collection.Documents, sha256), frame, cancellation);
        _buffered -= collection.Used;
        collection.RawBytes += collection.Used;
        collection.Clear();
    }

    private async Task TakeOplogAsync(ReadOnlyMemory<byte> entries, CancellationToken cancellation)
    {
        foreach (var entry in new BsonSequence(entries))
        {
            _oplogEntries++;
            var (at, kept) = ReadEntry(entry.Span);
            var before = _lastEntry is null ? default : OplogEntries.TimeOf(_lastEntry);
            if (at == default || at < before)
            {
                throw RefusedEntry($"It is of {at} and comes after one of {before}, or has no time.");
            }

            // The beginnings of transactions come first, out of the order of their parts but not of time; the same entry twice says nothing new.
            if (at == before && _lastEntry.AsSpan().SequenceEqual(entry.Span))
            {
                continue;
            }

            await AppendOplogAsync(kept, at, cancellation);
        }

        heartbeat(new Progress("oplog", _oplogDocuments, 0, "entries"));
    }

    /// <summary>The entry's time, and the entry as the backup keeps it; what it touches is noted.</summary>
    private (ClusterTime At, byte[] Kept) ReadEntry(ReadOnlySpan<byte> entry)
    {
        try
        {
            OplogCheck.Validate(entry);
            var kept = _entries.LinkOf(entry);
            NoteTouched(kept);
            if (_touched.Count > MostTouched)
            {
                _touched.Clear();
                _touched.Add(AnyCollection);
            }

            return (OplogEntries.TimeOf(entry), kept);
        }
        catch (InvalidDataException e)
        {
            throw RefusedEntry(e.Message, e);
        }
    }

    private RefusalException RefusedEntry(string why, Exception? inner = null) =>
        DumpSource.Refused($"oplog.bson, entry {_oplogEntries}", $"the oplog's entry {_oplogEntries} is none as servers write them: {why}", inner);

    private async Task AppendOplogAsync(byte[] entry, ClusterTime at, CancellationToken cancellation)
    {
        if (_lastEntry is null)
        {
            (_firstTime, _partFrom) = (at, at);
        }
        else if (_oplog.WrittenCount + entry.Length > LaneDump.ChunkBytes && _oplogDocuments > 1)
        {
            await FlushOplogAsync(until: null, cancellation);
            _partFrom = OplogEntries.TimeOf(_lastEntry);
            Add(_lastEntry); // each part begins with the last entry of the part before
        }

        Add(entry);
        _lastEntry = entry;

        void Add(byte[] bytes)
        {
            _oplog.Write(bytes);
            _oplogDocuments++;
        }
    }

    private async Task<(ClusterTime Start, ClusterTime End)> EndOplogAsync(DateTimeOffset created, CancellationToken cancellation)
    {
        if (_lastEntry is null)
        {
            var at = new ClusterTime((uint)Math.Max(1, created.ToUnixTimeSeconds()), 1);
            await AppendOplogAsync(OplogEntries.StartLink(at), at, cancellation);
        }

        var end = OplogEntries.TimeOf(_lastEntry);
        await FlushOplogAsync(end, cancellation);
        return (_firstTime, end);
    }

    private async Task FlushOplogAsync(ClusterTime? until, CancellationToken cancellation)
    {
        var (frame, sha256) = _compressor!.Compress(_oplog.WrittenSpan);
        await _oplogPacks!.AppendAsync(
            new PackChunk(
                PackChunk.Oplog, _oplogPart++, until is not null, 0, 0, _oplog.WrittenCount, _oplogDocuments, sha256, _partFrom,
                OplogEntries.TimeOf(_lastEntry), until),
            frame, cancellation);
        _oplog.ResetWrittenCount();
        _oplogDocuments = 0;
    }

    private void NoteTouched(ReadOnlySpan<byte> entry)
    {
        var fields = new BsonFields(entry);
        var op = fields.Find("op"u8).AsUtf8();
        if (op.SequenceEqual("n"u8))
        {
            return;
        }

        if (fields.Find("ui"u8).AsUuid() is { } uuid)
        {
            _touched.Add(uuid);
        }

        if (op.SequenceEqual("c"u8))
        {
            NoteCommand(fields.Find("o"u8), uuidKnown: fields.Find("ui"u8).IsThere);
        }
        else if (_entries.CollectionOf(fields.Find("ns"u8).AsString()) is { } collection)
        {
            _touched.Add(collection);
        }
    }

    /// <summary>A transaction touches what its operations do; of any other command only its own collection is known.</summary>
    private void NoteCommand(BsonField o, bool uuidKnown)
    {
        var operations = o.Type == MongoDB.Bson.BsonType.Document ? o.AsDocument().Find("applyOps"u8) : default;
        if (operations.IsThere)
        {
            foreach (var operation in operations.AsDocument())
            {
                NoteTouched(operation.Value);
            }
        }
        else if (!uuidKnown && !(o.IsThere && (o.AsDocument().Find("commitTransaction"u8).IsThere || o.AsDocument().Find("abortTransaction"u8).IsThere)))
        {
            _touched.Add(AnyCollection);
        }
    }

    private ImportedDump Result(ClusterTime start, ClusterTime end)
    {
        var planned = new List<PlannedCollection>();
        var ranges = new List<PlannedRange>();
        var witnesses = new List<CollectionWitness>();
        foreach (var collection in _collections.Values)
        {
            var metadata = collection.Metadata ?? new DumpMetadata(collection.Name, "collection", null, [], []);
            if (collection.Metadata is null)
            {
                Note($"{collection.Name} has no metadata in the dump: its options and indexes are not known.");
            }

            if (collection.WithoutId > 0 && metadata.Type == "collection")
            {
                Note($"{collection.Name} has {collection.WithoutId} documents without _id: a server gives them one.");
            }

            var uuid = metadata.Type == "view" ? null : metadata.Uuid ?? MadeUuid(collection.Name);
            var options = ExtendedJson.Write(metadata.Options);
            var indexes = metadata.Indexes.Select(ExtendedJson.Write).ToList();
            var buckets = metadata.Type != "timeseries" ? null : collection.Buckets ? DumpNames.BucketsPrefix + collection.Name
                : collection.LooksBucketed ? collection.Name : null;
            planned.Add(new PlannedCollection(
                collection.Name, uuid, metadata.Type, options, indexes, collection.Hash.Documents, collection.RawBytes, buckets));
            if (uuid is not null)
            {
                ranges.Add(new PlannedRange(collection.Range, collection.Name, uuid, null, null, false));
            }

            var missing = uuid is not null && (_touched.Contains(uuid) || _touched.Contains(collection.Name) || _touched.Contains(AnyCollection))
                ? "the dump has an oplog for it: what it comes to is only known when that is replayed" : null;
            witnesses.Add(new CollectionWitness(
                collection.Name, uuid, metadata.Type, options, indexes, missing is null ? collection.Hash.Documents : -1,
                missing is null && uuid is not null
                    ? [new WitnessShare(null, null, false, collection.Hash.Documents, collection.Hash.ToString())] : [],
                missing));
        }

        return new ImportedDump(_attempt, start, end, planned, ranges, witnesses, _notes);
    }

    /// <summary>Dumps of old servers have none; the same dump gets the same again.</summary>
    private string MadeUuid(string collection) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{scope.Backup.BackupId}/{collection}")).AsSpan(0, 16));

    private void Note(string note)
    {
        if (!_notes.Contains(note, StringComparer.Ordinal))
        {
            _notes.Add(note);
        }
    }

    /// <summary>One collection while it streams by.</summary>
    private sealed class Imported(string name, int range) : IDisposable
    {
        private byte[] _buffer = [];

        public string Name => name;

        public int Range => range;

        public DumpMetadata? Metadata { get; set; }

        public bool Buckets { get; set; }

        public bool IsView => Metadata?.Type == "view";

        /// <summary>The first document is a time series' bucket, though the dump names no bucket collection (tools from 8.3 on).</summary>
        public bool LooksBucketed { get; private set; }

        public OrderFreeHash Hash { get; } = new();

        public long WithoutId { get; set; }

        public int Part { get; set; }

        public int Used { get; private set; }

        public int Documents { get; private set; }

        public long RawBytes { get; set; }

        public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, Used);

        public void Append(ReadOnlySpan<byte> document)
        {
            if (Hash.Documents == 1)
            {
                var fields = new BsonFields(document);
                LooksBucketed = fields.Find("control"u8).Type == MongoDB.Bson.BsonType.Document
                    && fields.Find("data"u8).Type == MongoDB.Bson.BsonType.Document;
            }

            if (_buffer.Length < Used + document.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Used + document.Length, Math.Min(LargestRaw, Math.Max(1 << 16, _buffer.Length * 2))));
                Bytes.CopyTo(larger);
                Return();
                _buffer = larger;
            }

            document.CopyTo(_buffer.AsSpan(Used));
            Used += document.Length;
            Documents++;
        }

        public void Clear()
        {
            (Used, Documents) = (0, 0);
            Return();
        }

        public void Dispose() => Return();

        private void Return()
        {
            if (_buffer.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = [];
            }
        }
    }
}

/// <summary>What a dump came to: everything that the index is made of but the packs' tables.</summary>
/// <param name="Attempt">Whose packs they are.</param>
/// <param name="Notes">What the person who imports should know.</param>
internal sealed record ImportedDump(
    string Attempt, ClusterTime Start, ClusterTime End, IReadOnlyList<PlannedCollection> Collections, IReadOnlyList<PlannedRange> Ranges,
    IReadOnlyList<CollectionWitness> Witnesses, IReadOnlyList<string> Notes);
