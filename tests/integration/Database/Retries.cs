using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Integration.Database;

/// <summary>
/// Tries a step again as Temporal does: what the worker's boundary calls final is final, and of anything else ten attempts are made, though without
/// the policy's pauses unless told.
/// </summary>
internal sealed class Retries
{
    private const int Attempts = 10;

    private readonly Lock gate = new();
    private readonly List<Exception> failures = [];

    /// <summary>Between two attempts.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>What the attempts before ended with.</summary>
    public IReadOnlyList<Exception> Failures
    {
        get
        {
            lock (gate)
                return [.. failures];
        }
    }

    public async Task<T> RunAsync<T>(Func<Task<T>> step)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await step();
            }
            catch (Exception e) when (attempt < Attempts && e is not RefusalException { MayPass: false, Report.Kind: not ErrorKinds.Fenced })
            {
                lock (gate)
                    failures.Add(e);
                await Task.Delay(Pause);
            }
        }
    }

    public Task RunAsync(Func<Task> step) => RunAsync(async () =>
    {
        await step();
        return true;
    });

    /// <summary>Every failure was told as a server that can't be reached, which passes, or a lost fence: never as the driver's own exception.</summary>
    public void AssertToldPlainly() => Assert.All(Failures, e => Assert.True(
        e is RefusalException { MayPass: true, Report.Kind: ErrorKinds.Unreachable } or RefusalException { Report.Kind: ErrorKinds.Fenced }, e.ToString()));
}
