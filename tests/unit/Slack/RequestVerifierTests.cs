using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using LuxHedge.Worker.Slack;

namespace LuxHedge.Tests.Unit.Slack;

public sealed class RequestVerifierTests
{
    private const string Secret = "8f742231b10e8888abcd99yyyzzz85a5";
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 3, 20, 0, TimeSpan.Zero);
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("payload=%7B%22type%22%3A%22block_actions%22%7D");

    [Fact]
    public void What_Slack_signed_a_moment_ago_is_Slacks() => Assert.True(Verify());

    /// <summary>The example of Slack's own documentation ("Verifying requests from Slack").</summary>
    [Fact]
    public void The_documented_example_verifies() => Assert.True(RequestVerifier.Verify(
        Secret, "1531420618", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        Encoding.UTF8.GetBytes("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"),
        DateTimeOffset.FromUnixTimeSeconds(1531420618)));

    [Theory]
    [InlineData(-300, true)]
    [InlineData(300, true)]
    [InlineData(-301, false)]
    [InlineData(301, false)]
    [InlineData(-86_400, false)]
    [InlineData(86_400, false)]
    public void The_window_is_five_minutes_both_ways(int seconds, bool good) =>
        Assert.Equal(good, Verify(timestamp: Now.AddSeconds(seconds).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData("-9223372036854775808")]
    [InlineData("9223372036854775807")]
    [InlineData("99999999999999999999999999")]
    [InlineData("-1")]
    [InlineData("+1795404000")]
    [InlineData(" 1795404000")]
    [InlineData("1795404000 ")]
    [InlineData("1795404000.0")]
    [InlineData("1,795,404,000")]
    [InlineData("0x6B03A3E0")]
    [InlineData("١٧٩٥٤٠٤٠٠٠")]
    [InlineData("")]
    [InlineData("now")]
    public void A_timestamp_is_digits_and_near(string timestamp) => Assert.False(Verify(timestamp: timestamp));

    [Theory]
    [InlineData("")]
    [InlineData("v0=")]
    [InlineData("v0=zz")]
    [InlineData("v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")]
    [InlineData("a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")]
    [InlineData("v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")]
    public void Another_signature_is_refused(string signature) => Assert.False(Verify(signature: signature));

    [Fact]
    public void Without_a_secret_nothing_is_believed()
    {
        Assert.False(RequestVerifier.Verify(null, Stamp(), Sign("", Stamp(), Body), Body, Now));
        Assert.False(RequestVerifier.Verify("", Stamp(), Sign("", Stamp(), Body), Body, Now));
        Assert.False(RequestVerifier.Verify(Secret, null, Sign(Secret, Stamp(), Body), Body, Now));
        Assert.False(RequestVerifier.Verify(Secret, Stamp(), null, Body, Now));
    }

    [Fact]
    public void One_changed_byte_anywhere_is_refused() => Gen.Select(Gen.Byte.Array[1, 300], Gen.Int[0, 10_000], Gen.Byte[1, 255]).Sample((body, where, by) =>
    {
        var signature = Sign(Secret, Stamp(), body);
        Assert.True(RequestVerifier.Verify(Secret, Stamp(), signature, body, Now));
        var changed = body.ToArray();
        changed[where % body.Length] ^= by;
        Assert.False(RequestVerifier.Verify(Secret, Stamp(), signature, changed, Now));
        var forged = signature.ToCharArray();
        var at = 3 + (where % 64);
        forged[at] = forged[at] == '0' ? '1' : '0';
        Assert.False(RequestVerifier.Verify(Secret, Stamp(), new string(forged), body, Now));
    });

    [Fact]
    public void Whatever_stands_in_the_headers_it_never_throws() => Gen.Select(Gen.String, Gen.String).Sample((timestamp, signature) =>
        Assert.False(RequestVerifier.Verify(Secret, timestamp, signature, Body, Now)));

    private static bool Verify(string? timestamp = null, string? signature = null) =>
        RequestVerifier.Verify(Secret, timestamp ?? Stamp(), signature ?? Sign(Secret, timestamp ?? Stamp(), Body), Body, Now);

    private static string Stamp() => Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private static string Sign(string secret, string timestamp, byte[] body) =>
        "v0=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"v0:{timestamp}:").Concat(body).ToArray()));
}
