using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;

namespace LuxHedge.Worker.Commands;

/// <summary><c>backups import PATH --asset ASSET [--created TIME] [--unpacks-to SIZE]</c>: a dump of mongodump, or of the old script, becomes a verified, encrypted
/// backup.</summary>
public sealed class BackupsImportCommand : OperatorCommand
{
    private static readonly Argument<string> Dump = new("PATH")
    {
        Description = "A mongodump directory or archive, gzipped or not, or a tar.gz of a directory. The worker reads it: its machine must have it.",
    };

    private static readonly Option<string> Asset = new("--asset") { Description = "The asset it is a backup of.", HelpName = "ASSET", Required = true };
    private static readonly Option<string?> Created = new("--created")
    {
        Description = "When the dump was made (ISO 8601), where neither its name nor its files say so.",
        HelpName = "TIME",
    };

    private static readonly Option<string?> UnpacksTo = new("--unpacks-to")
    {
        Description = "How far a dump may be decompressed that you know (100GiB). Else one that comes to more than 1 GiB and more than 100 times its "
            + "compressed bytes is refused: as a bomb does.",
        HelpName = "SIZE",
    };

    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public BackupsImportCommand(Surroundings surroundings)
        : base(surroundings, "import", "Make a dump of mongodump (or of the old script) a verified, encrypted backup in every store.")
    {
        Add(Dump);
        Add(Asset);
        Add(Created);
        Add(UnpacksTo);
        Add(Detach);
        Examples =
        [
            ("luxhedge backups import mongodb_backup_20250101_020000.tar.gz --asset luxhedge_production", "an archive of the old script"),
            ("luxhedge backups import /var/dumps/friday.archive.gz --asset luxhedge_production --created 2026-11-20T18:00:00Z", "mongodump --archive --gzip"),
        ];
        ExitCodesInWords = "0 a backup, verified in every store of the plan; 1 the dump is damaged or hostile, and nothing of it was kept;\n"
            + "  2 refused, or a backup is running; 3 NotProven: not in every store, or aborted; 4 could not be started or followed";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var asset = context.RunnableAsset(context.Get(Asset)!);
        var source = new ImportSource(
            Path.GetFullPath(context.Get(Dump)!), context.Get(Created) is { } created ? CommonOptions.Time(created, Created.Name) : null)
        {
            UnpacksTo = context.Get(UnpacksTo) is { } size ? CommonOptions.Size(size, UnpacksTo.Name) : null,
        };
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var request = new DatabaseBackupRequest(context.NewRunId("import", asset.Name), asset.Name, context.Plan.Temporal.TaskQueue) { Import = source };
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        return context.Get(Detach)
            ? context.Detached(run, runs)
            : Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<BackupResult>(run, cancellation), run.Reference);
    }
}
