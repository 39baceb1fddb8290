using CsCheck;
using LuxHedge.Activities.Catalog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Unit.Catalog;

public sealed class BackupStandingTests
{
    private const string Asset = "luxhedge_production";
    private const string Hash = "aa";
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static readonly StoredRecord Verified = Record(RecordKinds.Verified, 1, VerificationLevel.Integrity, Verdict.Proven);

    [Fact]
    public void A_verified_backup_is_eligible_and_not_yet_proven()
    {
        var summary = Judge([Verified]).Summary;

        Assert.True(summary.Eligible);
        Assert.Empty(summary.Notes);
        Assert.Equal(Verdict.NotProven, summary.Verdict);
        Assert.Equal(Verified.Record.At, Assert.Single(summary.Copies).VerifiedAt);
    }

    [Fact]
    public void One_that_was_never_verified_is_not_eligible() => Assert.False(Judge([]).Summary.Eligible);

    [Fact]
    public void Presence_alone_is_no_verification() =>
        Assert.False(Judge([Record(RecordKinds.Verified, 1, VerificationLevel.Presence, Verdict.Proven)]).Summary.Eligible);

    [Fact]
    public void A_record_of_another_manifest_counts_for_nothing() =>
        Assert.False(Judge([Verified with { Record = Verified.Record with { ManifestSha256 = "bb" } }]).Summary.Eligible);

    [Fact]
    public void A_restore_test_proves() =>
        Assert.Equal(Verdict.Proven, Judge([Verified, Record(RecordKinds.Verified, 2, VerificationLevel.Restore, Verdict.Proven)]).Summary.Verdict);

    [Fact]
    public void A_failure_beats_an_earlier_proof_and_the_copy_is_no_longer_verified()
    {
        var judged = Judge([
            Verified, Record(RecordKinds.Verified, 2, VerificationLevel.Restore, Verdict.Proven), Record(RecordKinds.Verified, 3, VerificationLevel.Presence, Verdict.Failed)]);

        Assert.Equal(Verdict.Failed, judged.Summary.Verdict);
        Assert.False(judged.Summary.Eligible);
        Assert.Null(judged.Copies[0].VerifiedAt);
    }

    [Theory]
    [InlineData(VerificationLevel.Presence, VerificationLevel.Presence, true)]
    [InlineData(VerificationLevel.Presence, VerificationLevel.Integrity, true)]
    [InlineData(VerificationLevel.Integrity, VerificationLevel.Integrity, true)]
    [InlineData(VerificationLevel.Integrity, VerificationLevel.Presence, false)]
    [InlineData(VerificationLevel.Integrity, VerificationLevel.Restore, false)]
    [InlineData(VerificationLevel.Restore, VerificationLevel.Integrity, false)]
    [InlineData(VerificationLevel.Restore, VerificationLevel.Restore, true)]
    public void A_failure_is_cleared_only_by_a_check_that_would_find_it_again(VerificationLevel failed, VerificationLevel passed, bool cleared)
    {
        var judged = Judge([
            Verified, Record(RecordKinds.Verified, 2, failed, Verdict.Failed), Record(RecordKinds.Verified, 3, passed, Verdict.NotProven),
            Record(RecordKinds.Verified, 4, passed, Verdict.Proven)]);

        Assert.Equal(cleared, judged.Summary.Verdict != Verdict.Failed);
    }

    [Fact]
    public void A_check_that_could_not_look_changes_nothing()
    {
        Assert.True(Judge([Verified, Record(RecordKinds.Verified, 2, VerificationLevel.Integrity, Verdict.NotProven)]).Summary.Eligible);
        Assert.Equal(Verdict.Failed, Judge([
            Record(RecordKinds.Verified, 1, VerificationLevel.Integrity, Verdict.Failed), Record(RecordKinds.Verified, 2, VerificationLevel.Integrity, Verdict.NotProven)])
            .Summary.Verdict);
    }

    [Fact]
    public void A_failed_copy_leaves_the_backup_eligible_by_another_copy_and_its_verdict_Failed()
    {
        var judged = Judge([Verified, Record(RecordKinds.Verified, 2, VerificationLevel.Integrity, Verdict.Failed, "nas")], ["s3", "nas"]);

        Assert.True(judged.Summary.Eligible);
        Assert.Equal(Verdict.Failed, judged.Summary.Verdict);
    }

    [Fact]
    public void A_copy_that_lost_its_manifest_still_makes_it_Failed() =>
        Assert.Equal(Verdict.Failed, Judge([Verified, Record(RecordKinds.Verified, 2, VerificationLevel.Presence, Verdict.Failed, "nas")], ["s3"]).Summary.Verdict);

    [Theory]
    [InlineData("safety")]
    [InlineData("during a restore")]
    [InlineData("named collections")]
    [InlineData("suspect")]
    [InlineData("ahead")]
    [InlineData("expired")]
    public void These_are_not_eligible_though_verified(string why)
    {
        var manifest = Manifest();
        var records = new List<StoredRecord> { Verified };
        switch (why)
        {
            case "safety": manifest = manifest with { Safety = true }; break;
            case "during a restore": manifest = manifest with { DuringRestore = true }; break;
            case "named collections": manifest = manifest with { OnlyCollections = ["users"] }; break;
            case "suspect": manifest = manifest with { Suspect = ["documents fell"] }; break;
            case "ahead": manifest = manifest with { SealedAt = Now + BackupStanding.MaxStampAhead + TimeSpan.FromSeconds(1) }; break;
            case "expired": records.Add(Record(RecordKinds.Expired, 2, null, null)); break;
            default: throw new ArgumentOutOfRangeException(nameof(why));
        }

        var summary = BackupStanding.Judge(manifest, Hash, ["s3"], records, Now).Summary;

        Assert.False(summary.Eligible);
        Assert.Single(summary.Notes);
    }

    [Fact]
    public void A_suspect_backup_is_eligible_once_a_persons_decision_that_counts_accepts_it()
    {
        var manifest = Manifest() with { Suspect = ["documents fell"] };
        var accepted = Record(RecordKinds.Accepted, 2, null, null);
        var signed = accepted with
        {
            Record = accepted.Record with { Decision = new("ns", "run", "accept", "n", "h", LuxHedge.Workflows.Approvals.DecisionKind.Approved, "alice", "cleaned", Now, "alice", "sig") },
        };

        Assert.True(BackupStanding.Judge(manifest, Hash, ["s3"], [Verified, signed], Now, _ => null).Summary.Eligible);
        Assert.False(BackupStanding.Judge(manifest, Hash, ["s3"], [Verified, signed], Now, _ => "no such person").Summary.Eligible);
        Assert.False(BackupStanding.Judge(manifest, Hash, ["s3"], [Verified, accepted], Now, _ => null).Summary.Eligible);
    }

    [Fact]
    public void An_expiry_that_was_withdrawn_does_not_count()
    {
        var expired = Record(RecordKinds.Expired, 2, null, null);
        var released = Record(RecordKinds.Released, 3, null, null);

        Assert.True(Judge([Verified, expired, released with { Record = released.Record with { Ends = expired.Name } }]).Summary.Eligible);
        Assert.False(Judge([Verified, expired, released with { Record = released.Record with { Ends = "another" } }]).Summary.Eligible);
    }

    [Fact]
    public void Nothing_is_ever_Proven_over_a_standing_failure()
    {
        var record = Gen.Select(Gen.Int[1, 50], Gen.Enum<VerificationLevel>(), Gen.Enum<Verdict>(), Gen.Bool)
            .Select((minute, level, verdict, nas) => Record(RecordKinds.Verified, minute, level, verdict, nas ? "nas" : "s3"));
        record.Array[0, 12].Sample(records =>
        {
            var summary = Judge(records, ["s3", "nas"]).Summary;
            var newestOfLevel = records.GroupBy(r => (r.Store, r.Record.Level)).Select(g => g.OrderBy(r => r.Record.At).Last());
            if (newestOfLevel.Any(r => r.Record.Verdict == Verdict.Failed && r.Record.Level != VerificationLevel.Presence))
                Assert.Equal(Verdict.Failed, summary.Verdict);
            if (summary.Verdict == Verdict.Proven)
                Assert.Contains(records, r => r.Record is { Level: VerificationLevel.Restore, Verdict: Verdict.Proven });
            Assert.Equal(summary.Copies.Any(c => c.VerifiedAt is not null), summary.Eligible);
        });
    }

    private static CatalogBackup Judge(IReadOnlyList<StoredRecord> records, IReadOnlyList<string>? stores = null) =>
        BackupStanding.Judge(Manifest(), Hash, stores ?? ["s3"], records, Now);

    private static Manifest Manifest() => new(
        Activities.Catalog.Manifest.FormatName, $"20261123T020000Z-{Asset}-7f3a", Asset, "database", "run", "writer", Now.AddHours(-10), Now.AddHours(-9), Now.AddHours(-9),
        new(1, 1), new(2, 1), new("host", "db", "8"), 1, 10, 100, 50, ["k"], new("objects", 1, "h"), false, false, [], null, new Dictionary<string, long>());

    private static StoredRecord Record(string kind, int minute, VerificationLevel? level, Verdict? verdict, string store = "s3") =>
        new(store, $"{kind}-{minute}-{store}", new BackupRecord(
            BackupRecord.FormatName, kind, Asset, $"20261123T020000Z-{Asset}-7f3a", store, Now.AddHours(-1).AddMinutes(minute), "run", "writer", Hash)
        {
            Level = level,
            Verdict = verdict,
        });
}
