namespace LuxHedge.Activities.Catalog;

/// <summary>A backup of an emptied database restores perfectly. What gives it away is the one before it.</summary>
public static class SuspectCheck
{
    /// <summary>
    /// Why the new backup is suspect; empty when it is not. Compared are whole backups of one database only: a first backup, a safety backup
    /// of another database and named collections have nothing to be compared with.
    /// </summary>
    /// <param name="previous">The newest eligible backup of the asset; null: there is none.</param>
    /// <param name="share">The plan's <c>suspectShare</c>, 0 to 1: a fall of documents or raw bytes by more is suspect.</param>
    public static IReadOnlyList<string> Compare(Manifest? previous, Manifest next, double share)
    {
        if (previous is null || next.OnlyCollections is not null || previous.OnlyCollections is not null
            || previous.Source.Database != next.Source.Database)
            return [];

        var reasons = new List<string>();
        AddFall("documents", previous.Documents, next.Documents);
        AddFall("bytes", previous.RawBytes, next.RawBytes);
        var lost = previous.CollectionDocuments.Keys.Except(next.CollectionDocuments.Keys).Order(StringComparer.Ordinal).ToList();
        if (lost.Count > 0)
            reasons.Add($"collections that {previous.Id} has are gone: {string.Join(", ", lost)}");
        return reasons;

        void AddFall(string what, long before, long now)
        {
            if (now < before * (1 - share))
                reasons.Add($"{what} fell from {before:N0} in {previous.Id} to {now:N0}, by {(before - now) * 100.0 / before:0.#} % (more than {share * 100:0.#} %)");
        }
    }
}
