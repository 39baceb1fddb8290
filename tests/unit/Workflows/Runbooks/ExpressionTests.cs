using System.Text.Json;
using CsCheck;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Unit.Workflows.Runbooks;

public sealed class ExpressionTests
{
    private static readonly string[] Pieces =
    [
        "inputs", "steps", "mode", "run", ".", "backup", "drill", "'a'", "'", "==", "&&", "||", "!", "(", ")", "[0]", "15m", "3", "-1", "<", ">=", " ",
        "default", "length", ",", "null", "true", "${", "}", "$", "{", "\0", "\"", "system",
    ];

    private static readonly Scope Sample = new(
        new Dictionary<string, JsonElement>
        {
            ["backup"] = Json("\"latest\""),
            ["share"] = Json("0.25"),
            ["list"] = Json("""["users", "positions"]"""),
            ["limit"] = Json("\"PT1H\""),
            ["since"] = Json("\"2026-11-23T08:00:00.000Z\""),
            ["nothing"] = Json("null"),
        },
        new Dictionary<string, JsonElement>
        {
            ["restore"] = Json("""{"rpo": "PT10M", "documents": 204000, "checks": [{"name": "counts", "ok": true}], "a b": 1}"""),
        },
        new ModeFacts(RunMode.Drill, "main/luxhedge_drill_0a1b2c3d", "127.0.0.1:27017", "luxhedge_drill_0a1b2c3d"),
        new RunFacts("20261123T081500Z-drill-monthly-7f3a", "luxhedge_production", new(2026, 11, 23, 8, 15, 0, TimeSpan.Zero), null));

    [Theory]
    [InlineData("inputs.backup", "\"latest\"")]
    [InlineData("inputs.list[1]", "\"positions\"")]
    [InlineData("inputs.list[2]", "null")]
    [InlineData("inputs.absent", "null")]
    [InlineData("inputs.nothing", "null")]
    [InlineData("steps.restore.checks[0].name", "\"counts\"")]
    [InlineData("steps.restore['a b']", "1")]
    [InlineData("steps.skipped.anything.below", "null")]
    [InlineData("mode.target", "\"main/luxhedge_drill_0a1b2c3d\"")]
    [InlineData("run.declaredAt", "\"2026-11-23T08:15:00.000Z\"")]
    [InlineData("run.requestedBy", "null")]
    [InlineData("'it''s'", "\"it's\"")]
    [InlineData("1h30m", "\"PT1H30M\"")]
    [InlineData("-2.5", "-2.5")]
    [InlineData("default(inputs.absent, 3)", "3")]
    [InlineData("default(inputs.backup, 3)", "\"latest\"")]
    [InlineData("length(inputs.list)", "2")]
    [InlineData("length(inputs.absent)", "0")]
    [InlineData("first(inputs.list)", "\"users\"")]
    [InlineData("last(inputs.absent)", "null")]
    [InlineData("join(inputs.list, ' and ')", "\"users and positions\"")]
    [InlineData("before(inputs.since, 90m)", "\"2026-11-23T06:30:00.000Z\"")]
    [InlineData("after(run.declaredAt, inputs.limit)", "\"2026-11-23T09:15:00.000Z\"")]
    public void A_value_keeps_its_type(string expression, string expected) =>
        Assert.Equal(expected, Expression.Parse(expression).Evaluate(Sample).GetRawText());

    [Theory]
    [InlineData("mode == drill", true)]
    [InlineData("mode == real", false)]
    [InlineData("mode != 'drill'", false)]
    [InlineData("mode.name == drill && !(mode == real)", true)]
    [InlineData("inputs.share < 0.5 && inputs.share >= 0.25", true)]
    [InlineData("steps.restore.rpo <= inputs.limit", true)]
    [InlineData("steps.restore.rpo == 600s", true)]
    [InlineData("steps.restore.rpo == '10m'", false)]
    [InlineData("steps.restore.rpo > 10m", false)]
    [InlineData("inputs.since < run.declaredAt", true)]
    [InlineData("inputs.since == '2026-11-23T09:00:00+01:00'", true)]
    [InlineData("inputs.absent == null || inputs.absent > 3", true)]
    [InlineData("inputs.absent", false)]
    [InlineData("false || true && false", false)]
    [InlineData("contains(inputs.list, 'users')", true)]
    [InlineData("contains(inputs.backup, 'late')", true)]
    [InlineData("contains(inputs.absent, 1)", false)]
    [InlineData("inputs.backup == 1", false)]
    [InlineData("inputs.list == inputs.list", true)]
    public void Comparisons_and_logic_are_as_a_person_reads_them(string expression, bool expected) =>
        Assert.Equal(expected, Expressions.IsTrue(expression, Sample));

    [Theory]
    [InlineData("", 0, "an expression is missing")]
    [InlineData("inputs.", 7, "it ends where a name should follow")]
    [InlineData("mode = drill", 5, "compare with ==")]
    [InlineData("inputs.a == \"x\"", 12, "single quotes")]
    [InlineData("inputs.a & inputs.b", 9, "write &&")]
    [InlineData("1 < 2 < 3", 6, "can't be chained")]
    [InlineData("exec('rm')", 0, "there is no function 'exec'; there are after, before, contains")]
    [InlineData("length(1, 2)", 0, "length takes 1 argument, not 2")]
    [InlineData("(1", 2, "it ends where ')' should follow")]
    [InlineData("'open", 0, "never closed")]
    [InlineData("1x", 0, "is no number and no duration")]
    [InlineData("inputs.list[-1]", 12, "whole number from 0")]
    [InlineData("inputs.a inputs.b", 9, "stands where an operator or the end should")]
    [InlineData("inputs.a.ToString()", 17, "stands where an operator or the end should")]
    [InlineData("inputs + 1", 7, "'+' has no meaning here")]
    [InlineData("a\0", 1, "a control character")]
    public void What_is_no_expression_is_refused_at_its_character(string expression, int position, string expected)
    {
        var refusal = Assert.Throws<ExpressionException>(() => Expression.Parse(expression));

        Assert.Contains(expected, refusal.Message);
        Assert.Equal(position, refusal.Position);
    }

    [Fact]
    public void Length_depth_and_size_are_bounded()
    {
        Assert.Contains("at most 2000 characters", Assert.Throws<ExpressionException>(() => Expression.Parse(new string('a', 2_001))).Message);
        Assert.Contains("at most 32 levels deep", Assert.Throws<ExpressionException>(() => Expression.Parse(new string('(', 1_500))).Message);
        Assert.Contains("at most 32 levels deep", Assert.Throws<ExpressionException>(() => Expression.Parse(new string('!', 1_500))).Message);
        Assert.Contains("at most 400 parts", Assert.Throws<ExpressionException>(() => Expression.Parse(string.Join("||", Enumerable.Repeat("1", 500)))).Message);
        Assert.Contains("at most 32 parts", Assert.Throws<ExpressionException>(() => Expression.Parse("a" + string.Concat(Enumerable.Repeat(".a", 50)))).Message);
    }

    [Fact]
    public void A_list_is_gone_through_as_often_as_the_budget_lasts()
    {
        var scope = Sample.WithItem("many", JsonSerializer.SerializeToElement(Enumerable.Range(0, 50_000)));
        var expression = string.Join(" || ", Enumerable.Repeat("contains(many, -1)", 20));

        Assert.Contains("more than 200000 steps", Assert.Throws<ApplicationFailureException>(() => Expressions.IsTrue(expression, scope)).Message);
    }

    [Theory]
    [InlineData("item.name", "there is no item.name")]
    [InlineData("mode.secret", "there is no mode.secret")]
    [InlineData("run.environment", "there is no run.environment")]
    [InlineData("inputs.backup < 3", "a text is neither more nor less than a number")]
    [InlineData("inputs.backup && true", "true or false is needed, and it is a text")]
    [InlineData("length(3)", "a number has no length")]
    [InlineData("before(inputs.backup, 1h)", "before takes a time and a duration")]
    [InlineData("after('9999-12-31T23:59:59Z', 999999w)", "there is no such time")]
    public void What_has_no_value_fails_the_step_and_says_why(string expression, string expected)
    {
        var failure = Assert.Throws<ApplicationFailureException>(() => Expressions.Evaluate(expression, Sample));

        Assert.Contains(expected, failure.Message);
        Assert.True(failure.NonRetryable);
        Assert.Equal(ErrorKinds.Usage, failure.ErrorType);
    }

    [Theory]
    [InlineData("mode == real && steps.a.b", false)]
    [InlineData("steps.a.b && mode == real", false)]
    [InlineData("mode == drill || steps.a.b", true)]
    [InlineData("!(mode == real && steps.a.b)", true)]
    [InlineData("mode == drill && steps.a.b", null)]
    [InlineData("steps.a.b == null", null)]
    [InlineData("mode == drill", true)]
    public void What_does_not_hang_on_an_unknown_is_known(string expression, bool? expected) =>
        Assert.Equal(expected, Expression.Parse(expression).IsTrue(Sample, path => path[0] == "steps"));

    [Fact]
    public void One_expression_keeps_its_type_and_several_make_a_text()
    {
        var value = Json("""{"collections": "${inputs.list}", "text": "to ${mode.target}, ${length(inputs.list)} of ${inputs.list}", "deep": [{"a": "${inputs.share}"}, 7], "plain": "$${inputs.backup} costs $5"}""");

        Assert.Equal(
            """{"collections":["users","positions"],"text":"to main/luxhedge_drill_0a1b2c3d, 2 of users, positions","deep":[{"a":0.25},7],"plain":"${inputs.backup} costs $5"}""",
            JsonSerializer.Serialize(Expressions.Resolve(value, Sample)));
    }

    [Theory]
    [InlineData("${inputs.a", 0, "never closed")]
    [InlineData("abc ${inputs.a +}", 15, "'+' has no meaning")]
    [InlineData("ab ${}", 5, "an expression is missing")]
    public void Positions_are_those_of_the_whole_text(string text, int position, string expected)
    {
        var refusal = Assert.Throws<ExpressionException>(() => Template.Parse(text));

        Assert.Contains(expected, refusal.Message);
        Assert.Equal(position, refusal.Position);
    }

    [Fact]
    public void References_are_known_before_anything_is_evaluated()
    {
        var references = Template.Parse("a ${inputs.x} b ${default(steps.s.out, mode.target) == null || item.n > 1}").References;

        Assert.Equal(["inputs.x", "steps.s.out", "mode.target", "item.n"], references.Select(r => r.ToString()));
        Assert.Equal([4, 26, 39, 63], references.Select(r => r.Position));
        Assert.Equal([false, true, true, false], references.Select(r => r.Defaulted));
    }

    [Theory]
    [InlineData("15m", 15)]
    [InlineData("PT15M", 15)]
    [InlineData("${inputs.limit}", 60)]
    [InlineData("default(inputs.absent, 2m)", 2)]
    [InlineData("after(run.declaredAt, 30m)", 45)]
    [InlineData("run.declaredAt", 15)]
    [InlineData("inputs.since", 0)]
    public void A_wait_is_a_duration_or_until_a_time(string wait, double minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), Expressions.Wait(wait, Sample, new(2026, 11, 23, 8, 0, 0, TimeSpan.Zero)));

    [Fact]
    public void A_loop_goes_through_a_list_and_nothing_is_an_empty_one()
    {
        Assert.Equal(2, Expressions.Items("inputs.list", Sample).Count);
        Assert.Empty(Expressions.Items("${inputs.absent}", Sample));
        Assert.Throws<ApplicationFailureException>(() => Expressions.Items("inputs.backup", Sample));
    }

    [Fact]
    public void Any_text_is_a_value_or_a_refusal_and_nothing_else() =>
        Gen.OneOf(Gen.String[0, 60], Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 24].Select(string.Concat)).Sample(text =>
        {
            try
            {
                _ = Expressions.Resolve(JsonSerializer.SerializeToElement(text), Sample);
                _ = Expression.Parse(text).Evaluate(Sample);
            }
            catch (ExpressionException refusal)
            {
                return refusal.Position >= 0 && refusal.Position <= text.Length;
            }
            catch (FailureException)
            {
                return true;
            }

            return true;
        }, iter: 20_000);

    private static JsonElement Json(string text) => JsonElement.Parse(text);
}
