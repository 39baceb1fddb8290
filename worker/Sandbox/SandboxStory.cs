using System.Diagnostics;
using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using MongoDB.Driver;
using Spectre.Console;

namespace LuxHedge.Worker.Sandbox;

/// <summary>What <c>sandbox --json</c> prints. Without a story there is nothing proven: NotProven, and no backup or restore.</summary>
/// <param name="Verdict">The worst of the backup's, the restore test's and the restore's.</param>
/// <param name="Backup">As an element of <c>backups list --json</c>.</param>
/// <param name="Restore">As <c>restore run --json</c>.</param>
public sealed record StoryDocument(Verdict Verdict, BackupSummary? Backup, RestoreSummary? Restore, SandboxSoftware Servers);

/// <summary>
/// The main job in a few minutes: back the database up, test that backup, lose the database, ask for approval, get it back, and say what it
/// took. Every step is the command's own workflow; the story only starts them in order and plays the people.
/// </summary>
/// <param name="context">Of a command with <c>--plan</c>, so that what it prints to copy works in another terminal.</param>
/// <param name="yes">Answers the questions, and signs as <see cref="Approver"/>.</param>
public sealed class SandboxStory(CommandContext context, SandboxHost sandbox, bool yes)
{
    public const string Requester = "operator";
    public const string Approver = "alice";

    private readonly IAnsiConsole console = context.View;
    private readonly Stopwatch clock = Stopwatch.StartNew();

    public async Task<StoryDocument> TellAsync(CancellationToken cancellation)
    {
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var asset = context.AssetNamed(SandboxPlan.Asset);
        var follower = new RunFollower(context, runs);

        Chapter(1, $"Back up {asset.Name}: encrypted, to {Words.List(asset.Stores)}, every byte read back");
        var backup = await FollowAsync<BackupResult>(
            follower, await runs.StartAsync(new DatabaseBackupRequest(RunId("backup"), asset.Name, Queue), cancellation), cancellation);
        if (backup.Backup is null)
        {
            return EndEarly(Verdicts.Worst([Verdict.NotProven, backup.Verdict]), null, "There is no backup.");
        }

        Say($"{backup.Backup.Id}: {Amounts.Count(backup.Backup.Documents)} documents, {Amounts.Bytes(backup.Backup.RawBytes)}, "
            + $"{Amounts.Bytes(backup.Backup.StoredBytes)} stored");
        if (backup.Verdict != Verdict.Proven)
        {
            return EndEarly(backup.Verdict, backup.Backup, "The backup is not complete and verified in every store, so the database is not lost on purpose.");
        }

        Say($"Complete and verified in {Words.List(backup.Backup.Copies.Select(c => c.Store))}; proven only once a restore of it was tested.");

        Chapter(2, $"Test it: restore it from {asset.Stores[0]} into a scratch database and compare with what the source held");
        var verification = await FollowAsync<VerificationSummary>(
            follower,
            await runs.StartAsync(
                new VerificationRequest(RunId("verify"), asset.Name, Queue, backup.Backup.Id, asset.Stores[0], VerificationLevel.Restore), cancellation),
            cancellation);
        BackupViews.Verification(console, verification);
        if (verification.Verdict != Verdict.Proven)
        {
            return EndEarly(verification.Verdict, backup.Backup, "The restore test did not prove the backup, so the database is not lost on purpose.");
        }

        Chapter(3, $"The database is lost: {SandboxPlan.Asset} is dropped");
        Ask($"Drop {SandboxPlan.Asset}? It carries the sandbox's marker.", "The story drops the sandbox's database.");
        await SandboxMarker.DropAsync(sandbox.Production, cancellation);
        Say("It is gone.");

        Chapter(4, $"Get it back: {Requester} asks, another person must approve");
        var restore = await RestoreAsync(follower, runs, cancellation);

        Chapter(5, "What it took");
        RestoreViews.Summary(console, restore);
        var verdict = Verdicts.Worst([backup.Verdict, verification.Verdict, restore.Verdict]);
        var now = (await context.BackupsOfAsync(asset.Name, cancellation)).Find(backup.Backup.Id)?.Summary ?? backup.Backup;
        TellWhereThingsAre(verdict);
        return new StoryDocument(verdict, now, restore, sandbox.Software);
    }

    private string Queue => context.Plan.Temporal.TaskQueue;

    private string RunId(string what) => context.NewRunId(what, SandboxPlan.Asset);

    private async Task<RestoreSummary> RestoreAsync(RunFollower follower, IRuns runs, CancellationToken cancellation)
    {
        var target = RestoreTarget.Of(context.Plan, context.AssetNamed(SandboxPlan.Asset), null);
        var request = new RestoreRequest(
            RunId("restore"), SandboxPlan.Asset, Queue, target.Lock, RestorePurpose.Recovery, Backup: null, To: null, Collections: null, Into: null,
            Store: null, Drop: false, NoSafetyBackup: false, Keys: null, RequestedBy: null);
        using (var key = KeyOf(Requester))
        {
            request = RequestSigner.Sign(key, runs.Namespace, request, context.Now);
        }

        var run = context.Begun(await runs.StartAsync(request, cancellation));
        var watch = await follower.WatchAsync(run, w => w.Ask is not null, cancellation);
        if (watch is { Closed: false, Ask: { } ask, State: { } state })
        {
            await DecideAsync(runs, run, ask, state, cancellation);
        }

        return await follower.FollowAsync<RestoreSummary>(run, cancellation);
    }

    /// <summary>The prompt is the approver's; no is a denial, after which nothing has changed. Somebody may have decided in another terminal.</summary>
    private async Task DecideAsync(IRuns runs, RunRow run, Ask ask, RunState state, CancellationToken cancellation)
    {
        AskView.Write(console, ask, state, context.Now);
        var kind = DecisionKind.Approved;
        if (yes)
        {
            console.MarkupLine($"  [grey]--yes: {Approver} approves, with the key that the sandbox made for {Approver}.[/]");
        }
        else if (!console.Confirm($"Approve this as {Approver}?", defaultValue: false))
        {
            kind = DecisionKind.Denied;
        }

        using var key = KeyOf(Approver);
        var answer = await runs.DecideAsync(run.Reference, DecisionSigner.Sign(key, ask, kind, "the sandbox's story", context.Now), cancellation);
        if (!answer.Accepted)
        {
            console.MarkupLine($"  [yellow]It did not count:[/] {Words.Plain(answer.Why)}");
        }
    }

    private PersonKey KeyOf(string person) => PersonKey.Load(context.Plan, person, PersonKey.BesidePlan(context.Plan, person), null);

    private async Task<T> FollowAsync<T>(RunFollower follower, RunReference run, CancellationToken cancellation) =>
        await follower.FollowAsync<T>(context.Begun(run), cancellation);

    private void Chapter(int number, string title)
    {
        console.WriteLine();
        console.MarkupLine($"[bold]{number}. {Words.Plain(title)}[/] [grey]({Amounts.Span(clock.Elapsed)} into the story)[/]");
    }

    private void Say(string what) => console.MarkupLine($"  {Words.Plain(what)}");

    private StoryDocument EndEarly(Verdict verdict, BackupSummary? backup, string why)
    {
        console.WriteLine();
        console.MarkupLine($"{Words.Markup(verdict)}  The story ends here. {Words.Plain(why)}");
        return new StoryDocument(verdict, backup, null, sandbox.Software);
    }

    private void Ask(string question, string destroys)
    {
        if (yes)
        {
            console.MarkupLine($"  {Words.Plain(question)} [grey]yes, by --yes[/]");
            return;
        }

        context.Confirm(yes, question, destroys);
    }

    private void TellWhereThingsAre(Verdict verdict)
    {
        console.WriteLine();
        console.MarkupLine($"{Words.Markup(verdict)}  The whole story, in {Amounts.Span(clock.Elapsed)}.");
        console.MarkupLine($"  [grey]plan[/]      {Words.Plain(sandbox.Plan.Path)}");
        console.MarkupLine($"  [grey]backups[/]   {Words.Plain(context.Line("backups list"))}");
        console.MarkupLine($"  [grey]evidence[/]  runs/ in both stores; here: {Words.Plain(Path.Combine(sandbox.Folder.Root, "nas", "runs"))}");
        if (sandbox.TemporalUi is { } ui)
        {
            console.MarkupLine($"  [grey]Temporal[/]  {Words.Plain(ui)}");
        }
    }
}
