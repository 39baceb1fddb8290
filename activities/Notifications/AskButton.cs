using System.Text.Json;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Notifications;

/// <summary>What a button of an ask carries. The nonce is random and made for this ask alone; the rest says where to look. Whoever takes the
/// click compares all of it with the open ask: nothing here decides anything.</summary>
/// <param name="Workflow">Temporal's workflow id.</param>
/// <param name="Hash">Of exactly what is asked.</param>
public sealed record AskButton(int Version, string Nonce, string Workflow, string Run, string Step, string Hash)
{
    public const string Block = "luxhedge-ask";
    public const string Approve = "approve";
    public const string Deny = "deny";

    /// <summary>Of a manual step: it was done.</summary>
    public const string Confirm = "confirm";

    private const int Newest = 1;

    public static AskButton Of(string workflowId, Ask ask) => new(Newest, ask.Nonce, workflowId, ask.RunId, ask.Step, ask.Hash);

    public string ToValue() => JsonSerializer.Serialize(this, SlackJson.Options);

    /// <summary>Null for whatever is no value of ours.</summary>
    public static AskButton? Parse(string? value)
    {
        if (value is null or { Length: > SlackLimits.ButtonValue })
            return null;
        try
        {
            return JsonSerializer.Deserialize<AskButton>(value, SlackJson.Options) is
            { Version: Newest, Nonce.Length: > 0, Workflow.Length: > 0, Run.Length: > 0, Step.Length: > 0, Hash: not null } button
                ? button
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
