using System.Collections.Concurrent;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Events;
using MongoDB.Driver.Core.Servers;

namespace LuxHedge.Activities.Database;

/// <summary>The plan's clusters by name: one client each, made when it is first used (its secret is resolved then).</summary>
public sealed class ClusterConnections : IDisposable
{
    /// <summary>How long a server is looked for, unless the connection string says otherwise: an election is over by then.</summary>
    public static readonly TimeSpan ServerSelection = TimeSpan.FromSeconds(15);

    /// <summary>How long a server may leave the driver's monitor unanswered before its connections are given up.</summary>
    private static readonly TimeSpan ServerAnswer = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<string, Lazy<MongoClient>> _clients = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _answered = new(StringComparer.Ordinal);
    private readonly Plan _plan;

    public ClusterConnections(Plan plan) => _plan = plan;

    /// <summary>Throws <see cref="RefusalException"/> (<c>plan</c>) for a cluster that the plan has not, or a connection string that is none.</summary>
    public IMongoClient this[string cluster] =>
        _clients.GetOrAdd(cluster, name => new Lazy<MongoClient>(() => Connect(name), LazyThreadSafetyMode.PublicationOnly)).Value;

    /// <summary>The client of an asset's cluster.</summary>
    public IMongoClient Of(AssetPlan asset) => this[asset.Cluster ?? throw new RefusalException(
        ErrorKinds.Plan, $"The asset '{asset.Name}' has no cluster.", $"assets.{asset.Name}.cluster")];

    /// <summary>Hosts without credentials, comma-separated: for people and manifests.</summary>
    public string Hosts(string cluster) => Hosts(this[cluster].Settings);

    /// <summary>
    /// Asks the server who it is. Throws <see cref="RefusalException"/>: <c>unreachable</c> with host, time-out and what to check, or for wrong
    /// credentials; <c>plan</c> for a server that is no replica set's primary that can be backed up (a router of a sharded cluster, a standalone).
    /// </summary>
    public async Task<ServerDescription> CheckAsync(string cluster, CancellationToken cancellation)
    {
        var client = this[cluster];
        try
        {
            var admin = client.GetDatabase("admin");
            var hello = await admin.RunCommandAsync<BsonDocument>(new BsonDocument("hello", 1), ReadPreference.Primary, cancellation);
            var build = await admin.RunCommandAsync<BsonDocument>(new BsonDocument("buildInfo", 1), ReadPreference.Primary, cancellation);
            // The first command that asks who we are.
            await admin.RunCommandAsync<BsonDocument>(
                new BsonDocument { { "listDatabases", 1 }, { "nameOnly", true }, { "authorizedDatabases", true } }, ReadPreference.Primary, cancellation);
            return new ServerDescription(
                Hosts(client.Settings),
                build.GetValue("version", "").AsString,
                hello.GetValue("setName", BsonNull.Value).IsString,
                hello.GetValue("msg", "").ToString() == "isdbgrid");
        }
        catch (Exception e) when (Explain(e, cluster, client.Settings) is not null)
        {
            throw Explain(e, cluster, client.Settings)!;
        }
    }

    /// <summary>
    /// What an exception of the driver means for a person; null where it is no matter of reaching the server. Of a cluster that has answered
    /// this process before it may pass: a failover, a restart, a cut network.
    /// </summary>
    public RefusalException? Explain(Exception exception, string cluster) => Explain(exception, cluster, this[cluster].Settings);

    /// <summary>Runs a step; a server that can't be reached is told as that.</summary>
    /// <param name="spokenWith">An earlier step of the run has spoken with it, on whichever worker: that it does not answer now may pass.</param>
    public async Task<T> ReachAsync<T>(string cluster, bool spokenWith, Func<Task<T>> step)
    {
        try
        {
            return await step();
        }
        catch (Exception e) when (e is not (RefusalException or OperationCanceledException) && Explain(e, cluster) is not null)
        {
            var why = Explain(e, cluster)!;
            throw spokenWith && ServerErrors.MayPass(e) ? new RefusalException(why.Report, e) { MayPass = true } : why;
        }
    }

    public void Dispose()
    {
        foreach (var client in _clients.Values.Where(c => c.IsValueCreated))
        {
            client.Value.Dispose();
        }
    }

    private RefusalException? Explain(Exception exception, string cluster, MongoClientSettings settings)
    {
        var hosts = Hosts(settings);
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case MongoAuthenticationException:
                case MongoCommandException { Code: 18 }:
                    return new(
                        ErrorKinds.Unreachable, $"MongoDB at {hosts} refused the credentials of cluster '{cluster}'.", hosts,
                        "Check the user, the password (percent-encoded) and authSource in the connection string.", exception);
                case MongoCommandException { Code: 13 } denied:
                    return new(
                        ErrorKinds.Unreachable, $"MongoDB at {hosts} does not let this user run '{denied.Command?.ElementCount switch { > 0 => denied.Command.GetElement(0).Name, _ => "?" }}'.",
                        hosts, "luxhedge plan check --connect says what is missing; docs/operations.md has the least roles to paste.", exception);
                case TimeoutException when exception is TimeoutException:
                    return Unreachable(exception);
                case MongoConnectionException { InnerException: MongoAuthenticationException }:
                    continue;
                case MongoConnectionException or MongoConnectionPoolPausedException:
                    return Broken("The connection broke", exception);
                case MongoCommandException command when ServerErrors.MayPass(command):
                    return Broken(command.CodeName ?? $"error {command.Code}", exception);
                case MongoCursorNotFoundException:
                    return Broken("CursorNotFound", exception);
                default:
                    break;
            }
        }

        return null;

        RefusalException Broken(string how, Exception e) => new(
            ErrorKinds.Unreachable, $"MongoDB at {hosts} (cluster '{cluster}') did not go on: {how}.", hosts,
            "A failover or a restart passes by itself. If it does not: check that the server runs, that this machine may reach it, and that the replica set has a primary.",
            e)
        {
            MayPass = _answered.ContainsKey(cluster),
        };

        RefusalException Unreachable(Exception e)
        {
            // The driver says "authentication failed" only inside the description of a server it could not select.
            if (e.Message.Contains("MongoAuthenticationException", StringComparison.Ordinal) || e.Message.Contains("Authentication failed", StringComparison.OrdinalIgnoreCase))
            {
                return new(
                    ErrorKinds.Unreachable, $"MongoDB at {hosts} refused the credentials of cluster '{cluster}'.", hosts,
                    "Check the user, the password (percent-encoded) and authSource in the connection string.", e);
            }

            return new(
                ErrorKinds.Unreachable,
                $"MongoDB at {hosts} (cluster '{cluster}') did not answer within {settings.ServerSelectionTimeout.TotalSeconds:0.#} s.", hosts,
                "Check that the server runs, that the host and port are right, that this machine may reach them (firewall, IP access list), " +
                "and that the replica set has a primary; TLS settings must match the server's.", e)
            {
                MayPass = _answered.ContainsKey(cluster),
            };
        }
    }

    private static string Hosts(MongoClientSettings settings) => string.Join(",", settings.Servers.Select(s => $"{s.Host}:{s.Port}"));

    private MongoClient Connect(string cluster)
    {
        if (!_plan.Clusters.TryGetValue(cluster, out var known))
        {
            throw new RefusalException(ErrorKinds.Plan, $"The plan has no cluster '{cluster}'.", _plan.Path, $"It has: {string.Join(", ", _plan.Clusters.Keys)}.");
        }

        MongoClientSettings settings;
        try
        {
            var text = known.Connection.Resolve();
            settings = MongoClientSettings.FromConnectionString(text);
            if (!text.Contains("serverSelectionTimeoutMS", StringComparison.OrdinalIgnoreCase))
            {
                settings.ServerSelectionTimeout = ServerSelection;
            }

            // A streaming monitor hears nothing new of a server whose state is what it was, and the driver holds one that answered "not primary"
            // for unknown until it does: half a minute and more was seen. Asking finds out in half a second, whoever is primary by then.
            if (!text.Contains("serverMonitoringMode", StringComparison.OrdinalIgnoreCase))
            {
                settings.ServerMonitoringMode = ServerMonitoringMode.Poll;
            }
        }
        catch (Exception e) when (e is MongoConfigurationException or FormatException or ArgumentException)
        {
            // The exception's own text quotes the connection string: a secret.
            throw new RefusalException(
                ErrorKinds.Plan, $"The connection string of cluster '{cluster}' is no valid mongodb:// or mongodb+srv:// address.",
                $"clusters.{cluster}.connection", "The password must be percent-encoded.");
        }

        settings.ApplicationName ??= "luxhedge";
        // The driver's monitor waits so long for an answer, too, and when there is none it ends every command under way on that server; one that
        // builds an index (SecantusDB) or is short of processors answers late. An activity that really hangs is found by its own heartbeat,
        // and a server that is not there by the server selection.
        settings.ConnectTimeout = ServerAnswer;
        settings.HeartbeatTimeout = ServerAnswer;
        settings.ClusterConfigurator = builder => builder.Subscribe<ConnectionOpenedEvent>(_ => _answered[cluster] = true);
        return new MongoClient(settings);
    }
}

/// <param name="Hosts">Without credentials.</param>
/// <param name="IsRouter">A <c>mongos</c>: its shards have no common oplog.</param>
public sealed record ServerDescription(string Hosts, string Version, bool IsReplicaSet, bool IsRouter);
