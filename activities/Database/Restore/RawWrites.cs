using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Writes of raw documents, byte for byte as they were read.</summary>
internal static class RawWrites
{
    /// <summary>Within the 48 MB that a message may have, and small enough that a transaction of it is over in a moment.</summary>
    public const int BatchBytes = 8 << 20;

    /// <summary>A server's cost of a transaction grows faster than its documents: of so many it costs hardly more than an insert without one
    /// (decision 1721).</summary>
    public const int BatchDocuments = 500;

    private static ReadOnlySpan<byte> NameEndAndEmptyTimestamp => [0, 0, 0, 0, 0, 0, 0, 0, 0];

    private static readonly InsertManyOptions Ordered = new() { IsOrdered = true };

    public static IMongoCollection<RawBsonDocument> Of(IMongoDatabase database, string collection) =>
        database.GetCollection<RawBsonDocument>(collection, new MongoCollectionSettings { AssignIdOnInsert = false });

    /// <summary>A view of the bytes, not a copy.</summary>
    public static RawBsonDocument Wrap(ReadOnlyMemory<byte> document) =>
        MemoryMarshal.TryGetArray(document, out var segment)
            ? new RawBsonDocument(new ByteBufferSlice(new ByteArrayBuffer(segment.Array!, isReadOnly: true), segment.Offset, segment.Count))
            : new RawBsonDocument(document.ToArray());

    public static RawElement IdOf(ReadOnlyMemory<byte> document) =>
        RawBson.Find(document, "_id") ?? throw new FormatException("A document has no _id.");

    /// <summary><c>{_id: {$eq: x}}</c>: an <c>_id</c> that is a document with operators of its own is meant as it is.</summary>
    public static RawBsonDocument ById(RawElement id) => new(RawBson.Build(
        [new RawElement(RawBson.Document, "_id"u8.ToArray(), RawBson.Build([id.Named("$eq"u8.ToArray())]))]));

    public static RawBsonDocument ByIds(IEnumerable<RawElement> ids) => new(RawBson.Build(
        [new RawElement(RawBson.Document, "_id"u8.ToArray(), RawBson.Build([new RawElement(RawBson.Array, "$in"u8.ToArray(), RawBson.BuildArray([.. ids]))]))]));

    /// <summary>
    /// Whether a server would change or refuse the document: a top-level <c>Timestamp(0, 0)</c> becomes the time of the write, and a
    /// replacement may have no top-level field that begins with <c>$</c>. <c>[{$replaceWith: {$literal: …}}]</c> takes both as they are.
    /// </summary>
    public static bool NeedsLiteral(ReadOnlyMemory<byte> document, bool asReplacement)
    {
        // A timestamp's type, the end of its name and the eight bytes of an empty one: what has no such byte, or no nine zeros in a row, needs no walk.
        if (!asReplacement && (!document.Span.Contains(RawBson.Timestamp) || document.Span.IndexOf(NameEndAndEmptyTimestamp) < 0))
            return false;
        foreach (var field in new RawBson.Walk(document))
        {
            if (field.Type == RawBson.Timestamp && BinaryPrimitives.ReadInt64LittleEndian(field.Value.Span) == 0)
                return true;
            if (asReplacement && field.Name.Length > 0 && field.Name.Span[0] == (byte)'$')
                return true;
        }

        return false;
    }

    /// <summary>One put, whether the document is there or not. A literal is put twice: a server may order the fields of one that was not there by
    /// itself, and takes those of one that is there as they are.</summary>
    public static IReadOnlyList<WriteModel<RawBsonDocument>> ToPuts(RawElement id, ReadOnlyMemory<byte> document)
    {
        if (!NeedsLiteral(document, asReplacement: true))
            return [new ReplaceOneModel<RawBsonDocument>(ById(id), Wrap(document)) { IsUpsert = true }];
        var literal = new UpdateOneModel<RawBsonDocument>(
            ById(id),
            Builders<RawBsonDocument>.Update.Pipeline(new BsonDocumentStagePipelineDefinition<RawBsonDocument, RawBsonDocument>(
                [new BsonDocument("$replaceWith", new BsonDocument("$literal", Wrap(document)))])))
        {
            IsUpsert = true,
        };
        return [literal, literal];
    }

    /// <summary>Inserts; what needs it as a literal (which takes the place of a document of its <c>_id</c>).</summary>
    public static async Task InsertAsync(
        IMongoCollection<RawBsonDocument> collection, IClientSessionHandle? session, IReadOnlyList<ReadOnlyMemory<byte>> documents, CancellationToken cancellation)
    {
        var plain = new List<RawBsonDocument>(documents.Count);
        foreach (var document in documents)
        {
            if (!NeedsLiteral(document, asReplacement: false))
            {
                plain.Add(Wrap(document));
                continue;
            }

            await FlushAsync();
            await BulkAsync(collection, session, ToPuts(IdOf(document), document), ordered: true, cancellation);
        }

        await FlushAsync();

        async Task FlushAsync()
        {
            if (plain.Count == 0)
                return;
            if (session is null)
                await collection.InsertManyAsync(plain, Ordered, cancellation);
            else
                await collection.InsertManyAsync(session, plain, Ordered, cancellation);
            plain.Clear();
        }
    }

    /// <summary>
    /// Inserts in any order and goes on after a document that is not taken: those are the answer, with the server's word about each. What needs it
    /// goes as a literal, which takes the place of a document of its <c>_id</c>.
    /// </summary>
    public static async Task<IReadOnlyList<(ReadOnlyMemory<byte> Document, (int Code, string Message) Error)>> InsertAnyOrderAsync(
        IMongoCollection<RawBsonDocument> collection, IReadOnlyList<ReadOnlyMemory<byte>> documents, CancellationToken cancellation)
    {
        var (models, of) = (new List<WriteModel<RawBsonDocument>>(documents.Count), new List<int>(documents.Count));
        foreach (var (i, document) in documents.Index())
        {
            if (NeedsLiteral(document, asReplacement: false))
                models.AddRange(ToPuts(IdOf(document), document));
            else
                models.Add(new InsertOneModel<RawBsonDocument>(Wrap(document)));
            while (of.Count < models.Count)
                of.Add(i);
        }

        try
        {
            await collection.BulkWriteAsync(models, new BulkWriteOptions { IsOrdered = false }, cancellation);
            return [];
        }
        catch (MongoBulkWriteException e) when (e.WriteConcernError is null && e.WriteErrors.Count > 0 && !e.WriteErrors.Any(w => ServerErrors.MayPass(w.Code)))
        {
            return [.. e.WriteErrors.DistinctBy(w => of[w.Index]).Select(w => (documents[of[w.Index]], (w.Code, w.Message)))];
        }
        catch (Exception e) when (e is not MongoBulkWriteException && Refused(e) is { } why)
        {
            // Not one document of it, but the whole of it: then each half, down to the one.
            if (documents.Count == 1)
                return [(documents[0], why)];
            var half = documents.Count / 2;
            return
            [
                .. await InsertAnyOrderAsync(collection, [.. documents.Take(half)], cancellation),
                .. await InsertAnyOrderAsync(collection, [.. documents.Skip(half)], cancellation),
            ];
        }
    }

    /// <summary>Deletes the documents of those <c>_id</c>s, where they are, by one command.</summary>
    public static Task DeleteAsync(
        IMongoCollection<RawBsonDocument> collection, IClientSessionHandle? session, IReadOnlyList<RawElement> ids, CancellationToken cancellation)
    {
        FilterDefinition<RawBsonDocument> filter = ids.Count == 1 ? ById(ids[0]) : ByIds(ids);
        return session is null
            ? collection.DeleteManyAsync(filter, cancellation)
            : collection.DeleteManyAsync(session, filter, cancellationToken: cancellation);
    }

    public static async Task BulkAsync(
        IMongoCollection<RawBsonDocument> collection, IClientSessionHandle? session, IReadOnlyList<WriteModel<RawBsonDocument>> models, bool ordered,
        CancellationToken cancellation)
    {
        if (models.Count == 0)
            return;
        var options = new BulkWriteOptions { IsOrdered = ordered };
        if (session is null)
            await collection.BulkWriteAsync(models, options, cancellation);
        else
            await collection.BulkWriteAsync(session, models, options, cancellation);
    }

    /// <summary>The server's word about a write, where the exception is one: code and message. Null: something else went wrong, which may pass.</summary>
    public static (int Code, string Message)? Refused(Exception exception) => exception switch
    {
        MongoException m when ServerErrors.MayPass(m) => null,
        MongoBulkWriteException { WriteErrors: [var first, ..] } => (first.Code, first.Message),
        MongoWriteException { WriteError: { } error } => (error.Code, error.Message),
        MongoCommandException command => (command.Code, command.Message),
        FormatException or BsonSerializationException => (0, exception.Message),
        _ => null,
    };

    public const int DuplicateKey = 11000;

    /// <summary>Another document has this <c>_id</c>. (That a unique index of another key is violated is told by the same code.)</summary>
    public static bool IsSameId((int Code, string Message) refused) =>
        refused.Code == DuplicateKey
        && (refused.Message.Contains("index: _id_ ", StringComparison.Ordinal)
            || (!refused.Message.Contains("index: ", StringComparison.Ordinal) && refused.Message.Contains("dup key: { _id:", StringComparison.Ordinal)));
}
