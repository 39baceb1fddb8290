using Serilog.Core;
using Serilog.Events;
using Serilog.Parsing;

namespace LuxHedge.Worker.Hosting;

/// <summary>Passes every event on with message, properties and exception masked: whatever the sink behind it writes holds no
/// secret.</summary>
public sealed class MaskingSink(ILogEventSink inner, SecretMasker masker) : ILogEventSink, IDisposable
{
    private static readonly MessageTemplateParser Parser = new();

    public void Emit(LogEvent logEvent)
    {
        var template = masker.Apply(logEvent.MessageTemplate.Text);
        inner.Emit(new(
            logEvent.Timestamp,
            logEvent.Level,
            logEvent.Exception is { } e ? new MaskedException(masker.Apply(e.ToString()), masker.Apply(e.Message)) : null,
            ReferenceEquals(template, logEvent.MessageTemplate.Text) ? logEvent.MessageTemplate : Parser.Parse(template),
            logEvent.Properties.Select(p => new LogEventProperty(p.Key, Masked(p.Value))),
            logEvent.TraceId ?? default,
            logEvent.SpanId ?? default));
    }

    public void Dispose() => (inner as IDisposable)?.Dispose();

    private LogEventPropertyValue Masked(LogEventPropertyValue value) => value switch
    {
        ScalarValue { Value: null or bool or byte or short or int or long or double or decimal } => value,
        ScalarValue { Value: DateTime or DateTimeOffset or TimeSpan } => value,
        ScalarValue scalar => Scalar(scalar),
        SequenceValue sequence => new SequenceValue(sequence.Elements.Select(Masked)),
        StructureValue structure => new StructureValue(
            structure.Properties.Select(p => new LogEventProperty(p.Name, Masked(p.Value))), structure.TypeTag),
        DictionaryValue dictionary => new DictionaryValue(
            dictionary.Elements.Select(e => KeyValuePair.Create((ScalarValue)Masked(e.Key), Masked(e.Value)))),
        _ => new ScalarValue(masker.Apply(value.ToString())),
    };

    private ScalarValue Scalar(ScalarValue value)
    {
        var text = value.Value as string ?? value.Value!.ToString() ?? "";
        var masked = masker.Apply(text);
        return value.Value is string || !ReferenceEquals(masked, text) ? new(masked) : value;
    }

    /// <summary>An exception as it may be written: only its masked text is left.</summary>
    private sealed class MaskedException(string text, string message) : Exception(message)
    {
        public override string ToString() => text;
    }
}
