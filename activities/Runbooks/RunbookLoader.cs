using System.Security.Cryptography;
using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>What reading a runbook came to.</summary>
/// <param name="Definition">Null when there are <paramref name="Problems"/>.</param>
/// <param name="Problems">Why it is refused: all of it at once, those of the runbooks in it too, each with <c>file:line:column</c>.</param>
public sealed record RunbookReading(string Path, RunbookDefinition? Definition, IReadOnlyList<Problem> Problems);

/// <summary>
/// Reads runbooks strictly: what is not known, not whole or not possible is refused with its place. Runbooks that steps name are read from
/// the same folder and embedded. Size, depth and number of steps are bounded, and no file can take the memory or the time of who reads it.
/// </summary>
/// <param name="plan">Whose people, assets, stores and policies runbooks may name; null: names are not judged.</param>
/// <param name="folder">Where <c>{name}.yaml</c> holds runbook <c>{name}</c>.</param>
/// <param name="catalog">The actions there are; null: <see cref="ActionCatalog.All"/>.</param>
public sealed class RunbookLoader(Plan? plan, string folder, ActionCatalog? catalog = null)
{
    /// <summary>A thousand steps with a line or two each.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>Runbooks inside runbooks.</summary>
    public const int MaxNesting = 4;

    /// <summary>Of a runbook, those of the runbooks in it counted as often as they stand in it.</summary>
    public const int MaxSteps = 1_000;

    /// <summary>The definition travels in the workflow's input, and Temporal takes 2 MB.</summary>
    public const int MaxDefinition = 1024 * 1024;

    private readonly Plan? plan = plan;
    private readonly ActionCatalog actions = catalog ?? ActionCatalog.All;
    private readonly RunbookShape shape = new(catalog ?? ActionCatalog.All);

    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>Of the folder that the plan names, else <c>runbooks/</c> beside it or upward.</summary>
    /// <exception cref="RefusalException">There is no such folder.</exception>
    public static RunbookLoader Of(Plan plan) => new(plan, RunbookFolder.Find(plan));

    /// <summary>Names of every runbook in the folder, in order.</summary>
    public IReadOnlyList<string> Names() =>
        [.. Directory.EnumerateFiles(Folder, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    /// <exception cref="RefusalException">There is no such runbook (<c>usage</c>), or it is refused (<c>plan</c>), with every problem.</exception>
    public RunbookDefinition Load(string name)
    {
        var names = Names();
        if (!names.Contains(name, StringComparer.Ordinal))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"There is no runbook '{name}'{Suggestion.For(name, names)}.", Folder,
                names.Count == 0 ? "The folder has none." : $"There are: {string.Join(", ", names)}.");
        }

        var reading = Read(Path.Combine(Folder, name + ".yaml"));
        return reading.Definition ?? throw Refusal([reading]);
    }

    /// <summary>As an error of a command: every problem of every reading that has some.</summary>
    public static RefusalException Refusal(IReadOnlyList<RunbookReading> readings)
    {
        var refused = readings.Where(r => r.Problems.Count > 0).ToList();
        var problems = refused.SelectMany(r => r.Problems).Distinct().ToList();
        var what = refused is [var one] ? $"The runbook {Path.GetFileName(one.Path)}" : $"{refused.Count} runbooks";
        return new RefusalException(new ErrorReport(
            ErrorKinds.Plan,
            problems is [var only] ? only.Message : $"{what} {(refused.Count == 1 ? "has" : "have")} {problems.Count} problems.",
            problems is [var first] ? first.Where : refused[0].Path,
            "Correct it; `luxhedge runbooks check` reads it again.",
            problems));
    }

    /// <summary>One file, whatever its name.</summary>
    /// <exception cref="RefusalException">The file itself can't be read.</exception>
    public RunbookReading Read(string path)
    {
        var reading = new Reading(this);
        var definition = reading.Read(Path.GetFullPath(path), path, chain: []);
        return new RunbookReading(Path.GetFullPath(path), reading.Problems.Count == 0 ? definition : null, reading.Problems);
    }

    /// <summary>At most so many bytes of a file, however long it is.</summary>
    private static byte[] Bytes(string full, string path)
    {
        try
        {
            using var file = new FileStream(full, FileMode.Open, FileAccess.Read);
            var bytes = new byte[MaxBytes + 1];
            var read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return bytes[..read];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(ErrorKinds.Plan, $"The runbook can't be read: {e.Message}", path, "Check the path and who may read it.", e);
        }
    }

    /// <summary>One runbook with all that it embeds. Each file is read once.</summary>
    private sealed class Reading(RunbookLoader loader)
    {
        private readonly Dictionary<string, RunbookDefinition?> read = new(StringComparer.Ordinal);
        private readonly Dictionary<RunbookDefinition, long> sizes = new(ReferenceEqualityComparer.Instance);

        public List<Problem> Problems { get; } = [];

        /// <returns>Null: it is refused, and why is in <see cref="Problems"/>.</returns>
        /// <param name="shown">The path as the person wrote it.</param>
        /// <param name="chain">The runbooks around it, outermost first.</param>
        public RunbookDefinition? Read(string full, string shown, IReadOnlyList<string> chain)
        {
            var bytes = Bytes(full, shown);
            try
            {
                return YamlTree.Read(bytes, MaxBytes) is YamlMapping root
                    ? Judge(root, full, shown, chain, Convert.ToHexStringLower(SHA256.HashData(bytes)))
                    : throw new YamlRefusal(new Place(1, 1), "A runbook holds fields: runbook, version, title, steps and so on.");
            }
            catch (YamlRefusal refusal)
            {
                Add([new Finding(refusal.At, "", refusal.Message)], shown);
                return null;
            }
        }

        private RunbookDefinition? Judge(YamlMapping root, string full, string shown, IReadOnlyList<string> chain, string sha256)
        {
            var check = new ShapeCheck(loader.NamesOf);
            check.Check(root, loader.shape.Root, "");
            if (check.IsFull || Steps(root) > MaxSteps)
            {
                Add(check.IsFull ? check.Findings : [new Finding(root["steps"]!.At, "steps", $"there are {Steps(root):N0} steps; at most {MaxSteps:N0} make a runbook")], shown);
                return null;
            }

            var findings = check.Findings;
            CheckName(root, full, findings);
            var before = Problems.Count;
            var nested = Nested(root, chain, findings);
            var rules = new RunbookRules(root, loader.actions, loader.plan, nested);
            rules.Check();
            findings.AddRange(rules.Problems);
            if (findings.Count > 0 || Problems.Count > before)
            {
                Add(findings, shown);
                return null;
            }

            var definition = new RunbookBinder(loader.actions, nested).Bind(root, sha256);
            var steps = definition.Steps.Concat(definition.Cleanup).Sum(Count);
            // What stands in it is known already: a runbook that embeds a large one many times is never written out.
            var size = RunbookRules.AllSteps(root["steps"]).Concat(RunbookRules.AllSteps(root["cleanup"]))
                .Select(s => s.Text("runbook")).OfType<string>().Sum(name => sizes[nested[name]]);
            if (steps <= MaxSteps && size <= MaxDefinition)
            {
                size = sizes[definition] = JsonSerializer.SerializeToUtf8Bytes(definition, LuxJson.Options).Length;
            }

            if (steps > MaxSteps || size > MaxDefinition)
            {
                Add(
                    [new Finding(root["steps"]!.At, "steps", steps > MaxSteps
                        ? $"there are {steps:N0} steps, those of the runbooks in it counted; at most {MaxSteps:N0} make a runbook"
                        : $"with the runbooks in it the runbook has {size:N0} bytes; at most {MaxDefinition:N0} can be run")],
                    shown);
                return null;
            }

            return definition;
        }

        private void CheckName(YamlMapping root, string full, List<Finding> findings)
        {
            if (root["runbook"] is YamlScalar name && Path.GetDirectoryName(full) == loader.Folder && name.Text != Path.GetFileNameWithoutExtension(full))
            {
                findings.Add(new Finding(name.At, "runbook", $"is {ShapeCheck.Echo(name.Text)} in the file {Path.GetFileName(full)}; in the folder of the runbooks it must be the file's name"));
            }
        }

        private Dictionary<string, RunbookDefinition> Nested(YamlMapping root, IReadOnlyList<string> chain, List<Finding> findings)
        {
            var nested = new Dictionary<string, RunbookDefinition>(StringComparer.Ordinal);
            var inside = root.Text("runbook") is { } own ? [.. chain, own] : chain;
            foreach (var name in RunbookRules.AllSteps(root["steps"]).Concat(RunbookRules.AllSteps(root["cleanup"])).Select(s => s["runbook"]).OfType<YamlScalar>())
            {
                if (Definition(name, inside, findings) is { } definition)
                {
                    nested[name.Text] = definition;
                }
            }

            return nested;
        }

        private RunbookDefinition? Definition(YamlScalar name, IReadOnlyList<string> inside, List<Finding> findings)
        {
            if (Scalars.Id.Check(name) is not null)
            {
                return null;
            }

            if (inside.Contains(name.Text, StringComparer.Ordinal))
            {
                findings.Add(new Finding(name.At, "runbook", $"{string.Join(" runs ", [.. inside.SkipWhile(n => n != name.Text), name.Text])}: it would never end"));
                return null;
            }

            if (inside.Count > MaxNesting)
            {
                findings.Add(new Finding(name.At, "runbook", $"runbooks stand at most {MaxNesting} deep in each other, and this one would be deeper"));
                return null;
            }

            // How deep it may stand depends on where it stands, so what was read at one depth says nothing about a greater one.
            var key = $"{inside.Count}/{name.Text}";
            if (read.TryGetValue(key, out var known))
            {
                return known;
            }

            var path = Path.Combine(loader.Folder, name.Text + ".yaml");
            if (!File.Exists(path))
            {
                findings.Add(new Finding(name.At, "runbook", $"there is no runbook {ShapeCheck.Echo(name.Text)} in {loader.Folder}{Suggestion.For(name.Text, loader.Names())}"));
                return null;
            }

            return read[key] = Read(path, path, inside);
        }

        private static int Steps(YamlMapping root) =>
            RunbookRules.AllSteps(root["steps"]).Concat(RunbookRules.AllSteps(root["cleanup"])).Count();

        private static long Count(RunbookStep step) =>
            1 + (step.Parallel ?? []).Concat(step.ForEach?.Steps ?? []).Concat(step.Nested?.Steps ?? []).Concat(step.Nested?.Cleanup ?? []).Sum(Count);

        private void Add(IEnumerable<Finding> findings, string shown) => Problems.AddRange(
            findings.Distinct().OrderBy(f => f.At.Line).ThenBy(f => f.At.Column)
                .Select(f => new Problem(f.ToString(), $"{shown}:{f.At.Line}:{f.At.Column}"))
                .Except(Problems).ToList());
    }

    private IReadOnlyCollection<string>? NamesOf(string section) => plan is null ? null : section switch
    {
        "people" => [.. plan.People.Keys],
        "groups" => [.. plan.Groups.Keys],
        "policies" => [.. plan.Policies.Keys],
        "assets" => [.. plan.Assets.Keys],
        _ => [],
    };
}

/// <summary>Where a plan's runbooks are.</summary>
public static class RunbookFolder
{
    public const string Name = "runbooks";

    /// <summary>The plan's own <c>runbooks</c>, else the folder <c>runbooks</c> beside it, else upward.</summary>
    /// <exception cref="RefusalException">Kind <c>plan</c>: there is none.</exception>
    public static string Find(Plan plan)
    {
        if (plan.Runbooks is { } named)
        {
            return Directory.Exists(named)
                ? named
                : throw new RefusalException(ErrorKinds.Plan, "The plan's folder of runbooks does not exist.", named, "Correct `runbooks` in the plan.");
        }

        for (var folder = new DirectoryInfo(Path.GetDirectoryName(plan.Path)!); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, Name);
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        throw new RefusalException(
            ErrorKinds.Plan, $"There is no folder {Name} beside the plan or in any folder above it.", plan.Path, "Name it in the plan: runbooks: FOLDER.");
    }
}
