using Amazon.S3.Model;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;
using Serilog.Core;

namespace LuxHedge.Tests.Integration.Audit;

/// <summary>The audit log on a real S3 server and a real directory: its writers' races are decided there.</summary>
public sealed class AuditOnServersTests
{
    private const string RunId = "20261123T090000Z-restore-luxhedge_production-7f3a";

    [Fact]
    public async Task Two_writers_at_once_make_one_chain_in_S3_and_the_same_in_the_directory()
    {
        var s3 = await S3Server.SharedAsync();
        await using var plan = CreatePlan(s3, S3Server.NewPrefix());
        await using var first = new Writer(plan.Plan);
        await using var second = new Writer(plan.Plan);

        // Each act by both, as when an activity was given up and goes on.
        await Task.WhenAll(Enumerable.Range(0, 12).SelectMany(i => new[]
        {
            first.Log.AppendAsync([Entry(i)], default), second.Log.AppendAsync([Entry(i)], default),
        }));

        var report = await VerifyAsync(plan.Plan);
        Assert.Equal((Verdict.Proven, 12), (report.Verdict, report.Links.Count));
        Assert.Equal(report.Stores[0].Head, report.Stores[1].Head);
    }

    [Fact]
    public async Task Killed_between_the_put_and_its_answer_the_entry_is_found_and_not_written_twice()
    {
        var s3 = await S3Server.SharedAsync();
        await using var plan = CreatePlan(s3, S3Server.NewPrefix());
        await using (var killed = new Writer(plan.Plan, store => new HostileStore(store).LoseAnswerOnce("audit/chain/00000001")))
            await Assert.ThrowsAnyAsync<Exception>(() => killed.Log.AppendAsync([Entry(1)], default));
        await using var next = new Writer(plan.Plan);

        var appended = await next.Log.AppendAsync([Entry(1), Entry(2)], default);

        Assert.Equal(2, appended.Head!.Number);
        Assert.Equal((Verdict.Proven, 2), ((await VerifyAsync(plan.Plan)).Verdict, appended.Hashes.Count));
    }

    [Fact]
    public async Task A_directory_that_was_away_is_caught_up_and_what_is_laid_over_a_link_in_S3_is_found()
    {
        var s3 = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var plan = CreatePlan(s3, prefix);
        await using var writer = new Writer(plan.Plan);
        await writer.Log.AppendAsync([Entry(1)], default);
        var nas = plan.Plan.Stores["nas"].Path!;
        Directory.Move(nas, nas + ".away");
        var alone = await writer.Log.AppendAsync([Entry(2)], default);
        Directory.Move(nas + ".away", nas);

        Assert.Contains(alone.Notes, n => n.Contains("nas", StringComparison.Ordinal));
        Assert.Equal(Verdict.NotProven, (await VerifyAsync(plan.Plan)).Verdict);
        await writer.Log.AppendAsync([Entry(3)], default);
        Assert.Equal(Verdict.Proven, (await VerifyAsync(plan.Plan)).Verdict);

        await s3.Client.PutObjectAsync(new PutObjectRequest
        {
            BucketName = S3Server.Bucket,
            Key = $"{prefix}audit/chain/00000002.json",
            InputStream = new MemoryStream("{}"u8.ToArray()),
            UseChunkEncoding = false,
        });
        var report = await VerifyAsync(plan.Plan);

        Assert.Equal(Verdict.Failed, report.Verdict);
        Assert.Contains(report.Problems, p => p is { Kind: AuditProblemKinds.Overwritten, Store: "s3", Number: 2 });
        Assert.Equal(3, report.Links.Count);
    }

    private static TestPlan CreatePlan(S3Server s3, string prefix) => TestPlan.Create(p => p with { S3 = s3.Server, S3Prefix = prefix });

    private static AuditEntry Entry(int number) => new(
        $"{RunId}/act/{number}", AuditKinds.Intervention, DateTimeOffset.UtcNow, RunId, "operator", new Dictionary<string, string> { ["number"] = $"{number}" });

    private static async Task<AuditReport> VerifyAsync(Plan plan)
    {
        await using var stores = new StoreSet(plan);
        return await new EvidenceInLog(plan, stores, TimeProvider.System).VerifyAsync(null, default);
    }

    private sealed class Writer : IAsyncDisposable
    {
        private readonly StoreSet stores;
        private readonly WriterKey key;

        public Writer(Plan plan, Func<IObjectStore, IObjectStore>? first = null)
        {
            key = WriterKey.Load(plan.Writer);
            var real = new StoreSet(plan);
            stores = first is null ? real : new StoreSet([.. plan.Stores.Keys.Select((name, i) => i == 0 ? first(real[name]) : real[name])]);
            Log = new AuditLog(plan, stores, key, TimeProvider.System, Logger.None);
        }

        public AuditLog Log { get; }

        public async ValueTask DisposeAsync()
        {
            Log.Dispose();
            await stores.DisposeAsync();
            key.Dispose();
        }
    }
}
