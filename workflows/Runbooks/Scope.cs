using System.Text.Json;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// What expressions can see, and all they can see: <c>inputs</c>, <c>steps</c> that are done, <c>mode</c>, <c>run</c>, and the items of the
/// loops around them.
/// </summary>
/// <param name="Inputs">By name; an optional one that nobody gave is missing or null.</param>
/// <param name="Steps">Outputs by the step's id in its own runbook; a step that was skipped is missing.</param>
public sealed record Scope(
    IReadOnlyDictionary<string, JsonElement> Inputs,
    IReadOnlyDictionary<string, JsonElement> Steps,
    ModeFacts Mode,
    RunFacts Run)
{
    public IReadOnlyDictionary<string, JsonElement> Items { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>As seen by the steps of a loop.</summary>
    public Scope WithItem(string name, JsonElement item) => this with { Items = new Dictionary<string, JsonElement>(Items, StringComparer.Ordinal) { [name] = item } };
}

/// <summary><c>mode</c>: compares by its name, <c>mode == drill</c>; its fields are <c>mode.name</c>, <c>mode.target</c>, <c>mode.host</c> and
/// <c>mode.database</c>.</summary>
/// <param name="Target"><see cref="RunbookSite.Target"/>.</param>
public sealed record ModeFacts(RunMode Name, string Target, string Host, string Database)
{
    public ModeFacts(RunMode name, RunbookSite site)
        : this(name, site.Target, site.Host, site.Database)
    {
    }
}

/// <summary><c>run</c>: <c>run.id</c>, <c>run.asset</c>, <c>run.declaredAt</c>, <c>run.requestedBy</c> (null where a schedule started it).</summary>
public sealed record RunFacts(string Id, string Asset, DateTimeOffset DeclaredAt, string? RequestedBy);
