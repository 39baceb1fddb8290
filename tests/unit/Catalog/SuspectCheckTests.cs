using CsCheck;
using LuxHedge.Activities.Catalog;

namespace LuxHedge.Tests.Unit.Catalog;

public sealed class SuspectCheckTests
{
    [Fact]
    public void The_first_backup_has_nothing_to_be_compared_with() => Assert.Empty(SuspectCheck.Compare(null, Create(0, 0), 0.2));

    [Fact]
    public void An_emptied_database_is_suspect()
    {
        var reasons = SuspectCheck.Compare(Create(1_000, 50_000), Create(0, 0), 0.2);

        Assert.Equal(2, reasons.Count);
        Assert.Contains("documents fell from 1,000 in 20261123T020000Z-a-0000 to 0, by 100 % (more than 20 %)", reasons[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_collection_is_suspect_by_name()
    {
        var reasons = SuspectCheck.Compare(Create(100, 100, "users", "cars"), Create(100, 100, "users", "boats"), 0.2);

        Assert.EndsWith("are gone: cars", Assert.Single(reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void A_fall_by_the_share_itself_is_not_suspect_and_by_more_is() =>
        Gen.Select(Gen.Long[1, 1_000_000], Gen.Long[0, 1_000_000], Gen.Int[0, 100]).Sample((before, now, percent) =>
        {
            var suspect = SuspectCheck.Compare(Create(before, 1), Create(now, 1), percent / 100.0).Count > 0;
            // In whole numbers: more than percent of before is gone.
            var fell = (before - now) * 100 > before * percent;
            if ((before - now) * 100 != before * percent)
                Assert.Equal(fell, suspect);
        });

    [Fact]
    public void Backups_of_named_collections_and_of_other_databases_are_not_compared()
    {
        var before = Create(1_000, 1_000, "users");
        Assert.Empty(SuspectCheck.Compare(before, Create(0, 0) with { OnlyCollections = ["users"] }, 0.2));
        Assert.Empty(SuspectCheck.Compare(before with { OnlyCollections = ["users"] }, Create(0, 0), 0.2));
        Assert.Empty(SuspectCheck.Compare(before, Create(0, 0) with { Source = new("host", "other", "8") }, 0.2));
    }

    private static Manifest Create(long documents, long bytes, params string[] collections) => new(
        Manifest.FormatName, "20261123T020000Z-a-0000", "a", "database", "run", "writer", default, default, default, new(1, 1), new(2, 1), new("host", "db", "8"),
        collections.Length, documents, bytes, 1, ["k"], new("objects", 1, "h"), false, false, [], null, collections.ToDictionary(c => c, _ => 1L));
}
