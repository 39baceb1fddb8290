using LuxHedge.Activities.Plans;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class PlanLoaderTests : IDisposable
{
    private readonly PlanFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_plan_of_the_sandbox_is_read_into_records()
    {
        var plan = PlanLoader.Load(folder.Write(SamplePlan.Sandbox));

        Assert.Equal("127.0.0.1:7233", plan.Temporal.Address);
        var asset = plan.Assets["luxhedge_production"];
        Assert.Equal(["s3", "nas"], asset.Stores);
        Assert.Equal(64 << 20, asset.RangeBytes);
        Assert.Equal(0.2, asset.SuspectShare);
        Assert.Equal(TimeSpan.FromHours(2), asset.Rto);
        Assert.Equal(TimeSpan.FromHours(1), asset.Rpo);
        Assert.Equal(TimeSpan.FromDays(1), asset.Every);
        Assert.Equal(["alice", "bob"], plan.Policies["restore-production"].By);
        Assert.Equal(Path.Combine(folder.Path, "nas"), plan.Stores["nas"].Path);
        Assert.Equal("Olive Operator", plan.People["operator"].FullName);
    }
}
