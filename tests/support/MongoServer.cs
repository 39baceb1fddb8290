using LuxHedge.Worker.Sandbox.Servers;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Support;

/// <summary>
/// The test process's MongoDB server: <c>await MongoServer.SharedAsync()</c> starts it once, on first use, and it ends with the process.
/// A test gets a database of its own. <c>StartOwnAsync</c> is a server that a test may stop, starve or lock.
/// </summary>
public sealed class MongoServer : IAsyncDisposable
{
    private static readonly Lazy<Task<MongoServer>> Shared = new(async () =>
        new MongoServer(await SandboxMongoDb.StartAsync(TestServers.Finder, TestServers.NewFolder("mongodb"), new MongoDbOptions())));

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly SandboxMongoDb server;
    private ServerProcess? again;

    private MongoServer(SandboxMongoDb server, string? connectionString = null)
    {
        this.server = server;
        ConnectionString = connectionString ?? server.ConnectionString;
        Client = SandboxMongoDb.CreateClient(ConnectionString);
    }

    /// <summary>With all rights: where the server asks for credentials, those of its user <c>root</c>.</summary>
    public string ConnectionString { get; }

    public IMongoClient Client { get; }

    /// <summary><c>mongod</c>, <c>secantusd-rs</c>, …: SecantusDB lacks some of what mongod has.</summary>
    public string Software => server.Software;

    public bool IsMongod => Software is "mongod" or "given";

    /// <summary>Null for a given server.</summary>
    public ServerProcess? Process => server.Process;

    public static Task<MongoServer> SharedAsync() => Shared.Value;

    public static async Task<MongoServer> StartOwnAsync(MongoDbOptions? options = null)
    {
        var started = await SandboxMongoDb.StartOwnAsync(TestServers.Finder, TestServers.NewFolder("mongodb"), options);
        if (options is not { Auth: true })
            return new(started);
        // A server without users lets the first one be made by whoever is on its machine.
        using var nobody = SandboxMongoDb.CreateClient(started.ConnectionString);
        await nobody.GetDatabase("admin").RunCommandAsync<BsonDocument>(
            new BsonDocument { { "createUser", "root" }, { "pwd", "root-of-the-test" }, { "roles", new BsonArray { "root" } } });
        return new(started, As(started.ConnectionString, "root", "root-of-the-test"));
    }

    /// <summary>The connection string of another user of <c>admin</c>.</summary>
    public string As(string user, string password) => As(server.ConnectionString, user, password);

    private static string As(string connection, string user, string password) =>
        connection.Replace("mongodb://", $"mongodb://{user}:{password}@", StringComparison.Ordinal) + "&authSource=admin";

    /// <summary>
    /// Ends in the middle, with its storage kept; only for a server of the test's own. <c>kill -9</c> for mongod. SecantusDB is asked to end: killed,
    /// it forgets majority writes that it has acknowledged (49 of 300 inserts were seen), which no client can make up for.
    /// </summary>
    public async Task EndAsync()
    {
        var running = again ?? server.Process ?? throw new InvalidOperationException("A given server is not the test's to end.");
        if (!IsMongod)
        {
            await running.StopAsync(StartTimeout);
            return;
        }

        running.Kill();
        await running.Exited;
    }

    /// <summary>After <see cref="EndAsync"/>: at the same port, with the storage it had.</summary>
    public async Task StartAgainAsync()
    {
        again = ServerProcess.Start(server.Process!.Launch);
        await again.WaitUntilReadyAsync(
            async stop =>
            {
                var hello = await Client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("hello", 1), ReadPreference.Nearest, stop);
                return hello.GetValue("isWritablePrimary", false).ToBoolean();
            },
            StartTimeout, CancellationToken.None);
    }

    /// <summary>A database of a fresh name, dropped when it is disposed of.</summary>
    public TestDatabase CreateDatabase(string prefix = "test") => new(Client.GetDatabase($"{prefix}_{TestServers.Unique()}"));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (again is not null)
        {
            await again.DisposeAsync();
        }

        await server.DisposeAsync();
    }
}

public sealed class TestDatabase(IMongoDatabase database) : IAsyncDisposable
{
    public IMongoDatabase Database { get; } = database;

    public string Name => Database.DatabaseNamespace.DatabaseName;

    public async ValueTask DisposeAsync() => await Database.Client.DropDatabaseAsync(Name);
}
