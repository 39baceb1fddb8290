using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows.Audit;
using Microsoft.Extensions.Time.Testing;
using Serilog.Core;

namespace LuxHedge.Tests.Unit.Audit;

/// <summary>A log in two stores in memory, and as many writers as a test wants.</summary>
internal sealed class AuditRig : IDisposable
{
    public const string RunId = "20261123T090000Z-restore-luxhedge_production-7f3a";
    public static readonly DateTimeOffset Start = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    private readonly List<AuditLog> logs = [];

    public AuditRig(Func<IObjectStore, IObjectStore>? first = null, params string[] names)
    {
        Time = new FakeTimeProvider(Start);
        Memory = [.. (names.Length > 0 ? names : ["s3", "nas"]).Select(n => new MemoryStore(n, Time))];
        Stores = new StoreSet([first?.Invoke(Memory[0]) ?? Memory[0], .. Memory.Skip(1)]);
        Plan = new Plan(
            "", new TemporalPlan("", "default", "", false, null, null),
            new WriterPlan(Writer.Name, null, new Dictionary<string, string> { [Writer.Name] = Writer.PublicKey }),
            new Dictionary<string, KeyPlan>(), new Dictionary<string, RecoveryKeyPlan>(),
            Memory.ToDictionary(m => m.Name, m => new StorePlan(m.Name, "directory", null, "", null, null, null, null, null)),
            new Dictionary<string, ClusterPlan>(), new Dictionary<string, AssetPlan>(), new Dictionary<string, PersonPlan>(), new Dictionary<string, PolicyPlan>())
        {
            Audit = [.. Memory.Select(m => m.Name)],
        };
    }

    public WriterKey Writer { get; } = WriterKey.Create("writer-1");

    public FakeTimeProvider Time { get; }

    public IReadOnlyList<MemoryStore> Memory { get; }

    public StoreSet Stores { get; }

    public Plan Plan { get; }

    public AuditLog CreateLog()
    {
        var log = new AuditLog(Plan, Stores, Writer, Time, Logger.None);
        logs.Add(log);
        return log;
    }

    public static AuditEntry Entry(int number, DateTimeOffset? at = null) => new(
        $"{RunId}/act/{number}", AuditKinds.Intervention, at ?? Start, RunId, "operator", new Dictionary<string, string> { ["act"] = "retry", ["number"] = $"{number}" });

    /// <summary>A log of so many entries, each a minute after the other, an hour ago by now.</summary>
    public async Task<AuditHead> FillAsync(int entries)
    {
        var log = CreateLog();
        AuditHead? head = null;
        for (var i = 1; i <= entries; i++)
        {
            head = (await log.AppendAsync([Entry(i, Time.GetUtcNow())], default)).Head;
            Time.Advance(TimeSpan.FromMinutes(1));
        }

        Time.Advance(TimeSpan.FromHours(1));
        return head!;
    }

    public Task<AuditReport> VerifyAsync(params (AuditHead, string)[] known) => new AuditVerification(Plan, Stores, Time).RunAsync(known, default);

    public static string NameOf(int number) => AuditNames.Link(number);

    public void Dispose()
    {
        logs.ForEach(l => l.Dispose());
        Writer.Dispose();
    }
}
