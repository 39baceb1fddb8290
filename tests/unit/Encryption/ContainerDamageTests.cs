using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Encryption;

/// <summary>Whatever is done to a stored object is an error that names it, by every way of reading.</summary>
public sealed class ContainerDamageTests
{
    private const int Segment = 1 << 20;
    private const int Stored = Segment + 16;

    [Fact]
    public async Task Every_flipped_bit_of_a_small_object_is_found()
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(20), 20);
        for (var bit = 0; bit < stored.Length * 8; bit++)
        {
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
            await AssertRefusedAsync(stored, $"bit {bit}");
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public async Task Every_truncation_of_a_small_object_is_found()
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(20), 20);
        for (var length = 0; length < stored.Length; length++)
        {
            await AssertRefusedAsync(stored[..length], $"{length} bytes");
        }
    }

    [Fact]
    public async Task Any_damage_to_an_object_of_any_length_is_found()
    {
        var lengths = Gen.OneOf(
            Gen.Int[0, 50], Gen.Select(Gen.Int[1, 3], Gen.Int[-20, 20], (segments, around) => segments * Segment + around));
        await Gen.Select(lengths, Gen.Int[0, 6], Gen.Int[0, int.MaxValue], Gen.Byte[1, 255]).SampleAsync(
            async (length, kind, where, change) =>
            {
                var stored = await Containers.WriteAsync(Containers.CreatePlain(length), Segment);
                var damaged = Damage(stored, kind, where, change);
                if (!damaged.AsSpan().SequenceEqual(stored))
                {
                    await AssertRefusedAsync(damaged, $"kind {kind}");
                }
            },
            iter: 80);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_object_cut_at_the_end_of_a_segment_is_called_truncated(int segments)
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(3 * Segment), Segment);

        var messages = await AssertRefusedAsync(stored[..(Containers.HeaderLength + segments * Stored)], "cut");

        Assert.All(messages, m => Assert.Contains("truncated", m, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bytes_after_a_full_last_segment_are_called_a_lengthening()
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(Segment), Segment);

        var messages = await AssertRefusedAsync([.. stored, .. new byte[40]], "longer");

        Assert.Contains(messages, m => m.Contains("bytes follow its last segment, number 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_object_under_another_objects_name_is_refused_by_both_names()
    {
        var other = Containers.Context with { ObjectName = "luxhedge_production/backups/b/packs/1-0-cd-longer" };
        var stored = await Containers.WriteAsync(Containers.CreatePlain(10), 10, other);

        var messages = await AssertRefusedAsync(stored, "swapped");

        Assert.All(messages, m => Assert.Contains(other.ObjectName, m, StringComparison.Ordinal));
        Assert.All(messages, m => Assert.Contains(Containers.Context.ObjectName, m, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_asset_key_id_or_key_is_refused()
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(10), 10);

        await AssertRefusedAsync(stored, "asset", Containers.Context with { Asset = "luxhedge_staging" });
        await AssertRefusedAsync(stored, "key id", Containers.Context with { KeyId = "k-2" }, Containers.CreateKey(id: "k-2"));
        var messages = await AssertRefusedAsync(stored, "key", key: Containers.CreateKey(first: 1));
        Assert.All(messages, m => Assert.Contains("commitment", m, StringComparison.Ordinal));
        messages = await AssertRefusedAsync(stored, "no key", key: Containers.CreateKey(id: "k-9"));
        Assert.All(messages, m => Assert.Contains("was not opened", m, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_whole_header_of_another_object_does_not_open_these_segments()
    {
        var one = await Containers.WriteAsync(Containers.CreatePlain(10), 10);
        var other = await Containers.WriteAsync(Containers.CreatePlain(10), 10);

        await AssertRefusedAsync([.. other[..Containers.HeaderLength], .. one[Containers.HeaderLength..]], "header");
    }

    [Fact]
    public async Task Nothing_of_a_damaged_segment_leaves_the_reader()
    {
        var plain = Containers.CreatePlain(3 * Segment);
        var stored = await Containers.WriteAsync(plain, Segment);
        stored[Containers.HeaderLength + Stored + 1000] ^= 1;
        using var key = Containers.CreateKey();
        using var reader = await ContainerReader.OpenAsync(new MemorySource(stored), Containers.Context, key, default);

        var buffer = new byte[3 * Segment];
        await Assert.ThrowsAsync<RefusalException>(async () => await reader.ReadAsync(0, buffer, default));
        Assert.Equal(plain.AsSpan(0, Segment), buffer.AsSpan(0, Segment));
        Assert.DoesNotContain(buffer[Segment..], b => b != 0);

        // What lies beside the damage is still there for who wants only that.
        await reader.ReadAsync(2 * Segment, buffer.AsMemory(0, Segment), default);
        Assert.Equal(plain.AsSpan(2 * Segment), buffer.AsSpan(0, Segment));
    }

    [Fact]
    public async Task A_store_that_gives_fewer_bytes_than_the_size_it_tells_is_found()
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(2 * Segment), Segment);
        using var key = Containers.CreateKey();
        using var reader = await ContainerReader.OpenAsync(
            new ShortSource(stored, stored.Length - 100), Containers.Context, key, default);

        var error = await Assert.ThrowsAsync<RefusalException>(
            async () => await reader.ReadAsync(Segment, new byte[Segment], default));

        Assert.Contains("truncated", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Damage(byte[] stored, int kind, int where, byte change)
    {
        var header = Containers.HeaderLength;
        var count = (stored.Length - header + Stored - 1) / Stored;
        var full = (stored.Length - header) / Stored;
        byte[] damaged = [.. stored];
        switch (kind)
        {
            case 0: // a byte anywhere
                damaged[where % stored.Length] ^= change;
                return damaged;
            case 1: // a byte of the header
                damaged[where % header] ^= change;
                return damaged;
            case 2: // cut anywhere
                return damaged[..(where % stored.Length)];
            case 3: // cut between segments
                return damaged[..(header + where % count * Stored)];
            case 4: // lengthened
                return [.. stored, .. new byte[1 + where % (2 * Stored)]];
            case 5 when full > 1: // two full segments changed places
                var (a, b) = (where % full, (where + 1) % full);
                stored.AsSpan(header + a * Stored, Stored).CopyTo(damaged.AsSpan(header + b * Stored));
                stored.AsSpan(header + b * Stored, Stored).CopyTo(damaged.AsSpan(header + a * Stored));
                return damaged;
            case 6 when full > 0: // a full segment twice
                return [.. stored[..(header + Stored)], .. stored[header..]];
            default:
                return damaged[..^1];
        }
    }

    private static async Task<List<string>> AssertRefusedAsync(
        byte[] stored, string what, ObjectContext? context = null, DataKey? key = null)
    {
        var expected = context ?? Containers.Context;
        var messages = new List<string>();
        foreach (var (read, way) in Containers.WaysToRead.Select((read, way) => (read, way)))
        {
            var error = await Record.ExceptionAsync(() => read(stored, expected, key ?? Containers.CreateKey()));
            var refusal = Assert.IsType<RefusalException>(error);
            Assert.True(refusal.Report.Kind == ErrorKinds.Integrity, $"{what}, way {way}: {refusal}");
            Assert.Equal(expected.ObjectName, refusal.Report.Where);
            messages.Add(refusal.Message);
        }

        return messages;
    }

    private sealed class ShortSource(byte[] bytes, int really) : IRangeSource
    {
        public long Length => bytes.Length;

        public Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
            Task.FromResult<Stream>(new MemoryStream(bytes, (int)offset, (int)Math.Min(length, really - offset), writable: false));
    }
}
