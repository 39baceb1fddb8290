using LuxHedge.Activities;
using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Atlas;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Tests.Integration.Atlas;

/// <summary>The client over HTTP, against the fake: keys, pages, and every way to fail in words for people.</summary>
public sealed class AtlasClientTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 15, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Snapshots_are_listed_newest_first_by_API_key_and_by_service_account(bool account)
    {
        await using var rig = await Rig.CreateAsync(account);
        rig.Atlas.AddSnapshot("Cluster0", Now.AddHours(-9), description: "weekly");
        rig.Atlas.AddSnapshot("Cluster0", Now.AddHours(-3));
        rig.Atlas.AddSnapshot("Cluster0", null, "queued", "onDemand");

        var found = await rig.Client.ListSnapshotsAsync(default);

        Assert.Equal(["queued", "completed", "completed"], found.Select(s => s.Status));
        Assert.Equal([null, Now.AddHours(-3), Now.AddHours(-9)], found.Select(s => s.CreatedAt));
        Assert.Equal(("scheduled", "weekly", 1_234_567, Now.AddHours(-9).AddDays(7)), (found[2].Type, found[2].Description, found[2].Bytes, found[2].ExpiresAt));
        Assert.Equal([false, true, true], found.Select(s => s.IsComplete));
    }

    [Fact]
    public async Task Every_page_is_read()
    {
        await using var rig = await Rig.CreateAsync();
        for (var i = 0; i < 501; i++)
            rig.Atlas.AddSnapshot("Cluster0", Now.AddHours(-i));

        Assert.Equal(501, (await rig.Client.ListSnapshotsAsync(default)).Count);
        Assert.Equal(2, rig.Atlas.Requests.Count);
    }

    [Fact]
    public async Task A_token_is_used_again_and_a_revoked_one_is_replaced()
    {
        await using var rig = await Rig.CreateAsync(account: true);
        await rig.Client.ListSnapshotsAsync(default);
        await rig.Client.ListSnapshotsAsync(default);
        Assert.Equal(1, rig.Atlas.Tokens);

        rig.Atlas.RevokeTokens();
        await rig.Client.ListSnapshotsAsync(default);
        Assert.Equal(2, rig.Atlas.Tokens);
    }

    [Fact]
    public async Task A_limit_of_requests_is_waited_out_as_long_as_Atlas_says()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.Fail("GET /backup/snapshots", AtlasFailure.Limited);

        Assert.Empty(await rig.Client.ListSnapshotsAsync(default));
        Assert.Equal(2, rig.Atlas.Requests.Count);
    }

    [Theory]
    [InlineData(AtlasFailure.LimitedForLong, ErrorKinds.Unreachable, true, "takes no more requests")]
    [InlineData(AtlasFailure.Fault, ErrorKinds.Unreachable, true, "fault of its own: status 500")]
    [InlineData(AtlasFailure.LostAnswer, ErrorKinds.Unreachable, true, "can't be reached")]
    [InlineData(AtlasFailure.Forbidden, ErrorKinds.Unreachable, false, "does not let these keys do that in Cluster0")]
    [InlineData(AtlasFailure.Page, ErrorKinds.Unreachable, true, "no JSON of its API")]
    [InlineData(AtlasFailure.Redirect, ErrorKinds.Unreachable, false, "redirect")]
    public async Task What_goes_wrong_is_told_in_words(AtlasFailure how, string kind, bool mayPass, string words)
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.Fail("GET /backup/snapshots", how);

        var refusal = await RefusalAsync(() => rig.Client.ListSnapshotsAsync(default));

        Assert.Equal((kind, mayPass, "clusters.main.atlas"), (refusal.Report.Kind, refusal.MayPass, refusal.Report.Where));
        Assert.Contains(words, refusal.Report.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keys_that_are_refused_are_named_by_their_place_in_the_plan_and_never_shown(bool account)
    {
        await using var rig = await Rig.CreateAsync(account);
        rig.Atlas.TakesKeys = false;

        var refusal = await RefusalAsync(() => rig.Client.ListSnapshotsAsync(default));

        Assert.Equal((ErrorKinds.Unreachable, "clusters.main.atlas"), (refusal.Report.Kind, refusal.Report.Where));
        Assert.Contains("refused the keys of cluster 'main'", refusal.Report.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(FakeAtlas.PrivateKey, refusal.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(FakeAtlas.ClientSecret, refusal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_not_there_is_said_before_anything_is_sent()
    {
        await using var rig = await Rig.CreateAsync();
        File.Delete(Path.Combine(rig.Test.Folder, "keys", "atlas-privateKey"));

        Assert.Equal(ErrorKinds.Plan, (await RefusalAsync(() => rig.Client.ListSnapshotsAsync(default))).Report.Kind);
        Assert.Empty(rig.Atlas.Requests);
    }

    [Fact]
    public async Task A_cluster_that_Atlas_does_not_have_is_a_matter_of_the_plan()
    {
        await using var rig = await Rig.CreateAsync(make: false);

        var refusal = await RefusalAsync(() => rig.Client.ListSnapshotsAsync(default));

        Assert.Equal(ErrorKinds.Plan, refusal.Report.Kind);
        Assert.Contains("CLUSTER_NOT_FOUND", refusal.Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_snapshot_that_is_not_there_and_one_that_Atlas_is_busy_with_are_told_apart()
    {
        await using var rig = await Rig.CreateAsync();

        Assert.Equal(ErrorKinds.Usage, (await RefusalAsync(() => rig.Client.ReadSnapshotAsync("000000000000000000000001", default))).Report.Kind);
        await rig.Client.TakeSnapshotAsync("luxhedge run-1", 7, default);
        Assert.Equal(ErrorKinds.Locked, (await RefusalAsync(() => rig.Client.TakeSnapshotAsync("luxhedge run-2", 7, default))).Report.Kind);
    }

    [Fact]
    public async Task An_address_that_answers_nothing_is_unreachable()
    {
        await using var rig = await Rig.CreateAsync();
        var nowhere = AtlasConnections.SectionOf(rig.Plan, rig.Plan.Assets.Values.Single()) with { ApiUrl = "http://127.0.0.1:1" };
        using var client = new AtlasClient("main", nowhere, TimeProvider.System);

        var refusal = await RefusalAsync(() => client.ListSnapshotsAsync(default));

        Assert.Equal((ErrorKinds.Unreachable, true), (refusal.Report.Kind, refusal.MayPass));
        Assert.Contains("127.0.0.1:1", refusal.Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restore_names_its_target_and_either_a_snapshot_or_a_second()
    {
        await using var rig = await Rig.CreateAsync();
        var snapshot = rig.Atlas.AddSnapshot("Cluster0", Now);
        var target = new AtlasPlace(FakeAtlas.OtherProject, "Drills");

        await rig.Client.StartRestoreAsync(target, snapshot.Id, null, default);
        var job = await rig.Client.StartRestoreAsync(target, null, Now, default);

        var asked = rig.Atlas.Cluster("Cluster0").Jobs.Select(j => j.Asked.ToJsonString()).ToList();
        Assert.Equal(
            $$"""{"deliveryType":"automated","snapshotId":"{{snapshot.Id}}","targetClusterName":"Drills","targetGroupId":"{{FakeAtlas.OtherProject}}"}""", asked[0]);
        Assert.Equal(
            $$"""{"deliveryType":"pointInTime","pointInTimeUTCSeconds":{{Now.ToUnixTimeSeconds()}},"targetClusterName":"Drills","targetGroupId":"{{FakeAtlas.OtherProject}}"}""", asked[1]);
        Assert.False((await rig.Client.ReadRestoreJobAsync(job.Id, default)).IsOver);
    }

    private static Task<RefusalException> RefusalAsync(Func<Task> act) => Assert.ThrowsAsync<RefusalException>(act);

    private sealed class Rig : IAsyncDisposable
    {
        public required FakeAtlas Atlas { get; init; }
        public required TestPlan Test { get; init; }
        public required Plan Plan { get; init; }
        public required AtlasClient Client { get; init; }

        public static async Task<Rig> CreateAsync(bool account = false, bool make = true)
        {
            var atlas = await FakeAtlas.StartAsync();
            if (make)
                atlas.Cluster("Cluster0");
            var test = TestPlan.Create();
            var plan = atlas.Plan(test, account: account);
            var section = AtlasConnections.SectionOf(plan, plan.Assets.Values.Single());
            return new() { Atlas = atlas, Test = test, Plan = plan, Client = new("main", section, TimeProvider.System) };
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Atlas.DisposeAsync();
            await Test.DisposeAsync();
        }
    }
}
