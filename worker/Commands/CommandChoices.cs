using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What several commands look up, refuse and end in, in the same words.</summary>
public static class CommandChoices
{
    /// <summary>An asset of a kind that this version can back up and restore.</summary>
    public static AssetPlan RunnableAsset(this CommandContext context, string name)
    {
        var asset = context.AssetNamed(name);
        return asset.Kind == "database"
            ? asset
            : throw new RefusalException(
                ErrorKinds.Usage, $"Assets of kind '{asset.Kind}' can't be backed up by this version yet.", $"assets.{name}.kind", "Databases can: " + Words.List(Databases(context)) + ".");
    }

    /// <summary>The asset that a backup's id names (<c>20261123T020000Z-{asset}-7f3a</c>).</summary>
    public static AssetPlan AssetOfBackup(this CommandContext context, string backupId) =>
        BackupIds.TryParse(backupId, out _, out var name) && context.Plan.Assets.TryGetValue(name, out var asset)
            ? asset
            : throw new RefusalException(
                ErrorKinds.Usage,
                $"'{backupId}' is no id of a backup of any asset of the plan.",
                "ID",
                $"Ids look like 20261123T020000Z-ASSET-7f3a: {context.Line("backups list")}");

    /// <summary>The backup with this id, in any store that can be read.</summary>
    public static async Task<(CatalogBackup Backup, CatalogView Read)> BackupNamedAsync(this CommandContext context, string id, CancellationToken cancellation)
    {
        var asset = context.AssetOfBackup(id);
        var read = await context.BackupsOfAsync(asset.Name, cancellation);
        if (read.Find(id) is { } found)
        {
            return (found, read);
        }

        var list = $"{context.Line("backups list")} shows those there are.";
        if (read.Problems.Where(p => p.Object.Contains($"/{id}/", StringComparison.Ordinal)).ToList() is { Count: > 0 } problems)
        {
            throw new RefusalException(new ErrorReport(
                ErrorKinds.Integrity, $"Backup {id} can't be used: its manifest is not what a writer of the plan wrote.", "ID", list,
                [.. problems.Select(p => new Problem(p.Text, $"{p.Store}: {p.Object}"))]));
        }

        throw read.Unknown.Count == 0
            ? new RefusalException(
                ErrorKinds.Usage,
                read.Unsealed.Contains(id, StringComparer.Ordinal) ? $"Backup {id} was never sealed: it is under way, or its run failed." : $"No store has a backup '{id}'.",
                "ID",
                list)
            : new RefusalException(new ErrorReport(
                ErrorKinds.Unreachable, $"No store that could be read has a backup '{id}'.", "ID", "Try again when every store answers.",
                [.. read.Unknown.Select(u => new Problem(u.Why, u.Store))]));
    }

    public static void RequireStore(this CommandContext context, AssetPlan asset, string store)
    {
        if (!asset.Stores.Contains(store, StringComparer.Ordinal))
        {
            throw new RefusalException(ErrorKinds.Usage, $"{asset.Name} is not kept in a store '{store}'.", "--store", $"It is kept in: {Words.List(asset.Stores)}.");
        }
    }

    public static string NewRunId(this CommandContext context, string what, string asset) =>
        RunIds.Create(context.Now, $"{what}-{asset}", Guid.NewGuid());

    /// <summary>A run that this command has just started.</summary>
    public static RunRow Begun(this CommandContext context, RunReference run) =>
        new(run.RunId, run.Workflow, run.Asset, "running", context.Now, null) { Reference = run };

    /// <summary>What a command with <c>--detach</c> ends in.</summary>
    public static int Detached(this CommandContext context, RunRow run, IRuns runs)
    {
        context.Answer(
            ListedRun.Of(run),
            console =>
            {
                console.WriteLine(run.RunId);
                console.MarkupLine($"[grey]Watch it:[/]  {Words.Plain(context.Line($"runs watch {run.RunId}"))}");
                console.MarkupLine($"[grey]End it:[/]    {Words.Plain(context.Line($"runs abort {run.RunId} --reason TEXT"))}");
                if (runs.Link(run.Reference) is { } link)
                {
                    console.MarkupLine($"[grey]Browser:[/]   {Words.Plain(link.ToString())}");
                }
            });
        return ExitCodes.Done;
    }

    /// <summary>A reason that was given, or asked for where someone can answer; empty is refused.</summary>
    public static string ReasonOrAsk(this CommandContext context, string? given)
    {
        if (!string.IsNullOrWhiteSpace(given))
        {
            return given.Trim();
        }

        if (!context.Surroundings.Interactive || given is not null)
        {
            throw new RefusalException(ErrorKinds.Usage, "A reason is needed: it is kept on record.", "--reason", "Add --reason TEXT.");
        }

        return context.View.Prompt(new TextPrompt<string>("Why?").Validate(
            text => string.IsNullOrWhiteSpace(text) ? ValidationResult.Error("One sentence is enough, but there must be one.") : ValidationResult.Success())).Trim();
    }

    public static void RefuseWhenEnded(this RunRow run)
    {
        if (!run.Open)
        {
            throw new RefusalException(
                ErrorKinds.Usage,
                $"Run {run.RunId} has ended already: {run.State}{(run.ClosedAt is { } at ? ", " + Amounts.Time(at) : "")}.",
                run.RunId,
                $"luxhedge runs watch {run.RunId} shows how.");
        }
    }

    private static IEnumerable<string> Databases(CommandContext context) =>
        context.Plan.Assets.Values.Where(a => a.Kind == "database").Select(a => a.Name).Order(StringComparer.Ordinal);
}
