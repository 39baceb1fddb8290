using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;
using Temporalio.Client;

namespace LuxHedge.Tests.EndToEnd.Trust;

/// <summary>The real event with the real program: production gone, a runbook's one approval for the restore that it stands for.</summary>
public sealed class ApprovedIncidentTests
{
    private const string Runbook = """
        runbook: lost
        version: 1
        title: The database is lost
        targets: { rto: 2h, rpo: 1h }
        steps:
          - id: choose
            uses: choose-backup
            with: { backup: latest }
          - id: declare
            approve: { policy: restore-production, quorum: 2, shows: [steps.choose.backup, target], for: restore }
          - id: restore
            uses: restore-database
            with: { backup: "${steps.choose.backup}", to: "${mode.target}", drop: true }
          - id: told
            manual: { do: Tell them., confirm: They know., by: [operator] }
        """;

    [Fact(Explicit = true)]
    public async Task Two_approvals_of_a_runbooks_step_open_the_restore_and_nothing_else_does()
    {
        await using var site = await TrustSite.CreateAsync();
        var id = await site.BackUpAsync();
        var (code, verified) = await site.RunAsync("backups", "verify", id, "--level", "restore");
        Assert.True(code == 0, verified.ToString());
        Directory.CreateDirectory(Path.Combine(site.Plan.Folder, "runbooks"));
        await File.WriteAllTextAsync(Path.Combine(site.Plan.Folder, "runbooks", "lost.yaml"), Runbook);
        var plan = await File.ReadAllLinesAsync(site.Plan.Path);
        await File.WriteAllLinesAsync(site.Plan.Path, plan.Select(l => l.StartsWith("runbooks:", StringComparison.Ordinal) ? "runbooks: runbooks" : l));
        await site.Production.DropCollectionAsync("users");

        (code, var started) = await site.RunAsync("incident", "run", "lost", "--as", "operator", "--yes", "--detach");
        Assert.True(code == 0, started.ToString());
        var run = (await site.Runs.FindAsync(started.GetProperty("runId").GetString()!, CancellationToken.None)).Reference;
        var ask = await AskedAsync(site, run, "declare");
        Assert.Equal((2, "operator", AskKinds.Approval), (ask.Quorum, ask.RequestedBy, ask.Kind));
        Assert.Contains(ask.Shows, s => s.Label == "backup" && s.Value.Contains(id, StringComparison.Ordinal));
        Assert.NotNull(ask.Restore);

        // Forged past every command, self, unauthorised, double: each refused, answered, kept.
        using var alice = PersonKey.Load(site.Plan.Plan, "alice", site.Plan.PersonKeyFile("alice"), null);
        var handle = site.Temporal.Client.GetWorkflowHandle(run.WorkflowId, run.TemporalRunId);
        var unsigned = DecisionSigner.Sign(alice, ask, DecisionKind.Approved, "", DateTimeOffset.UtcNow) with { Signature = "-" };
        Assert.False((await handle.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [unsigned])).Accepted);
        Assert.Equal(2, (await site.RunAsync("runs", "approve", run.RunId, "--as", "operator")).Code);
        Assert.Equal(2, (await site.RunAsync("runs", "confirm", run.RunId, "--as", "alice")).Code);
        Assert.Equal(2, (await site.RunAsync("runs", "approve", run.RunId, "--as", "alice", "--break-glass", "--reason", "not in this policy")).Code);
        Assert.Equal(0, (await site.RunAsync("runs", "approve", run.RunId, "--as", "alice", "--reason", "seen")).Code);
        Assert.Equal(2, (await site.RunAsync("runs", "approve", run.RunId, "--as", "alice")).Code);
        Assert.Equal(0, await site.Production.GetCollection<BsonDocument>("users").CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));
        Assert.Equal(0, (await site.RunAsync("runs", "approve", run.RunId, "--as", "bob", "--step", "declare")).Code);

        // Others go on working on that server meanwhile: what they make is nothing that this run left behind.
        await using var others = site.Mongo.CreateDatabase("others");
        await others.Database.CreateCollectionAsync("theirs");

        // The restore asks nobody: the next thing that is asked is the manual step.
        var told = await AskedAsync(site, run, "told");
        Assert.Equal(AskKinds.Manual, told.Kind);
        Assert.Equal(500, await site.Production.GetCollection<BsonDocument>("users").CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));
        (code, var late) = await site.RunAsync("runs", "approve", run.RunId, "--as", "bob", "--step", "declare");
        Assert.True(code == 2, late.ToString());
        Assert.Equal(0, (await site.RunAsync("runs", "confirm", run.RunId, "--as", "operator", "--reason", "told them")).Code);

        (code, var ended) = await site.RunAsync("runs", "watch", run.RunId);
        Assert.True(code == 0, ended.ToString());
        Assert.Equal("Proven", ended.GetProperty("verdict").GetString());
        var approvals = ended.GetProperty("approvals").EnumerateArray().Select(a => $"{a.GetProperty("step").GetString()} {a.GetProperty("by").GetString()} {a.GetProperty("decision").GetString()}");
        Assert.Contains("declare alice approved", approvals);
        Assert.Contains("declare bob approved", approvals);
        var evidence = Directory.EnumerateFiles(Path.Combine(site.Plan.Folder, "nas"), "evidence.json", SearchOption.AllDirectories)
            .Single(f => f.Contains($"/{run.RunId}/", StringComparison.Ordinal));
        (code, var audited) = await site.RunAsync("drill", "verify", evidence);
        Assert.True(code == 0, audited.ToString());
    }

    private static async Task<Ask> AskedAsync(TrustSite site, RunReference run, string step)
    {
        await foreach (var look in site.Runs.FollowAsync(run, TimeSpan.FromMilliseconds(300), CancellationToken.None))
        {
            if (look.State?.Asks.FirstOrDefault(a => a.Step == step) is { } ask)
            {
                return ask;
            }

            // What failed is told rather than waited for.
            if (look.State?.WaitingSteps is { Count: > 0 } failed)
            {
                Assert.Fail($"{failed[0].Step}: {failed[0].Why}");
            }
        }

        throw new InvalidOperationException($"it ended without asking at {step}");
    }
}
