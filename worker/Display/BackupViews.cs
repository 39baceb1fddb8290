using LuxHedge.Activities.Catalog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Verification;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>Backups as tables and single ones at length.</summary>
public static class BackupViews
{
    public static void List(IAnsiConsole console, IReadOnlyList<BackupSummary> backups, bool everyStoreRead, DateTimeOffset now)
    {
        if (backups.Count == 0)
        {
            console.MarkupLine(everyStoreRead ? "[yellow]No complete backup in any store.[/]" : "[yellow]No complete backup in any store that could be read.[/]");
        }
        else
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns(
                new TableColumn("backup").NoWrap(),
                new TableColumn("age").NoWrap().RightAligned(),
                new TableColumn("documents").NoWrap().RightAligned(),
                new TableColumn("stored").NoWrap().RightAligned(),
                new TableColumn("copies"),
                new TableColumn("eligible").NoWrap(),
                new TableColumn("verdict").NoWrap());
            foreach (var backup in backups)
            {
                table.AddRow(
                    Words.Plain(backup.Id),
                    Amounts.Span(now - backup.ConsistentAt),
                    Amounts.Count(backup.Documents),
                    Amounts.Bytes(backup.StoredBytes),
                    string.Join(", ", backup.Copies.Select(c => c.VerifiedAt is null ? $"[yellow]{Words.Plain(c.Store)} unverified[/]" : Words.Plain(c.Store))),
                    backup.Eligible ? "yes" : "[yellow]no[/]",
                    Words.Markup(backup.Verdict));
            }

            console.Write(table);
            foreach (var backup in backups.Where(b => b.Notes.Count > 0))
            {
                console.MarkupLine($"  [grey]{Words.Plain(backup.Id)}:[/] {Words.Plain(Words.List(backup.Notes))}");
            }
        }
    }

    /// <summary>What the lists can't vouch for: objects that were not used, and stores that were not read.</summary>
    /// <param name="only">Problems of this backup only.</param>
    public static void InDoubt(IAnsiConsole console, IReadOnlyList<CatalogView> views, CatalogBackup? only = null)
    {
        foreach (var problem in views.SelectMany(v => v.Problems).Where(p => only is null || p.Object.Contains($"/{only.Id}/", StringComparison.Ordinal)))
        {
            console.MarkupLine($"[red]in doubt[/]  {Words.Plain(problem.Store)}: {Words.Plain(problem.Object)} {Words.Plain(problem.Text)}");
        }

        foreach (var (asset, store) in views.SelectMany(v => v.Unknown.Select(u => (v.Asset, u))))
        {
            console.MarkupLine($"[yellow]unknown[/]   what store '{Words.Plain(store.Store)}' holds of {Words.Plain(asset)}: {Words.Plain(store.Why)}");
        }
    }

    /// <summary>One backup whole.</summary>
    public static void Show(IAnsiConsole console, BackupSummary backup, DateTimeOffset now)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        grid.AddRow("[grey]backup[/]", $"[bold]{Words.Plain(backup.Id)}[/]");
        grid.AddRow("[grey]asset[/]", $"{Words.Plain(backup.Asset)} ({Words.Plain(backup.Kind)})");
        grid.AddRow("[grey]consistent at[/]", $"{Amounts.Time(backup.ConsistentAt)}, {Amounts.Span(now - backup.ConsistentAt)} ago");
        grid.AddRow("[grey]made[/]", $"{Amounts.Time(backup.CreatedAt)}, sealed after {Amounts.Span(backup.SealedAt - backup.CreatedAt)}");
        grid.AddRow("[grey]documents[/]", Amounts.Count(backup.Documents));
        grid.AddRow("[grey]size[/]", $"{Amounts.Bytes(backup.RawBytes)}, {Amounts.Bytes(backup.StoredBytes)} stored");
        foreach (var copy in backup.Copies)
        {
            grid.AddRow(
                "[grey]copy[/]",
                copy.VerifiedAt is { } at
                    ? $"{Words.Plain(copy.Store)}: every byte read back and checked {Amounts.Time(at)}"
                    : $"{Words.Plain(copy.Store)}: [yellow]not verified[/]");
        }

        grid.AddRow("[grey]eligible[/]", backup.Eligible ? "yes: latest may choose it" : "[yellow]no[/]");
        grid.AddRow("[grey]verdict[/]", Words.Markup(backup.Verdict) + VerdictReason(backup));
        foreach (var note in backup.Notes)
        {
            grid.AddRow("[grey]note[/]", $"[yellow]{Words.Plain(note)}[/]");
        }

        console.Write(grid);
    }

    /// <summary>What only the manifest and the records know.</summary>
    public static void Details(IAnsiConsole console, CatalogBackup backup)
    {
        var manifest = backup.Manifest;
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        grid.AddRow("[grey]source[/]", Words.Plain($"{manifest.Source.Database} on {manifest.Source.Host}, server {manifest.Source.ServerVersion}"));
        grid.AddRow("[grey]marks[/]", $"from {manifest.StartMark} to {manifest.EndMark}");
        grid.AddRow("[grey]written by[/]", Words.Plain($"{manifest.Writer}, run {manifest.RunId}"));
        grid.AddRow("[grey]keys[/]", Words.Plain(Words.List(manifest.KeyIds)));
        grid.AddRow("[grey]manifest[/]", Words.Plain(backup.ManifestSha256));
        grid.AddRow("[grey]collections[/]", manifest.OnlyCollections is null ? $"all, {manifest.Collections}" : "[yellow]only those named[/]");
        console.Write(grid);

        var collections = new Table().Border(TableBorder.Simple).AddColumns(new TableColumn("collection"), new TableColumn("documents").RightAligned());
        foreach (var (name, documents) in manifest.CollectionDocuments.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            collections.AddRow(Words.Plain(name), Amounts.Count(documents));
        }

        console.Write(collections);
        if (backup.Records.Count > 0)
        {
            var records = new Table().Border(TableBorder.Simple).AddColumns("record", "store", "when", "what");
            foreach (var record in backup.Records.Select(r => r.Record))
            {
                var what = record.Verdict is { } verdict ? $"{Words.Markup(verdict)} {record.Level?.ToString().ToLowerInvariant()}" : Words.Plain(record.Reason);
                records.AddRow(Words.Plain(record.Kind), Words.Plain(record.Store), Amounts.Time(record.At), what);
                foreach (var problem in record.Problems ?? [])
                {
                    records.AddRow("", "", "", Words.Plain($"{problem.Object}: {problem.Text}"));
                }
            }

            console.Write(records);
        }
    }

    public static void Verification(IAnsiConsole console, VerificationSummary summary)
    {
        console.MarkupLine($"{Words.Markup(summary.Verdict)}  {summary.Level.ToString().ToLowerInvariant()} of [bold]{Words.Plain(summary.Id)}[/]");
        foreach (var store in summary.Stores)
        {
            console.MarkupLine($"  {Words.Markup(store.Verdict)}  {Words.Plain(store.Store)}");
            foreach (var problem in store.Problems)
            {
                console.MarkupLine($"      {Words.Plain(problem.Object)}: {Words.Plain(problem.Text)}");
            }
        }
    }

    private static string VerdictReason(BackupSummary backup) => backup.Verdict switch
    {
        Verdict.Proven => ": a restore of it was tested",
        Verdict.Failed => $": the newest verification found something wrong; see luxhedge backups show {Words.Plain(backup.Id)}",
        _ => $": no restore of it was tested yet (luxhedge backups verify {Words.Plain(backup.Id)} --level restore)",
    };
}
