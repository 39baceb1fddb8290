using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary>What a script learns from a command without reading a word. A contract.</summary>
public static class ExitCodes
{
    /// <summary>Done, or Proven. Lists end so whatever they show.</summary>
    public const int Done = 0;

    /// <summary>Failed.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage or plan, a held lock, a refused decision.</summary>
    public const int Usage = 2;

    /// <summary>NotProven; denied, expired and aborted too.</summary>
    public const int NotProven = 3;

    /// <summary>The run could not be started or followed.</summary>
    public const int CouldNotFollow = 4;

    /// <summary>Interrupted; the run goes on in Temporal.</summary>
    public const int Interrupted = 130;

    public static int Of(Verdict verdict) => verdict switch
    {
        Verdict.Proven => Done,
        Verdict.Failed => Failed,
        _ => NotProven,
    };

    /// <param name="inRun">The error ended a run in Temporal, rather than this command: what a worker could not reach is then a failed
    /// run (1), not one that could not be followed (4).</param>
    public static int Of(string errorKind, bool inRun) => errorKind switch
    {
        ErrorKinds.Usage or ErrorKinds.Plan or ErrorKinds.Locked or ErrorKinds.RefusedDecision => Usage,
        ErrorKinds.NotApproved or ErrorKinds.Ended => NotProven,
        ErrorKinds.Integrity or ErrorKinds.Backup or ErrorKinds.Restore => Failed,
        ErrorKinds.Interrupted => Interrupted,
        _ => inRun ? Failed : CouldNotFollow,
    };
}
