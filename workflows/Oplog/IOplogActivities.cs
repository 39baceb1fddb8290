using Temporalio.Activities;

namespace LuxHedge.Workflows.Oplog;

/// <summary>The steps of oplog capture. Each may be killed at any instant, or live on beside its successor: what is sealed never changes.</summary>
public interface IOplogActivities
{
    /// <summary>What the plan says, and where capture goes on: after the newest slice, else at the end mark of the newest sealed backup if the
    /// server still has its oplog from there, else now.</summary>
    [Activity("begin-capture")]
    Task<CaptureStart> BeginCaptureAsync(string asset);

    /// <summary>A new chain, from now on: after a gap.</summary>
    [Activity("begin-chain")]
    Task<CapturePosition> BeginChainAsync(string asset);

    /// <summary>What the plan says now.</summary>
    [Activity("read-capture-settings")]
    Task<CaptureSettings> ReadSettingsAsync(string asset);

    /// <summary>Reads along for the slice's length, or until it is 64 MiB, up to the majority point, and seals what was read in the first store
    /// that takes it.</summary>
    [Activity("cut-slice")]
    Task<SliceCut> CutSliceAsync(SliceWork work);

    /// <summary>Copies a few slices, read back there by size and hash, keys first.</summary>
    [Activity("copy-slices")]
    Task<SlicesCopied> CopySlicesAsync(SliceCopyWork work);

    /// <summary>Puts a gap's record into every store.</summary>
    /// <returns>Stores that did not take it.</returns>
    [Activity("record-gap")]
    Task<IReadOnlyList<StoreTrouble>> RecordGapAsync(GapWork gap);

    /// <summary>Writes a canary into the asset's database; a majority has it. Into one without any other collection none is written: that would make
    /// a database that is lost.</summary>
    /// <param name="trim">Deletes canaries of capture that are too old, too.</param>
    [Activity("write-canary")]
    Task WriteCanaryAsync(string asset, string runId, bool trim);

    /// <summary>Id of an eligible backup of the whole database whose end mark is at or after that time; null: there is none.</summary>
    [Activity("find-base")]
    Task<string?> FindBaseAsync(string asset, ClusterTime after);
}
