using System.Diagnostics;
using System.Text.Json;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Runbooks;

/// <summary>The same production, whose oplog is captured in slices of two seconds.</summary>
public sealed class CapturedSite : DrillSite
{
    protected override string? Slice => "2s";

    /// <summary>Waits until everything up to a time can be reached.</summary>
    public async Task UntilReachedAsync(ClusterTime time)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var (_, status) = await RunAsync("oplog", "status", Asset);
            if (status[0].GetProperty("windows").EnumerateArray().Any(w => w.GetProperty("to").GetDateTimeOffset() > time.ToTime()))
                return;
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), status.ToString());
        }
    }
}

/// <summary>Capture, backup, restore and drill together, as a user has them.</summary>
public sealed class CapturedRunsTests(CapturedSite site) : IClassFixture<CapturedSite>
{
    private IMongoCollection<BsonDocument> Users => site.Production.GetCollection<BsonDocument>("users");

    [Fact(Explicit = true)]
    public async Task With_capture_running_a_moment_comes_back_proven_the_latest_too_and_what_is_to_come_is_refused()
    {
        await Users.InsertOneAsync(new BsonDocument("_id", "written since the backup"));
        var moment = await Marks.MajorityAsync(site.Client, CancellationToken.None);
        var then = await Users.CountDocumentsAsync(new BsonDocument());
        await Users.DeleteManyAsync(new BsonDocument("_id", new BsonDocument("$lt", 100)));
        await Users.InsertOneAsync(new BsonDocument("_id", "the last"));
        await site.UntilReachedAsync(await Marks.MajorityAsync(site.Client, CancellationToken.None));

        await RestoreAsync(moment.ToString(), "captured_moment");
        await RestoreAsync("latest", "captured_latest");

        var (at, last) = (Restored("captured_moment"), Restored("captured_latest"));
        Assert.Equal(then, await at.CountDocumentsAsync(new BsonDocument()));
        Assert.Equal(1, await at.CountDocumentsAsync(new BsonDocument("_id", "written since the backup")));
        Assert.Equal(0, await at.CountDocumentsAsync(new BsonDocument("_id", "the last")));
        Assert.Equal(then - 100 + 1, await last.CountDocumentsAsync(new BsonDocument()));
        var (code, refused) = await site.RunAsync(
            "restore", "run", DrillSite.Asset, "--to", $"{DateTime.UtcNow.AddHours(1):yyyy-MM-dd'T'HH:mm:ss'Z'}", "--into", "captured_never");
        Assert.Equal(2, code);
        Assert.Contains("nearest before", refused.GetProperty("error").GetProperty("problems")[0].GetProperty("message").GetString()!, StringComparison.Ordinal);

        (code, var drill) = await site.DrillAsync("point-in-time");
        Assert.True(code == 0, DrillSite.Tell(drill));
        Assert.Contains(drill.GetProperty("steps").EnumerateArray(), s =>
            s.GetProperty("id").GetString() == "choose" && s.GetProperty("detail").GetString()!.Contains("slices after it", StringComparison.Ordinal));
    }

    private IMongoCollection<BsonDocument> Restored(string database) => site.Client.GetDatabase(database).GetCollection<BsonDocument>("users");

    private async Task RestoreAsync(string to, string into)
    {
        var (code, summary) = await site.RunAsync("restore", "run", DrillSite.Asset, "--to", to, "--into", into);
        Assert.True(code == 0, JsonSerializer.Serialize(summary));
        Assert.Equal("Proven", summary.GetProperty("verdict").GetString());
        Assert.NotEqual(JsonValueKind.Null, summary.GetProperty("rpo").GetProperty("measured").ValueKind);
    }
}
