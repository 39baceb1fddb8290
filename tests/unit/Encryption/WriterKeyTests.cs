using System.Security.Cryptography;
using LuxHedge.Activities;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Encryption;

public sealed class WriterKeyTests
{
    [Fact]
    public void The_plans_private_key_is_loaded_when_its_public_half_is_there()
    {
        using var key = WriterKey.Create("writer-1");

        using var loaded = WriterKey.Load(CreatePlan(key.ToPem(), key.PublicKey));

        Assert.Equal(key.PublicKey, loaded.PublicKey);
    }

    [Fact]
    public void A_key_whose_public_half_is_another_than_the_plans_is_refused()
    {
        using var key = WriterKey.Create("writer-1");
        using var other = WriterKey.Create("writer-1");

        var error = Assert.Throws<RefusalException>(() => WriterKey.Load(CreatePlan(key.ToPem(), other.PublicKey)));

        Assert.Equal("writer.publicKeys.writer-1", error.Report.Where);
    }

    [Fact]
    public void What_is_no_P256_key_is_refused_without_a_word_of_it()
    {
        using var rsa = RSA.Create(2048);
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        foreach (var pem in new[] { "secret-rubbish", rsa.ExportPkcs8PrivateKeyPem(), p384.ExportPkcs8PrivateKeyPem() })
        {
            var error = Assert.Throws<RefusalException>(() => WriterKey.FromPem("writer-1", pem));
            Assert.Equal(ErrorKinds.Plan, error.Report.Kind);
            Assert.DoesNotContain("secret-rubbish", error.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_machine_without_the_private_key_only_reads()
    {
        var error = Assert.Throws<RefusalException>(
            () => WriterKey.Load(new WriterPlan("writer-1", null, new Dictionary<string, string>())));

        Assert.Contains("only read", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("ümlaut")]
    public void A_name_that_can_not_stand_before_a_signature_is_refused(string name) =>
        Assert.Throws<RefusalException>(() => WriterKey.Create(name));

    private static WriterPlan CreatePlan(string pem, string publicKey) =>
        new("writer-1", new SecretReference(pem, "/"), new Dictionary<string, string> { ["writer-1"] = publicKey });
}
