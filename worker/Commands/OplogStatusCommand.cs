using System.CommandLine;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows.Oplog;

namespace LuxHedge.Worker.Commands;

/// <summary>One element of <c>oplog status --json</c>.</summary>
/// <param name="Windows">The times the asset can be restored to.</param>
/// <param name="NewestCanary">Of those that a restore would bring back.</param>
/// <param name="Rpo">From now back to the newest moment that can be had; null: nothing can.</param>
public sealed record OplogStatus(
    string Asset, CaptureStatus Capture, IReadOnlyList<WindowStatus> Windows, IReadOnlyList<GapStatus> Gaps, DateTimeOffset? NewestCanary, TimeSpan? Rpo,
    IReadOnlyList<string> Problems);

/// <param name="State"><c>running</c>, <c>stopped</c>, <c>gap</c>, <c>waiting</c> or <c>unknown</c>.</param>
/// <param name="Slices">How many there are in the stores that answered.</param>
/// <param name="Newest">End of the newest one.</param>
/// <param name="Lag">From now back to that.</param>
public sealed record CaptureStatus(string State, DateTimeOffset? Since, string? Why, long Slices, DateTimeOffset? Newest, TimeSpan? Lag);

/// <param name="Base">Id of the oldest backup in it.</param>
/// <param name="CheckedFrom">From here on every slice's manifest was read; before it only the names were looked at. Null: all were read.</param>
public sealed record WindowStatus(DateTimeOffset From, DateTimeOffset To, string Base, DateTimeOffset? CheckedFrom = null);

public sealed record GapStatus(DateTimeOffset After, DateTimeOffset Until, string Why);

public sealed class OplogStatusCommand : OperatorCommand
{
    private static readonly Argument<string?> Asset = new("ASSET")
    {
        Description = "Only this asset. Every database of the plan unless told.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> All = new("--all")
    {
        Description = "Read the manifest of every slice. Without it those of the last day and since the newest backup are read; of older ones the names are looked at.",
    };

    public OplogStatusCommand(Surroundings surroundings)
        : base(surroundings, "status", "Which points in time can be reached, how far capture is, and what would be lost now. Needs no worker.")
    {
        Add(Asset);
        Add(All);
        Examples =
        [
            ("luxhedge oplog status", "the recoverable windows of every database, as times and as a bar"),
            ("luxhedge oplog status luxhedge_production --json",
                "[{asset, capture: {state, since, why, slices, newest, lag}, windows: [{from, to, base, checkedFrom}], gaps: [{after, until, why}], newestCanary, rpo, problems}]"),
        ];
        ExitCodesInWords = "0 whatever it shows";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var named = context.Get(Asset);
        var assets = named is null ? context.Plan.Assets.Values.Where(a => a.Kind == "database") : [context.AssetNamed(named)];
        var all = await Task.WhenAll(assets.Select(asset => OfAsync(context, asset, cancellation)));
        context.Answer(all, console => OplogStatusView.Write(console, all, context.Plan, context.Now));
        return ExitCodes.Done;
    }

    private static async Task<OplogStatus> OfAsync(CommandContext context, AssetPlan asset, CancellationToken cancellation)
    {
        var look = LookAsync(context, asset.Name, cancellation);
        var backups = await context.BackupsOfAsync(asset.Name, cancellation);
        var bounds = new SliceBounds { ReadFrom = context.Get(All) ? null : CaptureStanding.LookFrom(backups, context.Now) };
        var slices = await context.Surroundings.ReadSlices(context.Plan, asset.Name, bounds, cancellation);
        var standing = CaptureStanding.Of(asset, backups, slices);
        var newest = standing.NewestSlice?.ToTime();
        var capture = await look;
        return new OplogStatus(
            asset.Name,
            new CaptureStatus(capture.State, capture.Since, capture.Why, slices.Bounds.DistinctBy(s => (s.From, s.To)).Count(), newest, context.Now - newest),
            [.. standing.Windows.Select(w => new WindowStatus(w.From.ToTime(), w.To.ToTime(), w.Base, w.CheckedFrom?.ToTime()))],
            [.. slices.Gaps.Select(g => new GapStatus(g.After.ToTime(), g.Until.ToTime(), g.Why))],
            standing.NewestCanary,
            context.Now - standing.NewestMoment,
            [
                .. standing.Behind.Select(b => $"{b.Store} is {Amounts.Span(b.By)} behind"),
                .. backups.Unknown.Concat(slices.Unknown).DistinctBy(u => u.Store).Select(u => $"unknown what {u.Store} holds: {u.Why}"),
                .. slices.Problems.Select(p => $"{p.Store}: {p.Object} {p.Text}"),
            ]);
    }

    /// <summary>A Temporal that is away leaves what is in the stores.</summary>
    private static async Task<CaptureLook> LookAsync(CommandContext context, string asset, CancellationToken cancellation)
    {
        try
        {
            return await (await context.Surroundings.ConnectSchedules(context.Plan, cancellation)).Captures.LookAsync(asset, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new CaptureLook("unknown", null, CommandFailures.Explain(e, context.Line).Report.Message);
        }
    }
}
