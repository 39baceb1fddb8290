using System.Security.Cryptography;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Schedules;

/// <summary>
/// A review of the plan that somebody says is done, <c>reviews/{name}/{time}-{random}.json</c> in every store of the audit log, signed by the
/// writer; the person's own signature is in it.
/// </summary>
/// <param name="PlanSha256">Of the plan's file as the person had it: what was reviewed.</param>
public sealed record ReviewRecord(
    string Format, string Review, DateTimeOffset At, string RunId, string Writer, string PlanSha256, string Reason, Decision Decision) : ISignedContent
{
    public const string FormatName = "luxhedge-review/1";
}

/// <summary>The newest record of each review.</summary>
/// <param name="Unknown">Stores that could not be read, and records that are not what they should be.</param>
public sealed record ReviewsDone(IReadOnlyDictionary<string, ReviewRecord> Newest, IReadOnlyList<string> Unknown);

/// <summary>Reads and writes what reviews were done. Who reads needs no private key.</summary>
public static class ReviewLog
{
    public const string Step = "review";

    /// <summary>What the person signs: this review, of this plan, in this run.</summary>
    public static DecisionSubject Subject(string ns, string runId, string review, string planSha256) =>
        new(ns, runId, Step, review, new Fields().Text(ReviewRecord.FormatName).Text(review).Text(planSha256).Sha256());

    /// <summary>Why the decision does not say that the review was done, or null.</summary>
    public static string? ProblemOf(Plan plan, string review, string planSha256, Decision decision)
    {
        if (PlannedReview.Of(plan).FirstOrDefault(r => r.Name == review) is not { } planned)
            return $"the plan has no review '{review}'";
        return DecisionSigner.ProblemOf(plan, Subject(plan.Temporal.Namespace, decision.RunId, review, planSha256), decision)
            ?? (decision.Kind != DecisionKind.Approved ? "it is a denial"
                : string.IsNullOrWhiteSpace(decision.Reason) ? "it does not say what was found"
                : planned.Owner is { } owner && !Owners(plan, owner).Contains(decision.Person)
                    ? $"{review} is for {string.Join(", ", Owners(plan, owner))}, not for {decision.Person}"
                    : null);
    }

    /// <summary>The people of a person or group.</summary>
    public static IReadOnlyList<string> Owners(Plan plan, string owner) => plan.Groups.TryGetValue(owner, out var members) ? members : [owner];

    public static string Sha256OfPlan(Plan plan) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(plan.Path)));

    public static string NameOf(ReviewRecord record, string random) =>
        $"{Folder(record.Review)}{record.At.UtcDateTime:yyyyMMdd'T'HHmmssfff'Z'}-{random}.json";

    public static async Task<ReviewsDone> ReadAsync(Plan plan, StoreSet stores, CancellationToken cancellation)
    {
        var newest = new Dictionary<string, ReviewRecord>(StringComparer.Ordinal);
        var unknown = new List<string>();
        var reviews = PlannedReview.Of(plan);
        foreach (var store in reviews.Count == 0 ? [] : plan.AuditStoreNames)
        {
            foreach (var review in reviews)
            {
                try
                {
                    if (await NewestAsync(plan, stores[store], review.Name, cancellation) is { } record
                        && (!newest.TryGetValue(review.Name, out var other) || other.At < record.At))
                        newest[review.Name] = record;
                }
                catch (Exception e) when (e is IOException or ObjectMissingException
                    or RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan or ErrorKinds.Integrity })
                {
                    unknown.Add($"{store}: {e.Message}");
                }
            }
        }

        return new(newest, unknown);
    }

    private static async Task<ReviewRecord?> NewestAsync(Plan plan, IObjectStore store, string review, CancellationToken cancellation)
    {
        var last = "";
        await foreach (var stored in store.ListAsync(Folder(review), cancellation))
            last = stored.Name;
        return last.Length == 0
            ? null
            : SignedDocument.Read<ReviewRecord>(
                await store.ReadOldestAsync(last, cancellation), plan.Writer.PublicKeys, last,
                r => r.Format != ReviewRecord.FormatName ? $"its format is '{r.Format}'"
                    : r.Review != review || !last.StartsWith(NameOf(r, "")[..^".json".Length], StringComparison.Ordinal) ? "its name says another review or time"
                    : DecisionSigner.ProblemOf(plan, Subject(r.Decision.Namespace, r.Decision.RunId, review, r.PlanSha256), r.Decision)).Value;
    }

    private static string Folder(string review) => $"reviews/{review}/";
}
