namespace LuxHedge.Workflows;

/// <summary>The task queues of one plan. Both names start with the plan's <c>temporal.taskQueue</c>.</summary>
public static class TaskQueues
{
    public const string Default = "luxhedge";

    /// <summary>Work that moves bytes: any number of workers on any number of machines take it.</summary>
    public static string Lanes(string taskQueue) => $"{taskQueue}-lanes";
}
