using LuxHedge.Activities;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class BackupRunTests
{
    [Theory]
    [InlineData(Verdict.Proven, 0)]
    [InlineData(Verdict.Failed, 1)]
    [InlineData(Verdict.NotProven, 3)]
    public async Task The_exit_code_is_the_runs_verdict_not_the_restore_tests(Verdict verdict, int exitCode)
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.BackedUp(verdict);
        Assert.Equal(exitCode, await rig.RunAsync("backup", "run", Samples.Asset));
    }

    [Fact]
    public async Task Named_collections_are_asked_for_once_each()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.BackedUp();
        await rig.RunAsync("backup", "run", Samples.Asset, "--collection", "users", "--collection", "cars", "--collection", "users");
        var request = Assert.IsType<DatabaseBackupRequest>(Assert.Single(rig.Runs.Started));
        Assert.Equal(["users", "cars"], request.Collections!);
        Assert.Equal(rig.Plan.Plan.Temporal.TaskQueue, request.TaskQueue);
        Assert.Matches("^20261123T081502Z-backup-luxhedge_production-[0-9a-f]{4}$", request.RunId);
    }

    [Fact]
    public async Task A_held_lock_names_its_holder_and_how_to_watch_or_end_it()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Holders["backup/luxhedge_production"] = Samples.Run(workflow: Wire.DatabaseBackup, runId: "20261123T081000Z-backup-luxhedge_production-0a1b");
        Assert.Equal(2, await rig.RunAsync("backup", "run", Samples.Asset));
        Assert.Equal(
            $"""
            Locked: Backup of luxhedge_production is under way already: run 20261123T081000Z-backup-luxhedge_production-0a1b, since 2026-11-23 08:10:00 UTC.
              at  backup/luxhedge_production
              →   Watch it: luxhedge runs watch 20261123T081000Z-backup-luxhedge_production-0a1b --plan {rig.Plan.Path}
              →   End it: luxhedge runs abort 20261123T081000Z-backup-luxhedge_production-0a1b --reason TEXT --plan {rig.Plan.Path}

            """,
            rig.Error.Output);
    }

    [Fact]
    public async Task An_asset_that_the_plan_does_not_have_is_refused_with_those_it_has()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunAsync("backup", "run", "luxhedge_prod"));
        Assert.Contains("It has: luxhedge_production.", rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Started);
    }

    [Theory]
    [InlineData(ErrorKinds.Usage, 2)]
    [InlineData(ErrorKinds.Unreachable, 1)]
    [InlineData(ErrorKinds.Backup, 1)]
    [InlineData(ErrorKinds.Ended, 3)]
    [InlineData(ErrorKinds.Unexpected, 1)]
    public async Task What_ended_the_run_decides_the_exit_code(string kind, int exitCode)
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = new ErrorReport(kind, "The database at db1.example:27017 does not answer in 5 s.", "db1.example:27017", "Check the network.");
        Assert.Equal(exitCode, await rig.RunAsync("backup", "run", Samples.Asset, "--json"));
        Assert.Equal(kind, rig.Document.GetProperty("error").GetProperty("kind").GetString());
    }

    [Fact]
    public async Task A_backup_that_was_aborted_before_it_was_sealed_is_not_proven()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.BackedUp(Verdict.NotProven) with { Backup = null, Ended = "Aborted" };
        Assert.Equal(3, await rig.RunAsync("backup", "run", Samples.Asset));
        Assert.Contains("nothing of it can be restored", rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_stops_watching_and_the_run_goes_on()
    {
        await using var rig = CommandRig.Create();
        using var interrupt = new CancellationTokenSource();
        rig.Runs.Looks.Enqueue(run =>
        {
            interrupt.Cancel();
            return new RunView(run, "running", null, [], []);
        });
        Assert.Equal(130, await rig.RunAsync(interrupt.Token, "backup", "run", Samples.Asset));
        Assert.Contains("goes on in Temporal", rig.Error.Output, StringComparison.Ordinal);
        Assert.Contains("luxhedge runs watch 20261123T081502Z-backup-luxhedge_production-", rig.Error.Output, StringComparison.Ordinal);
        Assert.Contains("luxhedge runs abort 20261123T081502Z-backup-luxhedge_production-", rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_terminal_is_each_step_is_a_line_when_it_begins_and_ends()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.BackedUp();
        var begun = new StepTiming("plan ranges", Samples.At(8, 15), null, 1, TimeSpan.Zero, StepStates.Running, null);
        var done = begun with { EndedAt = Samples.At(8, 15, 2), State = StepStates.Done, Detail = "12 ranges of 9 collections" };
        rig.Runs.Looks.Enqueue(run =>
        {
            // The clock goes on by itself from here: the next look is due at once.
            rig.Clock.AutoAdvanceAmount = TimeSpan.Zero;
            return new RunView(run, "running", Samples.State(null, begun), [], []);
        });
        rig.Runs.Looks.Enqueue(run => new RunView(run, "completed", Samples.State(null, done), [], []));
        var running = rig.RunAsync("backup", "run", Samples.Asset);
        while (!running.IsCompleted)
        {
            rig.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(0, await running);
        Assert.Contains("plan ranges …\nplan ranges (2 s): 12 ranges of 9 collections\n", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_temporal_could_not_start_the_run()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Unreachable = new RefusalException(ErrorKinds.Unreachable, "No Temporal answers at 127.0.0.1:1.", "127.0.0.1:1", "Check temporal.address.");
        Assert.Equal(4, await rig.RunAsync("backup", "run", Samples.Asset));
        Assert.StartsWith("Unreachable: No Temporal answers", rig.Error.Output, StringComparison.Ordinal);
    }
}
