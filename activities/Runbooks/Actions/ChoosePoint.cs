using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>A moment that nobody has prepared: of all that can be recovered, one second by lot.</summary>
[Action("choose-point",
    "Chooses by lot a second of what is recoverable of the time before now. Where slices lead on from no backup in that time it is the end mark of "
    + "the newest eligible backup, which it says. Fails when there is neither.",
    Output = typeof(Output))]
public sealed class ChoosePoint(Plan plan, StoreSet stores, TimeProvider time) : ActivityAction<ChoosePoint.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Duration, "How far back. One day unless said.")]
        public TimeSpan Within { get; init; } = TimeSpan.FromDays(1);

        [Input(InputTypes.Text, "What the lot is drawn from, for a run that is to be repeated. The run's id unless said.")]
        public string? Seed { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Moment, "The point in time.")]
        public RestorePoint? Point { get; init; }

        [Input(InputTypes.Time, "It on a clock.")]
        public DateTimeOffset Moment { get; init; }

        [Input(InputTypes.Flag, "Whether it was drawn, and is not the moment of a backup.")]
        public bool Random { get; init; }

        [Input(InputTypes.Duration, "How much could be recovered of that time, as the sum of its windows.")]
        public TimeSpan Recoverable { get; init; }

        [Input(InputTypes.Text, "What the lot was drawn from.")]
        public string Seed { get; init; } = "";
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, input.Asset ?? context.Asset);
        var view = await new BackupCatalog(plan, stores, time).ListAsync(asset.Name, cancellation);
        var bases = view.Backups.Where(b => b.Summary.Eligible && PointChoice.CanBeBase(b)).ToList();
        if (bases.Count == 0)
            throw new RefusalException(ErrorKinds.Usage, $"There is no eligible backup of {asset.Name}: nothing can be recovered.", asset.Name, $"luxhedge backup run {asset.Name}");
        // What can be had of the time since then goes by the newest base before it, whichever base it is restored from.
        var since = new ClusterTime((uint)(time.GetUtcNow() - input.Within).ToUnixTimeSeconds(), 0);
        var ends = bases.Select(b => b.Manifest.EndMark).ToList();
        var from = ends.Where(e => e <= since).DefaultIfEmpty(ends.Min()).Max();
        var slices = await new SliceCatalog(plan, stores).ListAsync(asset.Name, from, null, cancellation);
        var windows = RecoverableWindows.Of(slices.Chains(), bases.Select(b => (b.Id, b.Manifest.EndMark)));
        var seed = input.Seed ?? context.RunId;
        if (Draw(windows, time.GetUtcNow(), input.Within, seed) is var (point, recoverable))
        {
            return ActionOutcomes.Of(new Output { Point = RestorePoint.At(point), Moment = point, Random = true, Recoverable = recoverable, Seed = seed }) with
            {
                Detail = $"{point:u}, by lot out of {RunbookVerdicts.Text(recoverable)} that can be recovered",
            };
        }

        var newest = bases.MaxBy(b => b.Manifest.EndMark)!;
        return ActionOutcomes.Of(new Output
        {
            Point = RestorePoint.At(newest.Manifest.EndMark),
            Moment = newest.Manifest.EndMark.ToTime(),
            Random = false,
            Recoverable = TimeSpan.Zero,
            Seed = seed,
        }) with
        {
            Detail = $"{newest.Manifest.EndMark.ToTime():u}, the end mark of {newest.Id}: no moment between backups can be recovered of the last {RunbookVerdicts.Text(input.Within)}",
        };
    }

    /// <summary>Every whole second of the windows is as likely as any other. Null: there is none.</summary>
    internal static (DateTimeOffset Point, TimeSpan Recoverable)? Draw(IEnumerable<RecoverableWindow> windows, DateTimeOffset now, TimeSpan within, string seed)
    {
        var since = (now - within).ToUnixTimeSeconds();
        // The second of a base's end mark is there from its increment on only, and that of a stretch's end up to it.
        var parts = windows.Select(w => (From: Math.Max(since, w.From.Seconds + 1L), To: Math.Min(now.ToUnixTimeSeconds(), w.To.Seconds - 1L))).Where(w => w.From <= w.To).OrderBy(w => w.From).ToList();
        var all = parts.Sum(w => w.To - w.From + 1);
        if (all == 0)
            return null;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"luxhedge-point/1 {seed}")));
        var at = (long)(new UInt128(BitConverter.ToUInt64(hash, 0), BitConverter.ToUInt64(hash, 8)) % (UInt128)all);
        foreach (var (from, to) in parts)
        {
            if (at <= to - from)
                return (DateTimeOffset.FromUnixTimeSeconds(from + at), TimeSpan.FromSeconds(all));
            at -= to - from + 1;
        }

        return null;
    }
}
