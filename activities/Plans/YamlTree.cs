using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace LuxHedge.Activities.Plans;

/// <summary>Where something stands in a file: line and column, both from 1.</summary>
public readonly record struct Place(int Line, int Column);

/// <summary>A YAML value that knows where it was written.</summary>
internal abstract record YamlValue(Place At)
{
    /// <summary>How many nodes it stands for, aliases written out.</summary>
    public abstract long Size { get; }
}

/// <param name="Plain">Written without quotes: only then can it be a number, a truth value or nothing.</param>
internal sealed record YamlScalar(string Text, bool Plain, Place At) : YamlValue(At)
{
    /// <summary>A long text that an alias repeats is work as often as it is repeated.</summary>
    public override long Size => 1 + (Text.Length / CharactersOfANode);

    private const int CharactersOfANode = 256;

    public bool IsNothing => Plain && Text is "" or "~" or "null" or "Null" or "NULL";
}

internal sealed record YamlList(IReadOnlyList<YamlValue> Items, Place At) : YamlValue(At)
{
    public override long Size { get; } = 1 + Items.Sum(i => i.Size);
}

internal sealed record YamlMapping(IReadOnlyList<YamlEntry> Entries, Place At) : YamlValue(At)
{
    public override long Size { get; } = 1 + Entries.Sum(e => 1 + e.Value.Size);

    // Only a file that means harm has mappings so long that looking from the start takes time.
    private const int Short = 32;

    private readonly Lazy<Dictionary<string, YamlValue>> byKey = new(
        () => Entries.Reverse().Aggregate(new Dictionary<string, YamlValue>(StringComparer.Ordinal), (all, e) =>
        {
            all[e.Key] = e.Value;
            return all;
        }));

    /// <summary>The first value of that key; null where there is none.</summary>
    public YamlValue? this[string key] =>
        Entries.Count <= Short ? Entries.FirstOrDefault(e => e.Key == key)?.Value : byKey.Value.GetValueOrDefault(key);

    /// <summary>The text under that key; null where there is none or it is no single value.</summary>
    public string? Text(string key) => this[key] is YamlScalar { IsNothing: false } scalar ? scalar.Text : null;

    public YamlMapping? Mapping(string key) => this[key] as YamlMapping;

    /// <summary>The entries of the mapping under that key; none where there is no mapping.</summary>
    public IReadOnlyList<YamlEntry> Children(string key) => Mapping(key)?.Entries ?? [];
}

internal sealed record YamlEntry(string Key, Place KeyAt, YamlValue Value);

/// <summary>
/// Reads one YAML document into values with places. It takes what a configuration file needs and no more: one document, text keys, no tags.
/// Size, depth and what aliases expand to are bounded, so that no file can take the memory or the time of who reads it.
/// </summary>
internal static partial class YamlTree
{
    /// <summary>A plan is a page or ten of text: what is longer is not one.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>Deeper than any plan, and shallow enough for recursion.</summary>
    public const int MaxDepth = 24;

    /// <summary>Nodes with every alias written out: "billion laughs" stops here.</summary>
    public const int MaxNodes = 100_000;

    /// <exception cref="YamlRefusal">What is wrong with the YAML itself: the first fault, since nothing after it can be read.</exception>
    /// <param name="maxBytes">What is longer is no file of this kind.</param>
    public static YamlValue Read(ReadOnlySpan<byte> utf8, int maxBytes = MaxBytes)
    {
        if (utf8.Length > maxBytes)
        {
            throw new YamlRefusal(new Place(1, 1), $"The file has more than {maxBytes:N0} bytes, and is not read.");
        }

        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(utf8);
        }
        catch (ArgumentException)
        {
            throw new YamlRefusal(new Place(1, 1), "The file is not UTF-8 text.");
        }

        var reader = new Reader(CoverReferences(text));
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException e)
        {
            throw new YamlRefusal(PlaceOf(e.Start), $"This is not YAML: {UncoverReferences(WithoutPlace(e.Message))}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // "a: [1, 2\nb: 3": YamlDotNet's scanner loses its way in a list that is never closed, and throws what is no YamlException.
            throw new YamlRefusal(reader.LastPlace, "This is not YAML: what stands here is never closed.");
        }
    }

    // What YAML would take for its own inside ${…}, covered while it is read: `{ secretKey: ${file:keys/s3} }` and
    // `{ to: ${default(inputs.to, mode.target)} }` are what people write, and the braces and the comma are a mapping's to YAML.
    private const string Covered = "{},[]#:";
    private const char FirstCover = '\uE000';
    private static readonly SearchValues<char> Covers = SearchValues.Create([.. Covered.Select((_, i) => (char)(FirstCover + i))]);

    /// <summary>One character for one, so that every place stays true.</summary>
    private static string CoverReferences(string text)
    {
        if (text.AsSpan().IndexOfAny(Covers) is >= 0 and var index)
        {
            var before = text.AsSpan(0, index);
            throw new YamlRefusal(new Place(before.Count('\n') + 1, index - before.LastIndexOf('\n')), "A character of the private use area stands here.");
        }

        return Reference().Replace(text, match => string.Concat(
            match.Value.Select(c => Covered.IndexOf(c, StringComparison.Ordinal) is >= 0 and var at ? (char)(FirstCover + at) : c)));
    }

    private static string UncoverReferences(string text) =>
        text.AsSpan().IndexOfAny(Covers) < 0 ? text : string.Concat(text.Select(c => Covers.Contains(c) ? Covered[c - FirstCover] : c));

    [GeneratedRegex(@"\$\{[^{}\r\n]*\}", RegexOptions.CultureInvariant)]
    private static partial Regex Reference();

    private static Place PlaceOf(Mark mark) => new(Math.Max(1, (int)mark.Line), Math.Max(1, (int)mark.Column));

    /// <summary>YamlDotNet writes "(Line: 1, …) - (Line: …): message"; the place is told in our own form.</summary>
    private static string WithoutPlace(string message) =>
        message.StartsWith("(Line", StringComparison.Ordinal) && message.IndexOf("): ", StringComparison.Ordinal) is > 0 and var end
            ? message[(end + 3)..]
            : message;

    private sealed class Reader(string text)
    {
        private readonly Parser parser = new(new StringReader(text));
        private readonly Dictionary<string, YamlValue?> anchors = new(StringComparer.Ordinal);
        private long nodes;

        public Place LastPlace { get; private set; } = new(1, 1);

        public YamlValue ReadDocument()
        {
            parser.Consume<StreamStart>();
            if (!parser.Accept<DocumentStart>(out _))
            {
                throw new YamlRefusal(new Place(1, 1), "The file is empty.");
            }

            parser.Consume<DocumentStart>();
            var root = ReadValue(depth: 0);
            parser.Consume<DocumentEnd>();
            if (parser.Accept<DocumentStart>(out var second))
            {
                throw new YamlRefusal(PlaceOf(second.Start), "A second document begins here; a file holds one.");
            }

            return root;
        }

        private YamlValue ReadValue(int depth)
        {
            var node = parser.Consume<ParsingEvent>();
            var at = LastPlace = PlaceOf(node.Start);
            if (depth > MaxDepth)
            {
                throw new YamlRefusal(at, $"Nested deeper than {MaxDepth} levels.");
            }

            if (node is AnchorAlias alias)
            {
                var known = anchors.GetValueOrDefault(alias.Value.Value)
                    ?? throw new YamlRefusal(at, $"The alias *{alias.Value.Value} stands inside what it stands for.");
                Count(known.Size, at);
                return known;
            }

            if (node is not NodeEvent named)
            {
                throw new YamlRefusal(at, "A value is missing here.");
            }

            if (!named.Tag.IsEmpty && !named.Tag.IsNonSpecific)
            {
                throw new YamlRefusal(at, $"The tag {named.Tag.Value} is not read here. A text that begins with ! stands in quotes.");
            }

            Count(1, at);
            if (!named.Anchor.IsEmpty)
            {
                anchors[named.Anchor.Value] = null;
            }

            YamlValue value = node switch
            {
                Scalar scalar => new YamlScalar(UncoverReferences(scalar.Value), scalar.Style == ScalarStyle.Plain, at),
                SequenceStart => ReadList(at, depth),
                _ => ReadMapping(at, depth),
            };
            if (!named.Anchor.IsEmpty)
            {
                anchors[named.Anchor.Value] = value;
            }

            return value;
        }

        private YamlList ReadList(Place at, int depth)
        {
            var items = new List<YamlValue>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(ReadValue(depth + 1));
            }

            return new YamlList(items, at);
        }

        private YamlMapping ReadMapping(Place at, int depth)
        {
            var entries = new List<YamlEntry>();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                if (!parser.TryConsume<Scalar>(out var key))
                {
                    throw new YamlRefusal(PlaceOf(parser.Current!.Start), "A key must be plain text.");
                }

                Count(1, PlaceOf(key.Start));
                entries.Add(new YamlEntry(UncoverReferences(key.Value), PlaceOf(key.Start), ReadValue(depth + 1)));
            }

            return new YamlMapping(entries, at);
        }

        private void Count(long more, Place at)
        {
            nodes += more;
            if (nodes > MaxNodes)
            {
                throw new YamlRefusal(at, $"More than {MaxNodes:N0} values, aliases written out.");
            }
        }
    }
}

/// <summary>What is wrong with a file before anything in it means something.</summary>
internal sealed class YamlRefusal(Place at, string message) : Exception(message)
{
    public Place At { get; } = at;
}
