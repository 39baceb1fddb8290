using LuxHedge.Activities;
using LuxHedge.Activities.Notifications;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Slack;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;
using Serilog;

namespace LuxHedge.Tests.Integration.Slack;

/// <summary>Messages reach Slack once, however its answers fail.</summary>
public sealed class PostingTests
{
    private static readonly ILogger Log = new LoggerConfiguration().CreateLogger();

    [Theory]
    [InlineData(SlackFailure.TimeOutAfterDoing)]
    [InlineData(SlackFailure.FailAfterDoing)]
    [InlineData(SlackFailure.Unavailable)]
    [InlineData(SlackFailure.RateLimited)]
    [InlineData(SlackFailure.NoJson)]
    public async Task A_message_whose_answer_was_lost_is_there_once(SlackFailure how)
    {
        await using var slack = await FakeSlack.StartAsync();
        slack.Fail("chat.postMessage", how);
        // Only what is never answered is to be given up soon: a slow answer would be taken for a lost one.
        using var client = Client(slack, how == SlackFailure.TimeOutAfterDoing ? TimeSpan.FromSeconds(2) : null);
        var poster = new SlackPoster(client, Plan(slack), TimeProvider.System, Log);

        var reference = await poster.PostAsync(Message("told once"), "nonce-1", DateTimeOffset.UtcNow, mayBeThere: false, default);

        var posted = Assert.Single(slack.Messages);
        Assert.Equal((posted.Channel, posted.Ts), (reference.Channel, reference.Timestamp));
        Assert.Equal(reference, await poster.PostAsync(Message("told once"), "nonce-1", DateTimeOffset.UtcNow, mayBeThere: true, default));
        var reply = await poster.ReplyAsync(reference, Message("a reply"), "nonce-2", false, mayBeThere: true, default);
        Assert.Equal(reply, await poster.ReplyAsync(reference, Message("a reply"), "nonce-2", false, mayBeThere: true, default));
        Assert.Equal(2, slack.Messages.Count);
    }

    [Fact]
    public async Task About_one_message_a_second_is_sent_and_no_429_is_met()
    {
        await using var slack = await FakeSlack.StartAsync();
        using var client = Client(slack);
        var poster = new SlackPoster(client, Plan(slack), TimeProvider.System, Log);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => poster.PostAsync(Message($"{i}"), $"{i}", DateTimeOffset.UtcNow, mayBeThere: false, default)));

        Assert.Equal(6, slack.Messages.Count);
        Assert.Equal(6, slack.Calls.Count(c => c == "chat.postMessage"));
    }

    [Theory]
    [InlineData(SlackFailure.Refused, "channel_not_found", ErrorKinds.Plan)]
    [InlineData(SlackFailure.Refused, "invalid_auth", ErrorKinds.Plan)]
    [InlineData(SlackFailure.Redirect, "redirects are not followed", ErrorKinds.Plan)]
    public async Task What_Slack_refuses_is_an_error_that_says_what_to_mend(SlackFailure how, string says, string kind)
    {
        await using var slack = await FakeSlack.StartAsync();
        slack.Fail("chat.postMessage", how, error: says);
        await using var test = TestPlan.Create();
        using var activities = Activities(slack, test);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => activities.ShowRunAsync(Run(null)));

        Assert.Equal(kind, refusal.Report.Kind);
        Assert.Contains(says, refusal.Report.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("xoxb-", refusal.ToString(), StringComparison.Ordinal);
        Assert.Empty(slack.Messages);
    }

    [Fact]
    public async Task A_run_is_one_message_that_is_updated_and_posted_anew_when_somebody_deleted_it()
    {
        await using var slack = await FakeSlack.StartAsync();
        await using var test = TestPlan.Create();
        using var activities = Activities(slack, test);

        var first = await activities.ShowRunAsync(Run(null));
        var again = await activities.ShowRunAsync(Run(null)); // the reference was lost with its worker
        var end = await activities.ShowRunAsync(Run(first) with { Verdict = Verdict.Proven });

        Assert.Equal(first, again);
        Assert.Equal(first, end);
        Assert.Contains("# Proven", Assert.Single(slack.Messages).Rendered, StringComparison.Ordinal);
        slack.Fail("chat.update", SlackFailure.Refused, error: "message_not_found");
        Assert.NotEqual(first, await activities.ShowRunAsync(Run(first)));
    }

    [Fact]
    public async Task The_same_trouble_is_told_once_a_day_by_however_many_workers()
    {
        await using var slack = await FakeSlack.StartAsync();
        await using var test = TestPlan.Create();
        var alert = new Alert("overdue/backup", "overdue", "Overdue", "The backup is overdue.", null, DateTimeOffset.UtcNow);
        for (var worker = 0; worker < 2; worker++)
        {
            using var activities = Activities(slack, test);
            await activities.AlertAsync(alert);
            await activities.AlertAsync(alert);
        }

        Assert.Single(slack.Messages);
    }

    [Fact]
    public async Task Without_Slack_only_the_log_is_written()
    {
        await using var test = TestPlan.Create();
        using var activities = new NotificationActivities(test.Plan, TimeProvider.System, Log);

        Assert.Null(await activities.ShowRunAsync(Run(null)));
        await activities.AlertAsync(new("k", "failed", "t", "x", null, DateTimeOffset.UtcNow));
    }

    private static RunNotice Run(MessageReference? message) => new(
        "drill/quarterly", new("20261123T090000Z-drill-quarterly-7f3a", "quarterly", "drill", "luxhedge_production"), "Quarterly drill",
        [new StepTiming("restore", DateTimeOffset.UtcNow, null, 1, TimeSpan.Zero, StepStates.Running, null)], null, [], message);

    private static SlackMessage Message(string text) => new(text, [new Section(new MarkdownText(text))]);

    private static SlackPlan Plan(FakeSlack slack) =>
        new(slack.ApiUrl, new SecretReference(FakeSlack.BotToken, "/"), null, null, FakeSlack.Channel, null, null);

    private static SlackWebApiClient Client(FakeSlack slack, TimeSpan? callTimeout = null) =>
        new(new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }), slack.ApiUrl, () => FakeSlack.BotToken, () => null, TimeProvider.System)
        {
            CallTimeout = callTimeout ?? TimeSpan.FromSeconds(60),
        };

    private static NotificationActivities Activities(FakeSlack slack, TestPlan test) =>
        new(test.Plan with { Slack = Plan(slack) }, TimeProvider.System, Log);
}
