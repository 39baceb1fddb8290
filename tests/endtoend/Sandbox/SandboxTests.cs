using System.Text.Json.Nodes;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox.Servers;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.EndToEnd.Sandbox;

/// <summary>Few tests with much in each: every start of a sandbox loads its data anew.</summary>
public sealed class SandboxTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("luxhedge-sandbox-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task The_story_backs_up_loses_restores_and_proves_and_leaves_nothing_running()
    {
        await using var sandbox = RunningSandbox.Start(folder, ["--once", "--yes", "--json"]);

        var (code, output, errors) = await sandbox.EndedAsync();

        TestContext.Current.TestOutputHelper?.WriteLine(errors);
        var document = JsonNode.Parse(output)!.AsObject();
        Assert.True(document["error"] is null, output);
        Assert.Equal(["verdict", "backup", "restore", "servers"], document.Select(p => p.Key));
        Assert.Equal("Proven", (string?)document["verdict"]);
        Assert.Equal(0, code);
        Assert.Equal(["s3", "nas"], document["backup"]!["copies"]!.AsArray().Select(c => (string?)c!["store"]));
        Assert.Equal("Proven", (string?)document["backup"]!["verdict"]);
        Assert.True((bool?)document["backup"]!["eligible"]);
        Assert.True((long?)document["backup"]!["documents"] >= 200_000);
        Assert.Equal((long?)document["backup"]!["documents"], (long?)document["restore"]!["documents"]);
        Assert.NotNull(document["restore"]!["rpo"]!["measured"]);
        Assert.All(document["restore"]!["checks"]!.AsArray(), check => Assert.Equal("Proven", (string?)check!["verdict"]));
        Assert.Empty(sandbox.Left());
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(folder, ".sandbox", "nas", "runs"), "*", SearchOption.AllDirectories));
    }

    [Fact(Explicit = true)]
    public async Task One_sandbox_a_folder_killed_or_ended_leaves_no_process_and_the_next_start_works()
    {
        JsonObject endpoints;
        await using (var killed = RunningSandbox.Start(folder, ["--no-story", "--no-worker"]))
        {
            endpoints = await killed.ReadyAsync();
            Assert.Equal(
                ["mongodb", "s3", "kms", "temporal", "temporalUi", "directoryStore", "processes"], endpoints.Select(p => p.Key));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(killed.EndpointsFile));
            using (var client = SandboxMongoDb.CreateClient((string)endpoints["mongodb"]!))
            {
                Assert.Contains("luxhedge_production", await SandboxMongoDb.ListDatabasesAsync(client, CancellationToken.None));
            }

            await using (var second = RunningSandbox.Start(folder, ["--no-story", "--json"]))
            {
                var (code, output, _) = await second.EndedAsync();
                Assert.Equal(2, code);
                Assert.Equal("locked", (string?)JsonNode.Parse(output)!["error"]!["kind"]);
            }

            killed.Signal("KILL");
            await killed.EndedAsync();
            await RunningSandbox.UntilAsync(() => killed.Left().Count == 0 && Processes(endpoints).All(p => !RunningSandbox.IsRunning(p)), "all to end");
            // What a killed one could not take away.
            File.Delete(killed.EndpointsFile);
        }

        await using var next = RunningSandbox.Start(folder, ["--no-story"]);
        endpoints = await next.ReadyAsync();
        Assert.Equal(
            ["kms", "mongodb", "mongodb-drills", "s3", "temporal", "worker"], endpoints["processes"]!.AsObject().Select(p => p.Key).Order(StringComparer.Ordinal));
        Assert.All(Processes(endpoints), p => Assert.True(RunningSandbox.IsRunning(p)));
        next.Signal("TERM");
        var (ended, _, errors) = await next.EndedAsync();

        Assert.Equal(0, ended);
        Assert.Empty(errors);
        Assert.All(Processes(endpoints), p => Assert.False(RunningSandbox.IsRunning(p)));
        Assert.Empty(next.Left());
        Assert.False(File.Exists(next.EndpointsFile));
    }

    [Fact(Explicit = true)]
    public async Task A_story_whose_worker_ends_says_so_and_does_not_wait_for_ever()
    {
        await using var sandbox = RunningSandbox.Start(folder, ["--once", "--yes", "--json"]);
        var endpoints = await sandbox.ReadyAsync();
        RunningSandbox.Signal((int)endpoints["processes"]!["worker"]!, "KILL");

        var (code, output, _) = await sandbox.EndedAsync();

        Assert.Equal(4, code);
        Assert.StartsWith("worker ended", (string?)JsonNode.Parse(output)!["error"]!["message"], StringComparison.Ordinal);
        Assert.Empty(sandbox.Left());
    }

    [Fact]
    public async Task A_given_server_with_a_database_that_no_sandbox_made_is_refused_and_nothing_in_it_is_touched()
    {
        await using var mongo = await MongoServer.StartOwnAsync();
        var foreign = mongo.Client.GetDatabase("luxhedge_production").GetCollection<BsonDocument>("users");
        await foreign.InsertOneAsync(new BsonDocument("_id", "a real one"));
        await using var sandbox = RunningSandbox.Start(
            folder, ["--once", "--yes", "--json"], (ServerFinder.MongoDbVariable, mongo.ConnectionString));

        var (code, output, _) = await sandbox.EndedAsync();

        Assert.Equal(2, code);
        var error = JsonNode.Parse(output)!["error"]!;
        Assert.Equal("usage", (string?)error["kind"]);
        Assert.Contains("luxhedge_production", (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal(["users"], await (await foreign.Database.ListCollectionNamesAsync()).ToListAsync());
        Assert.Equal(1, await foreign.CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));
        Assert.Empty(sandbox.Left());
    }

    [Fact]
    public async Task Without_a_terminal_the_story_wants_yes()
    {
        await using var sandbox = RunningSandbox.Start(folder, ["--once", "--json"]);

        var (code, output, _) = await sandbox.EndedAsync();

        Assert.Equal(2, code);
        Assert.Equal("--yes", (string?)JsonNode.Parse(output)!["error"]!["where"]);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public async Task A_folder_of_that_name_that_no_sandbox_made_is_not_touched()
    {
        var own = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, ".sandbox")).FullName, "thesis.txt");
        await File.WriteAllTextAsync(own, "ten years of work");
        await using var sandbox = RunningSandbox.Start(folder, ["--no-story"]);

        var (code, _, errors) = await sandbox.EndedAsync();

        Assert.Equal(2, code);
        Assert.Contains("no sandbox made it", errors, StringComparison.Ordinal);
        Assert.Equal([own], Directory.GetFileSystemEntries(Path.Combine(folder, ".sandbox")));
    }

    private static IEnumerable<int> Processes(JsonObject endpoints) => endpoints["processes"]!.AsObject().Select(p => (int)p.Value!);
}
