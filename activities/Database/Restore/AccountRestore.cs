using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Users and roles of the database, into a server that lacks them: those that are there stay as they are. Roles by <c>createRole</c>; users with the
/// credentials they had, by the command that <c>mongorestore</c> uses for them, since <c>createUser</c> takes only a password that nobody knows. What
/// could not be done is NotProven, by name: the data is in its place by then.
/// </summary>
/// <param name="source">Name of the database that they were defined on.</param>
internal sealed class AccountRestore(IMongoDatabase target, string source)
{
    /// <summary>Where <c>_mergeAuthzCollections</c> takes them from; the built-in role <c>restore</c> may write to this name.</summary>
    private const string Temporary = "tempusers";

    private readonly string into = target.DatabaseNamespace.DatabaseName;
    private readonly IMongoDatabase admin = target.Client.GetDatabase("admin");
    private readonly List<string> undone = [];

    public async Task<IReadOnlyList<Check>> RestoreAsync(AccountsDocument accounts, CancellationToken cancellation)
    {
        var roles = accounts.Roles.Select(r => Moved(ExtendedJson.Parse(r), "role")).ToList();
        var users = accounts.Users.Select(u => Moved(ExtendedJson.Parse(u), "user")).ToList();
        var missingRoles = await MissingAsync(roles, "role", "rolesInfo", "roles", cancellation);
        foreach (var role in missingRoles)
            await TryAsync($"role {role["role"]}", target, CreateRole(role), cancellation);
        // Roles may inherit from each other: only once all of them are there.
        foreach (var role in missingRoles.Where(r => r.GetValue("roles", new BsonArray()).AsBsonArray.Count > 0))
            await TryAsync($"roles of role {role["role"]}", target, new BsonDocument { { "grantRolesToRole", role["role"] }, { "roles", role["roles"] } }, cancellation);
        var missingUsers = await MissingAsync(users, "user", "usersInfo", "users", cancellation);
        if (missingUsers.Count > 0)
            await MergeAsync(missingUsers, cancellation);
        var made = $"{missingUsers.Count} of {users.Count} users and {missingRoles.Count} of {roles.Count} roles were not there";
        return
        [
            undone.Count == 0
                ? new("users and roles", Verdict.Proven, $"{made}, and are now.")
                : new("users and roles", Verdict.NotProven, $"{made}. Not made: {string.Join("; ", undone)}. Make them by hand: createRole, createUser."),
        ];
    }

    internal static BsonDocument CreateRole(BsonDocument role)
    {
        var create = new BsonDocument { { "createRole", role["role"] }, { "privileges", role.GetValue("privileges", new BsonArray()) }, { "roles", new BsonArray() } };
        if (role.GetValue("authenticationRestrictions", null) is BsonArray { Count: > 0 } restrictions)
            create["authenticationRestrictions"] = restrictions;
        return create;
    }

    /// <summary>What names the source's database names the target's.</summary>
    internal BsonDocument Moved(BsonDocument account, string kind)
    {
        if (into == source)
            return account;
        var moved = (BsonDocument)Move(account);
        moved["_id"] = $"{into}.{moved[kind]}";
        if (moved.Contains("userId"))
            moved["userId"] = new BsonBinaryData(Guid.NewGuid(), GuidRepresentation.Standard);
        return moved;

        BsonValue Move(BsonValue value) => value switch
        {
            BsonDocument document => new BsonDocument(document.Select(e => new BsonElement(
                e.Name, e.Name == "customData" ? e.Value : e.Name == "db" && e.Value == source ? into : Move(e.Value)))),
            BsonArray array => new BsonArray(array.Select(Move)),
            _ => value,
        };
    }

    private async Task<List<BsonDocument>> MissingAsync(List<BsonDocument> wanted, string kind, string command, string list, CancellationToken cancellation)
    {
        var there = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var reply = await target.RunCommandAsync<BsonDocument>(new BsonDocument(command, 1), ReadPreference.Primary, cancellation);
            there.UnionWith(reply[list].AsBsonArray.Select(a => a[kind].AsString));
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            undone.Add($"which {kind}s are there was not told ({e.CodeName ?? e.Message})");
            return [];
        }

        return [.. wanted.Where(w => !there.Contains(w[kind].AsString))];
    }

    private async Task MergeAsync(List<BsonDocument> users, CancellationToken cancellation)
    {
        var names = string.Join(", ", users.Select(u => $"user {u["user"]}"));
        try
        {
            var place = admin.GetCollection<BsonDocument>(Temporary);
            var ours = users.Select(u => u["_id"]).ToHashSet();
            var left = await place.Find(new BsonDocument()).Project(new BsonDocument("_id", 1)).ToListAsync(cancellation);
            if (left.Any(u => !ours.Contains(u["_id"])))
            {
                undone.Add($"{names} (admin.{Temporary} holds another's: is a mongorestore running?)");
                return;
            }

            await admin.DropCollectionAsync(Temporary, cancellation);
            try
            {
                await place.InsertManyAsync(users, cancellationToken: cancellation);
                await admin.RunCommandAsync<BsonDocument>(Merge(into), cancellationToken: cancellation);
            }
            finally
            {
                await admin.DropCollectionAsync(Temporary, CancellationToken.None);
            }
        }
        catch (MongoException e) when (!ServerErrors.MayPass(e))
        {
            undone.Add($"{names} ({(e as MongoCommandException)?.CodeName ?? e.Message})");
        }
    }

    /// <summary>Takes the users of this database as they are, credentials and all; touches no others.</summary>
    internal static BsonDocument Merge(string database) => new()
    {
        { "_mergeAuthzCollections", 1 }, { "tempUsersCollection", $"admin.{Temporary}" }, { "drop", false },
        { "writeConcern", new BsonDocument("w", "majority") }, { "db", database },
    };

    private async Task TryAsync(string what, IMongoDatabase database, BsonDocument command, CancellationToken cancellation)
    {
        try
        {
            await database.RunCommandAsync<BsonDocument>(command, cancellationToken: cancellation);
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            undone.Add($"{what} ({e.CodeName ?? e.Message})");
        }
    }
}
