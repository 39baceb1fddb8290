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
            var root = (YamlMapping)YamlTree.Read(bytes);
            return new PlanReading(full, new PlanBinder(full).Bind(root), [], []);
        }
        catch (YamlRefusal refusal)
        {
            return new PlanReading(full, null, [new Problem(refusal.Message, $"{path}:{refusal.At.Line}:{refusal.At.Column}")], []);
        }
    }
}
