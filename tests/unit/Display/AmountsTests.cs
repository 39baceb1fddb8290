using LuxHedge.Worker.Display;

namespace LuxHedge.Tests.Unit.Display;

public sealed class AmountsTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(67_108_864, "64 MiB")]
    [InlineData(1_099_511_627_776, "1 TiB")]
    public void Bytes_are_scaled_by_1024(double bytes, string expected) => Assert.Equal(expected, Amounts.Bytes(bytes));

    [Theory]
    [InlineData(0, "0 s")]
    [InlineData(0.25, "250 ms")]
    [InlineData(0.0001, "1 ms")]
    [InlineData(4.23, "4.2 s")]
    [InlineData(59.96, "1 min")]
    [InlineData(185, "3 min 5 s")]
    [InlineData(3600, "1 h")]
    [InlineData(7800, "2 h 10 min")]
    [InlineData(792_000, "9 d 4 h")]
    [InlineData(-5, "-5 s")]
    public void Spans_have_two_units_at_most(double seconds, string expected) => Assert.Equal(expected, Amounts.Span(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Counts_have_separators() => Assert.Equal("1,234,567", Amounts.Count(1_234_567));
}
