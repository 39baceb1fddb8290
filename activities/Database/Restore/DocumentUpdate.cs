using System.Globalization;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Applies the <c>o</c> of an oplog update to a document, byte for byte as the server would, field order included.
/// <para>
/// A replacement is an <c>o</c> with an <c>_id</c> (it may hold a field of its own called <c>$v</c>). The rest are deltas: <c>mongod</c>'s
/// <c>{$v: 2, diff: {d, u, i, s…}}</c> (src/mongo/db/update/document_diff_serialization.h), SecantusDB's
/// <c>{$v: 2, diff: {updatedFields, removedFields, truncatedArrays}}</c> and <c>{$v: 1, $set, $unset}</c> of old servers.
/// </para>
/// A part that no longer fits the document is left out and counted in <see cref="Misfits"/>: over a fuzzy copy a later entry settles it.
/// </summary>
internal sealed class DocumentUpdate
{
    private int misfits;

    /// <summary>How many parts of the updates so far found no place in their document.</summary>
    public int Misfits => misfits;

    /// <summary>Whether <paramref name="update"/> is the whole new document.</summary>
    public static bool IsReplacement(ReadOnlyMemory<byte> update)
    {
        foreach (var element in new RawBson.Walk(update))
        {
            if (element.Is("_id"))
                return true;
            if (element.Is("$v") || element.Is("$set") || element.Is("$unset"))
                return false;
        }

        return true;
    }

    /// <summary>Refuses, before anything is folded, what <see cref="Apply"/> could not do right. Null: it can.</summary>
    public static string? WhyUnknown(ReadOnlyMemory<byte> update)
    {
        if (IsReplacement(update))
            return null;
        var version = RawBson.ToInt64(RawBson.Find(update, "$v")) ?? 1;
        if (version == 2)
        {
            foreach (var element in new RawBson.Walk(update))
            {
                if (!element.Is("$v") && !(element.Is("diff") && element.IsDocument))
                    return $"an update with '{element.NameText}' beside its diff";
            }

            return RawBson.ToDocument(RawBson.Find(update, "diff")) is not { } diff ? "an update without a diff"
                : IsChangeStreamDiff(diff) ? WhyUnknownChangeStreamDiff(diff)
                : WhyUnknownDiff(diff, depth: 0);
        }

        if (version != 1)
            return $"an update of version {version}";
        foreach (var element in new RawBson.Walk(update))
        {
            if (!element.Is("$v") && !((element.Is("$set") || element.Is("$unset")) && element.IsDocument))
                return $"an update with '{element.NameText}'";
        }

        return null;
    }

    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> document, ReadOnlyMemory<byte> update)
    {
        if (IsReplacement(update))
            return update;
        if (RawBson.ToDocument(RawBson.Find(update, "diff")) is { } diff)
            return IsChangeStreamDiff(diff) ? ApplyChangeStreamDiff(document, diff) : ApplyDiff(document, diff);

        foreach (var element in new RawBson.Walk(update))
        {
            if (!element.IsDocument)
                continue;
            var set = element.Is("$set");
            foreach (var field in new RawBson.Walk(element.Value))
            {
                var path = field.NameText.Split('.').Select(part => new Step(part, null)).ToList();
                document = set
                    ? Set(document, isArray: false, path, 0, field, literal: false, create: true)
                    : Remove(document, isArray: false, path, 0, literal: false);
            }
        }

        return document;
    }

    // mongod's diff.

    private static string? WhyUnknownDiff(ReadOnlyMemory<byte> diff, int depth)
    {
        RawBson.CheckDepth(depth);
        var isArray = RawBson.Find(diff, "a") is { Type: RawBson.Boolean };
        foreach (var section in new RawBson.Walk(diff))
        {
            var name = section.NameText;
            var known = isArray
                ? (name == "a" && section.Type == RawBson.Boolean) || (name == "l" && RawBson.ToInt64(section) >= 0)
                    || (name.Length > 1 && name[0] is 'u' or 's' && int.TryParse(name[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _))
                : (name is "d" or "u" or "i" && section.IsDocument) || (name.Length > 0 && name[0] == 's' && section.IsDocument);
            if (!known)
                return $"an update whose diff has the unknown section '{name}'";
            if (name[0] == 's' && (section.IsDocument ? WhyUnknownDiff(section.Value, depth + 1) : "an update whose diff is malformed") is { } why)
                return why;
        }

        return null;
    }

    private byte[] ApplyDiff(ReadOnlyMemory<byte> document, ReadOnlyMemory<byte> diff)
    {
        var removed = new HashSet<string>(StringComparer.Ordinal);
        var updated = new Dictionary<string, RawElement>(StringComparer.Ordinal);
        var nested = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var inserted = new HashSet<string>(StringComparer.Ordinal);
        var appended = new List<RawElement>();
        foreach (var section in new RawBson.Walk(diff))
        {
            if (section.Is("d"))
            {
                foreach (var field in new RawBson.Walk(section.Value))
                    removed.Add(field.NameText);
            }
            else if (section.Is("u"))
            {
                foreach (var field in new RawBson.Walk(section.Value))
                {
                    updated[field.NameText] = field;
                    appended.Add(field);
                }
            }
            else if (section.Is("i"))
            {
                foreach (var field in new RawBson.Walk(section.Value))
                {
                    inserted.Add(field.NameText);
                    appended.Add(field);
                }
            }
            else
            {
                nested[section.NameText[1..]] = section.Value;
            }
        }

        var output = new List<RawElement>();
        var inPlace = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in new RawBson.Walk(document))
        {
            var name = field.NameText;
            if (removed.Remove(name) || inserted.Contains(name))
                continue; // What is inserted goes to the end, wherever an earlier field of that name stood.
            if (updated.TryGetValue(name, out var value))
            {
                output.Add(value);
                inPlace.Add(name);
            }
            else if (nested.Remove(name, out var inner))
            {
                output.Add(ApplyNested(field, inner));
            }
            else
            {
                output.Add(field);
            }
        }

        misfits += removed.Count + nested.Count;
        foreach (var field in appended)
        {
            if (inPlace.Contains(field.NameText))
                continue;
            if (!inserted.Contains(field.NameText))
                misfits++; // Updated, and not there.
            output.Add(field);
        }

        return RawBson.Build(output);
    }

    /// <summary>A field of another type than the diff was made for becomes null, as on the server: a later entry writes it whole.</summary>
    private RawElement ApplyNested(RawElement field, ReadOnlyMemory<byte> diff)
    {
        var isArray = RawBson.Find(diff, "a") is { Type: RawBson.Boolean };
        if (isArray && field.IsArray)
            return field with { Value = ApplyArrayDiff(field.Value, diff) };
        if (!isArray && field.IsDocument)
            return field with { Value = ApplyDiff(field.Value, diff) };
        misfits++;
        return new RawElement(RawBson.Null, field.Name, default);
    }

    private byte[] ApplyArrayDiff(ReadOnlyMemory<byte> array, ReadOnlyMemory<byte> diff)
    {
        var changes = new SortedDictionary<int, RawElement>();
        int? length = null;
        foreach (var section in new RawBson.Walk(diff))
        {
            if (section.Is("l"))
                length = (int)RawBson.ToInt64(section)!.Value;
            else if (!section.Is("a"))
                changes[int.Parse(section.NameText.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture)] = section;
        }

        var old = RawBson.Elements(array);
        var count = length ?? Math.Max(old.Count, changes.Count == 0 ? 0 : changes.Keys.Last() + 1);
        var output = new List<RawElement>(count);
        for (var i = 0; i < count; i++)
        {
            var there = i < old.Count ? old[i] : (RawElement?)null;
            if (!changes.TryGetValue(i, out var change))
                output.Add(there ?? new RawElement(RawBson.Null, default, default));
            else if (change.Name.Span[0] == 'u')
                output.Add(change);
            else
                output.Add(ApplyNested(there ?? new RawElement(RawBson.Null, default, default), change.Value));
        }

        return RawBson.BuildArray(output);
    }

    // SecantusDB's diff: the updateDescription of a change stream.

    private static bool IsChangeStreamDiff(ReadOnlyMemory<byte> diff) =>
        RawBson.Find(diff, "updatedFields") is not null || RawBson.Find(diff, "removedFields") is not null;

    private static string? WhyUnknownChangeStreamDiff(ReadOnlyMemory<byte> diff)
    {
        foreach (var section in new RawBson.Walk(diff))
        {
            var known = section.Is("updatedFields") || section.Is("disambiguatedPaths") ? section.IsDocument
                : (section.Is("removedFields") || section.Is("truncatedArrays")) && section.IsArray;
            if (!known)
                return $"an update whose diff has the unknown section '{section.NameText}'";
        }

        return null;
    }

    private ReadOnlyMemory<byte> ApplyChangeStreamDiff(ReadOnlyMemory<byte> document, ReadOnlyMemory<byte> diff)
    {
        var paths = new Dictionary<string, IReadOnlyList<Step>>(StringComparer.Ordinal);
        if (RawBson.ToDocument(RawBson.Find(diff, "disambiguatedPaths")) is { } disambiguated)
        {
            foreach (var path in new RawBson.Walk(disambiguated))
            {
                paths[path.NameText] = [.. RawBson.Elements(path.Value).Select(part =>
                    RawBson.ToText(part) is { } name ? new Step(name, IsIndex: false)
                        : new Step(RawBson.ToInt64(part)?.ToString(CultureInfo.InvariantCulture) ?? "", IsIndex: true))];
            }
        }

        IReadOnlyList<Step> PathOf(string name) =>
            paths.TryGetValue(name, out var path) ? path : [.. name.Split('.').Select(part => new Step(part, null))];

        if (RawBson.ToDocument(RawBson.Find(diff, "truncatedArrays")) is { } truncated)
        {
            foreach (var array in new RawBson.Walk(truncated))
            {
                if (RawBson.ToText(RawBson.Find(array.Value, "field")) is { } name && RawBson.ToInt64(RawBson.Find(array.Value, "newSize")) is { } size)
                    document = Truncate(document, isArray: false, PathOf(name), 0, (int)size);
            }
        }

        if (RawBson.ToDocument(RawBson.Find(diff, "removedFields")) is { } removed)
        {
            foreach (var field in new RawBson.Walk(removed))
            {
                var name = RawBson.ToText(field) ?? "";
                document = Remove(document, isArray: false, PathOf(name), 0, literal: !paths.ContainsKey(name));
            }
        }

        if (RawBson.ToDocument(RawBson.Find(diff, "updatedFields")) is { } updated)
        {
            foreach (var field in new RawBson.Walk(updated))
            {
                var name = field.NameText;
                document = Set(document, isArray: false, PathOf(name), 0, field, literal: !paths.ContainsKey(name), create: false);
            }
        }

        return document;
    }

    // Dotted paths.

    /// <param name="IsIndex">Null: not told; an index where the container is an array.</param>
    private readonly record struct Step(string Name, bool? IsIndex);

    /// <param name="literal">A field whose own name has dots may be meant: the longest name that is there wins.</param>
    /// <param name="create"><c>$set</c> makes the documents on its way; a diff of a change stream only ever names what was there.</param>
    private ReadOnlyMemory<byte> Set(
        ReadOnlyMemory<byte> container, bool isArray, IReadOnlyList<Step> path, int at, RawElement value, bool literal, bool create)
    {
        RawBson.CheckDepth(at);
        var elements = RawBson.Elements(container);
        if (isArray)
        {
            if (path[at].IsIndex == false || !TryIndex(path[at].Name, out var index) || index > MostPadding + elements.Count)
                return Misfit(container);
            while (elements.Count <= index)
                elements.Add(new RawElement(RawBson.Null, default, default));
            if (at == path.Count - 1)
                elements[index] = value;
            else if (Inside(elements[index]))
                elements[index] = elements[index] with { Value = Set(elements[index].Value, elements[index].IsArray, path, at + 1, value, literal, create) };
            else if (create && elements[index].Type == RawBson.Null)
                elements[index] = new RawElement(RawBson.Document, default, Set(RawBson.Empty, isArray: false, path, at + 1, value, literal, create));
            else
                return Misfit(container);
            return RawBson.BuildArray(elements);
        }

        foreach (var (name, next) in Names(path, at, literal))
        {
            var position = elements.FindIndex(e => e.Is(name));
            if (next == path.Count)
            {
                var named = value.Named(System.Text.Encoding.UTF8.GetBytes(name));
                if (position >= 0)
                    elements[position] = named;
                else if (next == at + 1)
                    elements.Add(named);
                else
                    continue; // A name with dots that is not there: rather the path, if that fits.
                return RawBson.Build(elements);
            }

            if (position >= 0 && Inside(elements[position]))
            {
                elements[position] = elements[position] with
                {
                    Value = Set(elements[position].Value, elements[position].IsArray, path, next, value, literal, create),
                };
                return RawBson.Build(elements);
            }

            if (position < 0 && create)
            {
                elements.Add(new RawElement(
                    RawBson.Document, System.Text.Encoding.UTF8.GetBytes(name), Set(RawBson.Empty, isArray: false, path, next, value, literal, create)));
                return RawBson.Build(elements);
            }
        }

        return Misfit(container);
    }

    private ReadOnlyMemory<byte> Remove(ReadOnlyMemory<byte> container, bool isArray, IReadOnlyList<Step> path, int at, bool literal)
    {
        RawBson.CheckDepth(at);
        var elements = RawBson.Elements(container);
        if (isArray)
        {
            if (!TryIndex(path[at].Name, out var index) || index >= elements.Count)
                return Misfit(container);
            if (at == path.Count - 1)
                elements[index] = new RawElement(RawBson.Null, default, default); // $unset keeps the other places of an array.
            else if (Inside(elements[index]))
                elements[index] = elements[index] with { Value = Remove(elements[index].Value, elements[index].IsArray, path, at + 1, literal) };
            else
                return Misfit(container);
            return RawBson.BuildArray(elements);
        }

        foreach (var (name, next) in Names(path, at, literal))
        {
            var position = elements.FindIndex(e => e.Is(name));
            if (position < 0)
                continue;
            if (next == path.Count)
            {
                elements.RemoveAt(position);
                return RawBson.Build(elements);
            }

            if (Inside(elements[position]))
            {
                elements[position] = elements[position] with { Value = Remove(elements[position].Value, elements[position].IsArray, path, next, literal) };
                return RawBson.Build(elements);
            }
        }

        return Misfit(container);
    }

    private ReadOnlyMemory<byte> Truncate(ReadOnlyMemory<byte> container, bool isArray, IReadOnlyList<Step> path, int at, int size)
    {
        RawBson.CheckDepth(at);
        var elements = RawBson.Elements(container);
        if (at == path.Count)
        {
            if (!isArray || size > elements.Count)
                return Misfit(container);
            return RawBson.BuildArray(elements[..size]);
        }

        var position = isArray
            ? TryIndex(path[at].Name, out var index) && index < elements.Count ? index : -1
            : elements.FindIndex(e => e.Is(path[at].Name));
        if (position < 0 || !Inside(elements[position]))
            return Misfit(container);
        elements[position] = elements[position] with { Value = Truncate(elements[position].Value, elements[position].IsArray, path, at + 1, size) };
        return isArray ? RawBson.BuildArray(elements) : RawBson.Build(elements);
    }

    /// <summary>The whole rest as one name first, then shorter and shorter beginnings of it, at last the one step.</summary>
    private static IEnumerable<(string Name, int Next)> Names(IReadOnlyList<Step> path, int at, bool literal)
    {
        for (var next = literal ? path.Count : at + 1; next > at; next--)
            yield return (string.Join('.', path.Skip(at).Take(next - at).Select(s => s.Name)), next);
    }

    /// <summary>An update that pads an array by more than this is malformed: the server's own limit for padding is 1,500,000 elements.</summary>
    private const int MostPadding = 1_500_000;

    private static bool TryIndex(string name, out int index) => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out index);

    private static bool Inside(RawElement element) => element.IsDocument || element.IsArray;

    private ReadOnlyMemory<byte> Misfit(ReadOnlyMemory<byte> container)
    {
        misfits++;
        return container;
    }
}
