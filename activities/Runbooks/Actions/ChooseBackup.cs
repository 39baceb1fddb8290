using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>Which backup a runbook works with. Chosen once, so that every step after it means the same one.</summary>
[Action(Name,
    "Chooses a backup: an id, the newest eligible one, or the last known good one, proven by a restore test and older than a time of intrusion. "
    + "With a point in time: the newest such that slices lead on from to it. Fails when there is none. A clean copy that no restore test has proven is a NotProven check.",
    Output = typeof(Output))]
public sealed class ChooseBackup(Plan plan, StoreSet stores, TimeProvider time) : ActivityAction<ChooseBackup.Input>
{
    public const string Name = "choose-backup";
    public const string Newest = "newest";
    public const string LastKnownGood = "last-known-good";

    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "An id, or latest: by the rule. latest unless said.")]
        public string? Backup { get; init; }

        [Input(InputTypes.Text, "newest: the newest eligible one. last-known-good: the newest that a restore test has proven. newest unless said.", Values = [Newest, LastKnownGood])]
        public string Rule { get; init; } = Newest;

        [Input(InputTypes.Time, "Only backups of data from before this moment: that of the intrusion.")]
        public DateTimeOffset? Before { get; init; }

        [Input(InputTypes.Moment, "Where the data is to be brought to, by slices after the backup: then the backup is the newest that leads there. The backup's own "
            + "end mark unless said.")]
        public RestorePoint? PointInTime { get; init; }

        [Input(InputTypes.Store, "Only backups with a verified copy there.")]
        public string? Store { get; init; }

        [Input(InputTypes.Store, "A store that is lost: only backups with a verified copy elsewhere.")]
        public string? Without { get; init; }

        [Input(InputTypes.Flag, "Only backups that the keys handed over by --recovery-key open, where any were: one that was made since the run was started is not.")]
        public bool RecoveryKey { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Backup, "Its id.")]
        public string Backup { get; init; } = "";

        [Input(InputTypes.Store, "The first store of the plan that has a verified copy of it (and is not the lost one).")]
        public string Store { get; init; } = "";

        [Input(InputTypes.Time, "The moment its data is of.")]
        public DateTimeOffset ConsistentAt { get; init; }

        [Input(InputTypes.Moment, "The point in time, as every step after it must mean it: latest is a cluster time here. Empty where it is the backup's own end mark.")]
        public RestorePoint? Point { get; init; }

        [Input(InputTypes.Time, "The moment wanted, from which the loss is measured: that of the point; of latest, or where no point is asked for, the declaration.")]
        public DateTimeOffset Moment { get; init; }

        [Input(InputTypes.Number, "Slices that lead from the backup to the point.")]
        public int Slices { get; init; }

        [Input(InputTypes.Duration, "How old the data that comes back is now.")]
        public TimeSpan Age { get; init; }

        [Input(InputTypes.Text, "Proven by a restore test, or NotProven.")]
        public string Verdict { get; init; } = "";

        [Input(InputTypes.Number, "Documents in it.")]
        public long Documents { get; init; }

        [Input(InputTypes.List, "One of its collections, the one with the most documents: for a drill that is told of none.")]
        public IReadOnlyList<string> Sample { get; init; } = [];
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, input.Asset ?? context.Asset);
        foreach (var named in new[] { input.Store, input.Without }.OfType<string>())
        {
            if (!asset.Stores.Contains(named, StringComparer.Ordinal))
                throw new RefusalException(ErrorKinds.Usage, $"The asset '{asset.Name}' has no store '{named}'.", context.StepId, $"It has: {string.Join(", ", asset.Stores)}.");
        }

        var view = await new BackupCatalog(plan, stores, time).ListAsync(asset.Name, cancellation);
        var (chosen, store, choice) = await ChooseAsync(view, asset, input, context.Keys ?? [], cancellation);
        var summary = chosen.Summary;
        var point = choice is { Chain.Count: > 0 }
            ? input.PointInTime!.Time is not null && choice.Note is null ? input.PointInTime : RestorePoint.At(choice.Until)
            : null;
        var age = time.GetUtcNow() - (point?.Moment ?? summary.ConsistentAt);
        var output = new Output
        {
            Backup = chosen.Id,
            Store = store,
            ConsistentAt = summary.ConsistentAt,
            Point = point,
            Moment = input.PointInTime?.Moment ?? context.DeclaredAt,
            Slices = choice?.Chain.Count ?? 0,
            Age = age,
            Verdict = summary.Verdict.ToString(),
            Documents = summary.Documents,
            Sample = [.. chosen.Manifest.CollectionDocuments.OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal).Take(1).Select(c => c.Key)],
        };
        return ActionOutcomes.Of(output, [.. Checks(chosen, view, input)]) with
        {
            Detail = point is null ? $"{chosen.Id} in {store}, its data is of {summary.ConsistentAt:u}"
                : $"{chosen.Id} in {store}, and {choice!.Chain.Count} slices after it to {point.Moment:u}",
        };
    }

    private async Task<(CatalogBackup Backup, string Store, PointChoice? Point)> ChooseAsync(
        CatalogView view, AssetPlan asset, Input input, IReadOnlyList<HandedKey> handed, CancellationToken cancellation)
    {
        var catalog = new SliceCatalog(plan, stores);
        var slices = await SlicesForAsync(view, asset, input, handed, (from, to) => catalog.ListAsync(asset.Name, from, to, cancellation));
        return Choose(view, slices, asset, input, handed, time.GetUtcNow());
    }

    /// <summary>The slices that decide it: none without a point in time.</summary>
    internal static async Task<SliceView> SlicesForAsync(
        CatalogView view, AssetPlan asset, Input input, IReadOnlyList<HandedKey> handed, Func<ClusterTime, ClusterTime?, Task<SliceView>> read)
    {
        var fit = Fit(view, asset, input, handed);
        if (input.PointInTime is not { } wanted || fit.Count == 0)
            return SliceView.None(asset.Name);
        var proven = Proven(fit, input).ConvertAll(c => c.Backup);
        return proven.Count > 0 && await PointChoice.FindAsync(proven, wanted, TakenAsync) is { Choice: not null } found
            ? found.Slices
            : (await PointChoice.FindAsync(fit.ConvertAll(c => c.Backup), wanted, TakenAsync)).Slices;

        async Task<SliceView> TakenAsync(ClusterTime from, ClusterTime? to) => (await read(from, to)).In(s => Takes(input, s));
    }

    /// <summary>Pure: what is chosen of what the stores hold. A dry run and the question before an incident show the same.</summary>
    /// <param name="slices">Looked at only for a point in time: as <see cref="SlicesForAsync"/> answers.</param>
    /// <exception cref="RefusalException">There is none, or the moment can't be reached.</exception>
    internal static (CatalogBackup Backup, string Store, PointChoice? Point) Choose(
        CatalogView view, SliceView slices, AssetPlan asset, Input input, IReadOnlyList<HandedKey> handed, DateTimeOffset now)
    {
        var fit = Fit(view, asset, input, handed);
        if (fit.Count == 0)
            throw None(view, input, ById(input));
        var proven = Proven(fit, input);
        if (input.PointInTime is not { } wanted)
        {
            var newest = proven.Count > 0 ? proven[^1] : fit[^1];
            return (newest.Backup, newest.Store, null);
        }

        var there = slices.In(s => Takes(input, s));
        var chains = there.Chains();
        var bases = fit.Select(c => c.Backup).ToList();
        var choice = PointChoice.Of(proven.Select(c => c.Backup), chains, wanted) ?? PointChoice.Of(bases, chains, wanted)
            ?? throw PointChoice.OutOfReach(bases, there, wanted, view.Unknown, now);
        return (choice.Base, fit.First(c => c.Backup.Id == choice.Base.Id).Store, choice);
    }

    private static bool Takes(Input input, string store) => store != input.Without && (input.Store is null || store == input.Store);

    private static List<(CatalogBackup Backup, string Store)> Proven(List<(CatalogBackup Backup, string Store)> fit, Input input) =>
        input.Rule == LastKnownGood ? fit.FindAll(c => c.Backup.Summary.Verdict == Verdict.Proven) : [];

    private static string? ById(Input input) => input.Backup is { } id and not "latest" ? id : null;

    private static List<(CatalogBackup Backup, string Store)> Fit(CatalogView view, AssetPlan asset, Input input, IReadOnlyList<HandedKey> handed)
    {
        var byId = ById(input);
        var fit = view.Backups.Where(b => byId is null ? b.Summary.Eligible : b.Id == byId)
            .Where(b => input.Before is not { } before || b.Summary.ConsistentAt < before)
            .Select(b => (Backup: b, Store: StoreOf(b, asset, input)!))
            .Where(c => c.Store is not null)
            .ToList();
        return input.RecoveryKey && fit.FindAll(c => c.Backup.Manifest.KeyIds.All(id => handed.Any(h => h.KeyId == id))) is { Count: > 0 } opened
            ? opened
            : fit;
    }

    private static string? StoreOf(CatalogBackup backup, AssetPlan asset, Input input) => asset.Stores
        .Where(s => Takes(input, s))
        .FirstOrDefault(s => backup.Copies.Any(c => c.Store == s && c.VerifiedAt is not null && c.Failures.Count == 0));

    private static IEnumerable<Check> Checks(CatalogBackup chosen, CatalogView view, Input input)
    {
        if (input.Rule == LastKnownGood)
        {
            yield return chosen.Summary.Verdict == Verdict.Proven
                ? new("clean copy", Verdict.Proven, $"{chosen.Id} is of {chosen.Summary.ConsistentAt:u}, and a restore test has proven it.")
                : new("clean copy", Verdict.NotProven, $"{chosen.Id} is of {chosen.Summary.ConsistentAt:u}; no restore test has proven it, nor any other that is old enough.");
        }

        // What lies planted or altered in a store was not used; a person should know all the same.
        foreach (var problem in view.Problems.Take(10))
            yield return new($"{problem.Store}: {problem.Object}", Verdict.NotProven, problem.Text);
    }

    private static RefusalException None(CatalogView view, Input input, string? byId)
    {
        var wanted = string.Join(", ", new[]
        {
            byId is null ? "eligible" : $"with the id {byId}", input.Before is { } before ? $"of data from before {before:u}" : null,
            input.Store is { } store ? $"verified in {store}" : input.Without is { } lost ? $"verified elsewhere than in {lost}" : "verified in a store",
        }.OfType<string>());
        return new RefusalException(new ErrorReport(
            view.Unknown.Count > 0 && view.Backups.Count == 0 ? ErrorKinds.Unreachable : ErrorKinds.Usage,
            $"There is no backup of {view.Asset} that is {wanted}.", view.Asset, "luxhedge backups list shows what there is.",
            [
                .. view.Backups.Reverse().Take(5).Select(b => new Problem(
                    $"of {b.Summary.ConsistentAt:u}; {(b.Summary.Notes.Count == 0 ? "eligible" : string.Join("; ", b.Summary.Notes))}", b.Id)),
                .. view.Unknown.Select(u => new Problem(u.Why, u.Store)),
            ]));
    }
}
