using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Temporalio.Activities;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Schedules;

/// <summary>Input of <c>Review</c>: a person says that a review of the plan is done.</summary>
/// <param name="PlanSha256">Of the plan's file as the person had it.</param>
/// <param name="Decision">Over the review and that hash; its reason says what was found.</param>
public sealed record ReviewRequest(string RunId, string Review, string PlanSha256, Decision Decision);

/// <summary>Shape of <c>reviews done --json</c>.</summary>
/// <param name="Stores">Where the record lies.</param>
public sealed record ReviewDone(string RunId, string Review, string By, DateTimeOffset At, IReadOnlyList<string> Stores);

public interface IReviewActivities
{
    /// <summary>Checks the person's signature, then writes the record into every store of the audit log, and an entry into the log.</summary>
    [Activity("record-review")]
    Task<ReviewDone> RecordAsync(ReviewRequest request);
}

/// <summary>Keeps on record that a review was done, by whom and of which plan.</summary>
[Workflow(Wire.Review)]
public sealed class ReviewWorkflow
{
    [WorkflowRun]
    public async Task<ReviewDone> RunAsync(ReviewRequest request)
    {
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, "", "review", "real"));
        try
        {
            return await Workflow.ExecuteActivityAsync((IReviewActivities a) => a.RecordAsync(request),
                ActivityPolicies.ForShortWork("check the signature, write the record to every store", Workflow.CancellationToken));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            throw Failures.ToFailure(Failures.ToReport(e), e);
        }
    }
}
