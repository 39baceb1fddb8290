using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>restore run --recovery-key FILE</c>: the data key is opened here, on the operator's machine, and travels wrapped for the worker.</summary>
public static class RecoveryKeys
{
    public static Task<IReadOnlyList<HandedKey>> OpenAsync(
        CommandContext context, AssetPlan asset, CatalogBackup? backup, string? store, string keyFile, CancellationToken cancellation) =>
        OpenAsync(context, asset, backup, [], store, keyFile, cancellation);

    /// <param name="slices">Of a point in time: they have keys of their own, one a day.</param>
    public static async Task<IReadOnlyList<HandedKey>> OpenAsync(
        CommandContext context, AssetPlan asset, CatalogBackup? backup, IReadOnlyList<SliceManifest> slices, string? store, string keyFile, CancellationToken cancellation)
    {
        if (backup is null)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, "Which backup is restored can't be known while a store is away, and so not which key to open.", "--recovery-key", "Name it with --backup ID, and try again when a store that has it answers.");
        }

        var file = context.FullPath(keyFile)!;
        using var recovery = Load(context, file);
        await using var stores = new StoreSet(context.Plan);
        using var ring = new KeyRing(context.Plan, stores, writer: null, context.Surroundings.Clock);
        var from = store is null ? [.. backup.Summary.Copies.Select(c => c.Store)] : new[] { store };
        var handed = new List<HandedKey>();
        foreach (var keyId in backup.Manifest.KeyIds.Concat(slices.Select(s => s.KeyId)).Distinct(StringComparer.Ordinal))
        {
            handed.Add(await ring.RecoverAsync(asset.Name, keyId, from, recovery, cancellation));
        }

        context.View.MarkupLine(
            $"The recovery key opens {Words.Plain(Words.List(handed.Select(h => h.KeyId)))}; only a wrapping for the worker leaves this machine.");
        return handed;
    }

    private static RecoveryKey Load(CommandContext context, string file)
    {
        string pem;
        try
        {
            pem = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(ErrorKinds.Usage, $"The recovery key can't be read: {e.Message}", file, "Check --recovery-key and who may read the file.", e);
        }

        string? passphrase = null;
        if (PemKey.IsEncrypted(pem))
        {
            passphrase = Operators.Passphrase(context, file, candidate =>
            {
                using var opened = RecoveryKey.Load(file, candidate);
            });
        }

        return RecoveryKey.Load(file, passphrase);
    }
}
