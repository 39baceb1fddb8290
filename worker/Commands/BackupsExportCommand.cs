using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>backups export ID --to PATH</c>: what stock <c>mongorestore</c> reads. Unencrypted, so it is asked for by a person, approved where
/// the plan says so, and in the audit log.</summary>
public sealed class BackupsExportCommand : OperatorCommand
{
    private static readonly Argument<string> Id = CommonOptions.BackupArgument();
    private static readonly Option<string> To = new("--to")
    {
        Description = "A folder that is not there yet (of an archive: a file), on the worker's machine.",
        HelpName = "PATH",
        Required = true,
    };

    private static readonly Option<bool> Archive = new("--archive") { Description = "One archive, as mongodump --archive writes it." };
    private static readonly Option<bool> Gzip = new("--gzip") { Description = "Compressed, as mongodump --gzip writes it." };
    private static readonly Option<string?> Store = new("--store") { Description = "Only from this store.", HelpName = "STORE" };
    private static readonly Option<string?> RecoveryKeyFile = new("--recovery-key")
    {
        Description = "Open the backup's key with this private recovery key, on this machine.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();
    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public BackupsExportCommand(Surroundings surroundings)
        : base(surroundings, "export", "Write a backup as a mongodump directory or archive, unencrypted: stock mongorestore reads it.")
    {
        Add(Id);
        foreach (var option in new Option[] { To, Archive, Gzip, Store, RecoveryKeyFile, As, Key, Detach })
        {
            Add(option);
        }

        Examples =
        [
            ("luxhedge backups export ID --to /srv/exports/friday", "a directory; mongorestore --oplogReplay /srv/exports/friday"),
            ("luxhedge backups export ID --to friday.archive.gz --archive --gzip", "one file; mongorestore --oplogReplay --gzip --archive=friday.archive.gz"),
        ];
        ExitCodesInWords = "0 written, every byte checked; 1 Failed; 2 refused: no such backup, something is at PATH already;\n"
            + "  3 denied, expired or aborted: nothing was written; 4 could not be started or followed";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var (backup, known) = await context.BackupNamedAsync(context.Get(Id)!, cancellation);
        var asset = context.RunnableAsset(backup.Summary.Asset);
        if (context.Get(Store) is { } store)
        {
            context.RequireStore(asset, store);
        }

        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        IReadOnlyList<HandedKey>? keys = context.Get(RecoveryKeyFile) is { } file
            ? await RecoveryKeys.OpenAsync(context, asset, backup, context.Get(Store), file, cancellation)
            : null;
        var request = new ExportRequest(
            context.NewRunId("export", asset.Name), asset.Name, context.Plan.Temporal.TaskQueue, backup.Summary.Id, context.Get(Store),
            FullPath(context.Get(To)!), context.Get(Archive), context.Get(Gzip), keys, RequestedBy: null);
        request = request with { RequestedBy = Sign(context, request, runs.Namespace, asked: asset.Encrypted && context.Plan.ExportApproval is not null) };
        context.View.MarkupLine(
            $"{Words.Plain(backup.Summary.Id)} leaves the stores [yellow]unencrypted[/], to {Words.Plain(request.Path)} on the worker's machine.");
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        return context.Get(Detach)
            ? context.Detached(run, runs)
            : Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<ExportSummary>(run, cancellation));
    }

    /// <summary>A '/' at the end says that a folder is meant, and stays.</summary>
    private static string FullPath(string path) =>
        Path.EndsInDirectorySeparator(path) ? Path.GetFullPath(path) : Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    /// <param name="asked">An approval is needed: then who asks must be known.</param>
    private static SignedRequest? Sign(CommandContext context, ExportRequest request, string @namespace, bool asked)
    {
        try
        {
            var person = Operators.Current(context, context.Get(As));
            using var key = Operators.OpenKey(context, person, context.Get(Key));
            var scope = ExportAsk.Scope(request);
            return RequestSigner.Sign(key, @namespace, scope.RunId, scope.WorkflowId, scope.Hash, context.Now);
        }
        catch (RefusalException) when (!asked && context.Get(As) is null && context.Get(Key) is null)
        {
            return null;
        }
    }
}
