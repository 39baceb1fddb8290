using CsCheck;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Worker.Hosting;

namespace LuxHedge.Tests.Unit.Hosting;

public sealed class SecretMaskerTests
{
    [Theory]
    [InlineData("mongodb://admin:s3cr3t@db1:27017/?tls=true", "mongodb://***@db1:27017/?tls=true")]
    [InlineData("mongodb+srv://u:p%40ss@cluster0.example.net/db", "mongodb+srv://***@cluster0.example.net/db")]
    [InlineData("posting to https://hooks.slack.com/services/T0/B0/abc failed", "posting to https://hooks.slack.com/*** failed")]
    [InlineData("Bearer eyJhbGciOiJFUzUxMiJ9.eyJzdWIiOiIx.c2ln-_x and mdb_sa_sk_abc-DEF_1", "Bearer *** and ***")]
    [InlineData("token xoxb-12-34-abcDEF and xapp-1-A0-99-ff", "token *** and ***")]
    [InlineData("wss://wss.slack.com/link/?ticket=abc-123&app_id=1", "wss://wss.slack.com/link/?ticket=***&app_id=1")]
    [InlineData("{\"url\":\"wss://wss.slack.com/link/?app_id=1\\u0026ticket=abc-123\"}", "{\"url\":\"wss://wss.slack.com/link/?app_id=1\\u0026ticket=***\"}")]
    [InlineData("rotated xoxe.xoxb-1-MS0yLTM and xoxe-1-abc", "rotated *** and ***")]
    [InlineData("X-Slack-Signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", "X-Slack-Signature: ***")]
    [InlineData("https://s/o?uploadType=resumable&upload_id=XYZ_1", "https://s/o?uploadType=resumable&upload_id=***")]
    [InlineData("https://b.s3/o?X-Amz-Signature=00ff&X-Amz-Expires=9", "https://b.s3/o?X-Amz-Signature=***&X-Amz-Expires=9")]
    [InlineData("key AKIAIOSFODNN7EXAMPLE used", "key *** used")]
    [InlineData("-----BEGIN EC PRIVATE KEY-----\nMHcCAQ==\n-----END EC PRIVATE KEY-----\nafter", "-----PRIVATE KEY ***\nafter")]
    [InlineData("{\"k\":\"-----BEGIN PRIVATE KEY-----\\nMC4\\n-----END PRIVATE KEY-----\\n\"}", "{\"k\":\"-----PRIVATE KEY ***\\n\"}")]
    [InlineData("mongodb://127.0.0.1:27017 answers at 10:15:00", "mongodb://127.0.0.1:27017 answers at 10:15:00")]
    public void What_looks_like_a_secret_is_masked_and_the_rest_stays(string text, string expected) =>
        Assert.Equal(expected, new SecretMasker().Apply(text));

    [Fact]
    public void No_registered_secret_is_left_wherever_and_however_it_stands() =>
        Gen.Select(Gen.Char["abcXYZ019+/=&\"\\ %äé"].Array[16, 40], Gen.String, Gen.String).Sample((secret, before, after) =>
        {
            var value = new string(secret);
            var masker = CreateMasker(value);

            Assert.DoesNotContain(value, masker.Apply($"{before}{value}{after}"), StringComparison.Ordinal);
            var escaped = Uri.EscapeDataString(value);
            Assert.DoesNotContain(escaped, masker.Apply($"?p={escaped}"), StringComparison.Ordinal);
            var json = System.Text.Json.JsonSerializer.Serialize(value);
            Assert.DoesNotContain(json, masker.Apply($"{{\"p\":{json}}}"), StringComparison.Ordinal);
        });

    [Fact]
    public void Of_a_connection_string_the_password_is_a_secret_and_the_host_is_not()
    {
        var masker = CreateMasker("mongodb://backup:gr%3Aeat-word@db1.internal:27017,db2.internal:27017/?replicaSet=rs0");

        Assert.Equal("auth of backup with *** or *** failed at db1.internal:27017",
            masker.Apply("auth of backup with gr:eat-word or gr%3Aeat-word failed at db1.internal:27017"));
    }

    [Fact]
    public void A_short_secret_is_masked_as_a_word_only()
    {
        var masker = CreateMasker("rose");

        Assert.Equal("*** rosegarden ***!", masker.Apply("rose rosegarden rose!"));
    }

    [Fact]
    public void Every_line_of_a_key_file_is_a_secret()
    {
        var masker = CreateMasker("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----");

        Assert.Equal("bad base64: ***", masker.Apply("bad base64: AgEGCCqGSM49AwEHBG0w"));
    }

    [Fact]
    public void What_a_reference_was_resolved_to_is_masked_from_then_on()
    {
        var masker = SecretMasker.Shared;
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "kept-in-a-file-0001\n");
            new SecretReference($"${{file:{file}}}", "/").Resolve();

            Assert.Equal("it is ***", masker.Apply("it is kept-in-a-file-0001"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_report_is_masked_in_every_part()
    {
        var masker = CreateMasker("the-long-secret-value");

        var masked = masker.Apply(new ErrorReport("k", "m the-long-secret-value", "w the-long-secret-value", "h the-long-secret-value",
            [new("p the-long-secret-value", "q the-long-secret-value")]));

        Assert.DoesNotContain("secret", System.Text.Json.JsonSerializer.Serialize(masked), StringComparison.Ordinal);
    }

    private static SecretMasker CreateMasker(string secret)
    {
        var masker = new SecretMasker();
        masker.Register(secret);
        return masker;
    }
}
