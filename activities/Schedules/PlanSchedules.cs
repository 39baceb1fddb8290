using LuxHedge.Activities.Plans;

namespace LuxHedge.Activities.Schedules;

/// <summary>The plan's schedules, with the runbooks that there are on this machine.</summary>
public static class PlanSchedules
{
    public static PlannedSchedules Of(Plan plan) => PlannedSchedules.Of(plan, Runbooks(plan));

    /// <summary>The names of the files in the runbooks' folder; nothing where there is none.</summary>
    private static HashSet<string> Runbooks(Plan plan)
    {
        var beside = Path.GetDirectoryName(plan.Path)!;
        var folder = plan.Document.TryGetProperty("runbooks", out var named) ? Path.GetFullPath(named.ToString(), beside) : Upward(beside);
        return folder is not null && Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f))]
            : [];
    }

    private static string? Upward(string from)
    {
        for (var at = from; at is not null; at = Path.GetDirectoryName(at))
        {
            if (Directory.Exists(Path.Combine(at, "runbooks")))
                return Path.Combine(at, "runbooks");
        }

        return null;
    }
}
