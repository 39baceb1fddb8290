using LuxHedge.Workflows;

namespace LuxHedge.Activities.Plans;

/// <summary>What reading a plan came to.</summary>
/// <param name="Plan">Null when there are <paramref name="Problems"/>.</param>
/// <param name="Problems">Why it is refused: all of it at once, in the order of the file; each with <c>file:line:column</c>.</param>
/// <param name="Warnings">What is accepted and worth a look: a target that only later work meets, a person who has no key yet.</param>
public sealed record PlanReading(string Path, Plan? Plan, IReadOnlyList<Problem> Problems, IReadOnlyList<Problem> Warnings);

/// <summary>Reads <c>luxhedge.yaml</c> strictly: what is not known, not whole or not possible is refused. No secret is resolved and no server asked.</summary>
public static class PlanLoader
{
    /// <exception cref="RefusalException">Kind <c>plan</c>, with every problem of the file.</exception>
    public static Plan Load(string path)
    {
        var reading = Read(path);
        return reading.Plan ?? throw new RefusalException(new ErrorReport(
            ErrorKinds.Plan,
            reading.Problems is [var only] ? only.Message : $"The plan has {reading.Problems.Count} problems.",
            reading.Problems is [var one] ? one.Where : path,
            "Correct the plan; `luxhedge plan check` reads it again.",
            reading.Problems));
    }

    /// <summary>As <see cref="Load"/>, with problems and warnings as data. Throws only where the file itself can't be read.</summary>
    public static PlanReading Read(string path)
    {
        var full = Path.GetFullPath(path);
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(ErrorKinds.Plan, $"The plan can't be read: {e.Message}", path, "Check the path and who may read it.", e);
        }

        try
        {
            return YamlTree.Read(bytes) is YamlMapping root
                ? Judge(root, path, full)
                : throw new YamlRefusal(new Place(1, 1), "A plan holds fields: version, temporal, writer, keys, stores, assets and so on.");
        }
        catch (YamlRefusal refusal)
        {
            return new PlanReading(full, null, [Named(new Finding(refusal.At, "", refusal.Message), path)], []);
        }
    }

    private static PlanReading Judge(YamlMapping root, string path, string full)
    {
        var shape = new ShapeCheck(root);
        shape.Check(root, PlanShape.Root, "");
        var rules = new PlanRules(root, Path.GetDirectoryName(full)!);
        rules.Check();
        var problems = InOrder(shape.Findings.Concat(rules.Problems), path);
        return new PlanReading(full, problems.Count == 0 ? new PlanBinder(full).Bind(root) : null, problems, InOrder(rules.Warnings, path));
    }

    private static List<Problem> InOrder(IEnumerable<Finding> findings, string path) =>
        [.. findings.Distinct().OrderBy(f => f.At.Line).ThenBy(f => f.At.Column).Select(f => Named(f, path))];

    private static Problem Named(Finding finding, string path) => new(finding.ToString(), $"{path}:{finding.At.Line}:{finding.At.Column}");
}
