using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Unit.Commands;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Tests.Unit.Notifications;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using LuxHedge.Worker.Slack;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Microsoft.Extensions.Time.Testing;
using Serilog;

namespace LuxHedge.Tests.Unit.Slack;

public sealed class CommandHandlerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeRuns runs = new();
    private readonly Plan plan;
    private readonly EndpointKey endpoint;
    private readonly CommandHandler handler;

    public CommandHandlerTests()
    {
        using var writer = WriterKey.Create("writer-1");
        File.WriteAllText(folder["writer.pem"], writer.ToPem());
        File.SetUnixFileMode(folder["writer.pem"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var reference = new SecretReference($"${{file:{folder["writer.pem"]}}}", "/");
        var slack = new SlackPlan("https://slack.com/api", reference, null, null, SampleAsks.Channel, "T0LUXHEDGE", null);
        plan = SampleAsks.CreatePlan(slack) with
        {
            Writer = new("writer-1", reference, new Dictionary<string, string> { ["writer-1"] = writer.PublicKey }),
            Runbooks = Repository.Path("runbooks"),
            Drills = new Dictionary<string, DrillPlan>
            {
                ["monthly"] = new("monthly", "monthly", ["luxhedge_production"], "partial", null, null, null, new Dictionary<string, string>()),
            },
        };
        endpoint = EndpointKey.Load(plan);
        handler = new(
            plan, slack, endpoint, runs, new ClickHandlerTests.Whispers(), new FakeTimeProvider(SampleAsks.Now),
            new LoggerConfiguration().CreateLogger());
    }

    public void Dispose()
    {
        endpoint.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_drill_begins_signed_for_who_typed_it_and_every_other_door_stays_shut_to_that()
    {
        var said = await SayAsync("drill monthly");

        var request = Assert.IsType<RunbookRequest>(Assert.Single(runs.Started));
        Assert.Contains(request.RunId, said, StringComparison.Ordinal);
        Assert.Equal((RunMode.Drill, "monthly", "luxhedge_production"), (request.Mode, request.Name, request.Asset));
        Assert.Equal(("olive", new RequestVia("writer-1", "U0OLIVE", "T0LUXHEDGE", "C1")), (request.RequestedBy!.Person, request.RequestedBy.Via));
        Assert.Null(RequestSigner.ProblemOf(plan, request));
        var incident = RequestSigner.SignForCommand(
            endpoint, "olive", "U0OLIVE", "T0LUXHEDGE", "C1", runs.Namespace, request with { Mode = RunMode.Real }, SampleAsks.Now);
        Assert.Contains("not with the own key of 'olive'", RequestSigner.ProblemOf(plan, incident) ?? "", StringComparison.Ordinal);
        foreach (var changed in new[]
        {
            request.RequestedBy with { Person = "alice" },
            request.RequestedBy with { Via = request.RequestedBy.Via! with { User = "U0ALICE" } },
            request.RequestedBy with { Via = request.RequestedBy.Via! with { Channel = "C2" } },
            request.RequestedBy with { Via = request.RequestedBy.Via! with { Team = "T0OTHER" } },
            request.RequestedBy with { Via = request.RequestedBy.Via! with { Signer = "writer-2" } },
            request.RequestedBy with { Via = null },
        })
        {
            Assert.NotNull(RequestSigner.ProblemOf(plan, request with { RequestedBy = changed }));
        }
    }

    [Fact]
    public async Task A_command_that_Slack_sends_twice_starts_one_drill()
    {
        runs.Holders[WorkflowIds.Drill("monthly")] = new(
            "20261123T090000Z-drill-monthly-7f3a", Wire.Runbook, "luxhedge_production", "running", SampleAsks.Now, null)
        {
            Reference = new("20261123T090000Z-drill-monthly-7f3a", WorkflowIds.Drill("monthly"), "1", Wire.Runbook, "luxhedge_production"),
        };

        Assert.Contains("runs already", await SayAsync("drill monthly"), StringComparison.Ordinal);
        Assert.Empty(runs.Started);
    }

    [Theory]
    [InlineData("drill nothing", "The plan has no drill nothing")]
    [InlineData("drill", "The plan has: monthly")]
    [InlineData("dance", "I know")]
    [InlineData("status", "Nothing runs")]
    public async Task Every_command_is_answered(string text, string expected) =>
        Assert.Contains(expected, await SayAsync(text), StringComparison.Ordinal);

    [Fact]
    public async Task Strangers_and_other_workspaces_start_nothing()
    {
        Assert.Contains("knows no person", await SayAsync("drill monthly", user: "U0MALLORY"), StringComparison.Ordinal);
        Assert.Contains("not the workspace", await SayAsync("drill monthly", team: "T0OTHER"), StringComparison.Ordinal);
        Assert.Empty(runs.Started);
    }

    private async Task<string> SayAsync(string text, string user = "U0OLIVE", string team = "T0LUXHEDGE") =>
        (await handler.HandleAsync(new SlashCommand("/dr", text, user, team, "C1", null), CancellationToken.None)).Answer!;
}
