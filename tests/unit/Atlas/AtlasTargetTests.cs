using LuxHedge.Activities;
using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Unit.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Tests.Unit.Atlas;

public sealed class AtlasTargetTests : IDisposable
{
    private const string Project = "32b6e34b3d91647abb20e7b8";
    private readonly string folder = Directory.CreateTempSubdirectory("luxhedge-atlas-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("mongodb://a.example:27017,b.example:27018/admin?replicaSet=x", "a.example,b.example")]
    [InlineData("mongodb://user:p%40ss@a.example/?tls=true", "a.example")]
    [InlineData("mongodb+srv://user:pass@cluster0.abcde.mongodb.net", "cluster0.abcde.mongodb.net")]
    [InlineData("mongodb://[::1]:27017", "[::1]")]
    [InlineData("mongodb://a.example.:27017?x=y", "a.example")]
    [InlineData("https://a.example", "")]
    [InlineData("", "")]
    public void Hosts_are_read_from_a_connection_string_without_ports_and_credentials(string connection, string hosts) =>
        Assert.Equal(hosts, string.Join(",", AtlasHosts.Of(connection)));

    [Fact]
    public void A_cluster_of_its_own_is_let_through() => AtlasTarget.Refuse(Load(), new(Project, "Drills"), new("IDLE", ["drills.abcde.mongodb.net"]));

    [Theory]
    [InlineData("Cluster0", "other.mongodb.net")]
    [InlineData("cluster0", "other.mongodb.net")]
    [InlineData("Drills", "PROD.abcde.mongodb.net")]
    [InlineData("Drills", "")]
    public void A_target_that_is_production_by_name_or_host_or_can_not_be_told_from_it_is_refused(string cluster, string host)
    {
        var refusal = Assert.Throws<RefusalException>(
            () => AtlasTarget.Refuse(Load(), new(Project.ToUpperInvariant(), cluster), new("IDLE", host.Length == 0 ? [] : [host])));
        Assert.Equal(ErrorKinds.NotApproved, refusal.Report.Kind);
    }

    [Fact]
    public void Where_production_lies_must_be_known_to_this_worker()
    {
        var plan = Load();
        File.Delete(Path.Combine(folder, "keys", "mongodb"));
        var refusal = Assert.Throws<RefusalException>(() => AtlasTarget.Refuse(plan, new(Project, "Drills"), new("IDLE", ["drills.abcde.mongodb.net"])));
        Assert.Contains("can't be read on this worker", refusal.Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Freshness_is_the_age_of_the_newest_complete_snapshot_against_the_RPO()
    {
        var asset = Load().Assets.Values.Single();
        var now = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);
        AtlasSnapshot Of(TimeSpan age) => new("1", "completed", "scheduled", now - age, null, null, null);

        Assert.True(new AtlasStanding(asset.Name, Of(TimeSpan.FromMinutes(60)), [], null).IsFresh(asset, now));
        Assert.False(new AtlasStanding(asset.Name, Of(TimeSpan.FromMinutes(61)), [], null).IsFresh(asset, now));
        Assert.False(new AtlasStanding(asset.Name, null, [], null).IsFresh(asset, now));
        Assert.Null(new AtlasStanding(asset.Name, null, [], "it is away").IsFresh(asset, now));
    }

    private Plan Load()
    {
        Directory.CreateDirectory(Path.Combine(folder, "keys"));
        File.WriteAllText(Path.Combine(folder, "keys", "mongodb"), "mongodb+srv://user:secret@prod.abcde.mongodb.net/?retryWrites=true");
        var file = Path.Combine(folder, "luxhedge.yaml");
        File.WriteAllText(file, SamplePlan.Sandbox.Replace(
            "main: { connection: ${file:keys/mongodb} }",
            $"main: {{ connection: ${{file:keys/mongodb}}, atlas: {{ project: {Project}, cluster: Cluster0, publicKey: ${{env:A}}, privateKey: ${{env:B}}, restoreTo: {{ cluster: Drills }} }} }}",
            StringComparison.Ordinal));
        return PlanLoader.Load(file);
    }
}
