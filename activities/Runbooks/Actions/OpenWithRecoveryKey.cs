using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>The proof that losing the KMS loses no backup: a person has opened the key with the offline half, on another machine.</summary>
[Action("open-with-recovery-key",
    "Opens a backup with the keys that a person opened with the recovery key (--recovery-key FILE) and nothing else: no KMS is asked. NotProven "
    + "when no key was handed over; fails when one was and does not open it.",
    Output = typeof(Output))]
public sealed class OpenWithRecoveryKey(Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, TimeProvider time)
    : ActivityAction<OpenWithRecoveryKey.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose backup. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "Its id.", Required = true)]
        public string Backup { get; init; } = "";
    }

    public sealed record Output
    {
        [Input(InputTypes.Flag, "Whether the keys that were handed over open it.")]
        public bool Opened { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, input.Asset ?? context.Asset);
        if (context.Keys is not { Count: > 0 } handed)
            return NotOpened("Nobody handed over a key: start the run with --recovery-key FILE.");
        var chosen = await new BackupCatalog(plan, stores, time).FindAsync(input.Backup, cancellation);
        if (!chosen.Manifest.KeyIds.All(id => handed.Any(h => h.KeyId == id)))
            return NotOpened($"The keys that were handed over are not those of {input.Backup}: name it when the run is started, --input backup={input.Backup}.");
        // Its index is encrypted: reading it is what proves the key. A key object of the store, and so the KMS, is never asked for a handed key.
        using var reader = await new StandingCheck(plan, stores, keys, clusters, time).OpenAsync(asset, input.Backup, handed, cancellation);
        return ActionOutcomes.Of(
            new Output { Opened = true },
            new Check("recovery key", Verdict.Proven, $"It opens {input.Backup} without the KMS: {reader.Index.Collections.Count} collections.")) with
        {
            Detail = $"opens {input.Backup}",
        };
    }

    private static ActionOutcome NotOpened(string why) =>
        ActionOutcomes.Of(new Output(), new Check("recovery key", Verdict.NotProven, why)) with { Detail = why };
}
