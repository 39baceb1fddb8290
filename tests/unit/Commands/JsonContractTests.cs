using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary>Scripts of others read these: property names, their order, and how values are written.</summary>
public sealed class JsonContractTests
{
    private const string BackupProperties = "id asset kind createdAt sealedAt consistentAt documents rawBytes storedBytes copies eligible verdict notes";

    [Fact]
    public async Task Backups_list_is_an_array_of_backups()
    {
        await using var rig = CommandRig.Create();
        rig.Backups = Samples.Catalog(Samples.InCatalog());
        Assert.Equal(0, await rig.RunAsync("backups", "list", "--json"));
        Assert.Equal(
            """
            [
              {
                "id": "20261123T080000Z-luxhedge_production-7f3a",
                "asset": "luxhedge_production",
                "kind": "database",
                "createdAt": "2026-11-23T08:00:00.000Z",
                "sealedAt": "2026-11-23T08:00:41.000Z",
                "consistentAt": "2026-11-23T08:00:33.120Z",
                "documents": 204000,
                "rawBytes": 98304000,
                "storedBytes": 31457280,
                "copies": [
                  {
                    "store": "s3",
                    "verifiedAt": "2026-11-23T08:01:00.000Z"
                  },
                  {
                    "store": "nas",
                    "verifiedAt": null
                  }
                ],
                "eligible": true,
                "verdict": "NotProven",
                "notes": []
              }
            ]

            """,
            rig.Json);
        Assert.Empty(rig.Out.Output);
    }

    [Fact]
    public async Task No_backups_are_an_empty_array()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(0, await rig.RunAsync("backups", "list", "--json"));
        Assert.Equal("[]\n", rig.Json);
    }

    [Fact]
    public async Task Backups_show_is_one_element_of_the_list()
    {
        await using var rig = CommandRig.Create();
        rig.Backups = Samples.Catalog(Samples.InCatalog());
        Assert.Equal(0, await rig.RunAsync("backups", "show", Samples.BackupId, "--json"));
        Assert.Equal(BackupProperties, Names(rig.Document));
    }

    [Fact]
    public async Task Backup_run_ends_in_one_element_of_the_list()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.BackedUp();
        Assert.Equal(0, await rig.RunAsync("backup", "run", Samples.Asset, "--json"));
        Assert.Equal(BackupProperties, Names(rig.Document));
        Assert.Equal("NotProven", rig.Document.GetProperty("verdict").GetString());
        Assert.Empty(rig.Out.Output);
    }

    [Fact]
    public async Task Backups_verify_ends_in_stores_with_their_problems()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.Verified();
        Assert.Equal(1, await rig.RunAsync("backups", "verify", Samples.BackupId, "--json"));
        Assert.Equal("id verdict level stores", Names(rig.Document));
        Assert.Equal("integrity", rig.Document.GetProperty("level").GetString());
        var store = rig.Document.GetProperty("stores")[1];
        Assert.StartsWith("store verdict problems", Names(store), StringComparison.Ordinal);
        Assert.Equal("object problem", Names(store.GetProperty("problems")[0]));
    }

    [Fact]
    public async Task Restore_run_ends_in_clocks_and_checks()
    {
        await using var rig = CommandRig.Create();
        rig.Backups = Samples.Catalog(Samples.InCatalog());
        rig.Runs.Result = Samples.Restored();
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", "--json"));
        Assert.StartsWith("runId verdict target documents rto rpo checks", Names(rig.Document), StringComparison.Ordinal);
        Assert.Equal(
            """{"target":"PT2H","total":"PT1M35.5S","machine":"PT35.5S","waiting":"PT1M","cleanup":"PT1.25S"}""",
            JsonSerializer.Serialize(rig.Document.GetProperty("rto")));
        Assert.Equal("""{"target":"PT1H","measured":"PT42S"}""", JsonSerializer.Serialize(rig.Document.GetProperty("rpo")));
        Assert.Equal("name verdict detail", Names(rig.Document.GetProperty("checks")[0]));
        Assert.Equal(
            """{"wanted":"2026-11-23T08:10:07.000Z","time":"2026-11-23T08:10:07.000Z","clusterTime":"1795334997.4","backupEnd":"1795334433.4","slices":2,"leftOut":0}""",
            JsonSerializer.Serialize(rig.Document.GetProperty("point")));
        Assert.Equal("2026-11-23T08:10:07.000Z", rig.Document.GetProperty("momentWanted").GetString());
        Assert.Empty(rig.Out.Output);
    }

    [Fact]
    public async Task Oplog_status_has_windows_and_where_their_reading_begins()
    {
        await using var rig = CommandRig.Create();
        var old = Samples.Backup("20261120T080000Z-luxhedge_production-0001", consistentAt: Samples.At(8, 0).AddDays(-3));
        rig.Backups = Samples.Catalog(Samples.InCatalog(old), Samples.InCatalog());
        rig.Slices =
        [
            Samples.Slice(Samples.At(7, 59).AddDays(-3), Samples.At(8, 0).AddDays(-2)), Samples.Slice(Samples.At(8, 0).AddDays(-2), Samples.At(9, 0).AddDays(-1)),
            Samples.Slice(Samples.At(9, 0).AddDays(-1), Samples.At(8, 14)) with { NewestCanary = Samples.At(8, 13) },
        ];
        Assert.Equal(0, await rig.RunAsync("oplog", "status", Samples.Asset, "--json"));
        var asset = rig.Document[0];
        Assert.Equal("asset capture windows gaps newestCanary rpo problems", Names(asset));
        Assert.Equal(
            """[{"from":"2026-11-20T08:00:00.000Z","to":"2026-11-23T08:14:00.000Z","base":"20261120T080000Z-luxhedge_production-0001","checkedFrom":"2026-11-21T08:00:00.000Z"}]""",
            JsonSerializer.Serialize(asset.GetProperty("windows")));
        Assert.Equal(3, asset.GetProperty("capture").GetProperty("slices").GetInt32());
        Assert.Equal("2026-11-23T08:13:00.000Z", asset.GetProperty("newestCanary").GetString());
    }

    [Fact]
    public async Task Oplog_status_reads_every_manifest_when_told()
    {
        await using var rig = CommandRig.Create();
        rig.Backups = Samples.Catalog(Samples.InCatalog());
        Assert.Equal(0, await rig.RunAsync("oplog", "status", Samples.Asset, "--all", "--json"));
        Assert.Null(Assert.Single(rig.SlicesAsked).ReadFrom);
    }

    [Fact]
    public async Task Runs_list_says_what_is_waited_for_and_writes_null_where_nothing_is()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Rows.Add(Samples.Run("waiting", waitingFor: new WaitingFor("approval", "approval", ["alice", "bob"], Samples.At(8, 26))));
        rig.Runs.Rows.Add(Samples.Run("completed", Wire.DatabaseBackup));
        Assert.Equal(0, await rig.RunAsync("runs", "list", "--json"));
        Assert.Equal(
            """
            {"runId":"20261123T081000Z-restore-luxhedge_production-0a1b","workflow":"Restore","asset":"luxhedge_production","state":"waiting","startedAt":"2026-11-23T08:10:00.000Z","waitingFor":{"step":"approval","kind":"approval","approvers":["alice","bob"],"until":"2026-11-23T08:26:00.000Z"}}
            """,
            JsonSerializer.Serialize(rig.Document[0]));
        Assert.Equal("runId workflow asset state startedAt waitingFor", Names(rig.Document[1]));
        Assert.Equal(JsonValueKind.Null, rig.Document[1].GetProperty("waitingFor").ValueKind);
    }

    [Fact]
    public async Task Status_has_a_verdict_for_each_asset_and_iso_durations()
    {
        await using var rig = CommandRig.Create();
        rig.Backups = Samples.Catalog(Samples.InCatalog());
        Assert.Equal(0, await rig.RunAsync("status", "--json"));
        Assert.Equal("verdict assets overdue", Names(rig.Document));
        var asset = rig.Document.GetProperty("assets")[0];
        Assert.Equal("asset verdict newestVerified age rpo problems", Names(asset));
        Assert.Equal(Samples.BackupId, asset.GetProperty("newestVerified").GetString());
        Assert.Equal("PT14M29.003S", asset.GetProperty("age").GetString());
        Assert.Equal("PT14M29.003S", asset.GetProperty("rpo").GetString());
        Assert.Equal("NotProven", asset.GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task Detached_runs_are_told_as_runs_list_would()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(0, await rig.RunAsync("backup", "run", Samples.Asset, "--detach", "--json"));
        Assert.Equal("runId workflow asset state startedAt waitingFor", Names(rig.Document));
        Assert.StartsWith("20261123T081502Z-backup-luxhedge_production-", rig.Document.GetProperty("runId").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_have_every_property_whatever_is_known()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Unreachable = new RefusalException(ErrorKinds.Unreachable, "No Temporal answers at 127.0.0.1:1.");
        Assert.Equal(4, await rig.RunAsync("runs", "list", "--json"));
        Assert.Equal("kind message where hint problems", Names(rig.Document.GetProperty("error")));
        Assert.Equal(JsonValueKind.Null, rig.Document.GetProperty("error").GetProperty("hint").ValueKind);
        Assert.Equal(JsonValueKind.Array, rig.Document.GetProperty("error").GetProperty("problems").ValueKind);
    }

    [Fact]
    public async Task A_plan_with_problems_names_each_with_its_place()
    {
        await using var rig = CommandRig.Create();
        await File.WriteAllTextAsync(rig.Plan.Path, (await File.ReadAllTextAsync(rig.Plan.Path)).Replace("organisation:", "organization:", StringComparison.Ordinal) + "\nnonsense: 1\n");
        Assert.Equal(2, await rig.RunAsync("plan", "check", "--json"));
        var error = rig.Document.GetProperty("error");
        Assert.Equal("plan", error.GetProperty("kind").GetString());
        Assert.All(error.GetProperty("problems").EnumerateArray(), problem =>
        {
            Assert.Equal("message where", Names(problem));
            Assert.Matches(@"luxhedge\.yaml:\d+:\d+$", problem.GetProperty("where").GetString());
        });
        Assert.True(error.GetProperty("problems").GetArrayLength() >= 2);
    }

    private static string Names(JsonElement element) => string.Join(' ', element.EnumerateObject().Select(p => p.Name));
}
