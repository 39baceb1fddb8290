using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;

namespace LuxHedge.Worker.Hosting;

public enum LogFormat
{
    /// <summary>One line for people.</summary>
    Text,

    /// <summary>Serilog's compact JSON: one object a line, for machines.</summary>
    Json,
}

/// <summary>Where logs go and how they look. Every logger of the program comes from here, so that none is unmasked.</summary>
public static class Logs
{
    public const string Variable = "LUXHEDGE_LOG";

    private const string Line = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{Run:l}{NewLine}{Exception}";

    /// <summary>What <c>--log</c> says, else <c>LUXHEDGE_LOG</c>, else lines for people.</summary>
    public static LogFormat Format(string? option)
    {
        var said = option ?? Environment.GetEnvironmentVariable(Variable);
        return string.Equals(said, "json", StringComparison.OrdinalIgnoreCase) ? LogFormat.Json : LogFormat.Text;
    }

    /// <param name="output">Logs go to stderr unless told: stdout belongs to answers.</param>
    public static Logger Create(
        LogFormat format, LogEventLevel level = LogEventLevel.Information, TextWriter? output = null, SecretMasker? masker = null)
    {
        ITextFormatter formatter = format == LogFormat.Json ? new CompactJsonFormatter() : new MessageTemplateTextFormatter(Line);
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Is(level)
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("Temporalio", LogEventLevel.Warning)
            .Enrich.FromLogContext()
            .WriteTo.Sink(new MaskingSink(new TextSink(formatter, output ?? Console.Error), masker ?? SecretMasker.Shared));
        return (format == LogFormat.Text ? configuration.Enrich.With<RunEnricher>() : configuration).CreateLogger();
    }

    /// <summary>Of what correlates, people see the run; machines have all of it as properties of their own.</summary>
    private sealed class RunEnricher : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
        {
            if (logEvent.Properties.TryGetValue("LuxRunId", out var run) && run is ScalarValue { Value: string id })
                logEvent.AddPropertyIfAbsent(new("Run", new ScalarValue($"  [{id}]")));
        }
    }

    private sealed class TextSink(ITextFormatter formatter, TextWriter output) : ILogEventSink
    {
        private readonly Lock writing = new();

        public void Emit(LogEvent logEvent)
        {
            var line = new StringWriter();
            formatter.Format(logEvent, line);
            lock (writing)
            {
                output.Write(line.ToString());
                output.Flush();
            }
        }
    }
}
