using LuxHedge.Workflows.Runs;

namespace LuxHedge.Workflows.Verification;

/// <summary>What a step that failed says about a copy.</summary>
internal static class Verifications
{
    /// <summary>Bytes that are wrong, and a restore that can't be right, are Failed; everything else was not checked, and is
    /// NotProven.</summary>
    public static Verdict Of(ErrorReport report) =>
        report.Kind is ErrorKinds.Integrity or ErrorKinds.Restore or ErrorKinds.Backup ? Verdict.Failed : Verdict.NotProven;

    public static StoreVerification NotDone(string store, Exception failure)
    {
        var report = Failures.ToReport(failure);
        return new(store, Of(report), [new(report.Where ?? store, report.Message)]);
    }
}
