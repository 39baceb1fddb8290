using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Runs;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using Temporalio.Api.Enums.V1;

namespace LuxHedge.Benchmarks.Database;

/// <summary>The real workflow on a real Temporal server, by real worker processes (<c>luxhedge worker</c>).</summary>
internal sealed class SharedWork : IAsyncDisposable
{
    private readonly BenchmarkSite site;
    private readonly SandboxTemporal temporal;
    private readonly Plan plan;
    private readonly LuxClient client;

    private SharedWork(BenchmarkSite site, SandboxTemporal temporal, Plan plan, LuxClient client) =>
        (this.site, this.temporal, this.plan, this.client) = (site, temporal, plan, client);

    public static async Task<SharedWork> StartAsync(BenchmarkSite site)
    {
        var finder = ServerFinder.ForThisProgram(Progress.Say);
        var folder = Directory.CreateDirectory(Path.Combine(site.Folder, $"shared-{Guid.NewGuid():N}")).FullName; // several rows work so, each anew
        var server = await SandboxTemporal.StartAsync(finder, Path.Combine(folder, "temporal"), ui: false);
        try
        {
            var loaded = PlanLoader.Load(BenchmarkSite.PlanOf(server.Address, site.Connection, site.S3, site.RangeBytes).Write(Path.Combine(folder, "plan")));
            return new SharedWork(site, server, loaded, await LuxClient.ConnectAsync(loaded, CancellationToken.None));
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A worker that has room for so many activities of the lanes' queue (null: its own default); it ends with this program.</summary>
    public ServerProcess StartWorker(int? places = null)
    {
        var limit = places is { } most ? ["--lanes", most.ToString(System.Globalization.CultureInfo.InvariantCulture)] : Array.Empty<string>();
        var program = Path.Combine(AppContext.BaseDirectory, "luxhedge");
        return ServerProcess.Start(new ServerLaunch(
            "worker", program, ["worker", "--plan", plan.Path, .. limit, "--grace", "1"],
            site.Folder, Path.Combine(site.Folder, "worker.log")));
    }

    /// <summary>A whole backup, verified too; what counts is told by the caller from its steps and its lanes.</summary>
    public async Task<SharedBackup> BackUpAsync(string asset, IReadOnlyList<string>? collections)
    {
        var runId = RunIds.Create(DateTimeOffset.UtcNow, "backup-" + asset, Guid.NewGuid());
        var run = await client.StartBackupAsync(new DatabaseBackupRequest(runId, asset, plan.Temporal.TaskQueue, collections), CancellationToken.None);
        await client.ResultAsync<BackupResult>(run, CancellationToken.None);
        var state = await client.StateAsync(run, CancellationToken.None) ?? throw new InvalidOperationException("The run tells no state.");

        // Who has done which lane, and when, is in the history.
        var lanes = new Dictionary<long, Lane>();
        await foreach (var @event in client.Temporal.GetWorkflowHandle(run.WorkflowId).FetchHistoryEventsAsync())
        {
            switch (@event.EventType)
            {
                case EventType.ActivityTaskScheduled when @event.ActivityTaskScheduledEventAttributes.ActivityType.Name == "dump-lane":
                    lanes[@event.EventId] = new Lane("", 0, default, default);
                    break;
                case EventType.ActivityTaskStarted when @event.ActivityTaskStartedEventAttributes is var started && lanes.ContainsKey(started.ScheduledEventId):
                    lanes[started.ScheduledEventId] = new Lane(started.Identity, started.Attempt, @event.EventTime.ToDateTimeOffset(), default);
                    break;
                case EventType.ActivityTaskCompleted when @event.ActivityTaskCompletedEventAttributes is var done && lanes.TryGetValue(done.ScheduledEventId, out var lane):
                    lanes[done.ScheduledEventId] = lane with { Ended = @event.EventTime.ToDateTimeOffset() };
                    break;
                default:
                    break;
            }
        }

        var dump = state.Steps.First(s => s.Step == "dump");
        return new SharedBackup((dump.EndedAt!.Value - dump.StartedAt).TotalSeconds, [.. lanes.Values], state.Steps);
    }

    public async ValueTask DisposeAsync() => await temporal.DisposeAsync();
}

/// <param name="Worker">Identity of the process that has done it.</param>
/// <param name="Attempt">Of the one that ended it.</param>
internal readonly record struct Lane(string Worker, int Attempt, DateTimeOffset Started, DateTimeOffset Ended);

/// <param name="Seconds">Of the step "dump": all lanes.</param>
internal sealed record SharedBackup(double Seconds, IReadOnlyList<Lane> Lanes, IReadOnlyList<StepTiming> Steps)
{
    public int Workers => Lanes.Select(l => l.Worker).Distinct(StringComparer.Ordinal).Count();

    /// <summary>Every lane was done once, and all of them at the same time for a while.</summary>
    public bool EveryLaneBusy => Lanes.All(l => l.Attempt == 1) && Lanes.Max(l => l.Started) < Lanes.Min(l => l.Ended);
}
