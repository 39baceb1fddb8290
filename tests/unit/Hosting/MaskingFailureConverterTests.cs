using Google.Protobuf;
using LuxHedge.Worker.Hosting;
using Temporalio.Converters;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Unit.Hosting;

public sealed class MaskingFailureConverterTests
{
    [Fact]
    public void A_failure_with_a_long_message_and_many_causes_stays_below_what_a_server_keeps()
    {
        Exception e = new IOException(new string('x', 5_000));
        for (var i = 0; i < 5; i++)
            e = new TimeoutException($"{i}: {new string('y', 5_000)}", e);

        var failure = Convert(new ApplicationFailureException("It failed.", e, "unreachable", details: [new { kind = "unreachable" }]), new SecretMasker());

        Assert.True(failure.CalculateSize() < 4_000, $"{failure.CalculateSize()} bytes");
        Assert.Equal("It failed.", failure.Message);
        Assert.Single(failure.ApplicationFailureInfo.Details.Payloads_);
        Assert.StartsWith("4: y", failure.Cause.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_are_masked_in_causes_too()
    {
        var masker = new SecretMasker();
        masker.Register("a-secret-that-is-long-enough");

        var failure = Convert(new InvalidOperationException("outer", new IOException("told a-secret-that-is-long-enough to")), masker);

        Assert.DoesNotContain("a-secret", failure.ToString(), StringComparison.Ordinal);
    }

    private static Temporalio.Api.Failure.V1.Failure Convert(Exception e, SecretMasker masker) =>
        ((IFailureConverter)new MaskingFailureConverter(masker)).ToFailure(e, DataConverter.Default.PayloadConverter);
}
