namespace LuxHedge.Benchmarks;

/// <summary>One line of <c>--json</c>.</summary>
/// <param name="Ours">In the unit that <paramref name="What"/> tells, as <paramref name="Theirs"/>.</param>
/// <param name="Ratio">Ours / theirs.</param>
/// <param name="Goal">The ratio must not be above it.</param>
public sealed record BenchmarkRow(string Id, string What, string Against, double Ours, double Theirs, double Ratio, double Goal, bool Met)
{
    public static BenchmarkRow Of(string id, string what, string against, double ours, double theirs, double goal) =>
        new(id, what, against, Math.Round(ours, 2), Math.Round(theirs, 2), Math.Round(ours / theirs, 3), goal, ours / theirs <= goal);
}
