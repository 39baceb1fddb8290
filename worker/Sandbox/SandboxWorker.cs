using System.Reflection;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using Temporalio.Api.Enums.V1;
using Temporalio.Api.TaskQueue.V1;
using Temporalio.Api.WorkflowService.V1;
using Temporalio.Client;

namespace LuxHedge.Worker.Sandbox;

/// <summary>The sandbox's worker: this same program as a process of its own, <c>luxhedge worker --plan …</c>, so that it can be killed and woken.</summary>
public static class SandboxWorker
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    public static async Task<ServerProcess> StartAsync(Plan plan, SandboxFolder folder, CancellationToken cancellation)
    {
        var (program, first) = ThisProgram();
        var process = ServerProcess.Start(new ServerLaunch(
            "worker", program, [.. first, "worker", "--plan", plan.Path, "--grace", "1"], folder.Root, folder.WorkerLog, new Dictionary<string, string>
            {
                // A collector that sees a large machine lets garbage lie. No hard limit: what the worker needs is bounded by the plan, not by this.
                ["DOTNET_GCConserveMemory"] = "7",
                ["DOTNET_gcConcurrent"] = "0",
                ["DOTNET_TieredPGO"] = "0",
            }));
        folder.Record(process);
        try
        {
            var client = await TemporalConnections.ConnectAsync(plan.Temporal, cancellation);
            await process.WaitUntilReadyAsync(stop => TakesWorkAsync(client, plan.Temporal, stop), StartTimeout, cancellation);
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    private static async Task<bool> TakesWorkAsync(ITemporalClient client, TemporalPlan plan, CancellationToken cancellation)
    {
        foreach (var (queue, type) in new[]
        {
            (plan.TaskQueue, TaskQueueType.Workflow), (plan.TaskQueue, TaskQueueType.Activity), (TaskQueues.Lanes(plan.TaskQueue), TaskQueueType.Activity),
        })
        {
            var request = new DescribeTaskQueueRequest { Namespace = plan.Namespace, TaskQueue = new TaskQueue { Name = queue }, TaskQueueType = type };
            var answer = await client.Connection.WorkflowService.DescribeTaskQueueAsync(request, new RpcOptions { CancellationToken = cancellation });
            if (answer.Pollers.Count == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static (string Program, string[] FirstArguments) ThisProgram()
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This process has no program file.");
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? (program, [Assembly.GetEntryAssembly()!.Location]) : (program, []);
    }
}
