using CsCheck;
using LuxHedge.Activities.Database.Restore;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class LaneAssignmentTests
{
    [Fact]
    public void Every_range_is_in_one_lane_whatever_the_order_they_are_told_in() =>
        Gen.Select(Gen.Long[0, 1000].Array[0, 40], Gen.Int[1, 8]).Sample((sizes, lanes) =>
        {
            var ranges = sizes.Select((size, number) => (number, size)).ToList();

            var assigned = LaneAssignment.Assign(ranges, lanes);
            var again = LaneAssignment.Assign(Enumerable.Reverse(ranges), lanes);

            Assert.Equal(lanes, assigned.Count);
            Assert.Equal(Enumerable.Range(0, sizes.Length), assigned.SelectMany(a => a).Order());
            Assert.Equal(assigned, again);
            Assert.All(assigned, lane => Assert.All(lane.Zip(lane.Skip(1)), next => Assert.True(sizes[next.Second] <= 2 * (sizes[next.First] + 1))));
        });

    [Fact]
    public void Ranges_of_about_a_size_go_by_their_numbers() =>
        Assert.Equal([[0, 2, 4], [1, 3, 5]], LaneAssignment.Assign([(0, 66), (1, 70), (2, 64), (3, 71), (4, 69), (5, 65)], 2));

    [Fact]
    public void No_lane_waits_longer_for_another_than_its_largest_range() =>
        Gen.Select(Gen.Long[1, 1000].Array[1, 40], Gen.Int[1, 8]).Sample((sizes, lanes) =>
        {
            var assigned = LaneAssignment.Assign(sizes.Select((size, number) => (number, size)), lanes);

            var least = assigned.Min(lane => lane.Sum(n => sizes[n] + 1));
            Assert.All(assigned.Where(lane => lane.Count > 0), lane =>
                Assert.True(lane.Sum(n => sizes[n] + 1) - lane.Max(n => sizes[n] + 1) <= least));
        });
}
