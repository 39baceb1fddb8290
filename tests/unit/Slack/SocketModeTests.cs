using System.Net;
using LuxHedge.Worker.Slack;

namespace LuxHedge.Tests.Unit.Slack;

public sealed class SocketModeTests
{
    [Theory]
    [InlineData("wss://wss-primary.slack.com/link/?ticket=1", "https://slack.com/api", true)]
    [InlineData("wss://slack.com/link/", "https://slack.com/api", true)]
    [InlineData("ws://wss-primary.slack.com/link/", "https://slack.com/api", false)]
    [InlineData("https://wss-primary.slack.com/link/", "https://slack.com/api", false)]
    [InlineData("wss://slack.com.evil.example/link/", "https://slack.com/api", false)]
    [InlineData("wss://evilslack.com/link/", "https://slack.com/api", false)]
    [InlineData("wss://slack.com@evil.example/link/", "https://slack.com/api", false)]
    [InlineData("ws://127.0.0.1:1/link/", "https://slack.com/api", false)]
    [InlineData("wss://127.0.0.1:1/link/", "https://slack.com/api", false)]
    [InlineData("ws://127.0.0.1:1/link/", "http://127.0.0.1:2/api", true)]
    [InlineData("wss://evil.example/link/", "http://127.0.0.1:2/api", false)]
    public void A_token_follows_to_Slacks_own_hosts_only(string socket, string api, bool trusted) =>
        Assert.Equal(trusted, SocketMode.IsTrusted(new(socket), new(api)));

    [Fact]
    public void Pauses_double_to_a_minute_and_are_hard_where_Slack_has_enough_sockets()
    {
        var pauses = new ReconnectPauses(() => 0.5);

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], Enumerable.Range(0, 8).Select(_ => pauses.Next(SocketEnd.Broken).TotalSeconds));
        pauses.Reset();
        Assert.Equal([60, 120, 240, 480, 600, 600], Enumerable.Range(0, 6).Select(_ => pauses.Next(SocketEnd.TooMany).TotalSeconds));
    }

    [Fact]
    public void Many_workers_do_not_come_back_at_once()
    {
        Assert.Equal(0.75, new ReconnectPauses(() => 0).Next(SocketEnd.Broken).TotalSeconds);
        Assert.Equal(1.25, new ReconnectPauses(() => 1).Next(SocketEnd.Broken).TotalSeconds);
    }

    [Theory]
    [InlineData("127.0.0.1:8080", "127.0.0.1:8080")]
    [InlineData("localhost:0", "127.0.0.1:0")]
    [InlineData("*:8080", "0.0.0.0:8080")]
    [InlineData("[::1]:8080", "[::1]:8080")]
    [InlineData("8080", null)]
    [InlineData("127.0.0.1", null)]
    [InlineData("127.0.0.1:99999", null)]
    [InlineData("example.org:80", null)]
    [InlineData("::1:8080", null)]
    [InlineData("127.0.0.1:-1", null)]
    public void An_address_to_listen_on_is_one_of_this_machine(string text, string? address) =>
        Assert.Equal(address is null ? null : IPEndPoint.Parse(address), Worker.Slack.HttpListener.Parse(text));
}
