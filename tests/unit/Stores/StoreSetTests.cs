using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Stores;

public sealed class StoreSetTests
{
    [Fact]
    public async Task A_store_is_made_when_it_is_first_used_and_once()
    {
        await using var plan = TestPlan.Create();
        await using var stores = new StoreSet(plan.Plan);

        Assert.Equal(["nas"], stores.Names);
        Assert.IsType<DirectoryStore>(stores["nas"]);
        Assert.Same(stores["nas"], stores["nas"]);
    }

    [Fact]
    public async Task A_name_that_the_plan_has_not_is_refused_with_those_it_has()
    {
        await using var stores = new StoreSet(new MemoryStore("s3"), new MemoryStore("nas"));

        var refusal = Assert.Throws<RefusalException>(() => stores["tape"]);

        Assert.Equal(ErrorKinds.Plan, refusal.Report.Kind);
        Assert.Contains("s3, nas", refusal.Report.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gcs", "later work")]
    [InlineData("ftp", "unknown kind")]
    public async Task A_kind_that_is_not_there_yet_is_refused_plainly(string kind, string words)
    {
        await using var stores = await CreateAsync(new StorePlan("far", kind, "bucket", "", null, null, null, null, null));

        Assert.Contains(words, Assert.Throws<RefusalException>(() => stores["far"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_that_is_missing_is_named_and_looked_for_again_at_the_next_use()
    {
        var folder = Directory.CreateTempSubdirectory("luxhedge-secret-").FullName;
        await using var stores = await CreateAsync(new StorePlan(
            "far", "s3", "bucket", "", null, "http://127.0.0.1:1", null, new SecretReference("access", "/"), new SecretReference("${file:secret}", folder)));

        Assert.Contains(Path.Combine(folder, "secret"), Assert.Throws<RefusalException>(() => stores["far"]).Report.Where, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(folder, "secret"), "x");
        Assert.IsType<S3Store>(stores["far"]);
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<StoreSet> CreateAsync(StorePlan store)
    {
        await using var plan = TestPlan.Create();
        return new StoreSet(plan.Plan with { Stores = new Dictionary<string, StorePlan> { [store.Name] = store } });
    }
}
