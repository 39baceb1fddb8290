using Amazon.S3;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Worker.Sandbox.Servers;

namespace LuxHedge.Tests.Support;

/// <summary>
/// The test process's S3 server: <c>await S3Server.SharedAsync()</c> starts it once, on first use, with the versioned bucket
/// <see cref="Bucket"/>. A test takes a prefix of its own (<see cref="NewPrefix"/>), or a bucket where it needs a whole one.
/// </summary>
public sealed class S3Server : IAsyncDisposable
{
    private static readonly Lazy<Task<S3Server>> Shared = new(async () =>
        new S3Server(await SandboxS3.StartAsync(TestServers.Finder, TestServers.NewFolder("s3"), SandboxPlan.Bucket)));

    private S3Server(SandboxS3 server)
    {
        Server = server;
        Client = server.CreateClient();
    }

    public SandboxS3 Server { get; }

    public AmazonS3Client Client { get; }

    public static string Bucket => SandboxPlan.Bucket;

    public string Endpoint => Server.Endpoint;

    public string AccessKey => Server.AccessKey;

    public string SecretKey => Server.SecretKey;

    public string Region => Server.Region;

    public static Task<S3Server> SharedAsync() => Shared.Value;

    /// <summary>A server of the test's own, to stop.</summary>
    public static async Task<S3Server> StartOwnAsync() =>
        new(await SandboxS3.StartAsync(TestServers.Finder, TestServers.NewFolder("s3"), SandboxPlan.Bucket));

    /// <summary>Ends in '/'.</summary>
    public static string NewPrefix() => $"test-{TestServers.Unique()}/";

    /// <summary>A bucket of its own, with versioning on, or with object lock too.</summary>
    public async Task<string> CreateBucketAsync(bool objectLock = false)
    {
        var bucket = $"test-{TestServers.Unique()}";
        if (objectLock)
        {
            await Client.PutBucketAsync(new Amazon.S3.Model.PutBucketRequest { BucketName = bucket, ObjectLockEnabledForBucket = true });
        }
        else
        {
            await Server.CreateBucketAsync(bucket);
        }

        return bucket;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
