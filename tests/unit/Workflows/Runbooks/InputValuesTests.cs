using System.Text.Json;
using CsCheck;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Unit.Workflows.Runbooks;

public sealed class InputValuesTests
{
    [Theory]
    [InlineData(InputTypes.Text, "a b", "\"a b\"")]
    [InlineData(InputTypes.Number, "-0.5", "-0.5")]
    [InlineData(InputTypes.Flag, "true", "true")]
    [InlineData(InputTypes.Duration, "1h30m", "\"PT1H30M\"")]
    [InlineData(InputTypes.Duration, "PT90M", "\"PT1H30M\"")]
    [InlineData(InputTypes.Time, "2026-11-23T09:15:00+01:00", "\"2026-11-23T08:15:00.000Z\"")]
    [InlineData(InputTypes.List, "users, positions,", "[\"users\",\"positions\"]")]
    [InlineData(InputTypes.Backup, "latest", "\"latest\"")]
    [InlineData(InputTypes.Target, "main/luxhedge_drill_0a1b2c3d", "\"main/luxhedge_drill_0a1b2c3d\"")]
    public void What_a_person_writes_becomes_a_value_of_its_type(string type, string text, string expected)
    {
        Assert.True(InputValues.TryRead(type, text, out var value, out _));
        Assert.Equal(expected, value.GetRawText());
        Assert.Null(InputValues.WhyNot(type, value));
    }

    [Theory]
    [InlineData(InputTypes.Number, "1e999")]
    [InlineData(InputTypes.Number, "")]
    [InlineData(InputTypes.Flag, "yes")]
    [InlineData(InputTypes.Duration, "5")]
    [InlineData(InputTypes.Duration, "P1Y")]
    [InlineData(InputTypes.Time, "yesterday")]
    [InlineData(InputTypes.Time, "2026-13-01T00:00:00Z")]
    [InlineData(InputTypes.Target, "main")]
    [InlineData(InputTypes.Target, "main/a.b")]
    [InlineData(InputTypes.Target, "main/a\nproduction")]
    [InlineData(InputTypes.Asset, "../x")]
    [InlineData(InputTypes.Backup, "a/b")]
    [InlineData(InputTypes.Object, "{}")]
    public void What_is_none_is_refused_with_a_reason(string type, string text)
    {
        Assert.False(InputValues.TryRead(type, text, out _, out var why));
        Assert.NotEmpty(why);
    }

    [Fact]
    public void What_a_run_is_given_fits_its_types_or_fails_by_name()
    {
        var types = new Dictionary<string, string> { ["patience"] = InputTypes.Duration, ["names"] = InputTypes.List };

        Assert.Equal("\"PT15M\"", InputValues.Fit("patience", JsonElement.Parse("\"15m\""), types).GetRawText());
        Assert.Equal("null", InputValues.Fit("patience", JsonElement.Parse("null"), types).GetRawText());
        Assert.Equal("true", InputValues.Fit("anything", JsonElement.Parse("true"), new Dictionary<string, string> { ["anything"] = InputTypes.Object }).GetRawText());
        Assert.Equal("3", InputValues.Fit("untyped", JsonElement.Parse("3"), types).GetRawText());
        Assert.Contains("'names' must be a list", Assert.Throws<ApplicationFailureException>(() => InputValues.Fit("names", JsonElement.Parse("\"users\""), types)).Message);
        Assert.Contains("'patience' must be a duration", Assert.Throws<ApplicationFailureException>(() => InputValues.Fit("patience", JsonElement.Parse("5"), types)).Message);
    }

    [Fact]
    public void A_duration_that_is_written_is_read_again() =>
        Gen.Int[0, 40_000_000].Select(s => TimeSpan.FromSeconds(s)).Sample(span =>
            Durations.TryParse(Durations.Write(span), out var read) && read == span
            && Durations.TryParseIso(Durations.ToIso(span), out var iso) && iso == span);
}
