using Temporalio.Api.Failure.V1;
using Temporalio.Converters;

namespace LuxHedge.Worker.Hosting;

/// <summary>
/// No secret reaches a history through an exception: the message of every failure, causes included, is masked. Failures are kept small as
/// well: a server replaces one above its limit (4 KB for an activity's) whole by "Failure exceeds size limit", and then nobody knows what
/// failed. Stack traces are in the worker's log.
/// </summary>
public sealed class MaskingFailureConverter(SecretMasker masker) : DefaultFailureConverter, IFailureConverter
{
    /// <summary>Characters of one message: a driver's can hold the description of a whole cluster.</summary>
    private const int LongestMessage = 500;

    /// <summary>What caused the cause of a failure is in the log.</summary>
    private const int Causes = 1;

    /// <summary>Temporal's own converter of values, with this one for failures. Every client and worker of the program uses it.</summary>
    public static DataConverter Converter(SecretMasker masker) =>
        DataConverter.Default with { FailureConverter = new MaskingFailureConverter(masker) };

    Failure IFailureConverter.ToFailure(Exception exception, IPayloadConverter payloadConverter)
    {
        var failure = base.ToFailure(exception, payloadConverter);
        var depth = 0;
        for (var f = failure; f is not null; f = f.Cause)
        {
            f.Message = Shorten(masker.Apply(f.Message));
            f.StackTrace = "";
            if (depth++ == Causes)
                f.Cause = null;
        }

        return failure;
    }

    private static string Shorten(string message) =>
        message.Length <= LongestMessage ? message : string.Concat(message.AsSpan(0, LongestMessage - 1), "…");
}
