using System.Globalization;
using LuxHedge.Activities;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <param name="OplogEntries">How many entries SecantusDB's oplog keeps.</param>
/// <param name="CacheMegabytes">An index is built in one transaction in SecantusDB's cache: allow 1 GB for each 400,000 documents of the
/// largest indexed collection.</param>
/// <param name="Auth">Asks for credentials (SecantusDB only; mongod needs a key file for it).</param>
/// <param name="Name">Of its process, and of its data and log below the folder of the servers.</param>
/// <param name="Thrifty">It gives back at once what it has freed: less memory, more of the processor (SecantusDB only).</param>
public sealed record MongoDbOptions(int OplogEntries = 5_000_000, int CacheMegabytes = 512, bool Auth = false, string Name = "mongodb", bool Thrifty = false);

/// <summary>A MongoDB server: a given one, <c>mongod</c> as a replica set of one, or SecantusDB.</summary>
public sealed class SandboxMongoDb : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Longer than any index of the sample takes on a machine that has other work.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly string[] OwnDatabases = ["admin", "config", "local"];

    private SandboxMongoDb(string connectionString, string software, ServerProcess? process)
    {
        ConnectionString = connectionString;
        Software = software;
        Process = process;
    }

    /// <summary>Whole, with all rights.</summary>
    public string ConnectionString { get; }

    /// <summary><c>mongod</c>, <c>secantusd-rs</c>, <c>secantusd-py</c> or <c>given</c>.</summary>
    public string Software { get; }

    /// <summary>Null for a given server.</summary>
    public ServerProcess? Process { get; }

    public bool Given => Process is null;

    /// <param name="folder">Data and log go below it.</param>
    public static async Task<SandboxMongoDb> StartAsync(
        ServerFinder finder, string folder, MongoDbOptions? options = null, CancellationToken cancellation = default)
    {
        if (finder.GivenAddress(ServerFinder.MongoDbVariable) is { } given)
        {
            return new SandboxMongoDb(await CheckGivenAsync(given, cancellation), "given", null);
        }

        return await StartOwnAsync(finder, folder, options, cancellation);
    }

    /// <summary>A server of our own, whatever address is given: for drills, and for tests that stop it or need other options.</summary>
    public static async Task<SandboxMongoDb> StartOwnAsync(
        ServerFinder finder, string folder, MongoDbOptions? options = null, CancellationToken cancellation = default)
    {
        var binary = await finder.FindMongoDbAsync(cancellation);
        return await EarlyEnd.RetryAsync(() => StartAsync(binary, folder, options ?? new MongoDbOptions(), cancellation));
    }

    /// <summary>The databases that are not the server's own, in ordinal order.</summary>
    public static async Task<IReadOnlyList<string>> ListDatabasesAsync(IMongoClient client, CancellationToken cancellation)
    {
        using var names = await client.ListDatabaseNamesAsync(cancellation);
        return [.. (await names.ToListAsync(cancellation)).Except(OwnDatabases).Order(StringComparer.Ordinal)];
    }

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }

    private static async Task<SandboxMongoDb> StartAsync(ServerBinary binary, string folder, MongoDbOptions options, CancellationToken cancellation)
    {
        var port = FreePorts.Take(1)[0];
        var data = Path.Combine(folder, options.Name);
        Directory.CreateDirectory(data);
        var mongod = binary.Software == "mongod";
        var launch = new ServerLaunch(
            options.Name, binary.File, mongod ? MongodArguments(port, data, options) : SecantusArguments(port, folder, data, options), folder,
            Path.Combine(folder, $"{options.Name}.log"),
            mongod || !options.Thrifty ? null : new Dictionary<string, string> { ["MIMALLOC_PURGE_DELAY"] = "0" });
        // Direct: the sandbox's replica set has one member, whose name for itself need not resolve here.
        var connection = $"mongodb://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}/?directConnection=true";
        var process = ServerProcess.Start(launch);
        try
        {
            using var client = CreateClient(connection, TimeSpan.FromSeconds(2));
            if (mongod)
            {
                await process.WaitUntilReadyAsync(stop => InitiateAsync(client, port, stop), StartTimeout, cancellation);
            }

            await process.WaitUntilReadyAsync(stop => IsPrimaryAsync(client, stop), StartTimeout, cancellation);
            return new SandboxMongoDb(connection, binary.Software, process);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    private static string[] MongodArguments(int port, string data, MongoDbOptions options) =>
    [
        "--replSet", "sandbox", "--bind_ip", "127.0.0.1", "--port", Text(port), "--dbpath", data, "--nounixsocket", "--oplogSize", "1024",
        "--wiredTigerCacheSizeGB", (options.CacheMegabytes / 1024.0).ToString("0.##", CultureInfo.InvariantCulture),
        "--setParameter", "diagnosticDataCollectionEnabled=false",
    ];

    private static string[] SecantusArguments(int port, string folder, string data, MongoDbOptions options)
    {
        // An explicit file keeps it from reading one of the user's or the working directory's.
        var config = Path.Combine(folder, $"{options.Name}.toml");
        File.WriteAllText(config, "");
        return
        [
            "--config", config, "--host", "127.0.0.1", "--port", Text(port), "--storage-path", data, "--cache-size", $"{Text(options.CacheMegabytes)}M",
            "--oplog-max-entries", Text(options.OplogEntries), "--oplog-retention-seconds", "86400", "--log-level", "WARNING",
            .. options.Auth ? new[] { "--auth" } : [],
        ];
    }

    private static async Task<bool> InitiateAsync(MongoClient client, int port, CancellationToken cancellation)
    {
        var members = new BsonArray { new BsonDocument { { "_id", 0 }, { "host", $"127.0.0.1:{Text(port)}" } } };
        var command = new BsonDocument("replSetInitiate", new BsonDocument { { "_id", "sandbox" }, { "members", members } });
        try
        {
            await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(command, ReadPreference.Nearest, cancellation);
            return true;
        }
        catch (MongoCommandException e) when (e.CodeName == "AlreadyInitialized")
        {
            return true;
        }
    }

    private static async Task<bool> IsPrimaryAsync(MongoClient client, CancellationToken cancellation)
    {
        var hello = await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("hello", 1), ReadPreference.Nearest, cancellation);
        return hello.GetValue("isWritablePrimary", false).ToBoolean();
    }

    private static async Task<string> CheckGivenAsync(string connection, CancellationToken cancellation)
    {
        try
        {
            using var client = CreateClient(connection, TimeSpan.FromSeconds(10));
            if (await IsPrimaryAsync(client, cancellation))
            {
                return connection;
            }
        }
        catch (Exception e) when (e is MongoException or TimeoutException)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"The MongoDB server given in {ServerFinder.MongoDbVariable} does not answer.", null, "Check the address, or unset it.", e);
        }

        throw new RefusalException(
            ErrorKinds.Usage, $"The MongoDB server given in {ServerFinder.MongoDbVariable} is no writable primary of a replica set.", null,
            "The oplog that backups are made consistent with is a replica set's.");
    }

    /// <summary>A client that waits for a busy server. A heartbeat that is not answered in time ends every command under way, and SecantusDB
    /// answers none while it builds an index.</summary>
    public static MongoClient CreateClient(string connection)
    {
        var settings = MongoClientSettings.FromConnectionString(connection);
        settings.HeartbeatTimeout = Patience;
        settings.ConnectTimeout = Patience;
        settings.ServerMonitoringMode = MongoDB.Driver.Core.Servers.ServerMonitoringMode.Poll;
        return new MongoClient(settings);
    }

    private static MongoClient CreateClient(string connection, TimeSpan timeout)
    {
        var settings = MongoClientSettings.FromConnectionString(connection);
        settings.ServerSelectionTimeout = timeout;
        settings.ConnectTimeout = timeout;
        return new MongoClient(settings);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
