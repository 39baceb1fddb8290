using System.Globalization;
using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using Temporalio.Api.Enums.V1;
using Temporalio.Api.OperatorService.V1;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>Temporal with the search attributes registered: a given server (<c>host:port</c>), or a dev server with a database file and its UI.</summary>
public sealed class SandboxTemporal : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private SandboxTemporal(string address, string? ui, string software, ServerProcess? process)
    {
        Address = address;
        Ui = ui;
        Software = software;
        Process = process;
    }

    /// <summary>host:port.</summary>
    public string Address { get; }

    public string Namespace => "default";

    /// <summary>Address of the web UI; null where a given server has none at the usual place.</summary>
    public string? Ui { get; }

    /// <summary><c>temporal</c> or <c>given</c>.</summary>
    public string Software { get; }

    public ServerProcess? Process { get; }

    public bool Given => Process is null;

    /// <param name="ui">False: without the web UI, for tests.</param>
    public static async Task<SandboxTemporal> StartAsync(ServerFinder finder, string folder, bool ui = true, CancellationToken cancellation = default)
    {
        if (finder.GivenAddress(ServerFinder.TemporalVariable) is { } given)
        {
            return await UseGivenAsync(given, cancellation);
        }

        var binary = await finder.FindTemporalAsync(cancellation);
        return await EarlyEnd.RetryAsync(() => StartAsync(binary, folder, ui, cancellation));
    }

    public Task<TemporalClient> ConnectAsync() => TemporalClient.ConnectAsync(new TemporalClientConnectOptions(Address) { Namespace = Namespace });

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }

    private static async Task<SandboxTemporal> StartAsync(ServerBinary binary, string folder, bool ui, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        var ports = FreePorts.Take(4);
        var address = $"127.0.0.1:{Text(ports[0])}";
        List<string> arguments =
        [
            "server", "start-dev", "--ip", "127.0.0.1", "--port", Text(ports[0]), "--http-port", Text(ports[1]), "--metrics-port", Text(ports[2]),
            "--db-filename", Path.Combine(folder, "temporal.db"), "--log-level", "warn",
            .. ui ? new[] { "--ui-port", Text(ports[3]), "--ui-disable-news-fetch" } : ["--headless"],
            .. LuxSearchAttributes.Names.SelectMany(name => new[] { "--search-attribute", $"{name}=Keyword" }),
        ];
        var process = ServerProcess.Start(new ServerLaunch(
            "temporal", binary.File, arguments, folder, Path.Combine(folder, "temporal.log"),
            new Dictionary<string, string> { ["GOMEMLIMIT"] = "128MiB", ["GOGC"] = "50" }));
        var server = new SandboxTemporal(address, ui ? $"http://127.0.0.1:{Text(ports[3])}" : null, binary.Software, process);
        try
        {
            await process.WaitUntilReadyAsync(server.KnowsTheSearchAttributesAsync, StartTimeout, cancellation);
            return server;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    private async Task<bool> KnowsTheSearchAttributesAsync(CancellationToken cancellation)
    {
        var client = await ConnectAsync();
        var answer = await client.Connection.OperatorService.ListSearchAttributesAsync(
            new ListSearchAttributesRequest { Namespace = Namespace }, new RpcOptions { CancellationToken = cancellation });
        return LuxSearchAttributes.Names.All(answer.CustomAttributes.ContainsKey);
    }

    private static async Task<SandboxTemporal> UseGivenAsync(string address, CancellationToken cancellation)
    {
        try
        {
            var server = new SandboxTemporal(address, await FindUiAsync(address, cancellation), "given", null);
            var client = await server.ConnectAsync();
            await RegisterSearchAttributesAsync(client.Connection, server.Namespace, cancellation);
            return server;
        }
        catch (Exception e) when (e is InvalidOperationException or RpcException or ArgumentException)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"The Temporal server given in {ServerFinder.TemporalVariable} does not answer: {e.Message}", address,
                "Check the address (host:port), or unset it.", e);
        }
    }

    /// <summary>Registers those that aren't there. A dev server gets them by its command line.</summary>
    public static async Task RegisterSearchAttributesAsync(ITemporalConnection connection, string @namespace, CancellationToken cancellation)
    {
        var options = new RpcOptions { CancellationToken = cancellation };
        var there = await connection.OperatorService.ListSearchAttributesAsync(new ListSearchAttributesRequest { Namespace = @namespace }, options);
        var request = new AddSearchAttributesRequest { Namespace = @namespace };
        foreach (var name in LuxSearchAttributes.Names.Where(name => !there.CustomAttributes.ContainsKey(name)))
        {
            request.SearchAttributes[name] = IndexedValueType.Keyword;
        }

        if (request.SearchAttributes.Count > 0)
        {
            await connection.OperatorService.AddSearchAttributesAsync(request, options);
        }
    }

    /// <summary>A dev server's UI is a thousand ports above.</summary>
    private static async Task<string?> FindUiAsync(string address, CancellationToken cancellation)
    {
        if (!Uri.TryCreate($"http://{address}", UriKind.Absolute, out var uri))
        {
            return null;
        }

        var ui = $"http://{uri.Host}:{Text(uri.Port + 1000)}";
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
            using var answer = await http.GetAsync(new Uri(ui), cancellation);
            return answer.IsSuccessStatusCode ? ui : null;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
