using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class RunIdsTests
{
    [Fact]
    public void Ids_sort_by_time_and_name_what_they_are_of()
    {
        var at = new DateTimeOffset(2026, 11, 23, 3, 0, 0, TimeSpan.FromHours(1));
        var random = Guid.Parse("7f3a0000-0000-0000-0000-000000000000");

        Assert.Equal("20261123T020000Z-luxhedge_production-7f3a", RunIds.BackupId(at, "luxhedge_production", random));
        Assert.Equal("20261123T020000Z-backup-luxhedge_production-7f3a", RunIds.Create(at, "backup-luxhedge_production", random));
    }

    [Fact]
    public void Failed_beats_not_proven_beats_proven_and_nothing_is_not_proven()
    {
        Assert.Equal(Verdict.Failed, Verdicts.Worst([Verdict.Proven, Verdict.Failed, Verdict.NotProven]));
        Assert.Equal(Verdict.NotProven, Verdicts.Worst([Verdict.Proven, Verdict.NotProven]));
        Assert.Equal(Verdict.NotProven, Verdicts.Worst([]));
    }
}
