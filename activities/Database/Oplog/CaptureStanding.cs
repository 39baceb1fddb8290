using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>What an asset's backups and slices together can bring back. Pure.</summary>
/// <param name="Windows">As <see cref="RecoverableWindows"/>.</param>
/// <param name="NewestSlice">End of the newest slice, recoverable or not; null: there is none.</param>
/// <param name="NewestCanary">Of those that a restore to a point in a window would bring back; null: none.</param>
/// <param name="NewestMoment">The newest moment that can be had, by canary (or, where the plan forbids them, by the newest entry), else the
/// consistent time of the newest eligible backup; null: nothing can be had.</param>
/// <param name="Behind">Stores that were read and whose newest slice is older than another's: by how much.</param>
/// <param name="OpenGap">The newest gap after which no backup has been made yet.</param>
public sealed record CaptureStanding(
    IReadOnlyList<RecoverableWindow> Windows, ClusterTime? NewestSlice, DateTimeOffset? NewestCanary, DateTimeOffset? NewestMoment,
    IReadOnlyList<(string Store, TimeSpan By)> Behind, GapRecord? OpenGap)
{
    public static CaptureStanding Of(AssetPlan asset, CatalogView backups, SliceView slices)
    {
        var chains = slices.Chains();
        var read = chains.Stretches;
        var eligible = backups.Backups.Where(b => b.Summary.Eligible && b.Manifest.OnlyCollections is null).ToList();
        var windows = RecoverableWindows.Of(slices.StretchesByName(), eligible.Select(b => (b.Id, b.Manifest.EndMark))).Select(Checked).ToList();
        DateTimeOffset? canary = null;
        DateTimeOffset? moment = backups.NewestEligible?.Summary.ConsistentAt;
        foreach (var window in windows.Where(w => w.From < w.To))
        {
            var within = read.Where(s => s.From < window.To && window.From < s.To && s.To <= window.To);
            var found = within.Max(s => chains.Covering(ClusterTime.Max(s.From, window.From), s.To)?.Max(c => c.NewestCanary));
            canary = Later(canary, found);
            moment = Later(moment, asset.Canary ? found : window.To.ToTime());
        }

        var newest = slices.Bounds.Select(s => (ClusterTime?)s.To).Max();
        var gap = slices.Gaps.Count > 0 && slices.Gaps[^1] is var last && !eligible.Exists(b => b.Manifest.EndMark >= last.Until) ? last : null;
        var behind = asset.Stores.Where(s => slices.Unknown.All(u => u.Store != s) && newest is not null).Select(s => (Store: s, By: Behind(s))).ToList();
        return new CaptureStanding(windows, newest, canary, moment, [.. behind.Where(b => b.By > TimeSpan.Zero)], gap);

        TimeSpan Behind(string store)
        {
            var there = slices.Bounds.Where(s => s.Stores.Contains(store)).Select(s => (ClusterTime?)s.To).Max() ?? slices.Bounds.Min(s => s.From);
            return newest!.Value.ToTime() - there.ToTime();
        }

        RecoverableWindow Checked(RecoverableWindow window) =>
            !slices.Named.Any(n => n.From < window.To && window.From < n.To) ? window
            : window with { CheckedFrom = read.FirstOrDefault(s => s.From < window.To && s.To >= window.To)?.From ?? window.To };
    }

    /// <summary>From where on a person who looks wants every manifest read: of the last day, and from the newest eligible backup on.</summary>
    public static ClusterTime LookFrom(CatalogView backups, DateTimeOffset now)
    {
        var (newest, day) = (ReadFrom(backups, now), new ClusterTime((uint)(now - TimeSpan.FromDays(1)).ToUnixTimeSeconds(), 0));
        return newest < day ? newest : day;
    }

    /// <summary>From where on slices matter to what would be lost now: the end mark of the newest eligible backup.</summary>
    public static ClusterTime ReadFrom(CatalogView backups, DateTimeOffset now) =>
        backups.Backups.LastOrDefault(b => b.Summary.Eligible && b.Manifest.OnlyCollections is null)?.Manifest.EndMark
        ?? new ClusterTime((uint)(now - TimeSpan.FromHours(1)).ToUnixTimeSeconds(), 0);

    private static DateTimeOffset? Later(DateTimeOffset? a, DateTimeOffset? b) => a is null || b > a ? b ?? a : a;
}
