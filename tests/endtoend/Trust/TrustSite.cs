using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.EndToEnd.Trust;

/// <summary>A database of 500 users, a plan with a KMS of its own, and the real program: a worker as a process, and commands one after the other.</summary>
internal sealed class TrustSite : IAsyncDisposable
{
    public const string Asset = "luxhedge_production";

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "luxhedge");

    private readonly TestDatabase database;
    private readonly Process worker;
    private readonly StringBuilder log = new();

    private TrustSite(TestPlan plan, TestDatabase database, MongoServer mongo, TemporalServer temporal, KmsServer kms, LuxClient runs)
    {
        (Plan, this.database, Mongo, Temporal, Kms, Runs) = (plan, database, mongo, temporal, kms, runs);
        worker = Start("worker", "--log", "json", "--grace", "0");
        worker.OutputDataReceived += (_, line) => Keep(line.Data);
        worker.ErrorDataReceived += (_, line) => Keep(line.Data);
        worker.BeginOutputReadLine();
        worker.BeginErrorReadLine();
    }

    public TestPlan Plan { get; }

    public MongoServer Mongo { get; }

    public TemporalServer Temporal { get; }

    public KmsServer Kms { get; }

    public LuxClient Runs { get; }

    public int WorkerPid => worker.Id;

    public IMongoDatabase Production => database.Database;

    public string Log
    {
        get
        {
            lock (log)
            {
                return log.ToString();
            }
        }
    }

    public static async Task<TrustSite> CreateAsync()
    {
        var mongo = await MongoServer.SharedAsync();
        var s3 = await S3Server.SharedAsync();
        // Its own: the locks are per asset, and every site has the same.
        var temporal = await TemporalServer.StartOwnAsync();
        var kms = await KmsServer.StartOwnAsync();
        var fresh = mongo.CreateDatabase("trust");
        await fresh.Database.GetCollection<BsonDocument>("users").InsertManyAsync(
            Enumerable.Range(0, 500).Select(i => new BsonDocument { { "_id", i }, { "name", $"user {i}" } }));
        var plan = TestPlan.Create(
            p => p with
            {
                TemporalAddress = temporal.Address,
                Namespace = temporal.Namespace,
                MongoDb = mongo.ConnectionString,
                Kms = kms.Server,
                S3 = s3.Server,
                S3Bucket = S3Server.Bucket,
                S3Prefix = S3Server.NewPrefix(),
            },
            fresh.Name);
        return new TrustSite(plan, fresh, mongo, temporal, kms, await LuxClient.ConnectAsync(plan.Plan, CancellationToken.None));
    }

    /// <summary>Runs a command with <c>--json</c>: its exit code and its document.</summary>
    public async Task<(int Code, JsonElement Document)> RunAsync(params string[] arguments)
    {
        using var process = Start([.. arguments, "--json"]);
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(output.Length > 0, await errors);
        return (process.ExitCode, JsonDocument.Parse(output).RootElement);
    }

    public async Task<string> BackUpAsync()
    {
        var (code, backup) = await RunAsync("backup", "run", Asset);
        Assert.True(code == 0, backup.ToString());
        return backup.GetProperty("id").GetString()!;
    }

    /// <summary>Asks, as operator, for a restore over production; answers once it waits for an approval.</summary>
    public async Task<(RunReference Run, Ask Ask)> AskForProductionAsync()
    {
        var (code, started) = await RunAsync("restore", "run", Asset, "--drop", "--yes", "--as", "operator", "--detach");
        Assert.True(code == 0, started.ToString());
        var run = (await Runs.FindAsync(started.GetProperty("runId").GetString()!, CancellationToken.None)).Reference;
        await foreach (var look in Runs.FollowAsync(run, TimeSpan.FromMilliseconds(200), CancellationToken.None))
        {
            if (look.State?.WaitingFor is { } ask)
            {
                return (run, ask);
            }
        }

        throw new InvalidOperationException("it ended without asking");
    }

    /// <summary>Names, counts and a hash of every document of production.</summary>
    public async Task<string> StateOfProductionAsync()
    {
        var lines = new List<string>();
        foreach (var name in (await (await Production.ListCollectionNamesAsync()).ToListAsync()).Order(StringComparer.Ordinal))
        {
            var documents = await Production.GetCollection<BsonDocument>(name).Find(FilterDefinition<BsonDocument>.Empty).SortBy(d => d["_id"]).ToListAsync();
            lines.Add($"{name} {documents.Count} {Convert.ToHexString(SHA256.HashData([.. documents.SelectMany(d => d.ToBson())]))}");
        }

        return string.Join('\n', lines);
    }

    public async ValueTask DisposeAsync()
    {
        worker.Kill(entireProcessTree: true);
        await worker.WaitForExitAsync();
        worker.Dispose();
        await database.DisposeAsync();
        await Kms.DisposeAsync();
        await Temporal.DisposeAsync();
        await Plan.DisposeAsync();
    }

    private Process Start(params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(Program, [.. arguments, "--plan", Plan.Path])
        {
            WorkingDirectory = Plan.Folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Close();
        return process;
    }

    private void Keep(string? line)
    {
        lock (log)
        {
            log.AppendLine(line);
        }
    }
}
