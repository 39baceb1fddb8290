using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Watch;

namespace LuxHedge.Activities.Schedules;

/// <summary>What is not as it should be, from what was read. No I/O. A key names one trouble: another trouble has another key.</summary>
public static class Watchman
{
    private const string Overdue = "overdue";

    /// <param name="captured">What slices add; null: the oplog is not captured.</param>
    public static IEnumerable<WatchFinding> OfAsset(
        Plan plan, AssetPlan asset, CatalogView view, DateTimeOffset now, TimeZoneInfo zone, CaptureStanding? captured = null)
    {
        var newest = view.NewestEligible?.Summary;
        var known = view.Unknown.Count == 0;
        if (newest is null && known)
        {
            yield return new($"overdue/backup/{asset.Name}/none", Overdue, $"There is no eligible backup of {asset.Name}",
                "Nothing of it can be restored by `latest`.", null);
        }

        if (newest is not null && known && asset.Every is { } every && now - newest.ConsistentAt > every + Dues.Grace(every))
        {
            yield return new($"overdue/backup/{asset.Name}/{newest.Id}", Overdue, $"A backup of {asset.Name} is overdue",
                $"One is planned every {Units.Write(every)}; the newest eligible one is of {newest.ConsistentAt:u} ({newest.Id}).", null);
        }

        if (newest is not null && known && (captured?.NewestMoment ?? newest.ConsistentAt) is var moment && now - moment > asset.Rpo)
        {
            yield return new($"rpo/{asset.Name}", Overdue, $"{asset.Name}: more would be lost now than its RPO allows",
                $"{Units.Write(asset.Rpo)} are allowed; the newest moment to be had is {moment:u}.", null);
        }

        if (Recurrence.OfAsset(plan, asset.Name, "verify") is { } when && view.Backups.Count > 0
            && Dues.Of(when, Dues.RestoreTests(view), known, now, zone, view.Backups[0].Summary.ConsistentAt) is { Overdue: true } verification)
        {
            yield return new($"overdue/verify/{asset.Name}/{verification.Last?.RunId ?? "never"}", Overdue, $"A restore test of {asset.Name} is overdue",
                $"It was due {verification.Due:u} ({when.Text}); {Last(verification)}.", null);
        }

        if (view.Backups is [.., { Summary: var last }] && Suspicion(last) is { } why)
            yield return new($"suspect/{last.Id}", "suspect", $"The newest backup of {asset.Name} is suspect", $"{last.Id}: {why}", null);
        foreach (var problem in view.Problems.Take(10))
        {
            yield return new($"tampering/{problem.Store}/{problem.Object}", "tampering", $"An object of {asset.Name} is not what was written",
                $"{problem.Store}: {problem.Object} {problem.Text}", null);
        }
    }

    /// <summary>The newest complete snapshot at Atlas is older than the RPO allows, or there is none.</summary>
    public static WatchFinding? OfAtlas(AssetPlan asset, AtlasStanding standing, DateTimeOffset now) => standing.IsFresh(asset, now) is not false
        ? null
        : new($"rpo/atlas/{asset.Name}", Overdue, $"{asset.Name}: its newest snapshot at Atlas is older than its RPO allows",
            $"{Units.Write(asset.Rpo)} are allowed; {(standing.Newest is { } newest ? $"the newest complete one is of {newest.CreatedAt:u} ({newest.Id})" : "there is no complete one")}. "
            + $"Look at the cluster's backup policy in Atlas; luxhedge atlas snapshot {asset.Name} takes one now.", null);

    /// <summary>Capture that does not run, lags, or has a gap that no backup has made good.</summary>
    /// <param name="running">Whether Temporal has it running; null: it could not be asked.</param>
    public static IEnumerable<WatchFinding> OfCapture(AssetPlan asset, SliceView view, CaptureStanding captured, bool? running, DateTimeOffset now)
    {
        if (running is false)
        {
            yield return new($"oplog/{asset.Name}/stopped", Overdue, $"The oplog of {asset.Name} is not captured",
                "The plan wants it, and no capture runs: luxhedge schedules apply starts it.", null);
        }

        var patience = Patience(asset);
        if (running is true && view.Unknown.Count == 0 && captured.NewestSlice is { } newest && now - newest.ToTime() > patience)
        {
            yield return new($"oplog/{asset.Name}/lag", Overdue, $"The capture of {asset.Name} lags behind",
                $"The newest slice ends at {newest.ToTime():u}: luxhedge oplog status {asset.Name} says why.", null);
        }

        if (captured.OpenGap is { } gap)
        {
            yield return new($"oplog/{asset.Name}/gap/{gap.After}", "failed", $"The oplog of {asset.Name} has a gap, and no backup was made since",
                $"After {gap.After.ToTime():u}: {gap.Why}", null);
        }

        foreach (var (store, _) in captured.Behind.Where(b => b.By > patience))
        {
            yield return new($"oplog/{asset.Name}/behind/{store}", Overdue, $"Slices of {asset.Name} do not come into {store}",
                $"Its newest is older than another store's: luxhedge oplog status {asset.Name}", null);
        }

        foreach (var problem in view.Problems.Take(10))
        {
            yield return new($"tampering/{problem.Store}/{problem.Object}", "tampering", $"An object of {asset.Name} is not what was written",
                $"{problem.Store}: {problem.Object} {problem.Text}", null);
        }
    }

    /// <summary>A server that is not written to has no entries beside the canaries, which come once a minute.</summary>
    private static TimeSpan Patience(AssetPlan asset)
    {
        var some = 5 * asset.Capture!.Slice + TimeSpan.FromMinutes(2);
        return some < asset.Rpo || asset.Rpo == default ? some : asset.Rpo;
    }

    public static WatchFinding? OfDrill(string drill, DueState state, string? when) => state.Overdue is not true
        ? null
        : new($"overdue/drill/{drill}/{state.Last?.RunId ?? "never"}", Overdue, $"The drill {drill} is overdue",
            $"It was due {state.Due:u} ({when}); {Last(state)}.", null);

    public static WatchFinding? OfReview(PlannedReview review, DueState state) => state.Overdue is not true
        ? null
        : new($"overdue/review/{review.Name}/{state.Last?.RunId ?? "never"}", Overdue, $"The review '{review.Title}' is overdue",
            $"It was due {state.Due:u} ({review.When?.Text}); {Last(state)}. {review.Owner ?? "Somebody"} goes through "
            + $"{(review.Covers.Count == 0 ? "it" : string.Join(", ", review.Covers))}, then: luxhedge reviews done {review.Name} --reason TEXT", null);

    /// <summary>A run that closed without being Proven.</summary>
    /// <param name="status">As Temporal has it: <c>Completed</c>, <c>Failed</c>, <c>Terminated</c>, <c>TimedOut</c>, <c>Canceled</c>.</param>
    public static WatchFinding? OfRun(string runId, string workflow, string asset, string status, Verdict? verdict)
    {
        if (status == "Completed" && verdict is Verdict.Proven)
            return null;
        var failed = verdict == Verdict.Failed || status is "Failed" or "Terminated" or "TimedOut";
        return new($"run/{runId}", failed ? "failed" : "not-proven", $"{workflow} of {asset} is {(failed ? "Failed" : "NotProven")}",
            status == "Completed" ? "Look at the run: luxhedge runs watch " + runId : $"The run ended as {status}: luxhedge runs watch {runId}", runId);
    }

    private static string? Suspicion(BackupSummary backup) =>
        backup.Notes.Where(n => n.StartsWith("suspect: ", StringComparison.Ordinal)).Select(n => n["suspect: ".Length..]).FirstOrDefault();

    private static string Last(DueState state) => state.Last is { } last
        ? $"the last was {last.RunId}{(last.Verdict is { } v ? $", {v}" : "")}"
        : "it was never done";
}
