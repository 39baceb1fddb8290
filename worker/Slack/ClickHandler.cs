using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Notifications;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Slack;

/// <summary>
/// Clicks on an ask, from either transport, which has made sure that they are Slack's. A click becomes a decision only when it is exactly one
/// action of a known block and id, by a person of the plan, on the very message that the run's open ask stands in. It is signed with the
/// endpoint's key and is Temporal's before anybody is told that it was taken; what can't count is answered to the one who clicked, and why.
/// </summary>
public sealed class ClickHandler(
    Plan plan, SlackPlan slackPlan, EndpointKey endpoint, IClickRuns runs, ISlackApiClient slack, TimeProvider time, ILogger log)
{
    /// <summary>Slack waits three seconds for its answer; what is not Temporal's by then is shown as failed.</summary>
    public static readonly TimeSpan HandInWithin = TimeSpan.FromSeconds(2);

    /// <summary>Stands where a signature would: a decision that can't count, handed in so that the run keeps who tried it.</summary>
    private const string Unsigned = "unsigned";

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(15);

    public async Task<Handled> HandleAsync(JsonElement payload, CancellationToken stopping)
    {
        if (Read(payload) is not var (click, button, kind))
        {
            log.Warning("An interaction of Slack's that is none of an ask was refused");
            return Handled.Malformed;
        }

        if (slackPlan.Team is { } team && click.Team != team)
            return Refuse(click, $"This is not the workspace that the plan names ({team}).");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(HandInWithin);
        try
        {
            return await DecideAsync(click, button, kind, limit.Token);
        }
        catch (ClickNotTakenException e)
        {
            log.Error("A click of {User} on step {Step} of {Run} was not taken, and Slack says so to the person: {Why}",
                click.User, button.Step, button.Run, e.Message);
            return Handled.Failed;
        }
    }

    private async Task<Handled> DecideAsync(Click click, AskButton button, DecisionKind kind, CancellationToken cancellation)
    {
        var state = await runs.StateAsync(button.Workflow, cancellation);
        if (state is null || state.RunId != button.Run)
            return Refuse(click, "That run is over, and another may have taken its place: nothing can be decided there any more.");
        var person = plan.People.Values.FirstOrDefault(p => p.SlackId == click.User);
        var ask = state.Asks.FirstOrDefault(a => a.Nonce == button.Nonce) ?? (state.WaitingFor?.Nonce == button.Nonce ? state.WaitingFor : null);
        if (person is null)
        {
            await KeepAsync(button, click, $"slack:{click.User}", kind, cancellation);
            return Refuse(click, "The plan knows no person with your Slack account, so you can decide nothing. Who keeps the plan can add you to slack.people.");
        }

        if (ask is null || ask.Step != button.Step || ask.Hash != button.Hash)
        {
            // Closed already: the run answers how it ended, and keeps that somebody came late.
            return Answered(click, await KeepAsync(button, click, person.Name, kind, cancellation), button);
        }

        if (WhyNotThere(click, state.AskMessages.GetValueOrDefault(ask.Nonce)) is { } elsewhere)
        {
            log.Warning("A click of {Person} ({User}) on {Channel}/{Timestamp} was refused: {Why}", person.Name, click.User, click.Channel, click.Timestamp, elsewhere);
            return Refuse(click, elsewhere);
        }

        if (ask.OwnKey)
        {
            var word = kind == DecisionKind.Denied ? "deny" : ask.Kind == AskKinds.Manual ? "confirm" : "approve";
            var reason = kind == DecisionKind.Denied ? " --reason TEXT" : "";
            return Refuse(click, $"This is decided with your own key only, so the click does not count. On the machine that has your key:\n`luxhedge runs {word} {Mrkdwn.Escape(ask.RunId)} --step {Mrkdwn.Escape(ask.Step)} --as {person.Name}{reason}`");
        }

        var via = new DecisionVia(click.User, click.Team, click.Channel, click.Timestamp, click.ActionTimestamp);
        var decision = DecisionSigner.SignForClick(endpoint, ask, kind, person.Name, "", via, time.GetUtcNow());
        var refusedBefore = state.Refused.Count(r => r.Person == person.Name && r.Step == ask.Step) + state.RefusedBeyondKept;
        var answer = await runs.HandInAsync(button.Workflow, UpdateId(button, click, kind, refusedBefore), decision, cancellation);
        log.Information("{Person} ({User}, {Team}, {Channel}/{Timestamp}, {Action}) clicked {Decision} on step {Step} of {Run}",
            person.Name, click.User, click.Team, click.Channel, click.Timestamp, click.ActionTimestamp, kind, ask.Step, ask.RunId);
        return Answered(click, answer, button);
    }

    /// <summary>Hands in what can't count, unsigned: the run says why, and keeps it.</summary>
    private Task<Task<DecisionAnswer>> KeepAsync(AskButton button, Click click, string person, DecisionKind kind, CancellationToken cancellation)
    {
        var decision = new Decision(
            plan.Temporal.Namespace, button.Run, button.Step, button.Nonce, button.Hash, kind, person, "", time.GetUtcNow(), "slack", Unsigned)
        {
            Via = new(click.User, click.Team, click.Channel, click.Timestamp, click.ActionTimestamp),
        };
        // However often somebody presses what can't count, the run keeps it once.
        return runs.HandInAsync(button.Workflow, UpdateId(button, click, kind, 0), decision, cancellation);
    }

    /// <summary>A double click is one decision. One that was refused may be tried again: what it was refused for may have been mended.</summary>
    private static string UpdateId(AskButton button, Click click, DecisionKind kind, int refusedBefore) => "slack-" + Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{button.Nonce}\n{click.Team}\n{click.User}\n{kind}\n{refusedBefore}")).AsSpan(0, 16));

    private string? WhyNotThere(Click click, Workflows.Notifications.MessageReference? stored)
    {
        if (click.Ephemeral)
            return "Decide in the channel's own message, please.";
        if (stored is null)
        {
            // Posted, and the run was not told where: the channel of the plan is the only one there is.
            return click.Channel == slackPlan.Channel ? null : "It is not known yet where this stands. Try again in a moment.";
        }

        return stored.Channel == click.Channel && stored.Timestamp == click.Timestamp
            && (stored.Team is null || stored.Team == click.Team) && (stored.App is null || click.App is null || stored.App == click.App)
            ? null
            : "This is not the message that the run asked in. Use that one, please.";
    }

    private Handled Answered(Click click, Task<DecisionAnswer> answer, AskButton button) => new(HandledKind.Taken, Afterwards: async () =>
    {
        try
        {
            if (await answer is { Accepted: false } refused)
            {
                log.Information("The click of {User} on step {Step} of {Run} does not count: {Why}", click.User, button.Step, button.Run, refused.Why);
                await TellAsync(click, refused.Why);
            }
        }
        catch (Exception e) when (e is Temporalio.Exceptions.RpcException or Temporalio.Exceptions.TemporalException or OperationCanceledException)
        {
            log.Warning("What became of the click of {User} on step {Step} of {Run} is not known yet: {Why}", click.User, button.Step, button.Run, e.Message);
        }
    });

    private Handled Refuse(Click click, string why) => new(HandledKind.Taken, Afterwards: () => TellAsync(click, why));

    /// <summary>To the one who clicked only.</summary>
    private async Task TellAsync(Click click, string why)
    {
        using var limit = new CancellationTokenSource(AnswerWithin);
        try
        {
            await slack.Chat.PostEphemeral(new(click.Channel, click.User, Mrkdwn.CutLines([$"Your click does not count. {why}"], SlackLimits.Text)), limit.Token);
        }
        catch (Exception e) when (e is SlackException or OperationCanceledException)
        {
            log.Warning("{User} could not be told why the click does not count ({Why}): {Error}", click.User, why, e.Message);
        }
    }

    private static (Click Click, AskButton Button, DecisionKind Kind)? Read(JsonElement payload)
    {
        if (BlockActionsPayload.Parse(payload) is not { Type: "block_actions", Actions: [{ BlockId: AskButton.Block, Type: "button" or null } action] } p)
            return null;
        DecisionKind? kind = action.ActionId switch
        {
            AskButton.Approve or AskButton.Confirm => DecisionKind.Approved,
            AskButton.Deny => DecisionKind.Denied,
            _ => null,
        };
        var channel = p.Container?.ChannelId ?? p.Channel?.Id;
        if (kind is null || AskButton.Parse(action.Value) is not { } button || p.User?.Id is not { Length: > 0 } user || channel is not { Length: > 0 }
            || p.Container?.MessageTs is not { Length: > 0 } timestamp || (p.Channel?.Id is { } other && other != channel))
        {
            return null;
        }

        return (
            new(user, p.Team?.Id ?? p.User.TeamId ?? "", p.ApiAppId, channel, timestamp, action.ActionTs ?? "", p.Container.IsEphemeral), button, kind.Value);
    }

    private sealed record Click(string User, string Team, string? App, string Channel, string Timestamp, string ActionTimestamp, bool Ephemeral);
}
