using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

public sealed class BackupRunCommand : OperatorCommand
{
    private static readonly Argument<string> Asset = new("ASSET") { Description = "What to back up: an asset of the plan." };
    private static readonly Option<string[]> Collection = new("--collection")
    {
        Description = "Only this collection; may be repeated. Such a backup is never chosen by latest.",
        HelpName = "NAME",
    };

    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public BackupRunCommand(Surroundings surroundings)
        : base(surroundings, "run", "Back up an asset now: encrypted, to every store of the plan, every byte read back and checked.")
    {
        Add(Asset);
        Add(Collection);
        Add(Detach);
        Examples =
        [
            ("luxhedge backup run luxhedge_production", "back up and follow it to the end; Ctrl-C stops watching, not the backup"),
            ("luxhedge backup run luxhedge_production --detach", "only start it"),
            ("luxhedge backup run luxhedge_production --json", "one element of backups list --json when it is done"),
        ];
        ExitCodesInWords = "0 complete and verified in every store of the plan; 1 Failed; 2 refused, or one is running already;\n"
            + "  3 NotProven: not in every store, suspect, or aborted; 4 could not be started or followed; 130 you stopped watching";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var asset = context.RunnableAsset(context.Get(Asset));
        string[]? collections = context.Get(Collection) is { Length: > 0 } named ? [.. named.Distinct(StringComparer.Ordinal)] : null;
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var request = new DatabaseBackupRequest(context.NewRunId("backup", asset.Name), asset.Name, context.Plan.Temporal.TaskQueue, collections);
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        if (context.Get(Detach))
        {
            return context.Detached(run, runs);
        }

        return Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<BackupResult>(run, cancellation), run.Reference);
    }
}

public sealed class BackupsListCommand : OperatorCommand
{
    private static readonly Option<string?> Asset = new("--asset") { Description = "Only this asset's.", HelpName = "ASSET" };

    public BackupsListCommand(Surroundings surroundings)
        : base(surroundings, "list", "Every complete backup in the stores, newest first. Reads the stores itself; needs no worker.")
    {
        Add(Asset);
        Examples =
        [
            ("luxhedge backups list", "what there is, whether latest may choose it, and whether a restore of it was proven"),
            ("luxhedge backups list --json", "an array of {id, asset, kind, createdAt, sealedAt, consistentAt, documents, rawBytes, storedBytes, copies, eligible, verdict}"),
        ];
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var named = context.Get(Asset);
        var assets = named is null ? [.. context.Plan.Assets.Values.Where(a => a.Kind == "database")] : new[] { context.AssetNamed(named) };
        var read = await Task.WhenAll(assets.Select(a => context.BackupsOfAsync(a.Name, cancellation)));
        var listed = read.SelectMany(r => r.Backups).Select(b => b.Summary).OrderByDescending(b => b.CreatedAt).ThenBy(b => b.Id, StringComparer.Ordinal).ToList();
        if (context.Json)
        {
            // The document has no room for what could not be read, so it is said where logs go.
            BackupViews.InDoubt(context.Surroundings.Error, read);
        }

        context.Answer(listed, console =>
        {
            BackupViews.List(console, listed, everyStoreRead: read.All(r => r.Unknown.Count == 0), context.Now);
            BackupViews.InDoubt(console, read);
        });
        return ExitCodes.Done;
    }
}

public sealed class BackupsShowCommand : OperatorCommand
{
    private static readonly Argument<string> Id = CommonOptions.BackupArgument();

    public BackupsShowCommand(Surroundings surroundings)
        : base(surroundings, "show", "One backup whole: where it is, how far it is verified, and why it is not eligible if it is not. Needs no worker.")
    {
        Add(Id);
        Examples = [("luxhedge backups show 20261123T020000Z-luxhedge_production-7f3a", "all that the stores know of it")];
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var (backup, read) = await context.BackupNamedAsync(context.Get(Id), cancellation);
        if (context.Json)
        {
            BackupViews.InDoubt(context.Surroundings.Error, [read], backup);
        }

        context.Answer(backup.Summary, console =>
        {
            BackupViews.Show(console, backup.Summary, context.Now);
            BackupViews.Details(console, backup);
            BackupViews.InDoubt(console, [read], backup);
        });
        return ExitCodes.Done;
    }
}

public sealed class BackupsVerifyCommand : OperatorCommand
{
    private static readonly Argument<string> Id = CommonOptions.BackupArgument();
    private static readonly Option<string?> Store = CommonOptions.Store("Only the copy in this store. All stores of the asset unless told.");
    private static readonly Option<VerificationLevel> Level = new("--level")
    {
        Description = "presence: every object is there with its size. integrity: every byte is read back, decrypted and hashed. "
            + "restore: restored into a scratch database and compared with what the source held; only this makes a backup Proven.",
        HelpName = "presence|integrity|restore",
        DefaultValueFactory = _ => VerificationLevel.Integrity,
        CustomParser = result => result.Tokens is [var token] && Enum.TryParse<VerificationLevel>(token.Value, ignoreCase: true, out var level) && !char.IsDigit(token.Value[0])
            ? level
            : Wrong(result),
    };

    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public BackupsVerifyCommand(Surroundings surroundings)
        : base(surroundings, "verify", "Check a backup's copies: that they are there, that every byte is right, or that a restore brings everything back.")
    {
        Add(Id);
        Add(Store);
        Add(Level);
        Add(Detach);
        Examples =
        [
            ("luxhedge backups verify ID", "every byte in every store"),
            ("luxhedge backups verify ID --level restore", "restore it into a scratch database and compare: the proof"),
            ("luxhedge backups verify ID --store s3 --level presence", "a quick look at one copy"),
        ];
        ExitCodesInWords = "0 Proven at the level asked; 1 Failed: something is wrong with a copy; 2 refused; 3 NotProven: something could not be checked;\n"
            + "  4 could not be started or followed; 130 you stopped watching";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var id = context.Get(Id);
        var asset = context.AssetOfBackup(id);
        if (context.Get(Store) is { } store)
        {
            context.RequireStore(asset, store);
        }

        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var request = new VerificationRequest(
            context.NewRunId("verify", asset.Name), asset.Name, context.Plan.Temporal.TaskQueue, id, context.Get(Store), context.Get(Level));
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        if (context.Get(Detach))
        {
            return context.Detached(run, runs);
        }

        return Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<VerificationSummary>(run, cancellation));
    }

    private static VerificationLevel Wrong(System.CommandLine.Parsing.ArgumentResult result)
    {
        result.AddError($"--level is presence, integrity or restore, not '{string.Join(' ', result.Tokens.Select(t => t.Value))}'.");
        return default;
    }
}
