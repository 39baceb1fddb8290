using LuxHedge.Tests.Support.Slack;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Tests.Integration.Slack;

/// <summary>Clicks from Slack to a run in Temporal and back into Slack, over both transports.</summary>
public sealed class ClicksTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_people_approve_by_click_and_the_message_and_its_thread_say_so(bool socket)
    {
        await using var rig = await AskingRig.CreateAsync(socket: socket, http: !socket);
        var ask = await rig.AskAsync();
        Assert.Contains("@U0ALICE and @U0BOB must approve", ask.Rendered, StringComparison.Ordinal);

        await rig.Slack.PressAsync("U0ALICE", ask, "approve");
        var half = await rig.Slack.WaitForMessageAsync(m => m.Ts == ask.Ts && m.Rendered.Contains("*Alice* approved", StringComparison.Ordinal));
        Assert.True(half.HasButtons);
        await rig.Slack.PressAsync("U0BOB", half, "approve");

        var closed = await rig.Slack.WaitForMessageAsync(m => m.Ts == ask.Ts && !m.HasButtons);
        Assert.Contains("Approved by Alice and Bob", closed.Rendered, StringComparison.Ordinal);
        var record = await rig.EndAsync();
        Assert.Equal(AskOutcome.Approved.ToString(), record.Outcome.ToString());
        Assert.All(record.Decisions, d => Assert.NotNull(d.Via));
        var thread = rig.Slack.Messages.Where(m => m.ThreadTs == ask.Ts).ToList();
        Assert.Equal(3, thread.Count); // two decisions and the end
        Assert.Single(rig.Slack.Messages, m => m.ThreadTs is null);
        Assert.DoesNotContain("xoxb-", rig.Log.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("ticket=", rig.Log.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(FakeSlack.SigningSecret, rig.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_double_click_is_one_decision()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true);
        var ask = await rig.AskAsync();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => rig.Slack.PressAsync("U0ALICE", ask, "approve")));

        var state = await rig.UntilAsync(s => s.Decisions.Count == 1);
        Assert.Empty(state.Refused);
        await rig.Slack.PressAsync("U0BOB", ask, "approve");
        await rig.Slack.WaitForMessageAsync(m => m.Ts == ask.Ts && !m.HasButtons);
        Assert.Equal(2, (await rig.EndAsync()).Decisions.Count);
        Assert.Empty(rig.Slack.Ephemerals);
    }

    [Fact]
    public async Task An_envelope_that_is_delivered_twice_is_handled_once_and_acknowledged_twice()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true);
        var ask = await rig.AskAsync();
        var click = rig.Slack.Click("U0MALLORY", ask, "approve");

        for (var i = 0; i < 2; i++)
            await FakeSlack.UntilTakenAsync("the click", () => rig.Slack.SendAsync("interactive", click, "envelope-1"));

        await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0MALLORY");
        Assert.Single((await rig.UntilAsync(s => s.Refused.Count > 0)).Refused);
        Assert.Single(rig.Slack.Ephemerals);
    }

    [Fact]
    public async Task Who_may_not_decide_is_told_why_and_the_run_keeps_it()
    {
        await using var rig = await AskingRig.CreateAsync(http: true);
        var ask = await rig.AskAsync();

        await rig.Slack.PressAsync("U0OPERATOR", ask, "approve");
        Assert.Contains("asked for it", (await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0OPERATOR")).Text, StringComparison.Ordinal);
        await rig.Slack.PressAsync("U0MALLORY", ask, "approve");
        Assert.Contains("knows no person", (await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0MALLORY")).Text, StringComparison.Ordinal);
        await rig.Slack.PressAsync("U0ALICE", ask, "deny");
        await rig.Slack.WaitForMessageAsync(m => m.Ts == ask.Ts && !m.HasButtons);
        await rig.Slack.PressAsync("U0BOB", ask, "approve"); // as it was on the screen
        Assert.Contains("denied already", (await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0BOB")).Text, StringComparison.Ordinal);

        var state = await rig.UntilAsync(s => s.Refused.Count == 3);
        Assert.Equal(["operator", "slack:U0MALLORY", "bob"], state.Refused.Select(r => r.Person));
        Assert.Equal("alice", Assert.Single(state.Decisions).Person);
        await rig.EndAsync();
    }

    [Fact]
    public async Task Nothing_is_believed_without_Slacks_signature_of_just_now()
    {
        await using var rig = await AskingRig.CreateAsync(http: true);
        var ask = await rig.AskAsync();
        var body = FakeSlack.Form(rig.Slack.Click("U0ALICE", ask, "approve"));
        var now = DateTimeOffset.UtcNow;

        Assert.Equal(401, (await rig.Slack.PostAsync("/slack/interactions", body, secret: "another")).Status);
        Assert.Equal(401, (await rig.Slack.PostAsync("/slack/interactions", body, signature: "")).Status);
        Assert.Equal(401, (await rig.Slack.PostAsync("/slack/interactions", body, timestamp: "")).Status);
        Assert.Equal(401, (await rig.Slack.PostAsync("/slack/interactions", body, now.AddMinutes(-6))).Status);
        Assert.Equal(401, (await rig.Slack.PostAsync("/slack/interactions", body, now.AddMinutes(6))).Status);
        Assert.Equal(401, (await rig.Slack.PostAsync("/slack/interactions", body, timestamp: long.MinValue.ToString(System.Globalization.CultureInfo.InvariantCulture))).Status);
        Assert.Equal(413, (await rig.Slack.PostAsync("/slack/interactions", body + new string('x', 300_000))).Status);
        Assert.Equal(400, (await rig.Slack.PostAsync("/slack/interactions", "payload=%7B")).Status);
        Assert.Equal(400, (await rig.Slack.PostAsync("/slack/interactions", body + "&payload=%7B%7D")).Status);
        Assert.Equal(400, (await rig.Slack.PostAsync("/slack/interactions", "nothing")).Status);
        Assert.Empty((await rig.StateAsync()).Decisions);

        // What was caught and is sent again in time changes nothing: it is the same click.
        for (var i = 0; i < 2; i++)
            await FakeSlack.UntilTakenAsync("the click", () => rig.Slack.PostAsync("/slack/interactions", body), a => a.Status == 200);
        Assert.Single((await rig.UntilAsync(s => s.Decisions.Count > 0)).Decisions);
    }

    [Fact]
    public async Task An_expired_ask_is_closed_and_a_late_click_is_answered()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true, expires: "3s");
        var ask = await rig.AskAsync();

        var closed = await rig.Slack.WaitForMessageAsync(m => m.Ts == ask.Ts && !m.HasButtons);
        Assert.Contains("Not decided in time", closed.Rendered, StringComparison.Ordinal);
        await rig.Slack.PressAsync("U0ALICE", ask, "approve");

        Assert.Contains("time to decide ended", (await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0ALICE")).Text, StringComparison.Ordinal);
        Assert.Equal("alice", Assert.Single((await rig.UntilAsync(s => s.Refused.Count > 0)).Refused).Person);
        Assert.Empty((await rig.EndAsync()).Decisions);
        await rig.Slack.PressAsync("U0BOB", ask, "approve");
        Assert.Contains("The run is over", (await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0BOB")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_that_wants_own_keys_answers_a_click_with_the_command()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true, ownKey: true);
        var ask = await rig.AskAsync();

        await rig.Slack.PressAsync("U0ALICE", ask, "approve");

        var told = await rig.Slack.WaitForEphemeralAsync(e => e.User == "U0ALICE");
        Assert.Contains($"luxhedge runs approve {rig.RunId} --step approval --as alice", told.Text, StringComparison.Ordinal);
        Assert.Empty((await rig.StateAsync()).Decisions);
    }

    [Fact]
    public async Task With_Temporal_down_no_click_is_lost_in_silence()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true, http: true, own: true);
        var ask = await rig.AskAsync();
        await rig.Temporal.DisposeAsync();

        var body = FakeSlack.Form(rig.Slack.Click("U0ALICE", ask, "approve"));
        Assert.Equal(503, (await rig.Slack.PostAsync("/slack/interactions", body)).Status);
        Assert.False((await rig.Slack.SendAsync("interactive", rig.Slack.Click("U0ALICE", ask, "approve"))).Acked);
        using var http = new HttpClient();
        using var health = await http.GetAsync(new Uri(rig.Http!, "/health"));
        Assert.Equal(503, (int)health.StatusCode);
    }

    [Fact]
    public async Task Sockets_come_and_go_and_clicks_arrive()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true);
        var ask = await rig.AskAsync();

        await rig.Slack.DisconnectAsync("warning");
        await rig.Slack.WaitForSocketsAsync(2); // the next before the old one is left
        await rig.Slack.PressAsync("U0ALICE", ask, "approve");
        rig.Slack.DropSockets();
        await rig.Slack.WaitForSocketsAsync(0);
        await rig.Slack.WaitForSocketsAsync(1);
        await rig.Slack.PressAsync("U0BOB", ask, "approve");

        Assert.Equal(AskOutcome.Approved.ToString(), (await rig.EndAsync()).Outcome.ToString());
    }

    [Fact]
    public async Task Socket_Mode_that_is_switched_off_is_not_asked_for_again()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true);

        await rig.Slack.DisconnectAsync("link_disabled");
        await rig.Slack.WaitForSocketsAsync(0);

        await rig.Socket.ExecuteTask!;
        Assert.Equal("disabled", rig.Socket.Status);
        Assert.Single(rig.Slack.Calls, c => c == "apps.connections.open");
    }

    [Fact]
    public async Task Commands_tell_what_runs_and_what_waits()
    {
        await using var rig = await AskingRig.CreateAsync(socket: true);

        Assert.Contains("knows no person", (await rig.Slack.TypeAsync("U0MALLORY", "status")).Text, StringComparison.Ordinal);
        Assert.Contains("I know", (await rig.Slack.TypeAsync("U0ALICE", "destroy everything")).Text, StringComparison.Ordinal);
        Assert.Contains("Which drill?", (await rig.Slack.TypeAsync("U0ALICE", "drill")).Text, StringComparison.Ordinal);
        Assert.Contains("luxhedge status", (await rig.Slack.TypeAsync("U0ALICE", "status")).Text, StringComparison.Ordinal);
    }
}
