using Amazon.KeyManagementService;
using LuxHedge.Worker.Sandbox.Servers;

namespace LuxHedge.Tests.Support;

/// <summary>The test process's KMS: <c>await KmsServer.SharedAsync()</c> starts it once, on first use, with one key.</summary>
public sealed class KmsServer : IAsyncDisposable
{
    private static readonly Lazy<Task<KmsServer>> Shared = new(StartOwnAsync);

    private KmsServer(SandboxKms server)
    {
        Server = server;
        Client = server.CreateClient();
    }

    public SandboxKms Server { get; }

    public AmazonKeyManagementServiceClient Client { get; }

    public string Endpoint => Server.Endpoint;

    public string AccessKey => Server.AccessKey;

    public string SecretKey => Server.SecretKey;

    public string Region => Server.Region;

    /// <summary>The ARN of the key made at the start.</summary>
    public string KeyId => Server.KeyId;

    public static Task<KmsServer> SharedAsync() => Shared.Value;

    /// <summary>A KMS of the test's own, to lose. Fails, never skips, where there is none.</summary>
    public static async Task<KmsServer> StartOwnAsync() =>
        new(await SandboxKms.StartAsync(TestServers.Finder, TestServers.NewFolder("kms"))
            ?? throw new InvalidOperationException($"There is no moto_server on PATH. {ServerFinder.KmsHint}"));

    /// <summary>Another key; answers its ARN.</summary>
    public Task<string> CreateKeyAsync() => Server.CreateKeyAsync("test");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
