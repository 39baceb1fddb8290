using System.Security.Cryptography;
using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using Temporalio.Activities;

namespace LuxHedge.Activities.Approvals;

/// <summary>Where evidence comes from: the run in Temporal, and the plan of the worker that wrote it.</summary>
/// <param name="PlanSha256">Of the plan as JSON, references unresolved, as this worker had read it; null: unknown.</param>
public sealed record EvidenceOrigin(string Namespace, string WorkflowId, string WorkflowRunId, string? PlanSha256)
{
    public static EvidenceOrigin Here(Plan plan)
    {
        var hash = plan.Document.ValueKind == JsonValueKind.Undefined
            ? null
            : Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(plan.Document, LuxJson.Options)));
        return ActivityExecutionContext.HasCurrent
            ? Of(ActivityExecutionContext.Current.Info, hash)
            : new(plan.Temporal.Namespace, "", "", hash);
    }

    private static EvidenceOrigin Of(ActivityInfo info, string? planSha256) =>
        new(info.WorkflowNamespace ?? info.Namespace, info.WorkflowId ?? "", info.WorkflowRunId ?? "", planSha256);
}
