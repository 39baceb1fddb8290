using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

public sealed class RestoreTests
{
    [Fact]
    public async Task A_whole_database_comes_back_under_another_name_byte_for_byte()
    {
        await using var rig = await RestoreRig.CreateAsync(a => a with { RangeBytes = 200_000 });
        await SampleData.FillAsync(rig.Source);
        await rig.BackUpAsync();
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target));

        run.AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source, inOrder: true), await RestoreRig.StateAsync(rig.Target(target), inOrder: true));
        Assert.NotNull(run.Compared.NewestCanary);
        Assert.False(run.Plan.Production);
    }
}
