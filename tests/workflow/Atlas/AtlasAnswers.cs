using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Tests.Workflow;

/// <summary>Atlas, answering well; a test changes what it says last of a snapshot, and what was found in the target.</summary>
internal sealed class AtlasAnswers : IAtlasActivities
{
    public string SnapshotEnds { get; set; } = AtlasStatus.Completed;

    public Verdict Data { get; set; } = Verdict.Proven;

    /// <summary>Why a target is refused; null: it is not.</summary>
    public string? Refused { get; set; }

    public AtlasRestoreRequest? Restored { get; private set; }

    public AtlasSnapshotRequest? Taken { get; private set; }

    /// <summary>A restore job was asked for.</summary>
    public bool Started { get; private set; }

    public Task<AtlasSnapshot> TakeSnapshotAsync(AtlasSnapshotRequest request)
    {
        Taken = request;
        return Task.FromResult(Answers.Snapshot(AtlasStatus.Queued));
    }

    public Task<AtlasSnapshot> ReadSnapshotAsync(string asset, string snapshot) => Task.FromResult(Answers.Snapshot(SnapshotEnds));

    public Task<AtlasRestorePlan> PlanRestoreAsync(AtlasRestoreRequest request)
    {
        Restored = request;
        return Refused is { } why
            ? throw new RefusalException(ErrorKinds.NotApproved, why, "Cluster0")
            : Task.FromResult(new AtlasRestorePlan(new("p", "Cluster0"), new("p", "Drills"), Answers.Snapshot(AtlasStatus.Completed), null, []));
    }

    public Task<AtlasRestoreJob> StartRestoreAsync(AtlasRestoreWork work)
    {
        Started = true;
        return Task.FromResult(Answers.Job());
    }

    public Task<AtlasRestoreJob> ReadRestoreAsync(string asset, string job) => Task.FromResult(Answers.Job() with { FinishedAt = Answers.Moment });

    public Task<AtlasRestoreLook> CheckRestoreAsync(AtlasRestoreWork work) => Task.FromResult(new AtlasRestoreLook(
        [new("restore job", Verdict.Proven, "finished"), new("data", Data, "looked at")], Data == Verdict.Proven ? Answers.Moment : null));
}
