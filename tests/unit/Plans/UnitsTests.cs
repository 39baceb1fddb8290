using CsCheck;
using LuxHedge.Activities.Plans;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class UnitsTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("15m", 900)]
    [InlineData("2h", 7200)]
    [InlineData("1h30m", 5400)]
    [InlineData("1d", 86400)]
    [InlineData("5w", 3024000)]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    public void Durations(string text, int seconds)
    {
        Assert.True(Units.TryDuration(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("2 h")]
    [InlineData("-2h")]
    [InlineData("30m1h")]
    [InlineData("1.5h")]
    [InlineData("PT2H")]
    [InlineData("9999999h")]
    [InlineData("2h\n")]
    public void No_durations(string text) => Assert.False(Units.TryDuration(text, out _));

    [Fact]
    public void A_duration_is_read_as_it_was_written() =>
        Gen.Int[0, 1_000_000_000].Sample(seconds =>
            Units.TryDuration(Units.Write(TimeSpan.FromSeconds(seconds)), out var read) && read == TimeSpan.FromSeconds(seconds));

    [Theory]
    [InlineData("64MiB", 64L << 20)]
    [InlineData("1B", 1)]
    [InlineData("2GiB", 2L << 30)]
    public void Sizes(string text, long bytes)
    {
        Assert.True(Units.TrySize(text, out var size));
        Assert.Equal(bytes, size);
    }

    [Theory]
    [InlineData("64")]
    [InlineData("64MB")]
    [InlineData("0MiB")]
    [InlineData("9999999999TiB")]
    public void No_sizes(string text) => Assert.False(Units.TrySize(text, out _));

    [Theory]
    [InlineData("30d", 30)]
    [InlineData("12w", 84)]
    [InlineData("7y", 2555)]
    public void Periods(string text, int days)
    {
        Assert.True(Units.TryPeriod(text, out var period));
        Assert.Equal(TimeSpan.FromDays(days), period);
    }
}
