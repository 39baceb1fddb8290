using Temporalio.Api.Failure.V1;
using Temporalio.Converters;

namespace LuxHedge.Worker.Hosting;

/// <summary>No secret reaches a history through an exception: message and stack trace of every failure, causes included, are masked.</summary>
public sealed class MaskingFailureConverter(SecretMasker masker) : DefaultFailureConverter, IFailureConverter
{
    /// <summary>Temporal's own converter of values, with this one for failures. Every client and worker of the program uses it.</summary>
    public static DataConverter Converter(SecretMasker masker) =>
        DataConverter.Default with { FailureConverter = new MaskingFailureConverter(masker) };

    Failure IFailureConverter.ToFailure(Exception exception, IPayloadConverter payloadConverter)
    {
        var failure = base.ToFailure(exception, payloadConverter);
        for (var f = failure; f is not null; f = f.Cause)
        {
            f.Message = masker.Apply(f.Message);
            f.StackTrace = masker.Apply(f.StackTrace);
        }

        return failure;
    }
}
