using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Stores;

public sealed class StoreContractTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("luxhedge-store-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task The_directory_store_keeps_the_contract()
    {
        await using var store = new DirectoryStore("nas", folder);

        var lines = await CheckAsync(store);

        Assert.DoesNotContain(lines, l => l.Verdict != Verdict.Proven && l.Name is not "free space");
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public async Task The_directory_store_keeps_the_contract_below_a_prefix()
    {
        await using var store = new DirectoryStore("nas", folder, "luxhedge/backups/");

        var lines = await CheckAsync(store);

        Assert.DoesNotContain(lines, l => l.Verdict != Verdict.Proven && l.Name is not "free space");
    }

    [Fact]
    public async Task The_store_in_memory_of_these_tests_keeps_the_contract() =>
        Assert.DoesNotContain(await CheckAsync(new MemoryStore("memory")), l => l.Verdict != Verdict.Proven);

    [Fact]
    public async Task A_store_that_flips_a_bit_is_found() =>
        Assert.Equal(["write and read back", "ranges", "a taken name stays", "one winner of a race", "streamed object", "one winner of a race of streams", "versions"],
            await FailuresAsync(new HostileStore(new MemoryStore("memory")).FlipBit("/", -1)));

    [Fact]
    public async Task A_store_that_cuts_streamed_objects_short_is_found() =>
        Assert.Equal(["streamed object"], await FailuresAsync(new HostileStore(new MemoryStore("memory")).Truncate("/streamed", 1)));

    [Fact]
    public async Task A_store_that_is_not_there_is_NotProven_and_says_what_to_check()
    {
        await using var store = new DirectoryStore("nas", Path.Combine(folder, "not-mounted"));

        var line = Assert.Single(await CheckAsync(store));

        Assert.Equal(("reached", Verdict.NotProven), (line.Name, line.Verdict));
        Assert.Contains("not-mounted", line.Detail, StringComparison.Ordinal);
        Assert.Contains("mounted?", line.Detail, StringComparison.Ordinal);
    }

    private static async Task<List<string>> FailuresAsync(IObjectStore store) =>
        [.. (await CheckAsync(store)).Where(l => l.Verdict == Verdict.Failed).Select(l => l.Name)];

    private static async Task<List<StoreCheck>> CheckAsync(IObjectStore store)
    {
        var lines = new List<StoreCheck>();
        await foreach (var line in new StoreContract(store, TimeProvider.System, new() { StreamedBytes = 1_000_003 }).RunAsync(default))
            lines.Add(line);
        return lines;
    }
}
