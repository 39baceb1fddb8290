using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class RestoreRunTests
{
    private static async Task<CommandRig> CreateRigAsync(params CatalogBackup[] backups)
    {
        await Task.CompletedTask;
        var rig = CommandRig.Create();
        rig.Backups = Samples.Catalog(backups.Length > 0 ? backups : [Samples.InCatalog()]);
        rig.Runs.Result = Samples.Restored();
        return rig;
    }

    private static RestoreRequest Started(CommandRig rig) => Assert.IsType<RestoreRequest>(Assert.Single(rig.Runs.Started));

    [Theory]
    [InlineData("--drop")]
    [InlineData("--drop", "--into", "beside")]
    [InlineData("--into", "luxhedge_production")]
    [InlineData()]
    public async Task What_can_destroy_is_refused_where_nobody_can_be_asked(params string[] options)
    {
        await using var rig = await CreateRigAsync();
        Assert.Equal(2, await rig.RunAsync(["restore", "run", Samples.Asset, .. options]));
        Assert.Contains("--yes", rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Started);
    }

    [Fact]
    public async Task Yes_answers_the_question_and_the_request_is_signed_by_the_person()
    {
        await using var rig = await CreateRigAsync();
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--drop", "--yes"));
        var request = Started(rig);
        Assert.Equal(Samples.Asset, request.Target);
        Assert.Null(request.Into);
        Assert.Null(request.Backup);
        Assert.True(request.Drop);
        Assert.Equal("operator", request.RequestedBy!.Person);
        Assert.Null(RequestSigner.ProblemOf(rig.Plan.Plan, request));
    }

    [Fact]
    public async Task A_person_who_answers_no_starts_nothing()
    {
        await using var rig = await CreateRigAsync();
        rig.Interactive = true;
        rig.Out.Input.PushTextWithEnter("n");
        Assert.Equal(3, await rig.RunAsync("restore", "run", Samples.Asset, "--drop"));
        Assert.Empty(rig.Runs.Started);
        Assert.Contains("PRODUCTION", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("positions (154,000), users (50,000)", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beside_production_nothing_is_asked_and_another_lock_is_taken()
    {
        await using var rig = await CreateRigAsync();
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside"));
        Assert.Equal("main/beside", Started(rig).Target);
        Assert.Equal("beside", Started(rig).Into);
    }

    [Theory]
    [InlineData("admin")]
    [InlineData("config")]
    [InlineData("local")]
    public async Task The_servers_own_databases_are_never_a_target(string database)
    {
        await using var rig = await CreateRigAsync();
        Assert.Equal(2, await rig.RunAsync("restore", "run", Samples.Asset, "--into", database, "--drop", "--yes"));
        Assert.Empty(rig.Runs.Started);
    }

    [Fact]
    public async Task Without_an_eligible_backup_the_newest_complete_ones_are_named_with_the_reason()
    {
        await using var rig = await CreateRigAsync(Samples.InCatalog(Samples.Backup(eligible: false, notes: "suspect: it lost the collection cars")));
        Assert.Equal(2, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside"));
        Assert.Contains($"• {Samples.BackupId}: suspect: it lost the collection cars", rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ineligible_backup_can_be_chosen_by_its_id()
    {
        await using var rig = await CreateRigAsync(Samples.InCatalog(Samples.Backup(eligible: false, notes: "suspect")));
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", "--backup", Samples.BackupId));
        Assert.Equal(Samples.BackupId, Started(rig).Backup);
    }

    [Theory]
    [InlineData("--backup", "20261123T080000Z-luxhedge_production-ffff", "No store has a backup")]
    [InlineData("--backup", "yesterday", "no id of a backup")]
    [InlineData("--collection", "nope", "has no collection 'nope'")]
    [InlineData("--store", "glacier", "not kept in a store 'glacier'")]
    [InlineData("--to", "yesterday", "is no time")]
    [InlineData("--to", "08:15", "is no time")]
    [InlineData("--to", "2026-11-23T07:00:00Z", "can't be brought to 2026-11-23T07:00:00Z: it is before everything there is")]
    [InlineData("--to", "2026-11-23T08:10:00Z", "can't be brought to 2026-11-23T08:10:00Z: it is after everything there is")]
    [InlineData("--to", "2026-11-23T08:30:00Z", "that is in the future, now it is 2026-11-23T08:15:02Z")]
    public async Task What_does_not_exist_is_refused_before_anything_is_started(string option, string value, string why)
    {
        await using var rig = await CreateRigAsync();
        Assert.Equal(2, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", option, value));
        Assert.Contains(why, rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Started);
    }

    [Fact]
    public async Task A_time_that_can_not_be_reached_names_the_nearest_that_can()
    {
        var earlier = Samples.Backup("20261123T070000Z-luxhedge_production-0001", consistentAt: Samples.At(7, 0, 5));
        await using var rig = await CreateRigAsync(Samples.InCatalog(earlier), Samples.InCatalog());
        Assert.Equal(2, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", "--to", "2026-11-23T07:30:00Z", "--json"));
        var problems = rig.Document.GetProperty("error").GetProperty("problems");
        Assert.Equal("the nearest before: 2026-11-23T07:00:05Z", problems[0].GetProperty("message").GetString());
        Assert.Equal("the nearest after: 2026-11-23T08:00:33Z", problems[1].GetProperty("message").GetString());
        Assert.Equal(Samples.BackupId, problems[1].GetProperty("where").GetString());
    }

    [Fact]
    public async Task A_time_at_which_a_backup_is_consistent_chooses_that_backup()
    {
        var earlier = Samples.Backup("20261123T070000Z-luxhedge_production-0001", consistentAt: Samples.At(7, 0, 5));
        await using var rig = await CreateRigAsync(Samples.InCatalog(earlier), Samples.InCatalog());
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", "--to", "2026-11-23T07:00:05Z"));
        Assert.Equal(earlier.Id, Started(rig).Backup);
        Assert.Equal(RestorePoint.At(Samples.At(7, 0, 5)), Started(rig).To);
    }

    [Fact]
    public async Task A_time_between_backups_is_reached_by_slices_and_said_before_it_is_done()
    {
        await using var rig = await CreateRigAsync();
        rig.Slices = [Samples.Slice(Samples.At(7, 59), Samples.At(8, 2)) with { NewestCanary = Samples.At(8, 1, 30) }, Samples.Slice(Samples.At(8, 2), Samples.At(8, 12))];
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", "--to", "2026-11-23T08:10:07Z", "--collection", "made since"));
        Assert.Equal(Samples.BackupId, Started(rig).Backup);
        Assert.Equal(RestorePoint.At(Samples.At(8, 10, 7)), Started(rig).To);
        Assert.Contains("2026-11-23T08:10:07Z, by 2 slices (2 MiB) after the backup", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("RPO at most 8 min 37 s", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_latest_is_chosen_when_the_run_begins()
    {
        await using var rig = await CreateRigAsync();
        rig.Slices = [Samples.Slice(Samples.At(7, 59), Samples.At(8, 2))];
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside", "--to", "latest"));
        Assert.Null(Started(rig).Backup);
        Assert.Equal(RestorePoint.Latest, Started(rig).To);
        Assert.Contains("2026-11-23T08:02:00Z, by 1 slice", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_that_is_not_proven_names_the_newest_that_is()
    {
        var proven = Samples.Backup("20261122T080000Z-luxhedge_production-0001", verdict: Verdict.Proven, consistentAt: Samples.At(7, 0));
        await using var rig = await CreateRigAsync(Samples.InCatalog(proven), Samples.InCatalog());
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside"));
        Assert.Contains($"The newest that was: {proven.Id}", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_backup_of_the_target_is_ended_only_on_yes()
    {
        await using var rig = await CreateRigAsync();
        rig.Runs.Holders["backup/luxhedge_production"] = Samples.Run(workflow: Wire.DatabaseBackup, runId: "20261123T081000Z-backup-luxhedge_production-0a1b");
        rig.Runs.Looks.Enqueue(run => new RunView(
            run, "running", null, [new ActivityView("1", "dump-lane", 1, new Progress("dump lane 0", 25, 100, "bytes"), null, Samples.At(8, 10, 2))], []));
        rig.Runs.Looks.Enqueue(run => new RunView(run, "completed", null, [], []));
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--drop", "--yes"));
        var order = Assert.Single(rig.Runs.Aborts);
        Assert.Equal("operator", order.Person);
        Assert.Contains("is running: 20261123T081000Z-backup-luxhedge_production-0a1b, for 5 min 2 s, about 15 min of this step left", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_held_target_is_told_before_anything_is_asked()
    {
        await using var rig = await CreateRigAsync();
        rig.Runs.Holders["restore/luxhedge_production"] = Samples.Run();
        Assert.Equal(2, await rig.RunAsync("restore", "run", Samples.Asset, "--drop", "--yes"));
        Assert.StartsWith("Locked: Restore of luxhedge_production is under way already", rig.Error.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Denied")]
    [InlineData("Expired")]
    [InlineData("Aborted")]
    [InlineData("NotApproved")]
    public async Task Denied_expired_and_aborted_are_not_proven(string ended)
    {
        await using var rig = await CreateRigAsync();
        rig.Runs.Result = Samples.Restored(Verdict.NotProven) with { Ended = ended };
        Assert.Equal(3, await rig.RunAsync("restore", "run", Samples.Asset, "--drop", "--yes"));
        Assert.DoesNotContain("is back", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Production_needs_a_person_of_the_plan()
    {
        await using var rig = await CreateRigAsync();
        rig.Variables.Clear();
        Assert.Equal(2, await rig.RunAsync("restore", "run", Samples.Asset, "--drop", "--yes"));
        Assert.Contains("Nobody in the plan has the login 'nobody-of-the-plan'", rig.Error.Output, StringComparison.Ordinal);
        Assert.Equal(0, await rig.RunAsync("restore", "run", Samples.Asset, "--into", "beside"));
    }

    [Fact]
    public async Task The_question_of_a_run_that_waits_stands_on_the_screen_with_the_line_that_approves_it()
    {
        await using var rig = await CreateRigAsync();
        rig.Runs.Looks.Enqueue(run => new RunView(run, "running", Samples.State(Samples.Ask()), [], []));
        rig.Runs.Looks.Enqueue(run => new RunView(run, "completed", Samples.State(), [], []));
        var running = rig.RunAsync("restore", "run", Samples.Asset, "--drop", "--yes");
        while (!running.IsCompleted)
        {
            rig.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Contains("Waiting for approval of 'approval', asked by operator:", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("1 of alice, bob must approve, until 2026-11-23 08:26:00 UTC", rig.Out.Output, StringComparison.Ordinal);
        Assert.Matches($"Approve:  luxhedge runs approve 20261123T081502Z-restore-luxhedge_production-[0-9a-f]{{4}} --plan {rig.Plan.Path}", rig.Out.Output);
    }
}
