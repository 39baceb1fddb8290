using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Audit;

/// <summary>
/// Appends to the audit log while a run goes on: one entry after another, without holding the run up and without failing it. What could not be
/// appended is a note; the evidence at the run's end appends it again.
/// </summary>
public sealed class AuditTrail
{
    private readonly List<string> notes = [];
    private Task last = Task.CompletedTask;

    /// <summary>Once for each trouble.</summary>
    public IReadOnlyList<string> Notes => [.. notes.Distinct(StringComparer.Ordinal)];

    public void Tell(AuditEntry entry) => last = AfterAsync(last, entry);

    /// <summary>Waits until everything is appended, or given up.</summary>
    public Task FlushAsync() => last;

    private async Task AfterAsync(Task before, AuditEntry entry)
    {
        await before;
        try
        {
            await Workflow.ExecuteActivityAsync(
                (IAuditActivities a) => a.AppendAsync(entry), ActivityPolicies.ForTelling($"audit log: {entry.Kind}"));
        }
        catch (FailureException e)
        {
            notes.Add($"The audit log could not be written: {Failures.ToReport(e).Message}");
        }
    }
}
