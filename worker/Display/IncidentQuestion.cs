using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows.Runbooks;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>What a person is shown before the real event, as far as it is known before the run has looked itself.</summary>
/// <param name="Slices">Read only where there is a point in time.</param>
internal sealed record IncidentIntent(
    Plan Plan, RunbookStart Start, CatalogView Known, SliceView Slices, PlannedChoice Choice, TargetContents Contents, PersonPlan Person, DateTimeOffset Declared)
{
    /// <summary>Null: it can't be said from here.</summary>
    public PlannedBackup? Chosen { get; init; }

    /// <summary>Why it can't.</summary>
    public string? None { get; init; }
}

/// <summary>What the real event is about to do, before anyone types a name.</summary>
internal static class IncidentQuestion
{
    public static void Show(IAnsiConsole console, IncidentIntent intent, DateTimeOffset now)
    {
        var start = intent.Start;
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        grid.AddRow("[grey]real event[/]", $"[bold]{Words.Plain(start.Definition.Title)}[/] ({Words.Plain(start.Definition.Runbook)} {start.Definition.Version})");
        grid.AddRow("[grey]declared[/]", $"{Amounts.Time(intent.Declared)}, {Amounts.Span(now - intent.Declared)} ago: the clock is running");
        grid.AddRow("[grey]into[/]", $"[red bold]PRODUCTION[/] {Words.Plain(start.Asset.Name)} ({Words.Plain(start.Asset.Database)} on cluster {Words.Plain(start.Asset.Cluster)})");
        grid.AddRow("[grey]targets[/]", Words.Plain(Targets(start)));
        Backup(grid, intent, now);
        Overwrites(grid, start, intent.Contents);
        foreach (var input in start.Inputs)
        {
            grid.AddRow($"[grey]{Words.Plain(input.Key)}[/]", Words.Plain(input.Value.ToString()));
        }

        grid.AddRow("[grey]approvers[/]", Words.Plain(Approvers(intent.Plan, start.Definition, intent.Person)));
        console.Write(grid);
        BackupViews.InDoubt(console, [intent.Known]);
        foreach (var store in intent.Slices.Unknown)
        {
            console.MarkupLine($"[yellow]unknown[/]  what slices store {Words.Plain(store.Store)} holds: {Words.Plain(store.Why)}");
        }
    }

    private static string Targets(RunbookStart start)
    {
        var asset = $"{start.Asset.Tier ?? start.Asset.Name}: RTO {Amounts.Span(start.Asset.Rto)}, RPO {Amounts.Span(start.Asset.Rpo)}";
        return start.Definition.Targets is { Rto: { } rto, Rpo: { } rpo } ? $"runbook: RTO {Amounts.Span(rto)}, RPO {Amounts.Span(rpo)}; {asset}" : asset;
    }

    private static void Backup(Grid grid, IncidentIntent intent, DateTimeOffset now)
    {
        if (intent.Chosen is not { } chosen)
        {
            grid.AddRow("[grey]backup[/]", intent.Known.Unknown.Count > 0 || intent.Slices.Unknown.Count > 0
                ? "[yellow]unknown from here: not every store could be read; the run chooses, and its approvers see which[/]"
                : $"[red]there is none that could be restored[/]: {Words.Plain(intent.None)}");
            return;
        }

        var summary = chosen.Backup.Summary;
        var unless = intent.Choice.Open.Count > 0 ? ", unless the runbook chooses another" : "";
        grid.AddRow("[grey]backup[/]", $"{Words.Plain(summary.Id)}, as it was {Amounts.Span(now - summary.ConsistentAt)} ago ({Amounts.Time(summary.ConsistentAt)}){unless}");
        grid.AddRow("", $"{Amounts.Count(summary.Documents)} documents, {Amounts.Bytes(summary.RawBytes)}; {Words.Markup(summary.Verdict)}");
        if (chosen.Point is { } point)
        {
            grid.AddRow("[grey]to[/]", PointWords.Of(point));
            grid.AddRow("", PointWords.Loss(chosen, now));
            if (point.Note is { } note)
            {
                grid.AddRow("", $"[yellow]{Words.Plain(note)}[/]");
            }
        }
    }

    private static void Overwrites(Grid grid, RunbookStart start, TargetContents contents)
    {
        if (contents.Collections is not { } there)
        {
            grid.AddRow("[grey]overwrites[/]", $"[red]what is restored replaces what is there[/]\n[yellow]what is there can't be seen from here:[/] {Words.Plain(contents.Unknown)}");
            return;
        }

        var named = start.Inputs.TryGetValue("collections", out var list) && list.ValueKind == System.Text.Json.JsonValueKind.Array
            ? list.EnumerateArray().Select(c => c.GetString()).ToHashSet(StringComparer.Ordinal) : null;
        var replaced = there.Where(c => named is null || named.Contains(c.Key)).ToList();
        grid.AddRow("[grey]overwrites[/]", replaced.Count == 0
            ? "nothing: none of its collections is there now"
            : $"[red]{Words.Plain(Words.List(replaced.Select(c => $"{c.Key} ({Amounts.Count(c.Value)} now)")))}[/]");
        grid.AddRow("[grey]first[/]", "a safety backup of what is overwritten, where there is anything");
    }

    /// <summary>Of the approve steps, as the plan resolves them; who asks is none of them.</summary>
    private static string Approvers(Plan plan, RunbookDefinition definition, PersonPlan person)
    {
        var asks = RunbookSteps.Flat(definition).Select(s => s.Step).Where(s => s.Approve is not null).Select(s =>
        {
            var approve = s.Approve!;
            var policy = approve.Policy is { } name ? plan.Policies.GetValueOrDefault(name) : null;
            var by = (approve.By.Count > 0 ? approve.By : policy?.By ?? [])
                .SelectMany(p => plan.Groups.TryGetValue(p, out var members) ? members : [p]).Where(p => p != person.Name).Distinct(StringComparer.Ordinal).ToList();
            return $"{approve.Quorum ?? policy?.Quorum ?? 1} of {Words.List(by)} ({s.Id})";
        }).ToList();
        return asks.Count == 0 ? "by the policy of the restore, when it asks" : string.Join("; ", asks);
    }
}
