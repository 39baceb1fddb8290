using LuxHedge.Activities.Plans;

namespace LuxHedge.Activities.Runbooks;

/// <summary>Writes <see cref="RunbookShape"/> and the actions as a JSON schema (draft 7), which editors check and complete runbooks with. What
/// joins fields (references, people, ids) only <c>luxhedge runbooks check</c> knows.</summary>
internal static class RunbookSchema
{
    /// <summary>The whole file's text, ending in a line feed.</summary>
    public static string Write(ActionCatalog catalog) => ShapeSchema.Write(
        new RunbookShape(catalog).Root, "A runbook of LuxHedge Workflows", "Written from activities/Runbooks/RunbookShape.cs and the actions; a test compares them.");
}
