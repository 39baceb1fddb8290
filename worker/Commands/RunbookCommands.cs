using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Worker.Commands;

/// <summary>One runbook that is good, as <c>runbooks check --json</c> lists it.</summary>
/// <param name="Steps">Those of the runbooks in it too.</param>
public sealed record CheckedRunbook(string File, string Runbook, int Version, string Title, int Steps);

/// <summary>One element of <c>runbooks list --json</c>.</summary>
public sealed record ListedRunbook(string Runbook, int Version, string Title);

/// <summary><c>runbooks check [FILE]…</c>: reads runbooks strictly; one that is refused is an error with every problem.</summary>
public sealed class RunbooksCheckCommand : OperatorCommand
{
    private static readonly Argument<string[]> Files = new("FILE")
    {
        Description = "Files to read, of any name. Every runbook of the plan's folder unless given, and what the plan's drills give them.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public RunbooksCheckCommand(Surroundings surroundings)
        : base(surroundings, "check", "Read runbooks strictly and name everything that is wrong with them, with file, line and column. Needs no server.")
    {
        Add(Files);
        Examples =
        [
            ("luxhedge runbooks check", "every runbook of the folder"),
            ("luxhedge runbooks check draft.yaml", "one that is being written"),
            ("luxhedge runbooks check --json", "in a pipeline: problems as [{message, where}], where is file:line:column"),
        ];
        ExitCodesInWords = "0 all are good; 2 one is refused";
    }

    protected override Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var files = context.Get(Files);
        // A file can be judged where there is no plan at all: then only the names of people, assets and stores are not.
        var plan = files.Length == 0 || context.HasPlan ? context.Plan : null;
        var loader = plan is not null ? LoaderOf(context, plan, files) : new RunbookLoader(null, FolderOf(context, files));
        var readings = files.Length > 0
            ? [.. files.Select(f => Shown(f, loader.Read(context.FullPath(f)!)))]
            : loader.Names().Select(n => loader.Read(Path.Combine(loader.Folder, n + ".yaml"))).ToList();
        if (readings.Count == 0)
        {
            throw new RefusalException(ErrorKinds.Usage, "There is no runbook to check.", loader.Folder, "Name the files, or the folder in the plan: runbooks: FOLDER.");
        }

        if (files.Length == 0)
        {
            readings.AddRange(OfDrills(plan!, readings));
        }

        if (readings.Exists(r => r.Problems.Count > 0))
        {
            throw RunbookLoader.Refusal(readings);
        }

        IReadOnlyList<CheckedRunbook> all =
        [
            .. readings.Where(r => r.Definition is not null).Select(r => new CheckedRunbook(
                r.Path, r.Definition!.Runbook, r.Definition.Version, r.Definition.Title, RunbookSteps.Flat(r.Definition).Count)),
        ];
        context.Answer(all, console => RunbookViews.Checked(console, all, plan is null));
        return Task.FromResult(ExitCodes.Done);
    }

    /// <summary>Runbooks in a file that is not of the folder are looked for beside it where the plan has no folder.</summary>
    private static RunbookLoader LoaderOf(CommandContext context, Plan plan, string[] files)
    {
        try
        {
            return RunbookLoader.Of(plan);
        }
        catch (RefusalException) when (files.Length > 0)
        {
            return new RunbookLoader(plan, FolderOf(context, files));
        }
    }

    private static string FolderOf(CommandContext context, string[] files) => Path.GetDirectoryName(context.FullPath(files[0]))!;

    /// <summary>Problems are told with the path as it was typed.</summary>
    private static RunbookReading Shown(string typed, RunbookReading reading) => reading with
    {
        Problems = [.. reading.Problems.Select(p => p with { Where = p.Where?.Replace(reading.Path + ":", typed + ":", StringComparison.Ordinal) })],
    };

    /// <summary>A drill of the plan that gives its runbook what it does not take would fail on its day. One whose runbook is still to be written
    /// is later work.</summary>
    private static List<RunbookReading> OfDrills(Plan plan, List<RunbookReading> readings)
    {
        var wrong = new List<RunbookReading>();
        foreach (var drill in plan.Drills.Values)
        {
            if (readings.Find(r => r.Definition?.Runbook == drill.Runbook)?.Definition is not { } definition)
            {
                continue;
            }

            try
            {
                RunbookInputs.Parse(definition, drill.Inputs, [], plan);
            }
            catch (RefusalException e)
            {
                var problems = e.Report.Problems ?? [];
                wrong.Add(new(plan.Path, null, [.. problems.Select(p => new Problem($"drills.{drill.Name}.inputs: {p.Message}", plan.Path))]));
            }
        }

        return wrong;
    }
}

/// <summary><c>runbooks list</c>.</summary>
public sealed class RunbooksListCommand : OperatorCommand
{
    public RunbooksListCommand(Surroundings surroundings)
        : base(surroundings, "list", "The runbooks of the plan's folder. Needs no server.")
    {
        Examples =
        [
            ("luxhedge runbooks list", "what can be drilled, and run on the worst day"),
            ("luxhedge runbooks list --json", "[{runbook, version, title}]"),
        ];
        ExitCodesInWords = "0 whatever it shows; a runbook that is refused is named (on stderr with --json)";
    }

    protected override Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var loader = RunbookLoader.Of(context.Plan);
        var readings = loader.Names().Select(n => loader.Read(Path.Combine(loader.Folder, n + ".yaml"))).ToList();
        IReadOnlyList<ListedRunbook> all =
            [.. readings.Where(r => r.Definition is not null).Select(r => new ListedRunbook(r.Definition!.Runbook, r.Definition.Version, r.Definition.Title))];
        context.Answer(all, console => RunbookViews.List(console, readings, context.Plan));
        RunbookViews.Refused(context.View, readings);
        return Task.FromResult(ExitCodes.Done);
    }
}
