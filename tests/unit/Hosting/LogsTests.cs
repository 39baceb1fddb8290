using System.Text.Json;
using LuxHedge.Worker.Hosting;
using Serilog;
using Serilog.Context;

namespace LuxHedge.Tests.Unit.Hosting;

public sealed class LogsTests
{
    private const string Secret = "a-secret-of-some-length";

    [Theory]
    [InlineData(LogFormat.Text)]
    [InlineData(LogFormat.Json)]
    public void No_secret_reaches_a_log_by_message_template_property_or_exception(LogFormat format)
    {
        var (log, output) = CreateLog(format);

        log.Information("template a-secret-of-some-length {Plain} {@Deep} {List} {Uri} {Map}", $"in {Secret}",
            new { Inner = new { Value = Secret } }, new[] { Secret },
            new Uri($"mongodb://u:{Secret}@db1/"), new Dictionary<string, string> { [Secret] = Secret });
        log.Error(new InvalidOperationException($"outer {Secret}", new IOException(Secret)), "failed");

        Assert.DoesNotContain(Secret, output.ToString(), StringComparison.Ordinal);
        Assert.Contains("outer ***", output.ToString(), StringComparison.Ordinal);
        Assert.Contains(nameof(IOException), output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Machines_get_one_object_a_line_with_what_correlates()
    {
        var (log, output) = CreateLog(LogFormat.Json);

        using (LogContext.PushProperty("LuxRunId", "run-1"))
            log.Information("{Count} documents", 7);

        using var line = JsonDocument.Parse(Assert.Single(output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal(("run-1", 7), (line.RootElement.GetProperty("LuxRunId").GetString(),
            line.RootElement.GetProperty("Count").GetInt32()));
    }

    [Fact]
    public void People_see_the_run_at_the_end_of_the_line()
    {
        var (log, output) = CreateLog(LogFormat.Text);

        using (LogContext.PushProperty("LuxRunId", "run-1"))
            log.Information("{Count} documents of {Collection}", 7, "users");

        Assert.EndsWith("INF 7 documents of users  [run-1]\n", output.ToString().ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("json", null, LogFormat.Json)]
    [InlineData("JSON", null, LogFormat.Json)]
    [InlineData("text", "json", LogFormat.Text)]
    [InlineData(null, "json", LogFormat.Json)]
    [InlineData(null, null, LogFormat.Text)]
    public void The_option_beats_the_variable(string? option, string? variable, LogFormat expected)
    {
        var before = Environment.GetEnvironmentVariable(Logs.Variable);
        try
        {
            Environment.SetEnvironmentVariable(Logs.Variable, variable);

            Assert.Equal(expected, Logs.Format(option));
        }
        finally
        {
            Environment.SetEnvironmentVariable(Logs.Variable, before);
        }
    }

    private static (ILogger Log, StringWriter Output) CreateLog(LogFormat format)
    {
        var masker = new SecretMasker();
        masker.Register(Secret);
        var output = new StringWriter();
        return (Logs.Create(format, output: output, masker: masker), output);
    }
}
