using LuxHedge.Activities.Catalog;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database;

/// <summary>Whether an index is one whole: with the manifest, with what was planned, with itself. No I/O.</summary>
internal static class VerificationOfIndex
{
    /// <param name="ranges">The planned ranges and those of round 1, as far as they could be read.</param>
    /// <param name="objects">Names that <c>objects.json</c> has.</param>
    public static IEnumerable<string> Problems(
        IndexDocument index, Manifest manifest, IReadOnlyList<RangesDocument> ranges, IReadOnlySet<string> objects)
    {
        if (index.Format != IndexDocument.FormatName)
            yield return $"has the format '{index.Format}', not {IndexDocument.FormatName}";
        if (index.Backup != manifest.Id || index.Asset != manifest.Asset)
            yield return $"is the index of backup {index.Backup} of asset '{index.Asset}'";
        if (index.StartMark != manifest.StartMark || index.EndMark != manifest.EndMark)
            yield return $"has the marks {index.StartMark} and {index.EndMark}, the manifest {manifest.StartMark} and {manifest.EndMark}";

        foreach (var foreign in ranges.Where(r => r.Format != RangesDocument.FormatName || r.Backup != manifest.Id))
            yield return $"has planned ranges of backup {foreign.Backup} ({foreign.Format}) beside it";

        foreach (var pack in index.Chunks.Concat(index.Oplog).Concat(index.Earlier).Select(c => c.Pack).Distinct().Where(p => !objects.Contains(p)))
            yield return $"names the pack {pack}, which the list of objects has not";

        foreach (var problem in Planned(index, ranges).Concat(Ranges(index)).Concat(Oplog(index)))
            yield return problem;
    }

    /// <summary>A range's parts were cut by one reading of the source: two readings' parts do not fit each other.</summary>
    /// <param name="attempts">Of each pack that could be read.</param>
    public static IEnumerable<string> MixedAttempts(IndexDocument index, IReadOnlyDictionary<string, string> attempts) =>
        from range in index.Chunks.Where(c => attempts.ContainsKey(c.Pack)).GroupBy(c => c.Chunk.Range)
        let writers = range.Select(c => attempts[c.Pack]).Distinct().Count()
        where writers > 1
        select $"takes range {range.Key} from {writers} attempts";

    /// <summary>What was planned is there, or the index says that it went: nothing is left out in silence.</summary>
    private static IEnumerable<string> Planned(IndexDocument index, IReadOnlyList<RangesDocument> ranges)
    {
        var here = index.Collections.Select(c => c.Collection.Uuid).Concat(index.Discarded).ToHashSet();
        foreach (var lost in ranges.SelectMany(r => r.Collections).Where(c => c.Uuid is not null && !here.Contains(c.Uuid)))
            yield return $"has no collection '{lost.Name}' ({lost.Uuid}), though it was planned and not dropped";

        if (ranges.Count == 0)
            yield break;
        var planned = ranges.SelectMany(r => r.Ranges).ToLookup(r => r.Number);
        foreach (var range in index.Collections.SelectMany(c => c.Ranges).Where(r => !planned[r.Number].Contains(r)))
            yield return $"has a range {range.Number} of '{range.Collection}' that was not planned so";
    }

    /// <summary>Every collection's ranges touch bound to bound from open end to open end, and each has its parts once.</summary>
    private static IEnumerable<string> Ranges(IndexDocument index)
    {
        var chunks = index.Chunks.ToLookup(c => c.Chunk.Range);
        var known = new HashSet<int>();
        foreach (var (collection, ranges, documents, rawBytes) in index.Collections)
        {
            var name = collection.Name;
            if (collection.Type != "view" && ranges.Count == 0)
                yield return $"has no range of '{name}'";
            for (var i = 0; i < ranges.Count; i++)
            {
                if (!known.Add(ranges[i].Number))
                    yield return $"has range {ranges[i].Number} twice";
                if (ranges[i].Uuid != collection.Uuid)
                    yield return $"has a range {ranges[i].Number} of another collection below '{name}'";
                if (i == 0 && ranges[i].Min is not null)
                    yield return $"has nothing of '{name}' below {ranges[i].Min}";
                if (i == ranges.Count - 1 && ranges[i].Max is not null)
                    yield return $"has nothing of '{name}' from {ranges[i].Max} on";
                if (i > 0 && (ranges[i].Min is null || ranges[i].Min != ranges[i - 1].Max))
                    yield return $"has ranges of '{name}' that do not touch: one ends at {ranges[i - 1].Max}, the next begins at {ranges[i].Min}";

                var parts = chunks[ranges[i].Number].Select(c => c.Chunk).OrderBy(c => c.Part).ToList();
                if (!parts.Select(p => p.Part).SequenceEqual(Enumerable.Range(0, parts.Count)) || parts.Count == 0)
                    yield return $"has the parts {string.Join(",", parts.Select(p => p.Part))} of range {ranges[i].Number} of '{name}', not each once";
                else if (parts.FindIndex(p => p.LastPart) != parts.Count - 1)
                    yield return $"has no last part of range {ranges[i].Number} of '{name}', or more behind it";
            }

            var all = ranges.SelectMany(r => chunks[r.Number]).Select(c => c.Chunk).ToList();
            if (all.Sum(c => (long)c.Documents) != documents || all.Sum(c => (long)c.RawLength) != rawBytes)
                yield return $"has {all.Sum(c => (long)c.Documents)} documents in the parts of '{name}', and says {documents} (or their bytes differ)";
        }

        foreach (var stray in chunks.Select(c => c.Key).Where(r => !known.Contains(r)))
            yield return $"has parts of a range {stray} that no collection has";
    }

    /// <summary>From the start mark, or before it, to the end mark without a gap: each part begins with the last entry of the one before.</summary>
    private static IEnumerable<string> Oplog(IndexDocument index)
    {
        if (index.Oplog.Count == 0)
        {
            yield return "has no oplog between the marks";
            yield break;
        }

        var parts = index.Oplog.Select(c => c.Chunk).ToList();
        foreach (var part in parts.Concat(index.Earlier.Select(c => c.Chunk)).Where(p => p.FirstEntry is null || p.LastEntry is null || p.FirstEntry > p.LastEntry))
            yield return $"has an oplog part {part.Part} that does not say from where to where it goes";
        if (parts[0].FirstEntry > index.StartMark)
            yield return $"has an oplog that begins at {parts[0].FirstEntry}, after the start mark {index.StartMark}";
        for (var i = 1; i < parts.Count; i++)
        {
            if (parts[i].FirstEntry != parts[i - 1].LastEntry)
                yield return $"has a gap in the oplog: a part ends at {parts[i - 1].LastEntry}, the next begins at {parts[i].FirstEntry}";
        }

        if (parts[^1].Until is { } until && until != index.EndMark)
            yield return $"has an oplog that was cut at {until}, not at the end mark {index.EndMark}";
        if (!parts[^1].LastPart)
            yield return "has an oplog that does not reach the end mark";
    }
}
