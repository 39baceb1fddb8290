using LuxHedge.Activities.Database.Rights;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>What each cluster's user may: a line for each use, what is missing, and what is more than needed.</summary>
public static class RightsView
{
    public static void Write(IAnsiConsole console, IReadOnlyList<ClusterRights> clusters)
    {
        foreach (var cluster in clusters)
        {
            console.MarkupLine(
                $"[bold]{Words.Plain(cluster.Cluster)}[/]  {Words.Plain(cluster.Hosts ?? "")} {Words.Plain(cluster.User is { } user ? $"as {user} ({Words.List(cluster.Roles, "no role")})" : "")}"
                    .TrimEnd());
            if (cluster.Unknown is { } why)
                console.MarkupLine($"  [yellow]unknown[/]  {Words.Plain(why)}");
            if (cluster.Authenticates is false)
                console.MarkupLine("  [yellow]warning[/]  the server asks nobody for a password: whoever reaches it may do everything");
            foreach (var use in cluster.Uses.Where(u => u.Able is not null && cluster.Authenticates is true))
            {
                console.MarkupLine($"  {(use.Able is true ? "can" : "[red]can't[/]")} {Words.Plain(Text(use))}");
                foreach (var missing in use.Missing)
                {
                    console.MarkupLine(missing.Without is { } without
                        ? $"      [grey]without {Words.Plain(Words.List(missing.Actions))} on {Words.Plain(missing.On)}: {Words.Plain(without)}[/]"
                        : $"      missing on {Words.Plain(missing.On)}: {Words.Plain(Words.List(missing.Actions))}");
                }
            }

            foreach (var more in cluster.More)
                console.MarkupLine($"  [yellow]more than needed[/]  {Words.Plain(more)}");
        }

        if (clusters.Any(c => c.Uses.Any(u => u.Able is false) || c.More.Count > 0))
            console.MarkupLine("The least roles, to paste, are in docs/operations.md (Rights in MongoDB).");
    }

    private static string Text(UseRights use) => use.Use switch
    {
        RightsUse.Backup => $"back up {use.Asset} and capture its oplog",
        RightsUse.RestoreTest => $"test restores of {use.Asset}, in scratch databases",
        RightsUse.Restore => $"restore {use.Asset} over {use.Database}",
        _ => $"drill {use.Asset}, in databases of drills",
    };
}
