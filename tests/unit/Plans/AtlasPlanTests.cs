using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class AtlasPlanTests : IDisposable
{
    private const string Project = "32b6e34b3d91647abb20e7b8";
    private const string Keys = "publicKey: ${env:PUBLIC}, privateKey: ${env:PRIVATE}";
    private readonly PlanFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_cluster_on_Atlas_is_read_with_its_defaults()
    {
        var atlas = PlanLoader.Load(folder.Write(With($"project: {Project}, cluster: Cluster0, {Keys}, restoreTo: {{ cluster: Drills }}"))).Clusters["main"].Atlas!;

        Assert.Equal(new AtlasPlace(Project, "Cluster0"), atlas.Place);
        Assert.Equal(new AtlasPlace(Project, "Drills"), atlas.RestoreTo);
        Assert.Equal(("https://cloud.mongodb.com", true), (atlas.ApiUrl, atlas.Snapshots));
        Assert.Equal("${env:PRIVATE}", atlas.PrivateKey!.ToString());
        Assert.Null(atlas.ClientId);
    }

    [Theory]
    [InlineData("cluster: Cluster0", "clusters.main.atlas.project")]
    [InlineData("project: LuxHedge, cluster: Cluster0, " + Keys, "is no id of an Atlas project")]
    [InlineData("project: " + Project + ", cluster: \"a/b\", " + Keys, "is no name of an Atlas cluster")]
    [InlineData("project: " + Project + ", cluster: Cluster0", "needs an API key")]
    [InlineData("project: " + Project + ", cluster: Cluster0, publicKey: ${env:PUBLIC}", "publicKey and privateKey go together")]
    [InlineData("project: " + Project + ", cluster: Cluster0, clientId: ${env:ID}", "clientId and clientSecret go together")]
    [InlineData("project: " + Project + ", cluster: Cluster0, " + Keys + ", clientId: ${env:ID}, clientSecret: ${env:SECRET}", "one of them is enough")]
    [InlineData("project: " + Project + ", cluster: Cluster0, publicKey: plain, privateKey: ${env:PRIVATE}", "is a secret and must not stand in the plan")]
    [InlineData("project: " + Project + ", cluster: Cluster0, apiUrl: \"http://atlas.example\", " + Keys, "the keys would travel in the clear")]
    [InlineData("project: " + Project + ", cluster: Cluster0, " + Keys + ", restoreTo: { cluster: cluster0 }", "Atlas would overwrite all of it")]
    public void What_can_not_work_is_refused(string section, string why) =>
        Assert.Contains(PlanLoader.Read(folder.Write(With(section))).Problems, p => p.Message.Contains(why, StringComparison.Ordinal));

    [Fact]
    public void Two_clusters_of_the_plan_are_two_at_Atlas_and_none_is_restored_over_the_other()
    {
        var section = $"project: {Project}, cluster: Cluster0, {Keys}";
        var same = With(section + " } }\n  twin: { connection: ${env:TWIN}, atlas: { " + section);
        Assert.Contains(PlanLoader.Read(folder.Write(same)).Problems, p => p.Message.Contains("is the same cluster of Atlas as clusters.main.atlas", StringComparison.Ordinal));

        var over = With(section + $" }} }}\n  drills: {{ connection: ${{env:DRILLS}}, atlas: {{ project: {Project}, cluster: Drills, {Keys}, restoreTo: {{ cluster: Cluster0 }}");
        Assert.Contains(PlanLoader.Read(folder.Write(over)).Problems, p => p.Message.Contains("clusters.drills.atlas.restoreTo", StringComparison.Ordinal));
    }

    private static string With(string section) =>
        SamplePlan.With("main: { connection: ${file:keys/mongodb} }", $"main: {{ connection: ${{file:keys/mongodb}}, atlas: {{ {section} }} }}");
}
