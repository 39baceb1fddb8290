using Temporalio.Activities;

namespace LuxHedge.Workflows.Export;

public interface IExportActivities
{
    /// <summary>Finds the backup and its copies, looks at the place. Refuses: no such backup, something at the path already, and for an
    /// encrypted asset a request without the valid signature of a person of the plan.</summary>
    [Activity("begin-export")]
    Task<ExportPlan> BeginExportAsync(ExportRequest request);

    /// <summary>Verifies the decisions against its own worker's plan, then writes; nothing stands at the path before all of it does. Run again
    /// after it was done, it finds something there and refuses.</summary>
    [Activity("export-backup")]
    Task<ExportWritten> ExportAsync(ExportWork work);
}
