using System.Collections.Concurrent;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>The plan's stores by name. A store is made (its secrets resolved, its server reached) when it is first used.</summary>
public sealed class StoreSet : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<IObjectStore>> stores;
    private readonly string where;

    public StoreSet(Plan plan)
        : this(plan.Stores.ToDictionary(s => s.Key, s => new Func<IObjectStore>(() => Create(s.Value))), plan.Path)
    {
    }

    /// <summary>Stores made by hand: tests lay faults over them.</summary>
    public StoreSet(params IEnumerable<IObjectStore> stores)
        : this(stores.ToDictionary(s => s.Name, s => new Func<IObjectStore>(() => s)), "")
    {
    }

    private StoreSet(Dictionary<string, Func<IObjectStore>> makers, string where)
    {
        this.where = where;
        Names = [.. makers.Keys];
        // A failed making (a missing secret) is thrown to this caller only: the next one tries again.
        stores = new(makers.Select(m => KeyValuePair.Create(m.Key, new Lazy<IObjectStore>(m.Value, LazyThreadSafetyMode.PublicationOnly))));
    }

    /// <summary>In the plan's order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Throws <see cref="RefusalException"/> (<c>plan</c>) for a name that the plan has not, and for a kind that is later work.</summary>
    public IObjectStore this[string name] => stores.TryGetValue(name, out var store)
        ? store.Value
        : throw new RefusalException(ErrorKinds.Plan, $"The plan has no store '{name}'.", where, $"It has: {string.Join(", ", Names)}.");

    public async ValueTask DisposeAsync()
    {
        foreach (var store in stores.Values.Where(s => s.IsValueCreated))
            await store.Value.DisposeAsync();
    }

    private static IObjectStore Create(StorePlan plan) => plan.Kind switch
    {
        "s3" => new S3Store(plan),
        "directory" => new DirectoryStore(plan.Name, plan.Path ?? throw Missing(plan, "path"), plan.Prefix),
        "gcs" => throw new RefusalException(
            ErrorKinds.Plan, $"Store '{plan.Name}' is of kind gcs, which is later work.", $"stores.{plan.Name}.kind", "Use s3 or directory for now."),
        _ => throw new RefusalException(ErrorKinds.Plan, $"Store '{plan.Name}' is of an unknown kind '{plan.Kind}'.", $"stores.{plan.Name}.kind", "s3 or directory."),
    };

    private static RefusalException Missing(StorePlan plan, string field) =>
        new(ErrorKinds.Plan, $"Store '{plan.Name}' of kind {plan.Kind} needs '{field}'.", $"stores.{plan.Name}.{field}");
}
