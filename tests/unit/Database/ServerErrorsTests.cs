using System.Net;
using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Clusters;
using MongoDB.Driver.Core.Connections;
using MongoDB.Driver.Core.Servers;

namespace LuxHedge.Tests.Unit.Database;

public sealed class ServerErrorsTests
{
    private static readonly ConnectionId Connection = new(new ServerId(new ClusterId(1), new DnsEndPoint("db1", 27017)));

    [Theory]
    [InlineData(10107, "NotWritablePrimary")]
    [InlineData(13435, "NotPrimaryNoSecondaryOk")]
    [InlineData(13436, "NotPrimaryOrSecondary")]
    [InlineData(10058, "LegacyNotPrimary")]
    [InlineData(189, "PrimarySteppedDown")]
    [InlineData(11600, "InterruptedAtShutdown")]
    [InlineData(11602, "InterruptedDueToReplStateChange")]
    [InlineData(91, "ShutdownInProgress")]
    [InlineData(43, "CursorNotFound")]
    [InlineData(6, "HostUnreachable")]
    [InlineData(9001, "SocketException")]
    [InlineData(276, "IndexBuildAborted")]
    public void What_a_stepping_or_ending_server_says_is_no_word_about_a_document_an_index_or_an_option(int code, string name)
    {
        var error = Command(code, name);

        Assert.True(ServerErrors.MayPass(error));
        Assert.False(ServerErrors.IsRefusal(error));
        Assert.Null(RawWrites.Refused(error));
    }

    [Theory]
    [InlineData(11000, "DuplicateKey")]
    [InlineData(121, "DocumentValidationFailure")]
    [InlineData(67, "CannotCreateIndex")]
    [InlineData(2, "BadValue")]
    [InlineData(175, "QueryPlanKilled")]
    [InlineData(246, "SnapshotUnavailable")]
    public void What_would_be_said_again_is_a_refusal(int code, string name)
    {
        var error = Command(code, name);

        Assert.False(ServerErrors.MayPass(error));
        Assert.True(ServerErrors.IsRefusal(error));
        Assert.Equal(code, RawWrites.Refused(error)!.Value.Code);
    }

    [Theory]
    [InlineData(13)]
    [InlineData(18)]
    public void Missing_rights_are_neither(int code)
    {
        Assert.False(ServerErrors.MayPass(Command(code, "")));
        Assert.False(ServerErrors.IsRefusal(Command(code, "")));
    }

    [Fact]
    public void Labels_count_whatever_the_code()
    {
        Assert.True(ServerErrors.MayPass(Command(7777, "SomethingNew", "RetryableWriteError")));
        Assert.True(ServerErrors.MayPass(Command(7777, "SomethingNew", "TransientTransactionError")));
        Assert.False(ServerErrors.MayPass(Command(7777, "SomethingNew")));
    }

    [Fact]
    public void Connections_and_time_outs_may_pass_and_wrong_credentials_do_not()
    {
        Assert.True(ServerErrors.MayPass(new TimeoutException("A timeout occurred after 15000ms selecting a server")));
        Assert.True(ServerErrors.MayPass(new MongoConnectionException(Connection, "reset", new IOException("reset"))));
        Assert.False(ServerErrors.MayPass(new MongoAuthenticationException(Connection, "no")));
        Assert.False(ServerErrors.MayPass(new IOException("a store's")));
        Assert.False(ServerErrors.MayPass(new RefusalException(ErrorKinds.Backup, "a gap")));
    }

    [Fact]
    public async Task A_failover_is_told_as_one_and_passes_where_the_run_has_spoken_with_the_server()
    {
        await using var test = TestPlan.Create(p => p with { MongoDb = "mongodb://someone:secret@db1:27017,db2:27018/?replicaSet=rs" });
        using var clusters = new ClusterConnections(test.Plan);

        var told = await Assert.ThrowsAsync<RefusalException>(() => clusters.ReachAsync<int>("main", spokenWith: true, () => throw Command(189, "PrimarySteppedDown")));
        var unknown = await Assert.ThrowsAsync<RefusalException>(() => clusters.ReachAsync<int>("main", spokenWith: false, () => throw Command(189, "PrimarySteppedDown")));
        var credentials = await Assert.ThrowsAsync<RefusalException>(() => clusters.ReachAsync<int>("main", spokenWith: true, () => throw Command(18, "AuthenticationFailed")));

        Assert.Equal((ErrorKinds.Unreachable, true), (told.Report.Kind, told.MayPass));
        Assert.Contains("db1:27017,db2:27018", told.Message, StringComparison.Ordinal);
        Assert.Contains("PrimarySteppedDown", told.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", told.Message, StringComparison.Ordinal);
        Assert.False(unknown.MayPass);
        Assert.False(credentials.MayPass);
        // A refusal of the server's is nobody's outage: it stays what it is.
        await Assert.ThrowsAsync<MongoCommandException>(() => clusters.ReachAsync<int>("main", spokenWith: true, () => throw Command(121, "DocumentValidationFailure")));
    }

    private static MongoCommandException Command(int code, string name, params string[] labels) => new(
        Connection, $"Command failed: {name}.", new BsonDocument("find", "cars"),
        new BsonDocument { { "ok", 0 }, { "code", code }, { "codeName", name }, { "errorLabels", new BsonArray(labels) } });
}
