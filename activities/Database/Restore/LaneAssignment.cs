namespace LuxHedge.Activities.Database.Restore;

/// <summary>Which lane loads which range: the same answer on every machine and at every attempt.</summary>
internal static class LaneAssignment
{
    /// <summary>
    /// The largest ranges first, each to the lane with the least so far. Those of about a size (within a factor of two) go by their numbers, as their
    /// <c>_id</c>s do: lanes that insert near each other, in ascending order, cost a server less than all over its tree.
    /// </summary>
    /// <param name="ranges">Number and raw bytes.</param>
    public static IReadOnlyList<IReadOnlyList<int>> Assign(IEnumerable<(int Number, long Bytes)> ranges, int lanes)
    {
        var sums = new long[lanes];
        var assigned = Enumerable.Range(0, lanes).Select(_ => new List<int>()).ToList();
        foreach (var (number, bytes) in ranges.OrderByDescending(r => long.Log2(r.Bytes + 1)).ThenBy(r => r.Number))
        {
            var lane = Array.IndexOf(sums, sums.Min());
            sums[lane] += bytes + 1;
            assigned[lane].Add(number);
        }

        return assigned;
    }
}
