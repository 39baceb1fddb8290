using Temporalio.Activities;

namespace LuxHedge.Workflows.Export;

public interface IExportActivities
{
    /// <summary>Finds the backup and its copies, looks at the place. Refuses: no such backup, something at the path already, and for an
    /// encrypted asset a request without the valid signature of a person of the plan.</summary>
    [Activity("begin-export")]
    Task<ExportPlan> BeginExportAsync(ExportRequest request);

    /// <summary>Verifies the decisions against its own worker's plan, then writes everything aside, under a name of this attempt's own; what
    /// earlier attempts of the run left there is removed first.</summary>
    [Activity("export-backup")]
    Task<ExportWritten> ExportAsync(ExportWork work);

    /// <summary>Gives it its final name. Run again after it was done it changes nothing.</summary>
    [Activity("place-export")]
    Task PlaceAsync(ExportRequest request, ExportPlan plan, ExportWritten written);

    /// <summary>However the run ended: removes what its attempts left aside. Answers what is still there.</summary>
    [Activity("clear-export")]
    Task<IReadOnlyList<string>> ClearAsync(ExportRequest request, ExportPlan plan);
}
