namespace LuxHedge.Activities.Database.Restore;

/// <summary>Which lane loads which range: the same answer on every machine and at every attempt.</summary>
internal static class LaneAssignment
{
    /// <summary>The largest ranges first, each to the lane with the least so far; a lane loads its largest first.</summary>
    /// <param name="ranges">Number and raw bytes.</param>
    public static IReadOnlyList<IReadOnlyList<int>> Assign(IEnumerable<(int Number, long Bytes)> ranges, int lanes)
    {
        var sums = new long[lanes];
        var assigned = Enumerable.Range(0, lanes).Select(_ => new List<int>()).ToList();
        foreach (var (number, bytes) in ranges.OrderByDescending(r => r.Bytes).ThenBy(r => r.Number))
        {
            var lane = Array.IndexOf(sums, sums.Min());
            sums[lane] += bytes + 1;
            assigned[lane].Add(number);
        }

        return assigned;
    }
}
