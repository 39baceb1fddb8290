using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>How much <see cref="StoreContract"/> asks of a store.</summary>
public sealed record StoreContractOptions
{
    /// <value>Writers that race for one name, 2 to 100, default 12.</value>
    public int Racers { get; init; } = 12;

    /// <value>Bytes of the streamed object, default 20 MiB and a bit: three parts of an S3 upload, the last one odd. More than two parts: half of it
    /// is written where an unfinished upload is wanted.</value>
    public int StreamedBytes { get; init; } = (20 << 20) + 12_345;
}

/// <summary>
/// The contract of <see cref="IObjectStore"/> as a program: it ships as <c>luxhedge stores check</c>, and the project's own tests run every
/// implementation through it. It writes below <c>luxhedge-check/{time}-{random}/</c> only, and removes that again. Every line says what was
/// seen: Proven as the contract wants it, Failed otherwise, NotProven where it could not be seen.
/// </summary>
public sealed class StoreContract(IObjectStore store, TimeProvider clock, StoreContractOptions? options = null)
{
    /// <summary>Below it a NAS is too full to take the next backup of any size: two nights' backups of the strategy's database.</summary>
    public const long ScarceSpace = 10L << 30;

    /// <summary>A stamp further ahead is quarantined (<c>BackupCatalog.MaxStampAhead</c>): a store whose clock is as wrong misleads.</summary>
    public static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(5);

    private readonly StoreContractOptions options = options ?? new StoreContractOptions();
    private readonly string root =
        $"luxhedge-check/{clock.GetUtcNow().UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}/";

    /// <summary>One line after another, as they are found out. A store that can't be reached ends it after the first. Never throws for a
    /// fault of the store.</summary>
    public async IAsyncEnumerable<StoreCheck> RunAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var reached = await CheckAsync("reached", async () =>
        {
            await store.ProbeAsync(cancellation);
            return "it answers, and knows the bucket or folder";
        });
        yield return reached;
        if (reached.Verdict != Verdict.Proven)
            yield break;

        (string Name, Func<CancellationToken, Task<string>> Check)[] checks =
        [
            ("write and read back", WriteAndReadBackAsync),
            ("ranges", ReadRangesAsync),
            ("names", TakeNamesAsync),
            ("list in order", ListInOrderAsync),
            ("a taken name stays", KeepTakenNameAsync),
            ("one winner of a race", LetOneWinAsync),
            ("streamed object", StreamAsync),
            ("one winner of a race of streams", LetOneStreamWinAsync),
            ("aborted write leaves nothing", LeaveNothingAsync),
            ("unfinished writes are swept", SweepAsync),
            ("versions", ListVersionsAsync),
            ("missing object", TellMissingAsync),
            ("delete", DeleteAsync),
            ("clock", CompareClockAsync),
        ];
        foreach (var (name, check) in checks)
            yield return await CheckAsync(name, () => check(cancellation));

        if (store is IInspectedStore inspected)
        {
            await using var settings = inspected.InspectAsync(cancellation).GetAsyncEnumerator(cancellation);
            while (true)
            {
                StoreCheck? broken = null;
                try
                {
                    if (!await settings.MoveNextAsync())
                        break;
                }
                catch (Exception e) when (!cancellation.IsCancellationRequested)
                {
                    broken = new StoreCheck("settings", Verdict.NotProven, e.Message);
                }

                yield return broken ?? settings.Current;
                if (broken is not null)
                    break;
            }
        }

        yield return await CheckAsync("cleaned up", () => CleanUpAsync(cancellation));
    }

    private static async Task<StoreCheck> CheckAsync(string name, Func<Task<string>> check)
    {
        try
        {
            return new StoreCheck(name, Verdict.Proven, await check());
        }
        catch (BreachException e)
        {
            return new StoreCheck(name, Verdict.Failed, e.Message);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Unreachable)
        {
            return new StoreCheck(name, Verdict.NotProven, $"{e.Report.Message} ({e.Report.Where}) {e.Report.Hint}".TrimEnd());
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new StoreCheck(name, Verdict.Failed, $"{e.GetType().Name}: {e.Message}");
        }
    }

    private async Task<string> WriteAndReadBackAsync(CancellationToken cancellation)
    {
        foreach (var size in new[] { 0, 1, 70_000 })
        {
            var name = $"{root}small/{size}";
            var content = Content(size, seed: size);
            Must(await store.PutIfAbsentAsync(name, content, cancellation) == PutOutcome.Created, $"a put of {size} bytes under a new name says it is taken");
            Must((await store.ReadWholeAsync(name, cancellation)).AsSpan().SequenceEqual(content), $"{size} bytes were put, something else was read");
            var head = await store.HeadAsync(name, cancellation);
            Must(head?.Size == size, $"{size} bytes were put, the store says {head?.Size}");
        }

        return "0 to 70,000 bytes";
    }

    private async Task<string> ReadRangesAsync(CancellationToken cancellation)
    {
        var name = $"{root}ranges";
        var content = Content(10_000, seed: 5);
        await store.PutIfAbsentAsync(name, content, cancellation);
        foreach (var (offset, length) in new (long, long?)[]
            { (0, 1), (0, 10_000), (1, 9_998), (9_999, 1), (5_000, null), (9_990, 100), (10_000, 1), (10_000, null), (20_000, 5), (3, 0) })
        {
            await using var stream = await store.OpenReadAsync(name, offset, length, null, cancellation);
            using var read = new MemoryStream();
            await stream.CopyToAsync(read, cancellation);
            var from = (int)Math.Min(offset, content.Length);
            var expected = content.AsMemory(from, (int)Math.Min(length ?? content.Length, content.Length - from));
            Must(read.ToArray().AsSpan().SequenceEqual(expected.Span), $"the range of {length?.ToString() ?? "all"} bytes from {offset} came as {read.Length} other bytes");
        }

        return "inside, at and beyond the end";
    }

    private async Task<string> TakeNamesAsync(CancellationToken cancellation)
    {
        string[] names = [$"{root}n/a%2Fb%20c", $"{root}n/k=v", $"{root}n/UPPER_lower-1.2", $"{root}n/{new string('x', ObjectNameRules.MaxPartBytes)}"];
        foreach (var name in names)
        {
            await store.PutIfAbsentAsync(name, Content(name.Length, 1), cancellation);
            Must((await store.HeadAsync(name, cancellation))?.Size == name.Length, $"'{name}' was put and is not there");
        }

        var listed = await NamesAsync($"{root}n/", cancellation);
        Must(listed.ToHashSet(StringComparer.Ordinal).SetEquals(names), $"put: {string.Join(", ", names)}; listed: {string.Join(", ", listed)}");
        foreach (var bad in new[] { "", "/a", "a//b", "a/", "../a", "a/../b", "a/./b", ".a", "a b", "a\\b", "é", "a\0b", new string('x', 513) })
        {
            try
            {
                await store.PutIfAbsentAsync(bad, new byte[1], cancellation);
                throw new BreachException($"the name '{bad}' was taken");
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
            {
                // As it should be.
            }
        }

        return "% = . - _ and long parts are taken; names that would leave the folder are refused";
    }

    private async Task<string> ListInOrderAsync(CancellationToken cancellation)
    {
        string[] tails = ["a", "a-b/c", "a.b", "a0", "aB", "b/a/c", "b/a-c", "b/a.c/d", "b0", "b/1", "b/10", "b/2"];
        var names = tails.Select(n => $"{root}l/{n}").ToList();
        foreach (var name in names)
            await store.PutIfAbsentAsync(name, new byte[1], cancellation);
        foreach (var prefix in new[] { "", "a", "b/", "b/a", "b/1", "none/" })
        {
            var expected = names.Where(n => n.StartsWith($"{root}l/{prefix}", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
            var listed = await NamesAsync($"{root}l/{prefix}", cancellation);
            Must(listed.SequenceEqual(expected), $"below '{prefix}': expected {Short(expected)}, listed {Short(listed)}");
        }

        return $"{names.Count} names, by whole and by broken prefixes";

        string Short(IEnumerable<string> long_) => string.Join(" ", long_.Select(n => n[(root.Length + 2)..]));
    }

    private async Task<string> KeepTakenNameAsync(CancellationToken cancellation)
    {
        var name = $"{root}taken";
        await store.PutIfAbsentAsync(name, Content(100, 1), cancellation);
        Must(await store.PutIfAbsentAsync(name, Content(200, 2), cancellation) == PutOutcome.AlreadyThere, "a second put says that it created the object");
        await using (var writer = await store.CreateAsync(name, cancellation))
        {
            await writer.WriteAsync(Content(300, 3), cancellation);
            Must(await writer.CompleteAsync(cancellation) == PutOutcome.AlreadyThere, "a second, streamed write says that it created the object");
        }

        Must((await store.ReadWholeAsync(name, cancellation)).AsSpan().SequenceEqual(Content(100, 1)), "a second put changed the object");
        return "what came second changed nothing";
    }

    private async Task<string> LetOneWinAsync(CancellationToken cancellation)
    {
        var name = $"{root}race";
        var contents = Enumerable.Range(0, options.Racers).Select(n => Content(1_000 + n, n)).ToArray();
        var outcomes = await Task.WhenAll(contents.Select(c => Task.Run(() => store.PutIfAbsentAsync(name, c, cancellation), cancellation)));
        await MustHaveOneWinnerAsync(name, contents, outcomes, cancellation);
        return $"{options.Racers} writers at once";
    }

    private async Task<string> LetOneStreamWinAsync(CancellationToken cancellation)
    {
        var name = $"{root}race-of-streams";
        var contents = Enumerable.Range(0, 3).Select(n => Content((options.StreamedBytes / 2) + n, n)).ToArray();
        var outcomes = await Task.WhenAll(contents.Select(c => Task.Run(() => StreamInAsync(name, c, cancellation), cancellation)));
        await MustHaveOneWinnerAsync(name, contents, outcomes, cancellation);
        return $"{contents.Length} writers of {contents[0].Length} bytes at once";
    }

    private async Task MustHaveOneWinnerAsync(string name, byte[][] contents, PutOutcome[] outcomes, CancellationToken cancellation)
    {
        var winners = outcomes.Count(o => o == PutOutcome.Created);
        Must(winners == 1, $"{winners} of {outcomes.Length} writers were told that they created it");
        var there = await store.ReadWholeAsync(name, cancellation);
        var winner = contents[Array.IndexOf(outcomes, PutOutcome.Created)];
        Must(there.AsSpan().SequenceEqual(winner), "what is there is not what the winner wrote");
        var versions = await store.VersionsOfAsync(name, cancellation);
        Must(versions.Count == 1, $"the losers left {versions.Count - 1} more versions");
    }

    private async Task<string> StreamAsync(CancellationToken cancellation)
    {
        var name = $"{root}streamed";
        var content = Content(options.StreamedBytes, seed: 9);
        await using (var writer = await store.CreateAsync(name, cancellation))
        {
            foreach (var (from, length) in Pieces(content.Length))
            {
                // The writer may not keep the buffer: it is overwritten at once.
                var piece = content.AsSpan(from, length).ToArray();
                await writer.WriteAsync(piece, cancellation);
                Array.Clear(piece);
            }

            Must(await store.HeadAsync(name, cancellation) is null, "it is visible before it is whole");
            Must(await writer.CompleteAsync(cancellation) == PutOutcome.Created, "the name was taken");
        }

        var (sha256, read) = await store.HashAsync(name, null, cancellation);
        Must(read == content.Length && sha256 == Convert.ToHexStringLower(SHA256.HashData(content)), $"{content.Length} bytes were written, {read} others were read");
        var middle = Math.Min(8 << 20, content.Length / 2);
        await using var stream = await store.OpenReadAsync(name, middle - 10, 20, null, cancellation);
        var across = new byte[20];
        await stream.ReadExactlyAsync(across, cancellation);
        Must(across.AsSpan().SequenceEqual(content.AsSpan(middle - 10, 20)), "a range across two parts has other bytes");
        return $"{content.Length} bytes of unknown length";
    }

    private async Task<string> LeaveNothingAsync(CancellationToken cancellation)
    {
        foreach (var size in new[] { 1_000, options.StreamedBytes / 2 })
        {
            var name = $"{root}aborted/{size}";
            await using (var writer = await store.CreateAsync(name, cancellation))
                await writer.WriteAsync(Content(size, 1), cancellation);
            Must(await store.HeadAsync(name, cancellation) is null, $"an aborted write of {size} bytes left an object");
        }

        Must((await NamesAsync($"{root}aborted/", cancellation)).Count == 0, "aborted writes left objects");
        Must(await store.SweepUnfinishedAsync($"{root}aborted/", cancellation) == 0, "aborted writes left something unfinished");
        return "small and large";
    }

    private async Task<string> SweepAsync(CancellationToken cancellation)
    {
        var name = $"{root}swept/large";
        await using var writer = await store.CreateAsync(name, cancellation);
        await writer.WriteAsync(Content(options.StreamedBytes / 2, 1), cancellation);
        Must(await store.SweepUnfinishedAsync($"{root}swept/other", cancellation) == 0, "a sweep took what is not below its prefix");
        var swept = await store.SweepUnfinishedAsync($"{root}swept/", cancellation);
        Must(swept == 1, $"1 write was under way, {swept} were swept");
        try
        {
            await writer.CompleteAsync(cancellation);
            throw new BreachException("a write that was swept completed all the same");
        }
        catch (IOException)
        {
            // As it should be.
        }

        Must(await store.HeadAsync(name, cancellation) is null, "a write that was swept left an object");
        return "and can't complete afterwards";
    }

    private async Task<string> ListVersionsAsync(CancellationToken cancellation)
    {
        string[] tails = ["a", "a-b", "c/d"];
        var names = tails.Select(n => $"{root}v/{n}").ToList();
        foreach (var name in names)
            await store.PutIfAbsentAsync(name, Content(name.Length, 4), cancellation);
        var versions = new List<ObjectVersion>();
        await foreach (var version in store.ListVersionsAsync($"{root}v/", cancellation))
            versions.Add(version);
        Must(versions.Count == names.Count, $"{names.Count} objects were put once, {versions.Count} versions are listed");
        foreach (var version in versions)
        {
            Must(version is { IsCurrent: true, IsDeleteMarker: false } && version.Size == version.Name.Length, $"'{version.Name}' is listed as {version}");
            Must((await store.ReadWholeAsync(version.Name, cancellation, version.Version)).AsSpan().SequenceEqual(Content(version.Name.Length, 4)),
                $"the version '{version.Version}' of '{version.Name}' has other bytes");
        }

        Must(versions.Select(v => v.Name).SequenceEqual(names.Order(StringComparer.Ordinal)), $"listed as {string.Join(" ", versions.Select(v => v.Name))}");
        return versions.All(v => v.Version is null) ? "the store has none: each object is its own" : "each object has one, read by its id";
    }

    private async Task<string> TellMissingAsync(CancellationToken cancellation)
    {
        var name = $"{root}missing";
        Must(await store.HeadAsync(name, cancellation) is null, "the store says that an object is there which never was");
        foreach (var (offset, length) in new (long, long?)[] { (0, null), (0, 0), (5, 10) })
        {
            try
            {
                await using var stream = await store.OpenReadAsync(name, offset, length, null, cancellation);
                throw new BreachException("an object that never was can be opened");
            }
            catch (ObjectMissingException)
            {
                // As it should be.
            }
        }

        return "told as missing";
    }

    private async Task<string> DeleteAsync(CancellationToken cancellation)
    {
        var name = $"{root}deleted";
        await store.PutIfAbsentAsync(name, new byte[10], cancellation);
        await store.PutIfAbsentAsync($"{name}-not", new byte[10], cancellation);
        await store.DeleteAsync(name, cancellation);
        Must(await store.HeadAsync(name, cancellation) is null, "a deleted object is there");
        Must((await store.VersionsOfAsync(name, cancellation)).Count == 0, "a deleted object has versions or markers left");
        Must(await store.HeadAsync($"{name}-not", cancellation) is not null, "another object went with it");
        await store.DeleteAsync(name, cancellation);
        Must(await store.PutIfAbsentAsync(name, new byte[20], cancellation) == PutOutcome.Created, "a deleted name can't be used again");
        return "with all its versions, and twice";
    }

    private async Task<string> CompareClockAsync(CancellationToken cancellation)
    {
        var name = $"{root}clock";
        await store.PutIfAbsentAsync(name, new byte[1], cancellation);
        var skew = (await store.HeadAsync(name, cancellation))!.ModifiedAt - clock.GetUtcNow();
        Must(skew.Duration() <= MaxClockSkew, $"the store's clock is {skew.Duration():g} {(skew > TimeSpan.Zero ? "ahead of" : "behind")} this machine's");
        return $"{skew.Duration().TotalSeconds:0.0} s apart";
    }

    private async Task<string> CleanUpAsync(CancellationToken cancellation)
    {
        await store.SweepUnfinishedAsync(root, cancellation);
        var names = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var version in store.ListVersionsAsync(root, cancellation))
            names.Add(version.Name);
        foreach (var name in names)
            await store.DeleteAsync(name, cancellation);
        var left = await NamesAsync(root, cancellation);
        Must(left.Count == 0, $"{left.Count} objects are left below {root}");
        return $"{names.Count} objects removed";
    }

    private async Task<PutOutcome> StreamInAsync(string name, byte[] content, CancellationToken cancellation)
    {
        await using var writer = await store.CreateAsync(name, cancellation);
        foreach (var (from, length) in Pieces(content.Length))
            await writer.WriteAsync(content.AsMemory(from, length), cancellation);
        return await writer.CompleteAsync(cancellation);
    }

    private async Task<List<string>> NamesAsync(string prefix, CancellationToken cancellation)
    {
        var names = new List<string>();
        await foreach (var found in store.ListAsync(prefix, cancellation))
            names.Add(found.Name);
        return names;
    }

    private static IEnumerable<(int From, int Length)> Pieces(int whole)
    {
        const int piece = 700_001;
        for (var from = 0; from < whole; from += piece)
            yield return (from, Math.Min(piece, whole - from));
    }

    private static byte[] Content(int size, int seed)
    {
        var content = new byte[size];
        // The same bytes for the same seed, so that nothing need be kept.
        var state = (uint)((seed * 2_654_435_761) + 1);
        for (var i = 0; i < size; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            content[i] = (byte)state;
        }

        return content;
    }

    private static void Must(bool holds, string otherwise)
    {
        if (!holds)
            throw new BreachException(otherwise);
    }

    private sealed class BreachException(string message) : Exception(message);
}
