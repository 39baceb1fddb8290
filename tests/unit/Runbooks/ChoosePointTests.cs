using CsCheck;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Runbooks.Actions;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Runbooks;

public sealed class ChoosePointTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_moment_by_lot_is_within_a_window_and_the_time_asked_for_and_the_same_for_the_same_seed() =>
        Gen.Select(Gen.Int[1, 5], Gen.Int[0, 100_000], Gen.String).Sample((count, spread, seed) =>
        {
            var windows = Enumerable.Range(0, count).Select(i => Window(-200_000 + (i * (spread + 10)), -200_000 + (i * (spread + 10)) + spread)).ToList();
            var drawn = ChoosePoint.Draw(windows, Now, TimeSpan.FromDays(1), seed);

            Assert.Equal(drawn, ChoosePoint.Draw(windows, Now, TimeSpan.FromDays(1), seed));
            if (drawn is { } d)
            {
                Assert.InRange(d.Point, Now.AddDays(-1), Now);
                Assert.Contains(windows, w => w.From.ToTime() < d.Point && d.Point < w.To.ToTime());
            }
        });

    [Fact]
    public void Every_second_of_all_windows_can_be_drawn()
    {
        RecoverableWindow[] windows = [Window(-100, -96), Window(-50, -48)];

        var drawn = Enumerable.Range(0, 200).Select(i => ChoosePoint.Draw(windows, Now, TimeSpan.FromDays(1), $"{i}")!.Value.Point).ToHashSet();

        Assert.Equal([-99, -98, -97, -49], drawn.Select(p => (int)(p - Now).TotalSeconds).Order());
        Assert.Equal(TimeSpan.FromSeconds(4), ChoosePoint.Draw(windows, Now, TimeSpan.FromDays(1), "")!.Value.Recoverable);
    }

    [Fact]
    public void Where_only_moments_of_backups_can_be_recovered_none_is_drawn()
    {
        Assert.Null(ChoosePoint.Draw([Window(-100, -100)], Now, TimeSpan.FromDays(1), ""));
        Assert.Null(ChoosePoint.Draw([Window(-100_000, -90_000)], Now, TimeSpan.FromDays(1), ""));
    }

    private static RecoverableWindow Window(int from, int to) => new(At(from), At(to), "backup");

    private static ClusterTime At(int seconds) => new((uint)Now.AddSeconds(seconds).ToUnixTimeSeconds(), 1);
}
