using System.CommandLine;
using System.CommandLine.Help;
using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary>The whole command line: parses, runs one command, answers its exit code. Never throws.</summary>
public static class LuxCommandLine
{
    private static readonly ParserConfiguration Parsing = new()
    {
        // An argument that begins with @ is a name, not a file of arguments.
        ResponseFileTokenReplacer = null,
    };

    public static async Task<int> RunAsync(Surroundings surroundings, string[] arguments, CancellationToken cancellation)
    {
        var root = Create(surroundings);
        var parsed = root.Parse(arguments, Parsing);
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction and not OwnHelp)
        {
            // What could not be parsed may hide the option, so the bare words decide.
            var json = arguments.Contains("--json", StringComparer.Ordinal);
            if (arguments.Length == 0)
            {
                await parsed.RootCommandResult.Command.Parse(["--help"], Parsing).InvokeAsync(Invocation(surroundings.Error), cancellation);
                return ExitCodes.Usage;
            }

            return OperatorCommand.Tell(surroundings, json, Misused(parsed), command => $"luxhedge {command}");
        }

        return await parsed.InvokeAsync(Invocation(surroundings.Out), cancellation);

        InvocationConfiguration Invocation(Spectre.Console.IAnsiConsole console) => new()
        {
            Output = console.Profile.Out.Writer,
            Error = surroundings.Error.Profile.Out.Writer,
            EnableDefaultExceptionHandler = false,
            // Signals are Program's: a run goes on in Temporal and a worker drains, however long that takes.
            ProcessTerminationTimeout = null,
        };
    }

    public static RootCommand Create(Surroundings surroundings)
    {
        var root = new RootCommand("Durable backups of LuxHedge's data: back up, verify, restore, and prove it with a clock.")
        {
            CommonOptions.Plan,
            CommonOptions.Json,
            new StatusCommand(surroundings),
            new Command("plan", "The plan: assets, stores, keys, targets and people.") { new PlanCheckCommand(surroundings) },
            new Command("backup", "Make a backup.") { new BackupRunCommand(surroundings) },
            new Command("backups", "Backups in the stores: look at them, verify them, accept a suspect one, take dumps out and in.")
            {
                new BackupsListCommand(surroundings),
                new BackupsShowCommand(surroundings),
                new BackupsVerifyCommand(surroundings),
                new BackupsAcceptCommand(surroundings),
                new BackupsExportCommand(surroundings),
                new BackupsImportCommand(surroundings),
            },
            new Command("oplog", "What was written between backups.") { new OplogStatusCommand(surroundings) },
            new Command("restore", "Get data back.") { new RestoreRunCommand(surroundings) },
            new Command("incident", "The real event.") { new IncidentRunCommand(surroundings) },
            new Command("runs", "Backups, verifications, restores, drills and incidents in Temporal: look at them, decide, end them.")
            {
                new RunsListCommand(surroundings),
                new RunsWatchCommand(surroundings),
                RunsDecideCommand.Approve(surroundings),
                RunsDecideCommand.Deny(surroundings),
                RunsDecideCommand.Confirm(surroundings),
                new RunsOrderCommand(surroundings, Workflows.Runs.Wire.Retry),
                new RunsOrderCommand(surroundings, Workflows.Runs.Wire.Skip),
                new RunsOrderCommand(surroundings, Workflows.Runs.Wire.Pause),
                new RunsOrderCommand(surroundings, Workflows.Runs.Wire.Resume),
                new RunsAbortCommand(surroundings),
            },
            new Command("drill", "The disaster, rehearsed in isolation from production, and what it proved.")
            {
                new DrillPlanCommand(surroundings),
                new DrillRunCommand(surroundings),
                new DrillCalendarCommand(surroundings),
                new DrillReportCommand(surroundings),
                new DrillVerifyCommand(surroundings),
            },
            new Command("reviews", "What people look at again: procedures, contacts, objectives, the whole plan.")
            {
                new ReviewsListCommand(surroundings),
                new ReviewsDoneCommand(surroundings),
            },
            new Command("schedules", "What starts by itself: the plan's schedules in Temporal.")
            {
                new SchedulesApplyCommand(surroundings),
                new SchedulesListCommand(surroundings),
                new SchedulesPauseCommand(surroundings, pause: true),
                new SchedulesPauseCommand(surroundings, pause: false),
                new SchedulesBackfillCommand(surroundings),
            },
            new Command("audit", "The log of privileged acts.") { new AuditVerifyCommand(surroundings) },
            new Command("runbooks", "What is done when something is lost, step by step.")
            {
                new RunbooksCheckCommand(surroundings),
                new RunbooksListCommand(surroundings),
            },
            new Command("atlas", "Databases that MongoDB Atlas runs: their snapshots there.")
            {
                new AtlasStatusCommand(surroundings),
                new AtlasSnapshotCommand(surroundings),
                new AtlasRestoreCommand(surroundings),
            },
            new Command("stores", "The places backups are kept in.") { new StoresCheckCommand(surroundings) },
            new Command("people", "The people of the plan and their keys.") { new PeopleEnrolCommand(surroundings) },
            new WorkerCommand(surroundings),
            new SandboxCommand(surroundings),
        };
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            help.Description = "Show what a command does, its options, examples and exit codes.";
            help.Action = new OwnHelp();
        }

        foreach (var version in root.Options.OfType<VersionOption>())
        {
            version.Description = "Show the version.";
        }

        return root;
    }

    private static RefusalException Misused(ParseResult parsed)
    {
        var command = Path(parsed.CommandResult);
        var messages = parsed.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal).ToList();
        var first = messages[0];
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            first = Suggestion(unknown, parsed.CommandResult.Command) is { } near
                ? $"'{unknown}' is not known here. Did you mean '{near}'?"
                : $"'{unknown}' is not known here.";
        }
        else if (parsed.CommandResult.Command is { Action: null, Subcommands.Count: > 0 } group)
        {
            first = $"'{command}' needs one of: {string.Join(", ", group.Subcommands.Select(c => c.Name))}.";
        }

        return new RefusalException(new ErrorReport(
            ErrorKinds.Usage,
            first,
            command,
            $"{command} --help",
            [.. messages.Where(m => parsed.UnmatchedTokens.Count == 0 && m != first && parsed.CommandResult.Command.Action is not null).Select(m => new Problem(m))]));
    }

    private static string Path(System.CommandLine.Parsing.CommandResult command)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = command; at is System.CommandLine.Parsing.CommandResult one; at = one.Parent)
        {
            names.Insert(0, one.Command is RootCommand ? "luxhedge" : one.Command.Name);
        }

        return string.Join(' ', names);
    }

    /// <summary>The word that was probably meant: at most two letters away.</summary>
    private static string? Suggestion(string typed, Command command)
    {
        var names = command.Subcommands.Select(c => c.Name).Concat(command.Options.Select(o => o.Name));
        if (typed.StartsWith('-'))
        {
            names = names.Append(CommonOptions.Plan.Name).Append(CommonOptions.Json.Name);
        }

        return names.Select(name => (name, distance: Distance(typed, name))).Where(c => c.distance <= 2).OrderBy(c => c.distance).FirstOrDefault().name;
    }

    /// <summary>Levenshtein's distance: how many letters must be put in, taken out or changed.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
