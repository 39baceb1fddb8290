using LuxHedge.Activities;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Worker.Sandbox;

/// <summary>
/// The document that says that a database was made by a sandbox, in a collection of its own. It is the first thing in a sandbox's database,
/// it is backed up and restored with it, and only what carries it is ever dropped.
/// </summary>
public static class SandboxMarker
{
    public const string Collection = "luxhedge_sandbox";
    private const string Id = "made by luxhedge sandbox";

    public static Task WriteAsync(IMongoDatabase database, CancellationToken cancellation) =>
        Documents(database).InsertOneAsync(
            new BsonDocument { { "_id", Id }, { "meaning", "The sandbox may drop this database and everything in it." } }, null, cancellation);

    public static async Task<bool> IsThereAsync(IMongoDatabase database, CancellationToken cancellation) =>
        await Documents(database).Find(Builders<BsonDocument>.Filter.Eq("_id", Id)).AnyAsync(cancellation);

    /// <summary>Drops the database. Refuses one without the marker, and touches nothing then.</summary>
    public static async Task DropAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        var name = database.DatabaseNamespace.DatabaseName;
        if (!await IsThereAsync(database, cancellation))
        {
            throw Refused([name]);
        }

        await database.Client.DropDatabaseAsync(name, cancellation);
    }

    /// <summary>Refuses a server that holds a database without the marker, other than the server's own.</summary>
    public static async Task RefuseForeignAsync(IMongoClient client, CancellationToken cancellation)
    {
        var foreign = new List<string>();
        foreach (var name in await SandboxMongoDb.ListDatabasesAsync(client, cancellation))
        {
            if (!await IsThereAsync(client.GetDatabase(name), cancellation))
            {
                foreign.Add(name);
            }
        }

        if (foreign.Count > 0)
        {
            throw Refused(foreign);
        }
    }

    private static RefusalException Refused(params List<string> names) => new(
        ErrorKinds.Usage,
        $"This server holds {(names.Count == 1 ? "a database" : "databases")} that no sandbox made: {string.Join(", ", names)}. Nothing was changed.",
        ServerFinder.MongoDbVariable,
        "Give the address of an empty server, or unset the variable and the sandbox starts one of its own.");

    private static IMongoCollection<BsonDocument> Documents(IMongoDatabase database) => database.GetCollection<BsonDocument>(Collection);
}
