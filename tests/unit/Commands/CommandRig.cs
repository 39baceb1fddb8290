using System.Text.Json;
using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Rights;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Commands;
using Microsoft.Extensions.Time.Testing;
using Spectre.Console.Testing;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary>Runs whole command lines with a plan of its own and no server: what a person or a script would see, and the exit code.</summary>
internal sealed class CommandRig : IAsyncDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 8, 15, 2, 123, TimeSpan.Zero);

    private readonly StringWriter json = new();

    private CommandRig(TestPlan plan) => Plan = plan;

    public static CommandRig Create() => new(TestPlan.Create(database: "luxhedge_production"));

    public TestPlan Plan { get; }

    public TestConsole Out { get; } = Wide();

    public TestConsole Error { get; } = Wide();

    public FakeTimeProvider Clock { get; } = new(Now);

    public FakeRuns Runs { get; } = new();

    public Dictionary<string, string> Variables { get; } = new(StringComparer.Ordinal) { ["LUXHEDGE_PERSON"] = "operator" };

    public bool Interactive { get; set; }

    public string Login { get; set; } = "nobody-of-the-plan";

    /// <summary>What the stores hold; null: the real catalogue over the plan's stores.</summary>
    public CatalogView? Backups { get; set; }

    /// <summary>The slices in the stores.</summary>
    public IReadOnlyList<SliceManifest> Slices { get; set; } = [];

    /// <summary>What was asked for of them.</summary>
    public List<SliceBounds> SlicesAsked { get; } = [];

    /// <summary>What the users of the clusters may.</summary>
    public IReadOnlyList<ClusterRights> Rights { get; set; } = [];

    /// <summary>What Atlas answers of every asset.</summary>
    public AtlasStanding? Atlas { get; set; }

    /// <summary>What the target of a restore holds now.</summary>
    public TargetContents Target { get; set; } = new(new Dictionary<string, long>(StringComparer.Ordinal), null);

    /// <summary>The document on stdout.</summary>
    public JsonElement Document => JsonDocument.Parse(json.ToString()).RootElement;

    public string Json => json.ToString();

    public Task<int> RunAsync(params string[] arguments) => RunAsync(CancellationToken.None, arguments);

    public Task<int> RunAsync(CancellationToken cancellation, params string[] arguments) =>
        LuxCommandLine.RunAsync(CreateSurroundings(), [.. arguments, "--plan", Plan.Path], cancellation);

    /// <summary>Exactly these arguments, with no plan added.</summary>
    public Task<int> RunBareAsync(params string[] arguments) => LuxCommandLine.RunAsync(CreateSurroundings(), arguments, CancellationToken.None);

    public ValueTask DisposeAsync() => Plan.DisposeAsync();

    private Surroundings CreateSurroundings()
    {
        if (Interactive)
        {
            Out.Interactive();
            Error.Interactive();
        }

        return new Surroundings
        {
            Out = Out,
            Error = Error,
            Json = json,
            Interactive = Interactive,
            Variable = name => Variables.GetValueOrDefault(name),
            Folder = Plan.Folder,
            Login = Login,
            Clock = Clock,
            ConnectRuns = (_, _) => Runs.Unreachable is { } why ? throw why : Task.FromResult<IRuns>(Runs),
            LookAtTarget = (_, _, _) => Task.FromResult(Target),
            ReadRights = (_, _) => Task.FromResult(Rights),
            ReadAtlas = (_, asset, _) => Task.FromResult(Atlas ?? new AtlasStanding(asset.Name, null, [], null)),
            ReadBackups = (plan, asset, _) => Task.FromResult(Backups ?? new CatalogView(asset, [], [], [])),
            ReadSlices = (_, asset, bounds, _) =>
            {
                SlicesAsked.Add(bounds);
                var named = Slices.Where(s => s.To < bounds.ReadFrom).ToList();
                return Task.FromResult(new SliceView(asset, [.. Slices.Except(named).Select(s => new CatalogSlice(s, [new SliceCopy("nas", s, "")]))], [], [], [])
                {
                    Named = [.. named.Select(s => new NamedSlice(s.From, s.To, ["nas"]))],
                });
            },
        };
    }

    private static TestConsole Wide()
    {
        var console = new TestConsole();
        console.Profile.Width = 240;
        return console;
    }
}
