using System.Globalization;
using System.Security.Cryptography;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>A KMS with one symmetric key: a given one (<c>http://ACCESS:SECRET@host:port</c>), or Moto's.</summary>
public sealed class SandboxKms : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private SandboxKms(string endpoint, string accessKey, string secretKey, string software, ServerProcess? process)
    {
        Endpoint = endpoint;
        AccessKey = accessKey;
        SecretKey = secretKey;
        Software = software;
        Process = process;
    }

    public string Endpoint { get; }

    public string AccessKey { get; }

    public string SecretKey { get; }

    public string Region => "us-east-1";

    /// <summary>The ARN of the key that was made at the start.</summary>
    public string KeyId { get; private set; } = "";

    /// <summary><c>moto_server</c> or <c>given</c>.</summary>
    public string Software { get; }

    public ServerProcess? Process { get; }

    /// <summary>Null when there is no KMS here: the local key file stands in.</summary>
    public static async Task<SandboxKms?> StartAsync(ServerFinder finder, string folder, CancellationToken cancellation = default)
    {
        SandboxKms server;
        if (finder.GivenAddress(ServerFinder.KmsVariable) is { } given)
        {
            var (endpoint, access, secret) = GivenEndpoint.Parse(given, ServerFinder.KmsVariable);
            server = new SandboxKms(endpoint, access, secret, "given", null);
        }
        else if (finder.FindKms() is { } binary)
        {
            server = await EarlyEnd.RetryAsync(() => StartAsync(binary, folder, cancellation));
        }
        else
        {
            return null;
        }

        try
        {
            server.KeyId = await server.CreateKeyAsync("luxhedge sandbox", cancellation);
            return server;
        }
        catch (Exception e) when (server.Process is null && e is AmazonServiceException or HttpRequestException)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"The KMS given in {ServerFinder.KmsVariable} did not make a key: {e.Message}", server.Endpoint,
                "Check the address and the credentials, or unset it.", e);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public AmazonKeyManagementServiceClient CreateClient() => new(
        new BasicAWSCredentials(AccessKey, SecretKey),
        new AmazonKeyManagementServiceConfig { ServiceURL = Endpoint, AuthenticationRegion = Region });

    /// <summary>Another key; answers its ARN.</summary>
    public async Task<string> CreateKeyAsync(string description, CancellationToken cancellation = default)
    {
        using var client = CreateClient();
        var answer = await client.CreateKeyAsync(new CreateKeyRequest { Description = description, KeySpec = KeySpec.SYMMETRIC_DEFAULT }, cancellation);
        return answer.KeyMetadata.Arn;
    }

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }

    private static async Task<SandboxKms> StartAsync(ServerBinary binary, string folder, CancellationToken cancellation)
    {
        var port = FreePorts.Take(1)[0].ToString(CultureInfo.InvariantCulture);
        var endpoint = $"http://127.0.0.1:{port}";
        Directory.CreateDirectory(folder);
        var process = ServerProcess.Start(new ServerLaunch("kms", binary.File, ["-H", "127.0.0.1", "-p", port], folder, Path.Combine(folder, "kms.log")));
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
            await process.WaitUntilReadyAsync(
                async stop =>
                {
                    using var answer = await http.GetAsync(new Uri($"{endpoint}/moto-api/"), stop);
                    return answer.IsSuccessStatusCode;
                },
                StartTimeout, cancellation);
            return new SandboxKms(
                endpoint, RandomNumberGenerator.GetHexString(20), RandomNumberGenerator.GetHexString(40, lowercase: true), binary.Software, process);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }
}
