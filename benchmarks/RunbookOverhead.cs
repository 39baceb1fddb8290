using System.Text.Json;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Worker;

namespace LuxHedge.Benchmarks;

/// <summary>
/// What the interpreter costs: the time a step takes, in a runbook and in a workflow with nothing but the same activities, on the same server and
/// worker, in turns. A step's time is that of all steps of a run, by the workflow's own clock, divided by their number; what a run does once
/// (begin, inventory, evidence, audit entries) is no step.
/// </summary>
public static class RunbookOverhead
{
    private const double Goal = 1.3;
    private const int Rounds = 3;

    /// <summary>Temporal ends a workflow at so many events.</summary>
    private const int EventLimit = 51_200;

    public static async Task<IReadOnlyList<BenchmarkRow>> MeasureAsync()
    {
        var client = (await TemporalServer.SharedAsync()).Client;
        var queue = $"benchmark-{Guid.NewGuid():N}";
        var options = new TemporalWorkerOptions(queue) { MaxCachedWorkflows = 1_000 }.AddWorkflow<RunbookWorkflow>().AddWorkflow<BareWorkflow>();
        var activities = new NoOpActivities();
        foreach (var definition in ActivityClasses.Definitions(typeof(NoOpActivities), () => activities))
            options.AddActivity(definition);
        using var worker = new TemporalWorker(client, options);
        using var stop = new CancellationTokenSource();
        var running = worker.ExecuteAsync(stop.Token);
        var rows = new List<BenchmarkRow>
        {
            await CompareAsync("runbooks-100", "ms a step, 100 runs of 10 steps at once on one worker", client, queue, 100, 10),
            await CompareAsync("runbook-200", "ms a step, one run of 200 steps in a row", client, queue, 1, 200),
        };
        var events = await EventsAsync(client, queue, 200);
        rows.Add(BenchmarkRow.Of("runbook-200-events", "events of a run of 200 steps", "half of Temporal's limit", events, EventLimit / 2.0, 1));
        await stop.CancelAsync();
        await running.ContinueWith(_ => { }, TaskScheduler.Default);
        return rows;
    }

    private static async Task<BenchmarkRow> CompareAsync(string id, string what, ITemporalClient client, string queue, int runs, int steps)
    {
        // Once to warm both, not counted; then in turns, so that whatever else the machine does meets both.
        await RunbooksAsync(client, queue, runs, steps);
        await BareAsync(client, queue, runs, steps);
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var i = 0; i < Rounds; i++)
        {
            ours.Add(await RunbooksAsync(client, queue, runs, steps));
            theirs.Add(await BareAsync(client, queue, runs, steps));
            await Console.Error.WriteLineAsync($"{id}, round {i + 1} of {Rounds}: {ours[^1]:0.0} ms a step, {theirs[^1]:0.0} ms bare");
        }

        return BenchmarkRow.Of(id, what, "a workflow with the same no-op activities", Median(ours), Median(theirs), Goal);
    }

    private static async Task<double> RunbooksAsync(ITemporalClient client, string queue, int runs, int steps)
    {
        var summaries = await Task.WhenAll(Enumerable.Range(0, runs).Select(async _ =>
        {
            var run = await StartAsync(client, queue, steps);
            return await run.GetResultAsync<RunbookSummary>();
        }));
        return summaries.Average(s => (s.Steps.Max(r => r.EndedAt) - s.Steps.Min(r => r.StartedAt)).TotalMilliseconds / steps);
    }

    private static async Task<double> BareAsync(ITemporalClient client, string queue, int runs, int steps)
    {
        var request = Request(queue, steps);
        var context = new ActionContext(
            request.RunId, queue, "step", request.Asset, RunMode.Real, NoOpActivities.Site, DateTimeOffset.UtcNow, null, null, null)
        {
            Claim = RunbookClaim.Of(request),
        };
        var took = await Task.WhenAll(Enumerable.Range(0, runs).Select(_ => client.ExecuteWorkflowAsync(
            (BareWorkflow w) => w.RunAsync(context, steps), new($"bare-{Guid.NewGuid():N}", queue))));
        return took.Average(t => t.TotalMilliseconds / steps);
    }

    private static async Task<double> EventsAsync(ITemporalClient client, string queue, int steps)
    {
        var run = await StartAsync(client, queue, steps);
        await run.GetResultAsync<RunbookSummary>();
        return (await run.DescribeAsync()).HistoryLength;
    }

    private static Task<WorkflowHandle> StartAsync(ITemporalClient client, string queue, int steps) =>
        client.StartWorkflowAsync(Wire.Runbook, [Request(queue, steps)], new($"runbook-{Guid.NewGuid():N}", queue));

    private static RunbookRequest Request(string queue, int steps) => new(
        $"run-{Guid.NewGuid():N}", queue, "benchmark", "asset", RunMode.Real,
        new("benchmark", 1, "Steps that do nothing", null, [], [.. Enumerable.Range(1, steps).Select(i => new RunbookStep($"s{i}") { Uses = "no-op" })], [], "00"),
        new Dictionary<string, JsonElement>(), null, null);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
