namespace LuxHedge.Activities.Plans;

/// <summary>One thing wrong with a plan, before its file has a name.</summary>
internal sealed record Finding(Place At, string Path, string What)
{
    public override string ToString() => Path.Length == 0 ? What : $"{Path}: {What}";
}

/// <summary>Compares what is written with its shape, and collects every difference.</summary>
/// <param name="names">The names in a section of the plan; null: they are not known here, and nothing is said about them.</param>
internal sealed class ShapeCheck(Func<string, IReadOnlyCollection<string>?> names)
{
    /// <summary>Nobody reads more at once, and a file that is all wrong is no work.</summary>
    public const int MostFindings = 200;

    private const int LongestEcho = 60;

    /// <param name="root">The plan itself: its references point into it.</param>
    public ShapeCheck(YamlMapping root)
        : this(section => [.. root.Children(section).Select(e => e.Key)])
    {
    }

    public List<Finding> Findings { get; } = [];

    public bool IsFull => Findings.Count > MostFindings;

    public void Check(YamlValue value, Shape shape, string path)
    {
        if (IsFull)
        {
            return;
        }

        if (value is YamlScalar { IsNothing: true })
        {
            Add(value.At, path, "has no value");
            return;
        }

        switch (shape)
        {
            case ScalarShape scalar:
                CheckScalar(value, scalar, path);
                break;
            case ReferenceShape reference:
                CheckReference(value, reference, path);
                break;
            case ListShape list:
                CheckList(value, list, path);
                break;
            case MapShape map:
                CheckMap(value, map, path);
                break;
            case RecordShape record:
                CheckRecord(value, record, path);
                break;
            case VariantShape variant:
                CheckVariant(value, variant, path);
                break;
            case SameShape same:
                Check(value, same.Of(), path);
                break;
        }
    }

    private void CheckScalar(YamlValue value, ScalarShape shape, string path)
    {
        if (value is not YamlScalar scalar)
        {
            Add(value.At, path, $"must be one value, not {Kind(value)}");
        }
        else if (shape.Check(scalar) is { } wrong)
        {
            Add(value.At, path, shape.Secret ? wrong : $"{Echo(scalar.Text)} {wrong}");
        }
    }

    private void CheckReference(YamlValue value, ReferenceShape shape, string path)
    {
        if (value is not YamlScalar scalar)
        {
            Add(value.At, path, $"must be the name of a {shape.What}, not {Kind(value)}");
            return;
        }

        var sections = shape.Sections.Select(names).ToList();
        if (sections.Contains(null))
        {
            return;
        }

        var known = sections.SelectMany(s => s!).Concat(shape.BuiltIn).Distinct(StringComparer.Ordinal).ToList();
        if (!known.Contains(scalar.Text, StringComparer.Ordinal))
        {
            Add(value.At, path, $"there is no {shape.What} {Echo(scalar.Text)} in {Scalars.Words(shape.Sections)}{Suggestion.For(scalar.Text, known)}");
        }
    }

    private void CheckList(YamlValue value, ListShape shape, string path)
    {
        if (value is not YamlList list)
        {
            Add(value.At, path, $"must be a list, not {Kind(value)}; write [a, b]");
            return;
        }

        if (list.Items.Count < shape.AtLeast)
        {
            Add(value.At, path, "must not be empty");
        }

        for (var i = 0; i < list.Items.Count && !IsFull; i++)
        {
            Check(list.Items[i], shape.Item, $"{path}[{i}]");
        }
    }

    private void CheckMap(YamlValue value, MapShape shape, string path)
    {
        if (value is not YamlMapping mapping)
        {
            Add(value.At, path, $"must hold a name and a value for each {shape.What}, not {Kind(value)}");
            return;
        }

        if (mapping.Entries.Count < shape.AtLeast)
        {
            Add(value.At, path, $"must hold at least {shape.AtLeast} {shape.What}");
        }

        var first = new Dictionary<string, Place>(StringComparer.Ordinal);
        foreach (var entry in mapping.Entries.TakeWhile(_ => !IsFull))
        {
            var below = $"{path}.{entry.Key}";
            if (!first.TryAdd(entry.Key, entry.KeyAt))
            {
                Add(entry.KeyAt, below, $"two entries of {path} have this id; the first is in line {first[entry.Key].Line}");
            }

            Check(new YamlScalar(entry.Key, Plain: false, entry.KeyAt), shape.Keys ?? Scalars.Id, path);
            Check(entry.Value, shape.Value, below);
        }
    }

    private void CheckRecord(YamlValue value, RecordShape shape, string path)
    {
        if (value is not YamlMapping mapping)
        {
            Add(value.At, path, $"must hold {Scalars.Words([.. shape.Fields.Select(f => f.Key)])}, not {Kind(value)}");
            return;
        }

        var first = new Dictionary<string, Place>(StringComparer.Ordinal);
        foreach (var entry in mapping.Entries.TakeWhile(_ => !IsFull))
        {
            var below = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            if (!first.TryAdd(entry.Key, entry.KeyAt))
            {
                Add(entry.KeyAt, below, $"is written twice; first in line {first[entry.Key].Line}");
            }

            if (shape.Fields.FirstOrDefault(f => f.Key == entry.Key) is { } field)
            {
                Check(entry.Value, field.Shape, below);
            }
            else
            {
                Add(entry.KeyAt, below, $"is not known here{Suggestion.For(entry.Key, shape.Fields.Select(f => f.Key).Where(k => mapping[k] is null))}");
            }
        }

        foreach (var missing in shape.Fields.Where(f => f.Required && mapping[f.Key] is null))
        {
            Add(mapping.At, path.Length == 0 ? missing.Key : $"{path}.{missing.Key}", $"is missing ({missing.Description})");
        }

        if (shape.OneOf.Count > 0 && shape.OneOf.Count(key => mapping[key] is not null) is var there && there != 1)
        {
            Add(mapping.At, path, $"must hold exactly one of {Scalars.Words(shape.OneOf)}{(there == 0 ? "" : $", not {there}")}");
        }
    }

    private void CheckVariant(YamlValue value, VariantShape shape, string path)
    {
        if (value is not YamlMapping mapping)
        {
            Add(value.At, path, $"must hold a {shape.What}, not {Kind(value)}");
            return;
        }

        if (mapping[shape.By] is not { } by)
        {
            Add(mapping.At, $"{path}.{shape.By}", $"is missing; it must be {Scalars.Words([.. shape.Variants.Keys])}");
            return;
        }

        if (by is YamlScalar kind && shape.Variants.TryGetValue(kind.Text, out var record))
        {
            CheckRecord(value, record, path);
            return;
        }

        var written = by is YamlScalar text ? Echo(text.Text) : Kind(by);
        var words = shape.Variants.Keys.ToList();
        Add(by.At, $"{path}.{shape.By}", $"{written} must be {Scalars.Words(words)}{(by is YamlScalar t ? Suggestion.For(t.Text, words) : "")}");
    }

    private void Add(Place at, string path, string what)
    {
        if (!IsFull)
        {
            Findings.Add(Findings.Count < MostFindings
                ? new Finding(at, path, what)
                : new Finding(at, "", $"there are more than {MostFindings} problems; the rest is not listed"));
        }
    }

    internal static string Echo(string text) => text.Length <= LongestEcho ? $"\"{text}\"" : $"\"{text.AsSpan(0, LongestEcho)}…\"";

    private static string Kind(YamlValue value) => value switch
    {
        YamlList => "a list",
        YamlMapping => "a mapping",
        _ => "a single value",
    };
}
