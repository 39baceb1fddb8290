using System.Text.Json;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Plans;

/// <summary>One schedule as the plan wants it in Temporal.</summary>
/// <param name="Id">Of the schedule: <c>backup/{asset}</c>, <c>verify/{asset}</c>, <c>drill/{name}</c> or <c>watch</c>.</param>
/// <param name="Workflow">What it comes to: <c>DatabaseBackup</c>, <c>Verification</c>, <c>Runbook</c> or <c>Watch</c>.</param>
/// <param name="Name">The asset's, or the drill's; empty for Watch.</param>
/// <param name="Asset">Null where it is about none.</param>
/// <param name="Jitter">Starts are put off by up to this, so that not everything begins in one second.</param>
/// <param name="CatchUp">A start missed for less than this (Temporal was down) is made up for.</param>
public sealed record PlannedSchedule(
    string Id, string Workflow, string Name, string? Asset, Recurrence When, string TimeZone, TimeSpan Jitter, TimeSpan CatchUp);

/// <summary>What of the plan's schedules is no schedule in Temporal, and why.</summary>
public sealed record UnplannedSchedule(string Id, string Why);

/// <summary>Every schedule of a plan.</summary>
/// <param name="Planned">What this version can run.</param>
/// <param name="Later">The rest, told plainly.</param>
public sealed record PlannedSchedules(IReadOnlyList<PlannedSchedule> Planned, IReadOnlyList<UnplannedSchedule> Later)
{
    /// <summary>Long enough that a cycle has ended, short enough that whoever waits for the dead man's call notices soon.</summary>
    public static readonly TimeSpan WatchEvery = TimeSpan.FromMinutes(5);

    /// <summary>
    /// People have an appointment with a drill: after an outage it begins within this of its time, or not at all, and is overdue then. (At
    /// three in the morning it would only wait for approvals that nobody gives.)
    /// </summary>
    public static readonly TimeSpan DrillCatchUp = TimeSpan.FromHours(2);

    /// <summary>Of what no person waits for: enough to part what the plan puts at one minute.</summary>
    private static readonly TimeSpan MostJitter = TimeSpan.FromMinutes(1);

    /// <param name="runbooks">The names of the runbooks there are.</param>
    public static PlannedSchedules Of(Plan plan, IReadOnlySet<string> runbooks)
    {
        var planned = new List<PlannedSchedule>();
        var later = new List<UnplannedSchedule>();
        foreach (var asset in plan.Assets.Values)
        {
            var schedule = Child(Child(plan.Document, "assets")!.Value, asset.Name) is { } written ? Child(written, "schedule") : null;
            AddOfAsset("backup", WorkflowIds.Backup(asset.Name), Wire.DatabaseBackup);
            AddOfAsset("verify", WorkflowIds.Verification(asset.Name), Wire.Verification);

            void AddOfAsset(string entry, string id, string workflow)
            {
                if (schedule is not { } entries || Child(entries, entry) is not { } when)
                    return;
                if (asset.Kind != "database")
                    later.Add(new(id, $"assets of kind {asset.Kind} can't be run by this version"));
                else if (Recurrence.Read(when) is { } recurrence)
                    planned.Add(new(id, workflow, asset.Name, asset.Name, recurrence, plan.TimeZone, Jitter(recurrence), CatchUp(recurrence)));
                else
                    later.Add(new(id, "it runs on an event, and this version starts nothing on events"));
            }
        }

        foreach (var drill in plan.Drills.Values)
        {
            var id = WorkflowIds.Drill(drill.Name);
            if (!runbooks.Contains(drill.Runbook))
                later.Add(new(id, $"there is no runbook {drill.Runbook}"));
            else if (drill.Assets.FirstOrDefault(a => plan.Assets[a].Kind != "database") is { } other)
                later.Add(new(id, $"it needs {other}, and assets of kind {plan.Assets[other].Kind} can't be run by this version"));
            else if (Recurrence.OfDrill(plan, drill.Name) is not { } recurrence)
                later.Add(new(id, "it runs on an event, and this version starts nothing on events"));
            else
                planned.Add(new(id, Wire.Runbook, drill.Name, drill.Assets[0], recurrence, plan.TimeZone, TimeSpan.Zero, DrillCatchUp));
        }

        var watch = Recurrence.Each(WatchEvery);
        planned.Add(new(WorkflowIds.Watch, Wire.Watch, "", null, watch, plan.TimeZone, TimeSpan.Zero, CatchUp(watch)));
        return new(planned, later);
    }

    private static TimeSpan Jitter(Recurrence when) => when.Longest / 10 < MostJitter ? when.Longest / 10 : MostJitter;

    /// <summary>
    /// Until the next one is due. What was missed makes the loss larger with each minute, whatever the RPO, so it is made up for however late
    /// the server comes back; and it is made up for once, since a window of one period holds one missed start.
    /// </summary>
    private static TimeSpan CatchUp(Recurrence when) => when.Longest;

    private static JsonElement? Child(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var child) ? child : null;
}

/// <summary>A review of the plan, which people do: procedures, contacts, objectives, the whole.</summary>
public sealed record PlannedReview(string Name, string Title, string? Owner, IReadOnlyList<string> Covers, Recurrence? When)
{
    public static IReadOnlyList<PlannedReview> Of(Plan plan)
    {
        if (plan.Document.ValueKind != JsonValueKind.Object || !plan.Document.TryGetProperty("reviews", out var reviews))
            return [];
        return
        [
            .. reviews.EnumerateObject().Select(r => new PlannedReview(
                r.Name,
                r.Value.TryGetProperty("title", out var title) ? title.ToString() : r.Name,
                r.Value.TryGetProperty("owner", out var owner) ? owner.ToString() : null,
                r.Value.TryGetProperty("covers", out var covers) ? [.. covers.EnumerateArray().Select(c => c.ToString())] : [],
                Recurrence.Read(r.Value.GetProperty("schedule")))),
        ];
    }
}
