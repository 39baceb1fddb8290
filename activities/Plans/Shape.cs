using System.Text.Json.Nodes;

namespace LuxHedge.Activities.Plans;

/// <summary>
/// What a value of the plan may be. One description serves three: <see cref="ShapeCheck"/> refuses what differs, <see cref="PlanSchema"/>
/// writes the JSON schema that editors use, and the descriptions are the documentation.
/// </summary>
internal abstract record Shape
{
    /// <summary>Set where the same shape is used in several places: the schema defines it once.</summary>
    public string? Name { get; init; }
}

/// <summary>A single value.</summary>
/// <param name="Check">What is wrong with it, to follow the field's path ("is no duration; write …"), or null. Never repeats the value.</param>
/// <param name="Schema">The same rule as far as JSON Schema can say it.</param>
internal sealed record ScalarShape(Func<YamlScalar, string?> Check, JsonObject Schema) : Shape
{
    /// <summary>The value may be a secret by mistake: no message repeats it.</summary>
    public bool Secret { get; init; }
}

/// <summary>The name of something in one of these sections of the plan.</summary>
/// <param name="What">What it names, for the message: "store", "person or group".</param>
internal sealed record ReferenceShape(string What, params string[] Sections) : Shape
{
    /// <summary>Names that are known without being defined.</summary>
    public IReadOnlyCollection<string> BuiltIn { get; init; } = [];
}

internal sealed record ListShape(Shape Item, int AtLeast = 1) : Shape;

/// <summary>Names of the user's own and values of one shape.</summary>
/// <param name="What">What each entry is, for the message: "asset".</param>
/// <param name="Keys">Null: an id. Else the shape of the key.</param>
internal sealed record MapShape(string What, Shape Value, int AtLeast = 0, Shape? Keys = null) : Shape;

/// <summary>A named shape that stands inside itself.</summary>
internal sealed record SameShape(Func<Shape> Of) : Shape;

/// <summary>Anything: somebody else judges it.</summary>
internal sealed record AnyShape : Shape;

/// <summary>Known fields.</summary>
internal sealed record RecordShape(params Field[] Fields) : Shape
{
    /// <summary>Exactly one of these must be there.</summary>
    public IReadOnlyList<string> OneOf { get; init; } = [];

    /// <summary>What the schema says beside its fields; <see cref="ShapeCheck"/> does not look at it.</summary>
    public Func<JsonObject>? MoreSchema { get; init; }
}

/// <summary>Known fields that depend on the value of one of them.</summary>
internal sealed record VariantShape(string By, string What, IReadOnlyDictionary<string, RecordShape> Variants) : Shape;

/// <summary>One field of a <see cref="RecordShape"/>.</summary>
internal sealed record Field(string Key, Shape Shape, string Description, bool Required = false);
