using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities.Approvals;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.EndToEnd.Trust;

/// <summary>What somebody who reaches Temporal, reads what is kept, or takes the KMS away can do to the real program.</summary>
public sealed class TrustTests
{
    [Fact(Explicit = true)]
    public async Task Decisions_and_restores_forged_in_Temporal_change_nothing_in_production()
    {
        await using var site = await TrustSite.CreateAsync();
        await site.BackUpAsync();
        await site.Production.GetCollection<BsonDocument>("users").DeleteOneAsync(new BsonDocument("_id", 7));
        var before = await site.StateOfProductionAsync();
        var (earlier, firstAsk) = await site.AskForProductionAsync();
        using var alice = Key(site, "alice");
        using var operators = Key(site, "operator");
        var replayed = DecisionSigner.Sign(alice, firstAsk, DecisionKind.Approved, "for the other run", DateTimeOffset.UtcNow);
        Assert.True((await site.Runs.AbortAsync(earlier, "operator", "to ask again", CancellationToken.None)).Accepted);
        await site.Runs.RestoreResultAsync(earlier, CancellationToken.None);

        var (run, ask) = await site.AskForProductionAsync();
        var handle = site.Temporal.Client.GetWorkflowHandle(run.WorkflowId, run.TemporalRunId);
        var genuine = DecisionSigner.Sign(alice, ask, DecisionKind.Approved, "", DateTimeOffset.UtcNow);
        using var foreign = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var strange = Convert.ToBase64String(foreign.SignData(Encoding.UTF8.GetBytes("approved"), HashAlgorithmName.SHA256));
        var forged = new[]
        {
            genuine with { Signature = "-" },
            genuine with { Signature = strange },
            DecisionSigner.Sign(operators, ask, DecisionKind.Approved, "", DateTimeOffset.UtcNow) with { Person = "alice", Signer = "alice" },
            DecisionSigner.Sign(operators, ask, DecisionKind.Approved, "my own", DateTimeOffset.UtcNow),
            replayed,
            replayed with { RunId = ask.RunId, Nonce = ask.Nonce },
        };
        foreach (var decision in forged)
        {
            Assert.False((await handle.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [decision])).Accepted, decision.ToString());
        }

        var state = await handle.QueryAsync<RunState>(Wire.State, []);
        Assert.Equal(forged.Length, state.Refused.Count);
        Assert.Empty(state.Decisions);
        Assert.NotNull(state.WaitingFor);
        await site.Runs.AbortAsync(run, "operator", "seen enough", CancellationToken.None);
        await site.Runs.RestoreResultAsync(run, CancellationToken.None);

        var own = new RestoreRequest(
            "20260101T000000Z-restore-luxhedge_production-ffff", TrustSite.Asset, site.Plan.Plan.Temporal.TaskQueue, TrustSite.Asset, RestorePurpose.Recovery,
            null, null, null, null, null, Drop: true, NoSafetyBackup: true, null, null);
        var production = site.Production.DatabaseNamespace.DatabaseName;
        var asOperator = RequestSigner.Sign(operators, site.Temporal.Namespace, own, DateTimeOffset.UtcNow);
        foreach (var request in new[]
        {
            own,
            asOperator with { RequestedBy = asOperator.RequestedBy! with { Person = "bob" } },
            asOperator with { RunId = "20260101T000000Z-restore-luxhedge_production-eeee" },
            own with { Purpose = RestorePurpose.RestoreTest, Into = production },
            own with { Into = production },
            own with { Into = production, Target = $"main/{production}" },
            own with { Into = production.ToUpperInvariant(), Target = $"main/{production.ToUpperInvariant()}" },
        })
        {
            var started = await site.Temporal.Client.StartWorkflowAsync(
                Wire.Restore, [request], new($"restore/forged-{Guid.NewGuid():N}", request.TaskQueue));
            await Assert.ThrowsAsync<WorkflowFailedException>(() => started.GetResultAsync<RestoreSummary>());
        }

        Assert.Equal(before, await site.StateOfProductionAsync());

        // A runbook's approval, as somebody would forge it who has a genuine request, a genuine hash, and genuine decisions of other runs.
        var incident = CreateIncident(site, operators);
        var restore = new RestoreRequest(
            RunIds.Child(incident.RunId, "restore", Guid.NewGuid()), TrustSite.Asset, site.Plan.Plan.Temporal.TaskQueue, TrustSite.Asset, RestorePurpose.Recovery,
            null, null, null, null, null, Drop: true, NoSafetyBackup: false, null, incident.RequestedBy)
        {
            Claim = RunbookClaim.Of(incident),
        };
        var mine = ask with { RunId = incident.RunId, Step = "declare", AskedAt = DateTimeOffset.UtcNow.AddHours(-1), Until = DateTimeOffset.UtcNow.AddHours(1) };
        Decision[] given = [DecisionSigner.Sign(alice, mine, DecisionKind.Approved, "as I was shown", DateTimeOffset.UtcNow)];
        var late = DecisionSigner.Sign(alice, ask, DecisionKind.Approved, "of a run that is over", DateTimeOffset.UtcNow);
        foreach (var (request, approved) in new (RestoreRequest, ApprovedAsk)[]
        {
            (restore, new(mine, given)),
            (restore, new(ask, [late])),
            (restore, new(ask, [late with { RunId = incident.RunId }])),
            (restore with { RunId = ask.RunId, Claim = null, RequestedBy = null }, new(ask, [late])),
            (restore with { RunId = ask.RunId }, new(ask, [late])),
            (restore with { Claim = restore.Claim! with { Name = "another" } }, new(mine, given)),
        })
        {
            var started = await site.Temporal.Client.StartWorkflowAsync(
                Wire.Restore, [request with { Approved = approved }], new($"restore/forged-{Guid.NewGuid():N}", request.TaskQueue));
            try
            {
                var summary = await started.GetResultAsync<RestoreSummary>();
                Assert.Equal(("NotApproved", Verdict.NotProven), (summary.Ended, summary.Verdict));
            }
            catch (WorkflowFailedException)
            {
                // Preflight refused it already.
            }
        }

        Assert.Equal(before, await site.StateOfProductionAsync());
    }

    private static RunbookRequest CreateIncident(TrustSite site, PersonKey key)
    {
        var definition = new RunbookDefinition("database-loss", 1, "The database is lost", null, [], [new("restore") { Uses = "restore-database" }], [], new string('1', 64));
        return RequestSigner.Sign(key, site.Temporal.Namespace, new RunbookRequest(
            "20260101T000000Z-incident-database-loss-ffff", site.Plan.Plan.Temporal.TaskQueue, "database-loss", TrustSite.Asset, RunMode.Real, definition,
            new Dictionary<string, System.Text.Json.JsonElement>(), DateTimeOffset.UtcNow, null), DateTimeOffset.UtcNow);
    }

    [Fact(Explicit = true)]
    public async Task No_secret_is_in_a_log_a_history_or_a_command_line_after_backup_test_and_restore()
    {
        await using var site = await TrustSite.CreateAsync();
        var id = await site.BackUpAsync();
        var (code, verified) = await site.RunAsync("backups", "verify", id, "--level", "restore");
        Assert.True(code == 0, verified.ToString());
        var (run, _) = await site.AskForProductionAsync();
        (code, var approved) = await site.RunAsync("runs", "approve", run.RunId, "--as", "alice");
        Assert.True(code == 0, approved.ToString());
        Assert.Equal(Verdict.Proven, (await site.Runs.RestoreResultAsync(run, CancellationToken.None)).Verdict);

        var places = new List<(string Where, string Text)> { ("the worker's log", site.Log) };
        var histories = 0;
        await foreach (var workflow in site.Temporal.Client.ListWorkflowsAsync($"TaskQueue = '{site.Plan.Plan.Temporal.TaskQueue}'"))
        {
            histories++;
            var history = await site.Temporal.Client.GetWorkflowHandle(workflow.Id, workflow.RunId).FetchHistoryAsync();
            var text = history.ToJson();
            places.Add(($"the history of {workflow.Id}", text + string.Join('\n', Decoded(text))));
        }

        places.AddRange(Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])).Select(d => (d, CommandLine(d))));

        Assert.True(histories >= 3, $"{histories} histories");
        Assert.Contains(id, site.Log, StringComparison.Ordinal);
        Assert.Contains(places, p => p.Where.StartsWith("the history", StringComparison.Ordinal) && p.Text.Contains(id, StringComparison.Ordinal));
        var secrets = Secrets(site.Plan.Folder);
        Assert.True(secrets.Count >= 9, $"{secrets.Count} secrets");
        Assert.Empty(places.SelectMany(p => Found(p.Text, secrets).Select(secret => $"{secret} in {p.Where}")));
        // The scan would have found them.
        Assert.All(secrets, s => Assert.Contains(s.Name, Found($"before {s.Text} after", secrets)));
        var hidden = "{\"data\":\"" + Convert.ToBase64String(Encoding.UTF8.GetBytes($"a payload with {secrets[0].Text}")) + "\"}";
        Assert.NotEmpty(Found(string.Join('\n', Decoded(hidden)), secrets));
    }

    [Fact(Explicit = true)]
    public async Task A_lost_KMS_is_named_and_the_recovery_key_brings_the_data_back()
    {
        await using var site = await TrustSite.CreateAsync();
        await site.BackUpAsync();
        await site.Kms.DisposeAsync();
        var name = $"beside_{Guid.NewGuid():N}"[..20];

        var (code, lost) = await site.RunAsync("restore", "run", TrustSite.Asset, "--into", name);
        Assert.NotEqual(0, code);
        var error = lost.ToString();
        Assert.Contains("'k-", error, StringComparison.Ordinal);
        Assert.Contains(site.Kms.Endpoint, error, StringComparison.Ordinal);
        Assert.Contains("--recovery-key FILE", error, StringComparison.Ordinal);

        (code, var back) = await site.RunAsync("restore", "run", TrustSite.Asset, "--into", name, "--recovery-key", site.Plan.RecoveryKeyFile);
        Assert.True(code == 0, back.ToString());
        Assert.Equal(500, await site.Mongo.Client.GetDatabase(name).GetCollection<BsonDocument>("users").CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));
        await site.Mongo.Client.DropDatabaseAsync(name);
    }

    [Fact(Explicit = true)]
    public async Task Damage_is_named_what_has_data_is_not_written_over_and_an_emptied_database_wants_a_word()
    {
        await using var site = await TrustSite.CreateAsync();
        var id = await site.BackUpAsync();
        Assert.Equal(2, (await site.RunAsync("restore", "run", TrustSite.Asset, "--yes", "--as", "operator")).Code);
        Assert.Equal(2, (await site.RunAsync("backups", "verify", "20260101T000000Z-luxhedge_production-0000")).Code);

        await site.Production.GetCollection<BsonDocument>("users").DeleteManyAsync(FilterDefinition<BsonDocument>.Empty);
        await site.RunAsync("backup", "run", TrustSite.Asset);
        var (_, listed) = await site.RunAsync("backups", "list");
        var suspect = listed[0].GetProperty("id").GetString()!;
        Assert.NotEqual(id, suspect);
        Assert.False(listed[0].GetProperty("eligible").GetBoolean());
        var (code, accepted) = await site.RunAsync("backups", "accept", suspect, "--reason", "emptied on purpose", "--as", "alice");
        Assert.True(code == 0 && accepted.GetProperty("eligible").GetBoolean(), accepted.ToString());

        var files = Directory.EnumerateFiles(Path.Combine(site.Plan.Folder, "nas"), "*", SearchOption.AllDirectories)
            .Where(f => f.Contains($"/{id}/", StringComparison.Ordinal)).ToList();
        var pack = files.First(f => f.Contains("/packs/", StringComparison.Ordinal));
        await File.WriteAllTextAsync(pack, "planted");
        (code, var damaged) = await site.RunAsync("backups", "verify", id, "--store", "nas");
        Assert.Equal(1, code);
        Assert.Contains(Path.GetFileName(pack), damaged.ToString(), StringComparison.Ordinal);
        File.Delete(files.Single(f => f.EndsWith("/manifest.json", StringComparison.Ordinal)));
        (code, var missing) = await site.RunAsync("backups", "verify", id);
        Assert.Equal(1, code);
        Assert.Contains("manifest.json", missing.ToString(), StringComparison.Ordinal);
    }

    private static PersonKey Key(TrustSite site, string person) => PersonKey.Load(site.Plan.Plan, person, site.Plan.PersonKeyFile(person), null);

    /// <summary>Each file under keys/ and people/; of a PEM a line of its body, since a private key may turn up in any wrapping of lines.</summary>
    private static List<(string Name, string Text)> Secrets(string folder) =>
    [
        .. new[] { "keys", "people" }.SelectMany(f => Directory.EnumerateFiles(Path.Combine(folder, f)))
            .Select(file => (Path.GetFileName(file), Text: File.ReadAllText(file).Trim()))
            .Select(s => (s.Item1, s.Text.StartsWith("-----", StringComparison.Ordinal) ? s.Text.Split('\n')[2].Trim() : s.Text))
            // Sandbox servers without users: their address is no secret.
            .Where(s => !s.Item2.StartsWith("mongodb://", StringComparison.Ordinal) || s.Item2.Contains('@', StringComparison.Ordinal)),
    ];

    private static IEnumerable<string> Found(string text, IEnumerable<(string Name, string Text)> secrets) =>
        secrets.Where(s => text.Contains(s.Text, StringComparison.Ordinal)).Select(s => s.Name);

    /// <summary>Every string of the JSON that is base64, decoded.</summary>
    private static IEnumerable<string> Decoded(string json)
    {
        foreach (var word in json.Split('"').Where(w => w.Length >= 8 && w.Length % 4 == 0))
        {
            var bytes = new byte[word.Length];
            if (Convert.TryFromBase64String(word, bytes, out var length))
            {
                yield return Encoding.UTF8.GetString(bytes, 0, length);
            }
        }
    }

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
