using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>An S3 server with a versioned bucket: a given one (<c>http://ACCESS:SECRET@host:port</c>), or SeaweedFS.</summary>
public sealed class SandboxS3 : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private SandboxS3(string endpoint, string accessKey, string secretKey, string software, ServerProcess? process)
    {
        Endpoint = endpoint;
        AccessKey = accessKey;
        SecretKey = secretKey;
        Software = software;
        Process = process;
    }

    /// <summary><c>http://127.0.0.1:8333</c>: no credentials in it.</summary>
    public string Endpoint { get; }

    public string AccessKey { get; }

    public string SecretKey { get; }

    public string Region => "us-east-1";

    /// <summary><c>weed</c> or <c>given</c>.</summary>
    public string Software { get; }

    public ServerProcess? Process { get; }

    public bool Given => Process is null;

    /// <param name="bucket">Made when it isn't there, with versioning on.</param>
    /// <param name="thrifty">Less memory than by its own defaults, and more of the processor.</param>
    public static async Task<SandboxS3> StartAsync(
        ServerFinder finder, string folder, string bucket, bool thrifty = false, CancellationToken cancellation = default)
    {
        SandboxS3 server;
        if (finder.GivenAddress(ServerFinder.S3Variable) is { } given)
        {
            var (endpoint, access, secret) = GivenEndpoint.Parse(given, ServerFinder.S3Variable);
            server = new SandboxS3(endpoint, access, secret, "given", null);
        }
        else
        {
            var binary = await finder.FindS3Async(cancellation);
            server = await EarlyEnd.RetryAsync(() => StartAsync(binary, folder, thrifty, cancellation));
        }

        try
        {
            await server.CreateBucketAsync(bucket, cancellation);
            return server;
        }
        catch (Exception e) when (server.Given && e is AmazonServiceException or HttpRequestException)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"The S3 server given in {ServerFinder.S3Variable} did not make the bucket: {e.Message}", server.Endpoint,
                "Check the address and the credentials, or unset it.", e);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client with the settings that servers other than AWS's need.</summary>
    public AmazonS3Client CreateClient() => new(
        new BasicAWSCredentials(AccessKey, SecretKey),
        new AmazonS3Config
        {
            ServiceURL = Endpoint,
            ForcePathStyle = true,
            AuthenticationRegion = Region,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        });

    /// <summary>Makes the bucket when it isn't there, sees that it takes objects, and turns versioning on.</summary>
    public async Task CreateBucketAsync(string bucket, CancellationToken cancellation = default)
    {
        using var client = CreateClient();
        var fresh = true;
        try
        {
            await client.PutBucketAsync(bucket, cancellation);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.Conflict)
        {
            fresh = false;
        }

        if (fresh && Process is not null)
        {
            await WaitUntilItTakesObjectsAsync(client, bucket, cancellation);
        }

        await client.PutBucketVersioningAsync(
            new PutBucketVersioningRequest { BucketName = bucket, VersioningConfig = new S3BucketVersioningConfig { Status = VersionStatus.Enabled } },
            cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }

    /// <summary>SeaweedFS answers before it has volumes to write to. The bucket has no versions yet, so the probe leaves no trace.</summary>
    private Task WaitUntilItTakesObjectsAsync(AmazonS3Client client, string bucket, CancellationToken cancellation) =>
        Process!.WaitUntilReadyAsync(
            async stop =>
            {
                await client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = "ready", ContentBody = "?", UseChunkEncoding = false }, stop);
                await client.DeleteObjectAsync(bucket, "ready", stop);
                return true;
            },
            StartTimeout, cancellation);

    private static async Task<SandboxS3> StartAsync(ServerBinary binary, string folder, bool thrifty, CancellationToken cancellation)
    {
        var data = Path.Combine(folder, "s3");
        Directory.CreateDirectory(data);
        var (access, secret) = (RandomNumberGenerator.GetHexString(20), RandomNumberGenerator.GetHexString(40, lowercase: true));
        var identities = new
        {
            identities = new[]
            {
                new
                {
                    name = "sandbox",
                    credentials = new[] { new { accessKey = access, secretKey = secret } },
                    actions = new[] { "Admin", "Read", "Write", "List", "Tagging" },
                },
            },
        };
        SecretFile.Write(Path.Combine(data, "identities.json"), JsonSerializer.Serialize(identities));
        // Read from the working directory. Each bucket grows its volumes by two, not by seven: memory goes with their number.
        await File.WriteAllTextAsync(Path.Combine(data, "master.toml"), "[master.volume_growth]\ncopy_1 = 2\n", cancellation);
        var ports = FreePorts.Take(8);
        var launch = new ServerLaunch("s3", binary.File, Arguments(ports), data, Path.Combine(folder, "s3.log"), !thrifty ? null : new Dictionary<string, string>
        {
            // A soft limit: the collector works harder instead of letting the heap double.
            ["GOMEMLIMIT"] = "96MiB",
            ["GOGC"] = "50",
        });
        var endpoint = $"http://127.0.0.1:{Text(ports[0])}";
        var process = ServerProcess.Start(launch);
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
            await process.WaitUntilReadyAsync(
                async stop =>
                {
                    using var answer = await http.GetAsync(new Uri($"{endpoint}/healthz"), stop);
                    return answer.IsSuccessStatusCode;
                },
                StartTimeout, cancellation);
            return new SandboxS3(endpoint, access, secret, binary.Software, process);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Every port is named, and every address is 127.0.0.1: the defaults listen on all of them. Nothing is sent to the makers.</summary>
    private static string[] Arguments(int[] ports) =>
    [
        "-logtostderr=true", "server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-s3", $"-s3.port={Text(ports[0])}", $"-s3.port.grpc={Text(ports[1])}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.localSocket=s3.sock",
        "-s3.config=identities.json", "-s3.autoCreateBucket=false", "-iam=false",
        $"-master.port={Text(ports[2])}", $"-master.port.grpc={Text(ports[3])}", "-master.telemetry=false", "-master.volumeSizeLimitMB=1024",
        $"-volume.port={Text(ports[4])}", $"-volume.port.grpc={Text(ports[5])}", "-volume.max=500", "-volume.preStopSeconds=0",
        "-filer", $"-filer.port={Text(ports[6])}", $"-filer.port.grpc={Text(ports[7])}", "-filer.localSocket=filer.sock",
    ];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
