using System.Text.Json;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Plans;

/// <summary>What <c>luxhedge plan check</c> answers.</summary>
/// <param name="Valid">False: the plan is refused; <paramref name="Assets"/> is empty then.</param>
/// <param name="Problems">Why it is refused, each with <c>file:line:column</c>.</param>
/// <param name="Warnings">Accepted, and worth a look.</param>
/// <param name="Later">Parts of the plan as a whole that this version keeps and does not run.</param>
public sealed record PlanReport(
    string Plan,
    bool Valid,
    IReadOnlyList<AssetReport> Assets,
    IReadOnlyList<Problem> Problems,
    IReadOnlyList<Problem> Warnings,
    IReadOnlyList<string> Later);

/// <param name="RunsNow">False: nothing of it can be run by this version.</param>
/// <param name="Now">What can be run, as commands.</param>
/// <param name="Later">What the plan says of it that this version does not run, in words.</param>
public sealed record AssetReport(
    string Asset,
    string Kind,
    bool RunsNow,
    IReadOnlyList<string> Now,
    IReadOnlyList<string> Later,
    IReadOnlyList<string> Stores,
    TimeSpan Rto,
    TimeSpan Rpo);

/// <summary>Reads a plan and says of each asset what runs now and what is later work. Resolves no secret and asks no server; it does look whether
/// the files of public keys are there.</summary>
public static class PlanCheck
{
    /// <summary>What this version can run. Later work adds to it.</summary>
    private static readonly string[] RunnableKinds = ["database"];

    private static readonly string[] UsableStores = ["s3", "directory"];

    /// <summary>Sections of the plan that are kept, checked and not run yet.</summary>
    private static readonly (string Section, string What)[] LaterSections =
    [
        ("deletion", "nothing is deleted yet: retention is later work"),
    ];

    /// <exception cref="RefusalException">The file itself can't be read.</exception>
    public static PlanReport Run(string path, TimeProvider clock)
    {
        var reading = PlanLoader.Read(path);
        if (reading.Plan is not { } plan)
        {
            return new PlanReport(reading.Path, Valid: false, [], reading.Problems, reading.Warnings, []);
        }

        var keys = PublicKeyFiles(plan, clock.GetUtcNow());
        return new PlanReport(
            reading.Path,
            keys.Problems.Count == 0,
            [.. plan.Assets.Values.Select(a => Asset(plan, a))],
            keys.Problems,
            [.. reading.Warnings, .. keys.Warnings, .. SkippedTimes(plan, clock.GetUtcNow())],
            [.. LaterSections.Where(l => plan.Document.TryGetProperty(l.Section, out _)).Select(l => $"{l.Section}: {l.What}"), .. LaterDrills(plan)]);
    }

    /// <summary>Whether their runbooks are there is asked when they are scheduled or run.</summary>
    private static IEnumerable<string> LaterDrills(Plan plan) =>
        PlannedSchedules.Of(plan, plan.Drills.Values.Select(d => d.Runbook).ToHashSet(StringComparer.Ordinal)).Later
            .Where(l => l.Id.StartsWith(Workflows.WorkflowIds.Drill(""), StringComparison.Ordinal))
            .Select(l => $"{l.Id}: {l.Why}");

    /// <summary>Temporal starts nothing at a time that the clocks jump over: a backup would be missing that day.</summary>
    private static IEnumerable<Problem> SkippedTimes(Plan plan, DateTimeOffset now)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(plan.TimeZone);
        string[] kinds = ["backup", "verify"];
        var entries = plan.Assets.Keys.SelectMany(a => kinds.Select(k => ($"assets.{a}.schedule.{k}", Recurrence.OfAsset(plan, a, k))))
            .Concat(plan.Drills.Keys.Select(d => ($"drills.{d}.schedule", Recurrence.OfDrill(plan, d))));
        foreach (var (path, when) in entries)
        {
            if (when?.NextSkipped(now, zone) is { } day)
            {
                yield return new Problem(
                    $"{path}: on {day:yyyy-MM-dd} the clocks of {plan.TimeZone} jump over {when.At:HH:mm}, and nothing starts; take another time, or timezone: UTC", plan.Path);
            }
        }
    }

    private static AssetReport Asset(Plan plan, AssetPlan asset)
    {
        var written = plan.Document.GetProperty("assets").GetProperty(asset.Name);
        var runnable = RunnableKinds.Contains(asset.Kind, StringComparer.Ordinal);
        IReadOnlyList<string> later = runnable
            ? [.. LaterStores(plan, asset), .. LaterOfDatabase(written)]
            : [$"assets of kind {asset.Kind} can't be backed up or restored by this version: they are in the plan, and later work runs them"];
        IReadOnlyList<string> now = runnable
            ? [$"luxhedge backup run {asset.Name}", $"luxhedge backups verify ID --level restore", $"luxhedge restore run {asset.Name}"]
            : [];
        if (runnable && asset.Cluster is { } cluster && plan.Clusters[cluster].Atlas is not null)
        {
            now = [.. now, $"luxhedge atlas snapshot {asset.Name}"];
        }

        return new AssetReport(asset.Name, asset.Kind, runnable, now, later, asset.Stores, asset.Rto, asset.Rpo);
    }

    private static IEnumerable<string> LaterStores(Plan plan, AssetPlan asset) =>
        from store in asset.Stores
        let kind = plan.Stores[store].Kind
        where !UsableStores.Contains(kind, StringComparer.Ordinal)
        select $"store {store}: kind {kind} can't be written yet, so no backup of this asset can be complete in every store of the plan";

    private static IEnumerable<string> LaterOfDatabase(JsonElement written)
    {
        if (written.TryGetProperty("retention", out _))
        {
            yield return "retention: nothing is deleted yet, neither backups nor slices";
        }
    }

    private static (List<Problem> Problems, List<Problem> Warnings) PublicKeyFiles(Plan plan, DateTimeOffset now)
    {
        var problems = new List<Problem>();
        var warnings = new List<Problem>();
        foreach (var writer in plan.Writer.PublicKeys.Keys)
        {
            Look($"writer.publicKeys.{writer}", () => plan.Writer.PublicKeys[writer], Scalars.P256PublicKey, "what it signed can't be checked");
        }

        foreach (var key in plan.RecoveryKeys.Values)
        {
            Look($"recoveryKeys.{key.Name}.publicKey", () => key.PublicKey, Scalars.RsaPublicKey, "no backup that names it can be made");
        }

        foreach (var person in plan.People.Values)
        {
            var path = $"people.{person.Name}.publicKey";
            if (person.PublicKey is { } text)
            {
                Judge(path, text, Scalars.P256PublicKey);
                if (person.PublicKeyAt(now) is null)
                {
                    warnings.Add(new Problem($"{path}: expired on {person.KeyExpires:yyyy-MM-dd}; {person.Name} decides nothing with it", plan.Path));
                }
            }
            else if (plan.Document.GetProperty("people").GetProperty(person.Name).TryGetProperty("publicKey", out var reference))
            {
                warnings.Add(new Problem($"{path}: {reference} is not there: {person.Name} has not enrolled (`luxhedge people enrol {person.Name}`) and can decide nothing", plan.Path));
            }
        }

        foreach (var policy in plan.Policies.Values.Where(p => p.OwnKey))
        {
            var able = policy.By.Where(p => plan.People[p].PublicKeyAt(now) is not null).ToList();
            if (able.Count < policy.Quorum)
            {
                warnings.Add(new Problem($"policies.{policy.Name}: {policy.Quorum} must approve, and {able.Count} of {policy.By.Count} have a key today: it can't be approved", plan.Path));
            }
        }

        return (problems, warnings);

        void Look(string path, Func<string> read, ScalarShape shape, string consequence)
        {
            try
            {
                Judge(path, read(), shape);
            }
            catch (RefusalException refusal)
            {
                warnings.Add(new Problem($"{path}: {refusal.Report.Message} Until then {consequence}.", refusal.Report.Where ?? plan.Path));
            }
        }

        void Judge(string path, string text, ScalarShape shape)
        {
            if (shape.Check(new YamlScalar(text, Plain: false, default)) is { } wrong)
            {
                problems.Add(new Problem($"{path}: what its file holds {wrong}", plan.Path));
            }
        }
    }
}
