using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>What a restore is about to do, as far as it is known before its own preflight has looked.</summary>
/// <param name="Backup">Null: a store could not be read, and the run chooses.</param>
public sealed record RestoreIntent(
    AssetPlan Asset, RestoreTarget Target, TargetContents Contents, CatalogBackup? Backup, CatalogView Known, IReadOnlyList<string>? Collections, bool Drop, bool NoSafetyBackup)
{
    /// <summary>Null: no moment was asked for.</summary>
    public PointChoice? Point { get; init; }

    /// <summary>That moment, as it was asked for.</summary>
    public RestorePoint? Wanted { get; init; }
}

/// <summary>Says exactly what a restore will overwrite, before anyone is asked.</summary>
public static class RestoreQuestion
{
    public static void Show(IAnsiConsole console, RestoreIntent intent, DateTimeOffset now)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        var production = intent.Target.Production is not null;
        grid.AddRow("[grey]restore[/]", $"[bold]{Words.Plain(intent.Asset.Name)}[/]");
        if (intent.Backup is { } backup)
        {
            var summary = backup.Summary;
            grid.AddRow("[grey]from[/]", $"{Words.Plain(summary.Id)}, as it was {Amounts.Span(now - summary.ConsistentAt)} ago ({Amounts.Time(summary.ConsistentAt)})");
            grid.AddRow("", $"{Amounts.Count(summary.Documents)} documents, {Amounts.Bytes(summary.RawBytes)}; {Words.Markup(summary.Verdict)}{Prove(intent, summary.Verdict)}");
            foreach (var note in summary.Notes)
            {
                grid.AddRow("", $"[yellow]{Words.Plain(note)}[/]");
            }
        }
        else
        {
            grid.AddRow("[grey]from[/]", "[yellow]unknown from here: not every store could be read; the run itself chooses, and says which[/]");
        }

        if (intent.Point is { } point)
        {
            grid.AddRow("[grey]to[/]", PointWords.Of(point));
            if (point.Chain.Count > 0)
                grid.AddRow("", PointWords.Rpo(point.MostLost(intent.Wanted?.Moment ?? now)));
            if (point.Note is { } note)
            {
                grid.AddRow("", $"[yellow]{Words.Plain(note)}[/]");
            }
        }

        grid.AddRow("[grey]into[/]", production ? $"[red bold]{Words.Plain(intent.Target.ToString())}[/]" : Words.Plain(intent.Target.ToString()));
        grid.AddRow("[grey]collections[/]", Collections(intent));
        Overwrites(grid, intent);
        if (intent.Drop)
        {
            grid.AddRow("[grey]first[/]", intent.NoSafetyBackup ? "[red]no safety backup of what is overwritten[/]" : "a safety backup of what is overwritten, where there is anything");
        }

        if (intent.Target.Production?.Production is { } policy)
        {
            grid.AddRow("[grey]approval[/]", $"by the plan's policy {Words.Plain(policy)}: the run waits for it before it writes anything");
        }

        console.Write(grid);
        BackupViews.InDoubt(console, [intent.Known]);
    }

    private static void Overwrites(Grid grid, RestoreIntent intent)
    {
        if (intent.Contents.Collections is not { } there)
        {
            grid.AddRow(
                "[grey]overwrites[/]",
                (intent.Drop ? "[red]every one of these collections that is there now is replaced[/]; others stay" : "nothing: a target that has data is refused without --drop")
                + $"\n[yellow]what is there can't be seen from here:[/] {Words.Plain(intent.Contents.Unknown)}");
            return;
        }

        var restored = intent.Collections ?? intent.Backup?.Manifest.CollectionDocuments.Keys;
        var replaced = there.Where(c => restored?.Contains(c.Key) ?? true).ToList();
        var stays = there.Except(replaced).Select(c => c.Key).ToList();
        if (there.Count == 0)
        {
            grid.AddRow("[grey]overwrites[/]", "nothing: there are no collections in it now");
        }
        else if (!intent.Drop)
        {
            grid.AddRow("[grey]overwrites[/]", $"nothing: [yellow]it holds {Words.Many(there.Count, "collection")} now; one that has data is refused without --drop[/]");
        }
        else
        {
            grid.AddRow(
                "[grey]overwrites[/]",
                replaced.Count == 0 ? "none of what is there" : $"[red]{Words.Plain(Words.List(replaced.Select(c => $"{c.Key} ({Amounts.Count(c.Value)} now)")))}[/]");
            if (stays.Count > 0)
            {
                grid.AddRow("[grey]stays[/]", Words.Plain(Words.List(stays)));
            }
        }
    }

    private static string Collections(RestoreIntent intent)
    {
        if (intent.Collections is { } named)
        {
            return Words.Plain(Words.List(named));
        }

        if (intent.Backup is not { } backup)
        {
            return "all of the backup";
        }

        var all = backup.Manifest.CollectionDocuments.OrderBy(c => c.Key, StringComparer.Ordinal).ToList();
        return Words.Plain(Words.List(all.Select(c => $"{c.Key} ({Amounts.Count(c.Value)})")));
    }

    /// <summary>Nobody should learn afterwards that a proven backup was to be had.</summary>
    private static string Prove(RestoreIntent intent, Verdict verdict)
    {
        if (verdict == Verdict.Proven)
        {
            return "";
        }

        var proven = intent.Known.Backups.Select(b => b.Summary).Where(b => b.Verdict == Verdict.Proven && b.Eligible).MaxBy(b => b.ConsistentAt);
        return proven is null
            ? ": no restore of it was tested, nor of any other backup"
            : $": no restore of it was tested. The newest that was: {Words.Plain(proven.Id)} ({Amounts.Time(proven.ConsistentAt)})";
    }
}
