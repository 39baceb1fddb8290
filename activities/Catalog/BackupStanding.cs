using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Catalog;

/// <summary>What a manifest and its records amount to: verified copies, verdict, eligibility. No I/O.</summary>
public static class BackupStanding
{
    /// <summary>
    /// A stamp further ahead of this machine's clock than this is quarantined: future-dated backups would be the newest for ever, be chosen
    /// by <c>latest</c>, and use up retention's counts (restic's daily 7 with 7 future ones keeps no real one). Five minutes is more than
    /// clocks kept by NTP ever differ, and less than any schedule's period.
    /// </summary>
    public static readonly TimeSpan MaxStampAhead = TimeSpan.FromMinutes(5);

    /// <param name="stores">Where the manifest was found, in the plan's order.</param>
    /// <param name="records">All records of the backup; those of another manifest's hash count for nothing here.</param>
    /// <param name="acceptanceProblem">Why a person's decision accepts this backup not, or null.</param>
    public static CatalogBackup Judge(
        Manifest manifest, string manifestSha256, IReadOnlyList<string> stores, IReadOnlyList<StoredRecord> records, DateTimeOffset now,
        Func<Decision, string?>? acceptanceProblem = null)
    {
        var mine = records.Where(r => r.Record.ManifestSha256 == manifestSha256).ToList();
        var copies = stores.Select(s => Copy(s, mine)).ToList();
        // A store whose manifest is gone still tells what was last found there.
        var failures = mine.Select(r => r.Store).Distinct().SelectMany(s => StandingFailures(s, mine)).ToList();
        var proven = mine.Any(r => IsVerified(r, VerificationLevel.Restore, Verdict.Proven));
        var notes = Notes(manifest, copies, mine, now, acceptanceProblem ?? (_ => null));
        var summary = new BackupSummary(
            manifest.Id,
            manifest.Asset,
            manifest.Kind,
            manifest.CreatedAt,
            manifest.SealedAt,
            manifest.ConsistentAt,
            manifest.Documents,
            manifest.RawBytes,
            manifest.StoredBytes,
            [.. copies.Select(c => new CopySummary(c.Store, c.VerifiedAt))],
            Eligible: notes.Count == 0,
            failures.Count > 0 ? Verdict.Failed : proven ? Verdict.Proven : Verdict.NotProven)
        {
            Notes = notes,
        };
        return new CatalogBackup(manifest, manifestSha256, copies, records, summary);
    }

    /// <summary>Why it is not eligible; empty when it is.</summary>
    private static List<string> Notes(Manifest manifest, List<CatalogCopy> copies, List<StoredRecord> mine, DateTimeOffset now, Func<Decision, string?> acceptanceProblem)
    {
        var notes = new List<string>();
        if (copies.TrueForAll(c => c.VerifiedAt is null))
            notes.Add("not verified in any store");
        if (manifest.Suspect.Count > 0)
        {
            var refusals = mine.Where(r => r.Record.Kind == RecordKinds.Accepted)
                .Select(r => r.Record.Decision is { } decision ? acceptanceProblem(decision) : "no person's decision is in it").ToList();
            if (!refusals.Contains(null))
                notes.AddRange(manifest.Suspect.Select(reason => $"suspect: {reason}").Concat(refusals.Select(why => $"its acceptance does not count: {why}").Distinct()));
        }

        if (manifest.Safety)
            notes.Add("a safety backup of what a restore overwrote");
        if (manifest.DuringRestore)
            notes.Add("taken while a restore into the asset ran");
        if (manifest.OnlyCollections is { } only)
            notes.Add($"holds named collections only: {string.Join(", ", only)}");
        var stamp = BackupIds.TryParse(manifest.Id, out var idTime, out _) ? Latest(idTime, manifest.SealedAt) : manifest.SealedAt;
        if (stamp - now > MaxStampAhead)
            notes.Add($"quarantined: its stamp {stamp:u} is ahead of this machine's clock");
        if (Standing(RecordKinds.Expired, mine).Any())
            notes.Add("expired: retention is about to delete it");
        return notes;
    }

    /// <summary>Records of a kind that no <c>released</c> ends.</summary>
    public static IEnumerable<StoredRecord> Standing(string kind, IReadOnlyList<StoredRecord> records)
    {
        var ended = records.Where(r => r.Record.Kind == RecordKinds.Released && r.Record.Ends is not null).Select(r => r.Record.Ends!)
            .ToHashSet(StringComparer.Ordinal);
        return records.Where(r => r.Record.Kind == kind && !ended.Contains(r.Name));
    }

    private static CatalogCopy Copy(string store, List<StoredRecord> mine)
    {
        var failures = StandingFailures(store, mine).ToList();
        // A restore test that failed says nothing against the bytes.
        var bytesFailed = failures.Exists(f => f.Record.Level != VerificationLevel.Restore);
        var verified = mine.Where(r => r.Store == store && IsVerified(r, VerificationLevel.Integrity, Verdict.Proven)).ToList();
        return new CatalogCopy(store, bytesFailed || verified.Count == 0 ? null : verified.Max(r => r.Record.At), failures);
    }

    /// <summary>
    /// A finding stands until the same store passes a check that would find it again: presence is cleared by presence and integrity, integrity
    /// by integrity, a restore test by a restore test. A NotProven clears nothing: it could not look.
    /// </summary>
    private static IEnumerable<StoredRecord> StandingFailures(string store, List<StoredRecord> mine) =>
        mine.Where(r => r.Store == store && r.Record is { Kind: RecordKinds.Verified, Verdict: Verdict.Failed })
            .Where(failed => !mine.Exists(later =>
                later.Store == store
                && later.Record is { Kind: RecordKinds.Verified, Verdict: Verdict.Proven }
                && later.Record.At > failed.Record.At
                && Clears(later.Record.Level, failed.Record.Level)));

    private static bool Clears(VerificationLevel? passed, VerificationLevel? failed) =>
        passed == failed || (passed == VerificationLevel.Integrity && failed == VerificationLevel.Presence);

    private static bool IsVerified(StoredRecord record, VerificationLevel level, Verdict verdict) =>
        record.Record.Kind == RecordKinds.Verified && record.Record.Level == level && record.Record.Verdict == verdict;

    private static DateTimeOffset Latest(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}
