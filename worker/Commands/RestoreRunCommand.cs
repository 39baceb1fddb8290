using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

public sealed class RestoreRunCommand : OperatorCommand
{
    private static readonly Argument<string> Asset = new("ASSET") { Description = "What to get back: an asset of the plan." };
    private static readonly Option<string?> Backup = new("--backup")
    {
        Description = "Which backup; latest (the default) is the newest eligible one.",
        HelpName = "ID|latest",
    };

    private static readonly Option<string?> To = new("--to")
    {
        Description = "The moment wanted, as 2026-11-23T08:15:00Z or a cluster time like 1763892900.4; latest: as late as slices reach. "
            + "Without it the backup's own moment.",
        HelpName = "TIME|latest",
    };

    private static readonly Option<string[]> Collection = new("--collection") { Description = "Only this collection; may be repeated.", HelpName = "NAME" };
    private static readonly Option<string?> Into = new("--into")
    {
        Description = "Restore into this database of the same cluster. Without it the target is production and needs the plan's approval.",
        HelpName = "DATABASE",
    };

    private static readonly Option<string?> Store = CommonOptions.Store("Read from this store only: no fallback to another.");
    private static readonly Option<bool> Drop = new("--drop")
    {
        Description = "Replace the collections of the target that are restored; others stay. Without it a target that has data is refused.",
    };

    private static readonly Option<bool> NoSafetyBackup = new("--no-safety-backup")
    {
        Description = "Do not back up first what is overwritten. The approvers see it.",
    };

    private static readonly Option<bool> Users = new("--users")
    {
        Description = "Make the database's users and roles too, as the backup holds them; those that are there stay. The approvers see it.",
    };

    private static readonly Option<string?> RecoveryKeyFile = new("--recovery-key")
    {
        Description = "The KMS is lost: open the backup's key here with this private recovery key, and hand it to the worker wrapped.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();
    private static readonly Option<bool> Yes = CommonOptions.Yes("whether to overwrite, and whether to end a backup that is running");
    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public RestoreRunCommand(Surroundings surroundings)
        : base(surroundings, "run", "Get data back, check it against what the source held, and say what it took against the RTO and RPO.")
    {
        Add(Asset);
        foreach (var option in new Option[] { Backup, To, Collection, Into, Store, Drop, NoSafetyBackup, Users, RecoveryKeyFile, As, Key, Yes, Detach })
        {
            Add(option);
        }

        Examples =
        [
            ("luxhedge restore run luxhedge_production --into looking_at_it", "the newest backup into a database beside production, which stays as it is"),
            ("luxhedge restore run luxhedge_production --drop", "production is lost: says what is overwritten, asks, then waits for the approval of others"),
            ("luxhedge restore run luxhedge_production --to 2026-11-23T10:14:59Z --into looking_at_it", "how it was at that second, by the slices after a backup"),
            ("luxhedge restore run luxhedge_production --backup ID --collection users --drop", "one collection of production back to how it was"),
            ("luxhedge restore run luxhedge_production --drop --recovery-key recovery.pem", "the same when the KMS is lost"),
        ];
        ExitCodesInWords = "0 Proven: everything is back and checked; 1 Failed; 2 refused (the target has data, no such backup, a held lock);\n"
            + "  3 NotProven: something could not be checked, or it was denied, expired or aborted;\n"
            + "  4 could not be started or followed; 130 you stopped watching, the restore goes on";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var asset = context.RunnableAsset(context.Get(Asset));
        var target = RestoreTarget.Of(context.Plan, asset, context.Get(Into));
        var to = RestoreChoices.Point(context.Get(To));
        var wanted = context.Get(Backup) is "latest" ? null : context.Get(Backup);
        string[]? collections = context.Get(Collection) is { Length: > 0 } named ? [.. named.Distinct(StringComparer.Ordinal)] : null;
        if (context.Get(Store) is { } store)
        {
            context.RequireStore(asset, store);
        }

        if (wanted is not null && context.AssetOfBackup(wanted).Name != asset.Name)
        {
            throw new RefusalException(ErrorKinds.Usage, $"Backup '{wanted}' is not of {asset.Name}.", "--backup", $"{context.Line($"backups list --asset {asset.Name}")}");
        }

        var person = PersonFor(context, target);
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        if (await runs.HolderAsync(WorkflowIds.Restore(target.Lock), cancellation) is { } holder)
        {
            throw new RunLockedException(holder);
        }

        var known = await context.BackupsOfAsync(asset.Name, cancellation);
        var point = to is null ? null : await RestoreChoices.ChooseAsync(context, known, wanted, to, cancellation);
        var chosen = to is null ? RestoreChoices.Choose(context, known, wanted) : point?.Base;
        // By the names that they have at the point: those the run itself finds out.
        if (point is not { Chain.Count: > 0 })
        {
            RequireCollections(chosen, collections);
        }

        var contents = await context.Surroundings.LookAtTarget(context.Plan, target, cancellation);
        RestoreQuestion.Show(
            context.View, new RestoreIntent(asset, target, contents, chosen, known, collections, context.Get(Drop), context.Get(NoSafetyBackup))
            {
                Point = point,
                Wanted = to,
            }, context.Now);
        if (target.Production is not null || context.Get(Drop))
        {
            context.Confirm(context.Get(Yes), $"Restore into {target}?", $"This restore writes over {target}.");
        }

        if (target.Production is not null)
        {
            await RunningBackup.EndAsync(context, runs, target.Production, person!, context.Get(Yes), cancellation);
        }

        IReadOnlyList<HandedKey>? keys = context.Get(RecoveryKeyFile) is { } file
            ? await RecoveryKeys.OpenAsync(context, asset, chosen, point?.Chain ?? [], context.Get(Store), file, cancellation)
            : null;
        var request = new RestoreRequest(
            context.NewRunId("restore", asset.Name),
            asset.Name,
            context.Plan.Temporal.TaskQueue,
            target.Lock,
            RestorePurpose.Recovery,
            // A moment that was asked for has chosen its backup here; latest is chosen when the run begins.
            wanted ?? (to is null or { IsLatest: true } ? null : chosen?.Summary.Id),
            to,
            collections,
            target.Production?.Name == asset.Name ? null : context.Get(Into),
            context.Get(Store),
            context.Get(Drop),
            context.Get(NoSafetyBackup),
            keys,
            RequestedBy: null)
        {
            Users = context.Get(Users),
        };
        request = Sign(context, request, runs.Namespace, target, person);

        var run = context.Begun(await runs.StartAsync(request, cancellation));
        if (context.Get(Detach))
        {
            return context.Detached(run, runs);
        }

        return Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<RestoreSummary>(run, cancellation));
    }

    /// <summary>Over production somebody of the plan must ask; beside it a stranger may look.</summary>
    private static PersonPlan? PersonFor(CommandContext context, RestoreTarget target)
    {
        if (target.Production is not null || context.Get(As) is not null)
        {
            return Operators.Current(context, context.Get(As));
        }

        try
        {
            return Operators.Current(context, null);
        }
        catch (RefusalException)
        {
            return null;
        }
    }

    private static RestoreRequest Sign(CommandContext context, RestoreRequest request, string @namespace, RestoreTarget target, PersonPlan? person)
    {
        if (person is null)
        {
            return request;
        }

        try
        {
            using var key = Operators.OpenKey(context, person, context.Get(Key));
            return RequestSigner.Sign(key, @namespace, request, context.Now);
        }
        catch (RefusalException) when (target.Production is null && context.Get(Key) is null)
        {
            // Beside production nothing hangs on who asked.
            return request;
        }
    }

    private static void RequireCollections(CatalogBackup? backup, IReadOnlyList<string>? collections)
    {
        if (backup is null || collections is null)
        {
            return;
        }

        var missing = collections.Where(c => !backup.Manifest.CollectionDocuments.ContainsKey(c)).ToList();
        if (missing.Count > 0)
        {
            throw new RefusalException(new ErrorReport(
                ErrorKinds.Usage,
                $"Backup {backup.Summary.Id} has no collection {Words.List(missing.Select(m => $"'{m}'"))}.",
                "--collection",
                $"It has: {Words.List(backup.Manifest.CollectionDocuments.Keys.Order(StringComparer.Ordinal))}."));
        }
    }
}
