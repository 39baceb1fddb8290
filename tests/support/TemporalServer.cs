using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows.Runs;
using Temporalio.Api.Enums.V1;
using Temporalio.Api.OperatorService.V1;
using Temporalio.Client;
using Temporalio.Testing;

namespace LuxHedge.Tests.Support;

/// <summary>
/// The test process's Temporal dev server, search attributes registered: <c>await TemporalServer.SharedAsync()</c> starts it once, on first
/// use. A test takes a task queue of its own, and an asset of its own (<see cref="TestPlan.NewAsset"/>): the locks are workflow ids that an
/// asset's name makes, and tests run side by side.
/// </summary>
public sealed class TemporalServer : IAsyncDisposable
{
    private static readonly Lazy<Task<TemporalServer>> Shared = new(StartOwnAsync);

    private readonly SandboxTemporal server;

    private TemporalServer(SandboxTemporal server, TemporalClient client)
    {
        this.server = server;
        Client = client;
    }

    public string Address => server.Address;

    public string Namespace => server.Namespace;

    public TemporalClient Client { get; }

    public static Task<TemporalServer> SharedAsync() => Shared.Value;

    internal static bool IsShared(string address) => Shared is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true } started } && started.Result.Address == address;

    public static async Task<TemporalServer> StartOwnAsync()
    {
        var started = await SandboxTemporal.StartAsync(TestServers.Finder, TestServers.NewFolder("temporal"), ui: false);
        return new TemporalServer(started, await started.ConnectAsync());
    }

    public static string NewTaskQueue() => $"test-{TestServers.Unique()}";

    /// <summary>
    /// The time-skipping server, search attributes registered. One a test: it is not parallel-safe, skips only while a
    /// <c>GetResultAsync</c> on a handle waits, and has no schedules and no lists.
    /// </summary>
    public static async Task<WorkflowEnvironment> StartTimeSkippingAsync()
    {
        var environment = await WorkflowEnvironment.StartTimeSkippingAsync(new WorkflowEnvironmentStartTimeSkippingOptions
        {
            TestServer = new TestServerOptions { ExistingPath = await Launcher.Value },
        });
        try
        {
            // Without them a workflow that sets one fails its task for ever, and the test hangs.
            var request = new AddSearchAttributesRequest { Namespace = environment.Client.Options.Namespace };
            request.SearchAttributes.Add(LuxSearchAttributes.Names.ToDictionary(name => name, _ => IndexedValueType.Keyword));
            await environment.Client.Connection.OperatorService.AddSearchAttributesAsync(request);
            return environment;
        }
        catch
        {
            await environment.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// The SDK starts the program itself and ends it only when it is disposed of. This script ends it with the test process too, however
    /// that ends, and keeps it from holding the test process's output open.
    /// </summary>
    private static readonly Lazy<Task<string>> Launcher = new(async () =>
    {
        var binary = await TestServers.Finder.FindTemporalTestServerAsync(CancellationToken.None);
        var file = Path.Combine(TestServers.NewFolder("temporal-test-server"), "start");
        await File.WriteAllTextAsync(file, $$"""
            #!/bin/sh
            exec >/dev/null 2>&1 </dev/null
            ( while kill -0 {{Environment.ProcessId}} && kill -0 $$; do sleep 1; done; kill -9 $$ ) &
            exec '{{binary.File}}' "$@"

            """);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return file;
    });

    public async ValueTask DisposeAsync() => await server.DisposeAsync();
}
