using System.Security.Cryptography;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Schedules;

namespace LuxHedge.Activities.Schedules;

/// <summary>Keeps that a review was done.</summary>
public sealed class ReviewActivities(Plan plan, StoreSet stores, WriterKey writer, AuditLog audit, TimeProvider time) : IReviewActivities
{
    /// <summary>A decision says when it was made; this far from now it is a replayed one.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    public async Task<ReviewDone> RecordAsync(ReviewRequest request)
    {
        var (decision, now) = (request.Decision, time.GetUtcNow());
        var problem = request.RunId != decision.RunId ? "it was signed for another run"
            : (decision.At - now).Duration() > Lifetime ? $"it is of {decision.At:u}, and now it is {now:u}"
            : ReviewLog.ProblemOf(plan, request.Review, request.PlanSha256, decision);
        if (problem is not null)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"The review {request.Review} is not taken as done: {problem}.", request.Review,
                "luxhedge reviews list shows the reviews and who does them.");
        }

        var record = new ReviewRecord(
            ReviewRecord.FormatName, request.Review, decision.At, request.RunId, writer.Name, request.PlanSha256, decision.Reason, decision);
        var bytes = SignedDocument.Write(record, writer);
        // The same in every attempt: it is there once.
        var random = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(decision.Signature)))[..8];
        var name = ReviewLog.NameOf(record, random);
        var kept = new List<string>();
        var failed = new List<string>();
        foreach (var store in plan.AuditStoreNames)
        {
            try
            {
                await stores[store].PutIfAbsentAsync(name, bytes, Beat.Cancellation);
                kept.Add(store);
            }
            catch (Exception e) when (e is IOException or RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan })
            {
                failed.Add($"{store}: {e.Message}");
            }
        }

        if (kept.Count == 0)
        {
            throw new RefusalException(ErrorKinds.Unreachable, $"No store took the record: {string.Join("; ", failed)}", name, "Check the stores: luxhedge stores check.")
            {
                MayPass = true,
            };
        }

        await audit.AppendAsync([AuditEntries.Reviewed(decision, request.Review, request.PlanSha256)], Beat.Cancellation);
        return new(request.RunId, request.Review, decision.Person, decision.At, kept);
    }
}
