using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>status --json</c> ends in.</summary>
/// <param name="Verdict">Of the assets. A drill that is overdue is told beside it: it says nothing against a backup.</param>
public sealed record StatusDocument(Verdict Verdict, IReadOnlyList<AssetStatus> Assets)
{
    /// <summary>Drills and reviews of the plan that are overdue.</summary>
    public IReadOnlyList<OverdueItem> Overdue { get; init; } = [];
}

/// <param name="What"><c>drill</c> or <c>review</c>.</param>
/// <param name="Last">When it was done last; null: never.</param>
public sealed record OverdueItem(string What, string Name, DateTimeOffset? Due, DateTimeOffset? Last);

/// <param name="NewestVerified">Id of the newest eligible backup with a verified copy; null: there is none.</param>
/// <param name="Age">Since that backup's consistent time; null: there is none.</param>
/// <param name="Rpo">The standing RPO: from now back to the newest moment in any verified copy, so what would be lost now; null: everything.</param>
/// <param name="Problems">Why it is not Proven, in words; empty when it is.</param>
public sealed record AssetStatus(string Asset, Verdict Verdict, string? NewestVerified, TimeSpan? Age, TimeSpan? Rpo, IReadOnlyList<string> Problems);

public sealed class StatusCommand : OperatorCommand
{
    public StatusCommand(Surroundings surroundings)
        : base(surroundings, "status", "Can everything be got back, and how much would be lost? Reads the stores itself; needs no worker.")
    {
        Examples =
        [
            ("luxhedge status", "a verdict for each asset, and why it is not Proven if it is not"),
            ("luxhedge status --json", "{verdict, assets: [{asset, verdict, newestVerified, age, rpo, problems}], overdue: [{what, name, due, last}]}"),
        ];
        ExitCodesInWords = "0 whatever it shows; read the verdict";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var plan = context.Plan;
        var assets = await Task.WhenAll(plan.Assets.Values.Select(asset => OfAsync(context, asset, cancellation)));
        var document = new StatusDocument(Verdicts.Worst(assets.Select(a => a.Verdict)), assets) { Overdue = await OverdueAsync(context, cancellation) };
        var runs = await OpenRunsAsync(context, cancellation);
        context.Answer(document, console => StatusView.Write(console, document, plan, runs));
        return ExitCodes.Done;
    }

    /// <summary>Why an asset stands as it does, from its backups alone.</summary>
    /// <param name="captured">What slices add; null: the oplog is not captured.</param>
    public static AssetStatus Judge(AssetPlan asset, CatalogView view, DateTimeOffset now, CaptureStanding? captured = null)
    {
        var problems = new List<string>();
        var verdict = Verdict.Proven;
        var newest = view.NewestEligible?.Summary;
        TimeSpan? age = newest is null ? null : now - newest.ConsistentAt;
        // Where no slices reach beyond it, the newest moment to be had is that of the newest backup; a suspect one's may be the loss itself.
        var rpo = captured?.NewestMoment is { } moment ? now - moment : age;

        if (view.Backups.Where(b => b.Summary.Verdict == Verdict.Failed).Select(b => b.Summary).LastOrDefault() is { } failed)
        {
            // What failed long ago and has good successors is worth a word; what is newest decides.
            var isNewest = failed.Id == view.Backups[^1].Id || failed.Id == newest?.Id;
            Worsen(isNewest ? Verdict.Failed : Verdict.NotProven, $"the newest verification of {failed.Id} failed");
        }

        if (newest is null)
        {
            Worsen(Verdict.NotProven, view.Backups.Count == 0 ? "there is no backup" : "no backup is eligible to be restored by latest");
        }
        else
        {
            if (asset.Every is { } every && age > every + Dues.Grace(every))
            {
                Worsen(Verdict.NotProven, $"a backup is overdue: one is planned every {Amounts.Span(every)}, the newest is {Amounts.Span(age!.Value)} old");
            }

            foreach (var store in asset.Stores.Where(s => view.Unknown.All(u => u.Store != s) && !newest.Copies.Any(c => c.Store == s && c.VerifiedAt is not null)))
            {
                Worsen(Verdict.NotProven, $"the newest backup has no verified copy in {store}");
            }

            if (view.NewestProven is null)
            {
                Worsen(Verdict.NotProven, "no restore of any backup was tested");
            }
        }

        if (rpo > asset.Rpo)
        {
            Worsen(Verdict.NotProven, $"{Amounts.Span(rpo.Value)} would be lost now, {Amounts.Span(asset.Rpo)} are allowed");
        }

        if (captured?.OpenGap is { } gap)
        {
            Worsen(Verdict.NotProven, $"the oplog has a gap after {Amounts.Time(gap.After.ToTime())}, and no backup was made since");
        }

        foreach (var (store, by) in captured?.Behind.Where(b => b.By > asset.Rpo) ?? [])
        {
            Worsen(Verdict.NotProven, $"slices of the oplog do not come into {store}: it is {Amounts.Span(by)} behind");
        }

        if (view.Backups.Count > 0 && view.Backups[^1].Summary is { Eligible: false, Notes.Count: > 0 } last && last.Id != newest?.Id)
        {
            Worsen(Verdict.NotProven, $"the newest backup, {last.Id}, is not eligible: {Words.List(last.Notes)}");
        }

        foreach (var unknown in view.Unknown)
        {
            Worsen(Verdict.NotProven, $"unknown what {unknown.Store} holds: {unknown.Why}");
        }

        foreach (var doubtful in view.Problems)
        {
            Worsen(Verdict.NotProven, $"{doubtful.Store}: {doubtful.Object} {doubtful.Text}");
        }

        return new(asset.Name, verdict, newest?.Id, age, rpo, problems);

        void Worsen(Verdict to, string why)
        {
            verdict = Verdicts.Worst([verdict, to]);
            problems.Add(why);
        }
    }

    private static async Task<AssetStatus> OfAsync(CommandContext context, AssetPlan asset, CancellationToken cancellation)
    {
        if (asset.Kind != "database")
        {
            return new(asset.Name, Verdict.NotProven, null, null, null, [$"assets of kind {asset.Kind} can't be backed up by this version yet"]);
        }

        var view = await context.BackupsOfAsync(asset.Name, cancellation);
        var status = Judge(asset, view, context.Now, await CapturedAsync(context, asset, view, cancellation));
        var zone = TimeZoneInfo.FindSystemTimeZoneById(context.Plan.TimeZone);
        var tests = Dues.RestoreTests(view);
        // That none was ever tested is said already.
        return Recurrence.OfAsset(context.Plan, asset.Name, "verify") is { } when && tests.Count > 0
            && Dues.Of(when, tests, view.Unknown.Count == 0, context.Now, zone) is { Overdue: true } late
            ? status with
            {
                Verdict = Verdicts.Worst([status.Verdict, Verdict.NotProven]),
                Problems = [.. status.Problems, $"a restore test is overdue: it was due {Amounts.Time(late.Due, "never")}, the last was {Amounts.Time(late.Last?.At, "never")}"],
            }
            : status;
    }

    /// <summary>Only slices after the newest eligible backup can have a newer moment than it.</summary>
    private static async Task<CaptureStanding?> CapturedAsync(CommandContext context, AssetPlan asset, CatalogView view, CancellationToken cancellation) =>
        asset.Capture is null
            ? null
            : CaptureStanding.Of(
                asset, view, await context.Surroundings.ReadSlices(context.Plan, asset.Name, new SliceBounds(CaptureStanding.ReadFrom(view, context.Now)), cancellation));

    /// <summary>What can't be read is no overdue of ours to tell: the assets say already which store is away.</summary>
    private static async Task<IReadOnlyList<OverdueItem>> OverdueAsync(CommandContext context, CancellationToken cancellation)
    {
        var plan = context.Plan;
        var drills = DrillCalendarCommand.Rows(plan, await context.Surroundings.ReadDrills(plan, cancellation), [], context.Now);
        var reviews = ReviewRow.Of(plan, await context.Surroundings.ReadReviews(plan, cancellation), context.Now);
        return
        [
            .. drills.Where(d => d.Overdue is true && d.Later is null).Select(d => new OverdueItem("drill", d.Drill, d.Due, d.LastRun)),
            .. reviews.Where(r => r.Overdue is true).Select(r => new OverdueItem("review", r.Review, r.Due, r.Done)),
        ];
    }

    /// <summary>What is going on, for a person's eyes only: a Temporal that is away is one line, not an error.</summary>
    private static async Task<OpenRuns> OpenRunsAsync(CommandContext context, CancellationToken cancellation)
    {
        if (context.Json)
        {
            return new OpenRuns([], null);
        }

        try
        {
            var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
            return new OpenRuns([.. (await runs.ListAsync(1, cancellation)).Where(r => r.Open)], null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new OpenRuns([], CommandFailures.Explain(e, context.Line).Report.Message);
        }
    }
}
