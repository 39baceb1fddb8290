using System.Security.Cryptography;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Sandbox;

namespace LuxHedge.Tests.Support;

/// <summary>
/// A plan with fresh keys in a folder of its own, written as YAML and loaded as a user's is. The defaults need no server: one asset
/// <c>luxhedge_production</c>, a local key file, the directory store <c>nas</c>. Add what the test is about:
/// <code>
/// await using var plan = TestPlan.Create(p => p with { MongoDb = mongo.ConnectionString, S3 = s3.Server, S3Prefix = S3Server.NewPrefix() });
/// </code>
/// </summary>
public sealed class TestPlan : IAsyncDisposable
{
    /// <summary>No server: what a plan says where a test never connects.</summary>
    public const string Nowhere = "mongodb://127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=500";

    /// <summary>Making one takes up to a second; nothing in a test depends on its being fresh.</summary>
    private static readonly Lazy<RSA> Recovery = new(() => RSA.Create(3072));

    private TestPlan(Plan plan) => Plan = plan;

    public Plan Plan { get; }

    public string Path => Plan.Path;

    public string Folder => System.IO.Path.GetDirectoryName(Plan.Path)!;

    /// <summary>The private half of the recovery key <c>offline</c>.</summary>
    public string RecoveryKeyFile => System.IO.Path.Combine(Folder, "people", "recovery.pem");

    /// <summary>For a plan on the shared Temporal server, where one of the default name would meet another test's lock.</summary>
    public static string NewAsset() => $"asset_{TestServers.Unique()}";

    /// <param name="database">The database of the asset; a fresh name unless told.</param>
    public static TestPlan Create(Func<SandboxPlan, SandboxPlan>? change = null, string? database = null, string asset = SandboxPlan.Asset)
    {
        var start = new SandboxPlan(
            "127.0.0.1:1", Nowhere, [new SandboxAsset(asset, database ?? $"test_{TestServers.Unique()}")])
        {
            TaskQueue = TemporalServer.NewTaskQueue(),
        };
        var plan = change?.Invoke(start) ?? start;
        if (TemporalServer.IsShared(plan.TemporalAddress) && plan.Assets.Any(a => a.Name == SandboxPlan.Asset))
        {
            throw new ArgumentException("Other tests lock that asset on the shared Temporal server: take NewAsset().", nameof(asset));
        }

        var file = plan.Write(TestServers.NewFolder("plan"), Recovery.Value);
        return new TestPlan(PlanLoader.Load(file));
    }

    /// <summary>File of a person's private key: <c>operator</c>, <c>alice</c> or <c>bob</c>.</summary>
    public string PersonKeyFile(string person) => System.IO.Path.Combine(Folder, "people", $"{person}.pem");

    /// <summary>A person's own key, to sign with.</summary>
    public ECDsa PersonKey(string person)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(PersonKeyFile(person)));
        return key;
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
