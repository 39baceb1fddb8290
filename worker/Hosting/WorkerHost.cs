using LuxHedge.Activities;
using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Slack;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Verification;
using LuxHedge.Workflows.Watch;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Serilog;
using Temporalio.Client;
using Temporalio.Extensions.Hosting;
using Temporalio.Runtime;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Hosting;

/// <summary>
/// The worker: workflows and what is light on the plan's task queue, what moves bytes on the lanes' queue. One process runs both; any
/// number of processes on any number of machines share them.
/// </summary>
public static class WorkerHost
{
    /// <summary>
    /// Runs until the token is cancelled, then lets activities end for <see cref="WorkerHostOptions.Grace"/>. Throws
    /// <see cref="RefusalException"/> when it can't start: no writer's key (<c>plan</c>), no Temporal within
    /// <see cref="WorkerHostOptions.ConnectFor"/> (<c>unreachable</c>).
    /// </summary>
    public static async Task RunAsync(Plan plan, WorkerHostOptions options, CancellationToken cancellation)
    {
        await using var log = Logs.Create(options.Log, options.LogLevel, options.LogOutput);
        using var writer = WriterKey.Load(plan.Writer);
        var client = await ConnectAsync(plan, options, log, cancellation);
        await SearchAttributes.RegisterAsync(client, log, cancellation);
        using var host = Build(plan, options, client, writer, log);
        // What can't be made is said now, and not by the first run.
        foreach (var type in ActivityClasses.All)
            host.Services.GetRequiredService(type);
        await host.StartAsync(cancellation);
        log.Information("Takes work from {Queue} and {Lanes} of {Address} (namespace {Namespace}), {Places} lanes at once",
            plan.Temporal.TaskQueue, TaskQueues.Lanes(plan.Temporal.TaskQueue), plan.Temporal.Address, plan.Temporal.Namespace,
            Places(plan, options));
        options.Ready?.Invoke();
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }
        catch (OperationCanceledException)
        {
            log.Information("Stops: activities have {Grace} to end", options.Grace);
        }

        await host.StopAsync(CancellationToken.None);
    }

    private static IHost Build(Plan plan, WorkerHostOptions options, ITemporalClient client, WriterKey writer, ILogger log)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services
            .Configure<HostOptions>(h => h.ShutdownTimeout = options.Grace + TimeSpan.FromSeconds(20))
            .AddSerilog(log)
            .AddSingleton(client)
            .AddSingleton(plan)
            .AddSingleton(writer)
            .AddSingleton(TimeProvider.System)
            .AddSingleton<StoreSet>(_ => new(plan))
            .AddSingleton<KeyRing>()
            .AddSingleton<ClusterConnections>()
            .AddSingleton<AtlasConnections>()
            .AddSingleton<AuditLog>()
            .AddSingleton<EvidenceStore>()
            .AddSingleton<IEvidenceStore>(s => s.GetRequiredService<EvidenceStore>())
            .AddSingleton<Func<Type, IActivityAction>>(s => action => (IActivityAction)ActivatorUtilities.CreateInstance(s, action));
        var activities = ActivityClasses.All;
        foreach (var type in activities.Where(typeof(INotificationActivities).IsAssignableFrom))
            builder.Services.AddSingleton(s => (INotificationActivities)s.GetRequiredService(type));
        AddWorker(builder.Services, plan.Temporal.TaskQueue, activities, options, log, null)
            .AddWorkflow<DatabaseBackupWorkflow>()
            .AddWorkflow<VerificationWorkflow>()
            .AddWorkflow<RestoreWorkflow>()
            .AddWorkflow<RunbookWorkflow>()
            .AddWorkflow<ScheduledWorkflow>()
            .AddWorkflow<WatchWorkflow>()
            .AddWorkflow<OplogCaptureWorkflow>()
            .AddWorkflow<ReviewWorkflow>()
            .AddWorkflow<ExportWorkflow>()
            .AddWorkflow<AcceptanceWorkflow>()
            .AddWorkflow<AtlasSnapshotWorkflow>()
            .AddWorkflow<AtlasRestoreWorkflow>();
        AddWorker(builder.Services, TaskQueues.Lanes(plan.Temporal.TaskQueue), activities, options, log, Places(plan, options));
        builder.Services.AddSlack(plan, options, log);
        return builder.Build();
    }

    private static ITemporalWorkerServiceOptionsBuilder AddWorker(
        IServiceCollection services, string queue, IReadOnlyList<Type> activities, WorkerHostOptions options, ILogger log, int? places)
    {
        var worker = services.AddHostedTemporalWorker(queue).ConfigureOptions(o =>
        {
            o.Interceptors = [new ActivityBoundary(log, SecretMasker.Shared)];
            o.GracefulShutdownTimeout = options.Grace;
            // Heartbeats are what people watch progress by.
            o.MaxHeartbeatThrottleInterval = TimeSpan.FromSeconds(1);
            o.DefaultHeartbeatThrottleInterval = TimeSpan.FromSeconds(1);
            if (places is { } most)
                o.MaxConcurrentActivities = most;
        });
        foreach (var type in activities)
            services.TryAddSingleton(type);
        worker.ConfigureOptions().PostConfigure<IServiceProvider>((o, services) =>
        {
            foreach (var type in activities)
            {
                foreach (var definition in ActivityClasses.Definitions(type, () => services.GetRequiredService(type)))
                    o.AddActivity(definition);
            }
        });
        return worker;
    }

    private static int Places(Plan plan, WorkerHostOptions options) =>
        options.Lanes ?? Math.Max(2 * Environment.ProcessorCount, plan.Assets.Values.Count(a => a.Kind == "database") + 4);

    /// <summary>A worker that comes up before its server waits for it, and says so.</summary>
    private static async Task<ITemporalClient> ConnectAsync(
        Plan plan, WorkerHostOptions options, ILogger log, CancellationToken cancellation)
    {
        var runtime = options.Metrics is { } address
            ? new TemporalRuntime(new() { Telemetry = new() { Metrics = new() { Prometheus = new(address) } } })
            : null;
        var giveUp = options.ConnectFor is { } limit ? DateTimeOffset.UtcNow + limit : DateTimeOffset.MaxValue;
        for (var wait = TimeSpan.FromSeconds(1); ; wait = wait < TimeSpan.FromSeconds(15) ? wait * 2 : wait)
        {
            try
            {
                return await TemporalConnections.ConnectAsync(plan.Temporal, cancellation, runtime);
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Unreachable && DateTimeOffset.UtcNow + wait < giveUp)
            {
                log.Warning("{Why} Trying again in {Wait} s. {Hint}", e.Report.Message, wait.TotalSeconds, e.Report.Hint);
                await Task.Delay(wait, cancellation);
            }
        }
    }
}
