using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Stores;

public sealed class DirectoryStoreTests : IDisposable
{
    private readonly string outer = Directory.CreateTempSubdirectory("luxhedge-store-").FullName;
    private readonly string folder;

    public DirectoryStoreTests() => folder = Directory.CreateDirectory(Path.Combine(outer, "nas")).FullName;

    public void Dispose() => Directory.Delete(outer, recursive: true);

    [Fact]
    public async Task Files_and_folders_are_for_their_owner_only()
    {
        await Create().PutIfAbsentAsync("a/b/c", new byte[3], default);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(folder, "a/b/c")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(folder, "a/b")));
    }

    [Fact]
    public async Task What_is_not_whole_yet_lies_beside_under_another_name_and_no_list_shows_it()
    {
        var store = Create();
        await using var writer = await store.CreateAsync("a/b", default);
        await writer.WriteAsync(new byte[10], default);

        Assert.Matches(@"^\.b\.[0-9a-f]{12}\.partial$", Assert.Single(Files()));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Directory.GetFiles(Path.Combine(folder, "a"))[0]));
        Assert.Empty(await ListAsync(store));

        Assert.Equal(PutOutcome.Created, await writer.CompleteAsync(default));
        Assert.Equal(["b"], Files());
        Assert.Equal(["a/b"], await ListAsync(store));
    }

    [Fact]
    public async Task A_partial_of_a_killed_writer_is_ignored_until_it_is_swept()
    {
        var store = Create();
        await store.PutIfAbsentAsync("a/b", new byte[1], default);
        File.WriteAllText(Path.Combine(folder, "a/.c.0123456789ab.partial"), "half");

        Assert.Equal(["a/b"], await ListAsync(store));
        Assert.Equal(0, await store.SweepUnfinishedAsync("a/b", default));
        Assert.Equal(1, await store.SweepUnfinishedAsync("a/", default));
        Assert.Equal(["b"], Files());
    }

    [Fact]
    public async Task A_mount_without_hard_links_is_refused()
    {
        await using var store = new DirectoryStore("nas", folder) { Link = (_, _) => throw new HardLinkException("Operation not permitted") };

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => store.PutIfAbsentAsync("a/b", new byte[1], default));

        Assert.Equal(ErrorKinds.Unreachable, refusal.Report.Kind);
        Assert.Contains("hard links", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public async Task A_root_that_is_not_there_is_refused_and_never_made()
    {
        var missing = Path.Combine(outer, "unmounted");
        await using var store = new DirectoryStore("nas", missing);

        foreach (var use in new Func<Task>[]
            { () => store.ProbeAsync(default), () => store.PutIfAbsentAsync("a", new byte[1], default), () => store.HeadAsync("a", default), () => ListAsync(store) })
        {
            var refusal = await Assert.ThrowsAsync<RefusalException>(use);
            Assert.Equal((ErrorKinds.Unreachable, missing), (refusal.Report.Kind, refusal.Report.Where));
        }

        Assert.False(Directory.Exists(missing));
    }

    [Fact]
    public async Task Symbolic_links_are_never_followed()
    {
        var outside = Directory.CreateDirectory(Path.Combine(outer, "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "secret"), "secret");
        var store = Create();
        await store.PutIfAbsentAsync("a/b", new byte[1], default);
        Directory.CreateSymbolicLink(Path.Combine(folder, "link"), outside);
        File.CreateSymbolicLink(Path.Combine(folder, "a/file"), Path.Combine(outside, "secret"));

        Assert.Equal(["a/b"], await ListAsync(store));
        foreach (var use in new Func<Task>[]
        {
            () => store.OpenReadAsync("link/secret", 0, null, null, default), () => store.OpenReadAsync("a/file", 0, null, null, default),
            () => store.PutIfAbsentAsync("link/new", new byte[1], default), () => store.DeleteAsync("link/secret", default), () => store.HeadAsync("a/file", default),
        })
        {
            Assert.Equal(ErrorKinds.Integrity, (await Assert.ThrowsAsync<RefusalException>(use)).Report.Kind);
        }

        Assert.Equal(["secret"], Directory.GetFiles(outside).Select(Path.GetFileName));
    }

    [Fact]
    public void No_name_leaves_the_folder() =>
        Gen.String[Gen.Char["ab./\\%-~\0 é"], 0, 12].Sample(name =>
        {
            if (ObjectNameRules.Problem(name) is null)
                Assert.StartsWith(folder + "/", Path.GetFullPath(Path.Combine(folder, name)), StringComparison.Ordinal);
            else
                Assert.Throws<RefusalException>(() => ObjectNameRules.Check(name));
        });

    [Fact]
    public async Task What_is_listed_is_what_was_put_in_ordinal_order_under_any_prefix()
    {
        var names = Gen.String[Gen.Char["abA0.-_%=/"], 1, 10].Where(n => ObjectNameRules.Problem(n) is null).HashSet[1, 8];
        await Gen.Select(names, Gen.Int[0, 6]).SampleAsync(
            async (all, cut) =>
            {
                var root = Directory.CreateDirectory(Path.Combine(outer, Guid.NewGuid().ToString("N"))).FullName;
                await using var store = new DirectoryStore("nas", root);
                // No object's name is a folder of another's.
                var put = all.Where(n => !all.Any(o => o.StartsWith(n + "/", StringComparison.Ordinal))).Order(StringComparer.Ordinal).ToList();
                foreach (var name in put)
                    await store.PutIfAbsentAsync(name, new byte[1], default);
                var prefix = put[0][..Math.Min(cut, put[0].Length)];

                Assert.Equal(put.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)), await ListAsync(store, prefix));

                foreach (var name in put)
                    await store.DeleteAsync(name, default);
                Assert.Empty(Directory.GetFileSystemEntries(root));
            },
            iter: 25, threads: 1);
    }

    private DirectoryStore Create() => new("nas", folder);

    private IEnumerable<string?> Files() => Directory.GetFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None }).Select(Path.GetFileName);

    private static async Task<List<string>> ListAsync(DirectoryStore store, string prefix = "")
    {
        var names = new List<string>();
        await foreach (var found in store.ListAsync(prefix, default))
            names.Add(found.Name);
        return names;
    }
}
