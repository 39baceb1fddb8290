using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>The users and roles that are defined on the database, as its server reports them (canonical Extended JSON v2 each).</summary>
/// <param name="Users">With their credentials, as the server keeps them: salted and hashed.</param>
/// <param name="Missing">Why there are none here; null: these are all.</param>
public sealed record AccountsDocument(IReadOnlyList<string> Users, IReadOnlyList<string> Roles, string? Missing);

/// <summary>Reads them where the worker's user may (<c>viewUser</c> and <c>viewRole</c> on the database, which no backup needs otherwise).</summary>
internal static class AccountReader
{
    /// <summary>What a server works out of the rest, and takes back from nobody.</summary>
    private static readonly string[] WorkedOut =
        ["mechanisms", "isBuiltin", "inheritedRoles", "inheritedPrivileges", "inheritedAuthenticationRestrictions"];

    public static async Task<AccountsDocument> ReadAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        try
        {
            var users = new List<string>();
            foreach (var user in await ListAsync(database, new BsonDocument { { "usersInfo", 1 }, { "showCredentials", true } }, "users", cancellation))
            {
                // Restrictions are told of one user at a time only.
                var id = new BsonDocument { { "user", user["user"] }, { "db", user["db"] } };
                var whole = await ListAsync(
                    database, new BsonDocument { { "usersInfo", id }, { "showCredentials", true }, { "showAuthenticationRestrictions", true } }, "users", cancellation);
                users.AddRange(whole.Select(u => ExtendedJson.Write(Kept(u))));
            }

            var roles = await ListAsync(
                database, new BsonDocument { { "rolesInfo", 1 }, { "showPrivileges", true }, { "showBuiltinRoles", false } }, "roles", cancellation);
            return new AccountsDocument(users, [.. roles.Where(r => !r.GetValue("isBuiltin", false).ToBoolean()).Select(r => ExtendedJson.Write(Kept(r)))], null);
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            return new AccountsDocument([], [], e.Code == ServerErrors.Unauthorized
                ? "the worker's user may not read them (viewUser and viewRole on the database)" : $"the server does not tell them ({e.CodeName ?? e.Message})");
        }
    }

    private static BsonDocument Kept(BsonDocument account) => new(account.Where(e => !WorkedOut.Contains(e.Name, StringComparer.Ordinal)));

    private static async Task<IReadOnlyList<BsonDocument>> ListAsync(IMongoDatabase database, BsonDocument command, string list, CancellationToken cancellation)
    {
        var reply = await database.RunCommandAsync<BsonDocument>(command, ReadPreference.Primary, cancellation);
        return [.. reply[list].AsBsonArray.Select(a => a.AsBsonDocument)];
    }
}
