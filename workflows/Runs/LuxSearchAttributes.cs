using Temporalio.Common;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runs;

/// <summary>What the Temporal UI can filter by. They pass no codec: never a secret.</summary>
public static class LuxSearchAttributes
{
    public static readonly SearchAttributeKey<string> RunId = SearchAttributeKey.CreateKeyword("LuxRunId");
    public static readonly SearchAttributeKey<string> Asset = SearchAttributeKey.CreateKeyword("LuxAsset");
    /// <summary>backup, verify, restore, accept, …</summary>
    public static readonly SearchAttributeKey<string> Kind = SearchAttributeKey.CreateKeyword("LuxKind");
    public static readonly SearchAttributeKey<string> Verdict = SearchAttributeKey.CreateKeyword("LuxVerdict");
    public static readonly SearchAttributeKey<string> BackupId = SearchAttributeKey.CreateKeyword("LuxBackupId");
    /// <summary>real, drill or test.</summary>
    public static readonly SearchAttributeKey<string> Mode = SearchAttributeKey.CreateKeyword("LuxMode");

    /// <summary>Every name, all of type Keyword, as a server needs them registered.</summary>
    public static readonly IReadOnlyList<string> Names = ["LuxRunId", "LuxAsset", "LuxKind", "LuxVerdict", "LuxBackupId", "LuxMode"];

    /// <summary>What every workflow sets first, however it was started.</summary>
    public static SearchAttributeUpdate[] Of(string runId, string asset, string kind, string mode) =>
        [RunId.ValueSet(runId), Asset.ValueSet(asset), Kind.ValueSet(kind), Mode.ValueSet(mode)];
}
