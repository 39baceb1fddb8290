using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>What one entry does to one document.</summary>
/// <param name="Body">The document, the update's <c>o</c>, or empty for a deletion.</param>
/// <param name="Exact">The entry is later than the base's end mark: a document or path that is missing is a loss, not a fuzzy copy.</param>
internal readonly record struct DocumentOperation(char Kind, RawElement Id, ReadOnlyMemory<byte> Body, ClusterTime Time, bool Exact);

/// <summary>A document or path that an exact entry did not find.</summary>
internal sealed record ReplayLoss(string Collection, RawElement Id, ClusterTime Time, string What);

/// <summary>
/// A window of entries, folded per (collection, <c>_id</c>) into what each document ends as. Order between documents does not matter once
/// each is final, so a window is written as unordered deletions and replacements; a capped collection's are kept in order.
/// <para>
/// The keys are those of <see cref="DocumentKey"/>. Where a collection's own collation decides whether two strings are one <c>_id</c>, an
/// entry with a string in its <c>_id</c> must be a window of its own: <see cref="StandsAlone"/>.
/// </para>
/// </summary>
internal sealed class FoldingWindow
{
    private readonly Dictionary<string, CollectionFold> collections = new(StringComparer.Ordinal);

    public int Operations { get; private set; }

    public int Documents { get; private set; }

    /// <summary>An entry of it is later than the base's end mark.</summary>
    public bool HasExact { get; private set; }

    /// <summary>Bytes held for it.</summary>
    public long Bytes { get; private set; }

    public IReadOnlyCollection<CollectionFold> Collections => collections.Values;

    public static bool StandsAlone(ReplayedCollection collection, RawElement id) => collection.HasCollation && HasText(id.Type, id.Value, 0);

    public void Add(ReplayedCollection collection, DocumentOperation operation)
    {
        if (!collections.TryGetValue(collection.Uuid, out var fold))
            collections[collection.Uuid] = fold = new CollectionFold(collection);
        Documents += fold.Add(operation, Operations) ? 1 : 0;
        Operations++;
        HasExact |= operation.Exact;
        Bytes += operation.Body.Length + operation.Id.Value.Length + 64;
    }

    public void Clear()
    {
        collections.Clear();
        (Operations, Documents, Bytes, HasExact) = (0, 0, 0, false);
    }

    private static bool HasText(byte type, ReadOnlyMemory<byte> value, int depth)
    {
        RawBson.CheckDepth(depth);
        if (type is RawBson.String or RawBson.Symbol)
            return true;
        if (type is not (RawBson.Document or RawBson.Array))
            return false;
        foreach (var element in new RawBson.Walk(value))
        {
            if (HasText(element.Type, element.Value, depth + 1))
                return true;
        }

        return false;
    }
}

/// <summary>One collection's part of a window.</summary>
internal sealed class CollectionFold(ReplayedCollection collection)
{
    private readonly Dictionary<DocumentKey, FoldedDocument> documents = [];

    public ReplayedCollection Collection { get; } = collection;

    /// <summary>The <c>_id</c>s of documents whose end can't be told without what is in the target now.</summary>
    public IReadOnlyList<RawElement> Needed => [.. documents.Values.Where(d => !d.IsResolved).Select(d => d.Id)];

    /// <summary>Answers whether the document is new to the window.</summary>
    public bool Add(DocumentOperation operation, int order)
    {
        var key = DocumentKey.Of(operation.Id);
        if (documents.TryGetValue(key, out var document))
        {
            document.Add(operation, order);
            return false;
        }

        documents[key] = document = new FoldedDocument(operation.Id);
        document.Add(operation, order);
        return true;
    }

    /// <summary>What is to be written. <paramref name="found"/>: the documents of <see cref="Needed"/> that are there.</summary>
    public CollectionWrites Resolve(IEnumerable<ReadOnlyMemory<byte>> found, Action<ReplayLoss> onLoss)
    {
        var there = new Dictionary<DocumentKey, ReadOnlyMemory<byte>>();
        ReadOnlyMemory<byte>? only = null;
        foreach (var document in found)
        {
            there[DocumentKey.Of(RawBson.Find(document, "_id") ?? throw new FormatException("A document has no _id."))] = document;
            only = document;
        }

        var deletes = new List<RawElement>();
        var puts = new List<(RawElement Id, ReadOnlyMemory<byte> Document)>();
        foreach (var (key, document) in documents.OrderBy(d => d.Value.Order))
        {
            // Under a collation the server answers with whatever spelling it holds; such an entry stands alone.
            ReadOnlyMemory<byte>? now = there.TryGetValue(key, out var same) ? same
                : documents.Count == 1 && FoldingWindow.StandsAlone(Collection, document.Id) ? only : default(ReadOnlyMemory<byte>?);
            document.Resolve(now, loss => onLoss(loss with { Collection = Collection.Name }), Collection.IsCapped);
            if (document.Value is not { } value)
            {
                if (!(document.WasRead && now is null))
                    deletes.Add(document.Id);
                continue;
            }

            if (now is { } n && document.WasRead && n.Span.SequenceEqual(value.Span))
                continue;
            if (document.WasCleared || FoldingWindow.StandsAlone(Collection, document.Id))
                deletes.Add(document.Id); // The one that was there may have another _id of the same value: it goes first.
            puts.Add((document.Id, value));
        }

        return new CollectionWrites(Collection, deletes, puts);
    }
}

/// <summary>Deletions first, then the puts (each a replacement, or an insert where there is none); in order for a capped collection.</summary>
internal sealed record CollectionWrites(
    ReplayedCollection Collection, IReadOnlyList<RawElement> Deletes, IReadOnlyList<(RawElement Id, ReadOnlyMemory<byte> Document)> Puts);

/// <summary>One document's operations, folded as far as they can be without knowing what the target holds.</summary>
internal sealed class FoldedDocument(RawElement id)
{
    private readonly List<DocumentOperation> waiting = [];

    public RawElement Id { get; private set; } = id;

    /// <summary>The document as the operations leave it; null: there is none.</summary>
    public ReadOnlyMemory<byte>? Value { get; private set; }

    public bool IsResolved { get; private set; }

    /// <summary>Its end was found from what the target held.</summary>
    public bool WasRead { get; private set; }

    /// <summary>It was deleted within the window, whatever came after.</summary>
    public bool WasCleared { get; private set; }

    /// <summary>Position of its last insert: the order in which a capped collection takes them.</summary>
    public int Order { get; private set; }

    public void Add(DocumentOperation operation, int order)
    {
        if (operation.Kind == 'i' || Order == 0)
            Order = order;
        if (IsResolved)
        {
            Apply(operation, onLoss: null, isCapped: false);
            return;
        }

        // Without a loss to look for, an insert, a replacement or a deletion says how the document ends whatever was there. A replaced
        // document that is not there was deleted after the copy read its place: that deletion is still to come, so putting it is right.
        var settles = operation.Kind is 'i' or 'd' || DocumentUpdate.IsReplacement(operation.Body);
        if (settles && !operation.Exact && waiting.TrueForAll(w => !w.Exact))
        {
            WasCleared |= waiting.Exists(w => w.Kind == 'd');
            waiting.Clear();
            IsResolved = true;
            Value = Array.Empty<byte>(); // Something was there: nothing below may read it.
            Apply(operation, onLoss: null, isCapped: false);
            return;
        }

        waiting.Add(operation);
    }

    public void Resolve(ReadOnlyMemory<byte>? there, Action<ReplayLoss> onLoss, bool isCapped)
    {
        if (IsResolved)
            return;
        IsResolved = WasRead = true;
        Value = there;
        foreach (var operation in waiting)
            Apply(operation, onLoss, isCapped);
    }

    private void Apply(DocumentOperation operation, Action<ReplayLoss>? onLoss, bool isCapped)
    {
        void Lose(string what)
        {
            if (operation.Exact)
                onLoss?.Invoke(new ReplayLoss("", operation.Id, operation.Time, what));
        }

        switch (operation.Kind)
        {
            case 'i':
                if (Value is not null && !isCapped) // Its part of a window is written before the window itself, and may be again.
                    Lose("was inserted, and was there already");
                Value = operation.Body;
                Id = operation.Id;
                break;
            case 'd':
                if (Value is null && !isCapped) // A capped collection evicts by itself.
                    Lose("was deleted, and was not there");
                Value = null;
                WasCleared = true;
                break;
            case 'u':
                if (Value is not { } before)
                {
                    Lose("was updated, and was not there");
                    break;
                }

                var update = new DocumentUpdate();
                Value = update.Apply(before, operation.Body);
                if (update.Misfits > 0)
                    Lose("was updated at a path that it does not have");
                break;
            default:
                throw new InvalidOperationException($"'{operation.Kind}' is not an operation on a document.");
        }
    }
}
