using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>Who is called, and who next when nobody answers: from the plan, so that a runbook holds no name that goes stale.</summary>
[Action("notify-contacts",
    "Tells the contacts of the plan, with whom each is to call next, in Slack and in the worker's log. A contact that the plan does not have is a "
    + "NotProven check: nobody would be called. Never fails because a message could not be sent.",
    Output = typeof(Output))]
public sealed class NotifyContacts(Plan plan, IEnumerable<INotificationActivities> notifications, TimeProvider time) : ActivityAction<NotifyContacts.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.List, "Contacts of the plan. All of them unless said.")]
        public IReadOnlyList<string>? Contacts { get; init; }

        [Input(InputTypes.Text, "What they are told.", Required = true)]
        public string Message { get; init; } = "";
    }

    public sealed record Output
    {
        [Input(InputTypes.List, "Who is to be called, in order, as one line each.")]
        public IReadOnlyList<string> Calls { get; init; } = [];
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var known = plan.Document.TryGetProperty("contacts", out var section)
            ? section.EnumerateObject().ToDictionary(c => c.Name, c => c.Value, StringComparer.Ordinal) : [];
        var wanted = input.Contacts is { Count: > 0 } named ? named : [.. known.Keys];
        var checks = wanted.Where(w => !known.ContainsKey(w)).Select(w => new Check($"contact {w}", Verdict.NotProven, "The plan has no such contact.")).ToList();
        var order = new List<string>();
        foreach (var first in wanted.Where(known.ContainsKey))
        {
            // Along `next`, which may lead back to where it began.
            for (var at = first; at is not null && !order.Contains(at); at = Text(known[at], "next"))
                order.Add(at);
        }

        if (order.Count == 0)
            checks.Add(new("contacts", Verdict.NotProven, "The plan names nobody to call."));
        else
            checks.Add(new("contacts", Verdict.Proven, $"{order.Count} to call."));
        var calls = order.Select(o => Line(known[o])).ToList();
        var drill = context.Mode == RunMode.Drill ? "DRILL, nothing is wrong: " : "";
        var alert = new Alert(
            $"contacts/{context.RunId}/{context.StepId}", "contacts", $"{drill}{input.Message}",
            $"To call, in this order:\n{string.Join('\n', calls.Select((c, i) => $"{i + 1}. {c}"))}", context.RunId, time.GetUtcNow());
        var detail = string.Join("; ", calls);
        foreach (var notification in notifications)
        {
            try
            {
                await notification.AlertAsync(alert);
            }
            catch (Exception e) when (e is RefusalException or IOException or HttpRequestException or TimeoutException)
            {
                detail = $"{detail} (the message could not be sent: {e.Message})";
            }
        }

        return ActionOutcomes.Of(new Output { Calls = calls }, checks) with { Detail = detail };
    }

    private string Line(JsonElement contact)
    {
        var people = contact.TryGetProperty("people", out var listed)
            ? listed.EnumerateArray().Select(p => p.GetString()!)
                .SelectMany(p => plan.Groups.TryGetValue(p, out var members) ? members : [p])
                .Select(p => plan.People.TryGetValue(p, out var person) ? person.FullName : p)
            : [];
        var reach = new[] { Text(contact, "phone"), Text(contact, "email"), Text(contact, "hours") }.OfType<string>();
        string[] parts = [Text(contact, "name") ?? "", string.Join(" and ", people), .. reach];
        return string.Join(", ", parts.Where(t => t.Length > 0).Distinct());
    }

    private static string? Text(JsonElement contact, string field) => contact.TryGetProperty(field, out var value) ? value.GetString() : null;
}
