using LuxHedge.Workflows;

namespace LuxHedge.Activities.Plans;

/// <summary>Which plan a command means: <c>--plan FILE</c>, else <c>LUXHEDGE_PLAN</c>, else <c>luxhedge.yaml</c> upward from the working folder.</summary>
public static class PlanLocation
{
    public const string FileName = "luxhedge.yaml";
    public const string Variable = "LUXHEDGE_PLAN";

    /// <param name="option">What <c>--plan</c> said; null: it was not given.</param>
    /// <param name="variable">What <see cref="Variable"/> holds; null or empty: nothing.</param>
    /// <returns>A full path of a file that exists.</returns>
    /// <exception cref="RefusalException">Kind <c>plan</c>: there is none, and where it was looked for.</exception>
    public static string Find(string? option, string? variable, string workingFolder)
    {
        if (option is not null)
        {
            return Existing(option, "--plan");
        }

        if (!string.IsNullOrEmpty(variable))
        {
            return Existing(variable, Variable);
        }

        for (var folder = new DirectoryInfo(workingFolder); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, FileName);
            if (File.Exists(path))
            {
                return path;
            }
        }

        throw new RefusalException(
            ErrorKinds.Plan,
            $"There is no {FileName} in {workingFolder} or any folder above it.",
            workingFolder,
            $"Name the plan with --plan FILE or {Variable}. A running sandbox has one: --plan .sandbox/{FileName}.");

        string Existing(string path, string source)
        {
            var full = Path.GetFullPath(path, workingFolder);
            return File.Exists(full)
                ? full
                : throw new RefusalException(ErrorKinds.Plan, $"The plan that {source} names does not exist.", full, "Check the path.");
        }
    }

    /// <summary>Whether <see cref="Find(string?, string?, string)"/> would find one: what is named counts, there or not.</summary>
    public static bool Exists(string? option, string? variable, string workingFolder)
    {
        if (option is not null || !string.IsNullOrEmpty(variable))
        {
            return true;
        }

        for (var folder = new DirectoryInfo(workingFolder); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, FileName)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>As <see cref="Find(string?, string?, string)"/>, with this process's environment and working folder.</summary>
    public static string Find(string? option) =>
        Find(option, Environment.GetEnvironmentVariable(Variable), Environment.CurrentDirectory);
}
