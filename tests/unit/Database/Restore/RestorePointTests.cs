using System.Text.Json;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class RestorePointTests
{
    [Theory]
    [InlineData("2026-11-23T10:15:00Z", "2026-11-23T10:15:00.000Z")]
    [InlineData("2026-11-23T10:15:00", "2026-11-23T10:15:00.000Z")]
    [InlineData("2026-11-23T12:15:00+02:00", "2026-11-23T10:15:00.000Z")]
    [InlineData("2026-11-23T10:15Z", "2026-11-23T10:15:00.000Z")]
    [InlineData("2026-11-23 10:15:00", "2026-11-23T10:15:00.000Z")]
    [InlineData("2026-11-23T10:15:00.250Z", "2026-11-23T10:15:00.250Z")]
    [InlineData("1763892900.4", "1763892900.4")]
    [InlineData("1763892900:4", "1763892900.4")]
    [InlineData("latest", "latest")]
    public void A_moment_is_a_time_a_cluster_time_or_the_latest(string text, string written)
    {
        Assert.True(RestorePoint.TryParse(text, out var point));
        Assert.Equal(written, point.ToString());
        Assert.Equal(point, JsonSerializer.Deserialize<RestorePoint>(JsonSerializer.Serialize(point)));
    }

    [Theory]
    [InlineData("10:15")]
    [InlineData("10.15")]
    [InlineData("2026-11-23")]
    [InlineData("11/23/2026 10:15:00")]
    [InlineData("yesterday")]
    [InlineData("1763892900")]
    [InlineData("1763892900.-4")]
    [InlineData("1763892900.4.4")]
    [InlineData("99999999999.4")]
    [InlineData("")]
    public void What_could_mean_another_moment_is_none(string text) => Assert.False(RestorePoint.TryParse(text, out _));

    [Fact]
    public void A_time_is_all_of_its_second_and_a_cluster_time_nothing_after_it()
    {
        Assert.Equal(new ClusterTime(1_763_892_900, uint.MaxValue), RestorePoint.At(DateTimeOffset.FromUnixTimeMilliseconds(1_763_892_900_999)).Until);
        Assert.Equal(new ClusterTime(1_763_892_900, 4), RestorePoint.At(new ClusterTime(1_763_892_900, 4)).Until);
        Assert.Null(RestorePoint.Latest.Until);
    }
}
