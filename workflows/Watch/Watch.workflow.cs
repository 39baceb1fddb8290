using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;
using Temporalio.Converters;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Watch;

/// <summary>
/// One look at everything that should have happened, each few minutes by its schedule. What is wrong is told at once, told again when it
/// changes, and once a day while it lasts. Then it calls the dead man's address: no call, and somebody outside knows that this does not run.
/// Its memory is the result of the look before.
/// </summary>
[Workflow(Wire.Watch)]
public sealed class WatchWorkflow
{
    /// <summary>What lasts is told again after this long: a day, less what a look may come too early by.</summary>
    public static readonly TimeSpan ToldAgainAfter = TimeSpan.FromDays(1) - TimeSpan.FromMinutes(1);

    /// <summary>More at once nobody reads: the rest is told by the looks after this one.</summary>
    private const int MostAlerts = 20;

    [WorkflowRun]
    public async Task<WatchResult> RunAsync(WatchRequest request)
    {
        var before = request.Before ?? Last();
        var now = Steps.Now;
        var look = await LookAsync(before?.LookedAt);
        var known = (before?.Told ?? []).ToDictionary(t => t.Key, StringComparer.Ordinal);
        var told = new List<ToldFinding>();
        var alerts = 0;
        foreach (var finding in look.Findings)
        {
            if (known.TryGetValue(finding.Key, out var earlier) && earlier.Title == finding.Title && now - earlier.At < ToldAgainAfter)
            {
                told.Add(earlier);
            }
            else if (alerts < MostAlerts && await TellAsync(finding, now))
            {
                told.Add(new(finding.Key, finding.Title, now));
                alerts++;
            }
        }

        // What could not be looked at may still be wrong: it is not forgotten, and not told a second time.
        if (look.Unknown.Count > 0)
            told.AddRange(known.Values.Where(k => told.TrueForAll(t => t.Key != k.Key) && now - k.At < ToldAgainAfter));
        var deadMan = await CallDeadManAsync();
        Workflow.CurrentDetails = $"{look.Findings.Count} findings, {alerts} told now. Dead man's switch: {deadMan}\n\n"
            + string.Join('\n', look.Findings.Select(f => $"- **{f.Kind}** {f.Title}").Concat(look.Unknown.Select(u => $"- unknown: {u}")).Take(100));
        return new(now, told, alerts, look.Unknown, deadMan);
    }

    /// <summary>What the schedule's last run returned; null: it is the first, or ran by hand.</summary>
    private static WatchResult? Last()
    {
        if (Workflow.Info.LastResult?.FirstOrDefault() is not { } last)
            return null;
        try
        {
            return Workflow.PayloadConverter.ToValue<WatchResult>(last);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or ArgumentException or NotSupportedException)
        {
            return null; // of another version: everything is told once more
        }
    }

    private static async Task<WatchLook> LookAsync(DateTimeOffset? since)
    {
        try
        {
            return await Workflow.ExecuteActivityAsync((IWatchActivities a) => a.LookAsync(since),
                ActivityPolicies.ForShortWork("stores, runs, plan", Workflow.CancellationToken));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            var report = Failures.ToReport(e);
            return new([new("watch", "failed", "Watch could not look", report.Message, null)], [report.Message]);
        }
    }

    private static async Task<bool> TellAsync(WatchFinding finding, DateTimeOffset now)
    {
        var alert = new Alert(finding.Key, finding.Kind, finding.Title, finding.Text, finding.RunId, now);
        try
        {
            await Workflow.ExecuteActivityAsync((INotificationActivities a) => a.AlertAsync(alert),
                ActivityPolicies.ForTelling($"tell people: {finding.Title}"));
            return true;
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            return false; // the next look tells it
        }
    }

    private static async Task<string> CallDeadManAsync()
    {
        try
        {
            return await Workflow.ExecuteActivityAsync((IWatchActivities a) => a.CallDeadManAsync(),
                ActivityPolicies.ForTelling("call the dead man's address"));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            return Failures.ToReport(e).Message;
        }
    }
}
