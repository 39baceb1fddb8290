namespace LuxHedge.Workflows.Runbooks;

/// <summary>What a run may grow to, whatever its input says: the loader refuses such a runbook with its line, a run fails by itself.</summary>
public static class RunbookLimits
{
    /// <summary>Runbooks inside runbooks, loops and parallel groups together: deeper, nobody sees any more what happens.</summary>
    public const int Depth = 16;

    /// <summary>Steps of one run, the rounds of its loops included: what is carried from one execution to the next stays below Temporal's
    /// 2 MB.</summary>
    public const int Steps = 2_000;

    /// <summary>Rounds of one loop.</summary>
    public const int Items = 500;

    /// <summary>Characters of what a step answers to the steps after it.</summary>
    public const int Output = 32_000;

    /// <summary>Ids of Updates that are remembered, so that one that is sent again counts once.</summary>
    public const int SeenUpdates = 1_000;
}
