using System.Text.Json;
using System.Text.Json.Nodes;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Notifications;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Tests.Unit.Notifications;
using LuxHedge.Worker.Slack;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;
using Microsoft.Extensions.Time.Testing;
using Serilog;

namespace LuxHedge.Tests.Unit.Slack;

public sealed class ClickHandlerTests : IDisposable
{
    private const string Ts = "1795403760.000100";

    private readonly TemporaryFolder folder = new();
    private readonly Runs runs = new();
    private readonly Whispers whispers = new();
    private readonly Plan plan;
    private readonly ClickHandler handler;

    public ClickHandlerTests()
    {
        using var writer = WriterKey.Create("writer-1");
        File.WriteAllText(folder["writer.pem"], writer.ToPem());
        File.SetUnixFileMode(folder["writer.pem"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var reference = new SecretReference($"${{file:{folder["writer.pem"]}}}", "/");
        var slack = new SlackPlan("https://slack.com/api", reference, null, null, SampleAsks.Channel, "T0LUXHEDGE", null);
        plan = SampleAsks.CreatePlan(slack) with { Writer = new("writer-1", reference, new Dictionary<string, string> { ["writer-1"] = writer.PublicKey }) };
        handler = new(plan, slack, EndpointKey.Load(plan), runs, whispers, new FakeTimeProvider(SampleAsks.Now), new LoggerConfiguration().CreateLogger());
        runs.State = State(SampleAsks.CreateAsk());
    }

    [Fact]
    public async Task A_click_becomes_a_decision_that_verifies_with_what_was_checked_in_it()
    {
        var handled = await ClickAsync();

        Assert.Equal(HandledKind.Taken, handled.Kind);
        var (workflow, _, decision) = Assert.Single(runs.HandedIn);
        Assert.Equal((SampleAsks.WorkflowId, "alice", DecisionKind.Approved), (workflow, decision.Person, decision.Kind));
        Assert.Equal(new DecisionVia("U0ALICE", "T0LUXHEDGE", SampleAsks.Channel, Ts, "1795404000.000200"), decision.Via);
        Assert.Null(DecisionSigner.ProblemOf(plan, DecisionSubject.Of(SampleAsks.CreateAsk()), decision, ownKey: false));
        Assert.NotNull(DecisionSigner.ProblemOf(plan, DecisionSubject.Of(SampleAsks.CreateAsk()), decision, ownKey: true));
        Assert.Empty(await FinishAsync(handled));
    }

    [Fact]
    public async Task It_is_Temporals_before_it_is_acknowledged()
    {
        var taken = new TaskCompletionSource();
        runs.Taking = () => taken.Task;

        var handling = ClickAsync();
        Assert.False(handling.IsCompleted);
        taken.SetResult();

        Assert.Equal(HandledKind.Taken, (await handling).Kind);
    }

    [Fact]
    public async Task A_click_that_Temporal_did_not_take_is_not_acknowledged()
    {
        runs.Taking = () => throw new ClickNotTakenException("Temporal is down");

        Assert.Equal(HandledKind.Failed, (await ClickAsync()).Kind);
    }

    [Fact]
    public async Task A_double_click_has_one_update_id_and_another_word_or_person_has_another()
    {
        await ClickAsync();
        await ClickAsync(change: p => p["actions"]![0]!["action_ts"] = "1795404001.000300");
        await ClickAsync(action: AskButton.Deny);
        await ClickAsync(user: "U0BOB");

        Assert.Equal(runs.HandedIn[0].Id, runs.HandedIn[1].Id);
        Assert.Equal(3, runs.HandedIn.Select(h => h.Id).Distinct().Count());
    }

    [Fact]
    public async Task After_a_refusal_the_same_click_is_a_new_one()
    {
        await ClickAsync();
        runs.State = runs.State! with { Refused = [new("alice", "declare", DecisionKind.Approved, "the key was wrong", SampleAsks.Now)] };
        await ClickAsync();

        Assert.NotEqual(runs.HandedIn[0].Id, runs.HandedIn[1].Id);
    }

    [Fact]
    public async Task What_the_run_refuses_is_answered_to_the_one_who_clicked()
    {
        runs.Answer = new(false, "'olive' asked for it, and can't approve it.");

        var told = Assert.Single(await FinishAsync(await ClickAsync(user: "U0OLIVE")));
        Assert.Equal("U0OLIVE", told.User);
        Assert.Contains("'olive' asked for it", told.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Somebody_who_is_not_in_the_plan_is_told_so_and_the_run_keeps_it()
    {
        var told = Assert.Single(await FinishAsync(await ClickAsync(user: "U0MALLORY")));

        Assert.Contains("knows no person", told.Text, StringComparison.Ordinal);
        var kept = Assert.Single(runs.HandedIn).Decision;
        Assert.Equal(("slack:U0MALLORY", "unsigned"), (kept.Person, kept.Signature));
    }

    [Fact]
    public async Task A_click_on_an_ask_that_is_closed_is_kept_unsigned_and_answered_by_the_run()
    {
        runs.State = runs.State! with { Asks = [], WaitingFor = null };
        runs.Answer = new(false, "It was approved already: this decision came too late to count.");

        var told = Assert.Single(await FinishAsync(await ClickAsync()));

        Assert.Contains("too late", told.Text, StringComparison.Ordinal);
        Assert.Equal("unsigned", Assert.Single(runs.HandedIn).Decision.Signature);
    }

    [Fact]
    public async Task A_run_that_is_over_takes_nothing()
    {
        runs.State = null;
        Assert.Contains("over", Assert.Single(await FinishAsync(await ClickAsync())).Text, StringComparison.Ordinal);
        runs.State = State(SampleAsks.CreateAsk()) with { RunId = "the-next-run" };
        Assert.Contains("over", Assert.Single(await FinishAsync(await ClickAsync())).Text, StringComparison.Ordinal);
        Assert.Empty(runs.HandedIn);
    }

    [Fact]
    public async Task Where_the_policy_wants_own_keys_the_answer_is_the_command_to_use()
    {
        runs.State = State(SampleAsks.CreateAsk() with { OwnKey = true });

        var told = Assert.Single(await FinishAsync(await ClickAsync()));

        Assert.Contains($"`luxhedge runs approve {SampleAsks.Run} --step declare --as alice`", told.Text, StringComparison.Ordinal);
        Assert.Empty(runs.HandedIn);
    }

    [Theory]
    [InlineData("container/message_ts", "1795403760.000999")]
    [InlineData("container/channel_id", "C0OTHER")]
    [InlineData("team/id", "T0MALLORY")]
    [InlineData("api_app_id", "A0MALLORY")]
    public async Task A_click_from_anywhere_else_than_the_asks_own_message_is_refused(string path, string value)
    {
        var handled = await ClickAsync(change: p =>
        {
            var at = path.Split('/');
            (at.Length == 1 ? p : p[at[0]]!.AsObject())[at[^1]] = value;
            if (path.EndsWith("channel_id", StringComparison.Ordinal))
                p["channel"]!["id"] = value;
        });

        Assert.Single(await FinishAsync(handled));
        Assert.Empty(runs.HandedIn);
    }

    [Fact]
    public async Task A_button_that_was_made_for_another_hash_or_step_signs_nothing()
    {
        foreach (var other in new[] { SampleAsks.CreateAsk() with { Hash = new('b', 64) }, SampleAsks.CreateAsk() with { Step = "other" } })
            await ClickAsync(ask: other);

        Assert.All(runs.HandedIn, h => Assert.Equal("unsigned", h.Decision.Signature));
    }

    public static TheoryData<string> Malformed => new(
        "null", "[]", "7", "{}", """{"type":"view_submission"}""", """{"type":"block_actions"}""", """{"type":"block_actions","actions":[]}""",
        """{"type":"block_actions","actions":{"a":1}}""", """{"type":7}""");

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task What_is_no_click_of_ours_is_refused_and_asks_nobody(string payload)
    {
        Assert.Equal(HandledKind.Malformed, (await handler.HandleAsync(JsonSerializer.Deserialize<JsonElement>(payload), default)).Kind);
        Assert.Equal(0, runs.Looks);
    }

    public static TheoryData<string> Changes => new("two", "block", "action", "value", "long", "version", "user", "ts", "channels", "kind");

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Exactly_one_action_of_known_block_id_and_value_is_a_click(string change)
    {
        var handled = await ClickAsync(change: p =>
        {
            var action = p["actions"]![0]!.AsObject();
            switch (change)
            {
                case "two": p["actions"]!.AsArray().Add(action.DeepClone()); break;
                case "block": action["block_id"] = "other"; break;
                case "action": action["action_id"] = "approve-all"; break;
                case "value": action["value"] = "{\"nonce\":1}"; break;
                case "long": action["value"] = new string('x', 2_001); break;
                case "version": action["value"] = action["value"]!.GetValue<string>().Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal); break;
                case "user": p["user"]!["id"] = ""; break;
                case "ts": p["container"]!.AsObject().Remove("message_ts"); break;
                case "channels": p["channel"]!["id"] = "C0OTHER"; break;
                case "kind": action["type"] = "static_select"; break;
            }
        });

        Assert.Equal(HandledKind.Malformed, handled.Kind);
        Assert.Equal(0, runs.Looks);
    }

    public void Dispose() => folder.Dispose();

    private static RunState State(Ask ask) => new(SampleAsks.Run, "Runbook", "luxhedge_production", SampleAsks.Asked, [], ask, [], [], 0, null, null, null)
    {
        Asks = [ask],
        AskMessages = new Dictionary<string, MessageReference> { [ask.Nonce] = new(SampleAsks.Channel, Ts) { Team = "T0LUXHEDGE", App = "A0LUXHEDGE" } },
    };

    private Task<Handled> ClickAsync(string user = "U0ALICE", string action = AskButton.Approve, Ask? ask = null, Action<JsonObject>? change = null)
    {
        var payload = new JsonObject
        {
            ["type"] = "block_actions",
            ["user"] = new JsonObject { ["id"] = user, ["team_id"] = "T0LUXHEDGE" },
            ["team"] = new JsonObject { ["id"] = "T0LUXHEDGE", ["domain"] = "luxhedge" },
            ["api_app_id"] = "A0LUXHEDGE",
            ["container"] = new JsonObject { ["type"] = "message", ["message_ts"] = Ts, ["channel_id"] = SampleAsks.Channel, ["is_ephemeral"] = false },
            ["channel"] = new JsonObject { ["id"] = SampleAsks.Channel },
            ["actions"] = new JsonArray(new JsonObject
            {
                ["type"] = "button",
                ["block_id"] = AskButton.Block,
                ["action_id"] = action,
                ["action_ts"] = "1795404000.000200",
                ["value"] = AskButton.Of(SampleAsks.WorkflowId, ask ?? SampleAsks.CreateAsk()).ToValue(),
            }),
        };
        change?.Invoke(payload);
        return handler.HandleAsync(JsonSerializer.SerializeToElement(payload), default);
    }

    private async Task<IReadOnlyList<PostEphemeralRequest>> FinishAsync(Handled handled)
    {
        whispers.Told.Clear();
        await (handled.Afterwards?.Invoke() ?? Task.CompletedTask);
        return [.. whispers.Told];
    }

    private sealed class Runs : IClickRuns
    {
        public RunState? State { get; set; }
        public DecisionAnswer Answer { get; set; } = new(true, "");
        public Func<Task> Taking { get; set; } = () => Task.CompletedTask;
        public List<(string Workflow, string Id, Decision Decision)> HandedIn { get; } = [];
        public int Looks { get; private set; }

        public Task<RunState?> StateAsync(string workflowId, CancellationToken cancellation)
        {
            Looks++;
            return Task.FromResult(State);
        }

        public async Task<Task<DecisionAnswer>> HandInAsync(string workflowId, string updateId, Decision decision, CancellationToken cancellation)
        {
            await Taking();
            HandedIn.Add((workflowId, updateId, decision));
            return Task.FromResult(Answer);
        }
    }

    internal sealed class Whispers : ISlackApiClient, IChatApi
    {
        public List<PostEphemeralRequest> Told { get; } = [];
        public IChatApi Chat => this;
        public IConversationsApi Conversations => throw new NotSupportedException();
        public IAppsApi Apps => throw new NotSupportedException();
        public Task<PostMessageResponse> Post(PostMessageRequest request, CancellationToken cancellation) => throw new NotSupportedException();
        public Task<PostMessageResponse> Update(UpdateMessageRequest request, CancellationToken cancellation) => throw new NotSupportedException();
        public Task<PermalinkResponse> GetPermalink(string channel, string timestamp, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<WebApiResponse> PostEphemeral(PostEphemeralRequest request, CancellationToken cancellation)
        {
            Told.Add(request);
            return Task.FromResult(new WebApiResponse { OK = true });
        }
    }
}
