using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>One line of <c>luxhedge stores check</c>.</summary>
/// <param name="Name">What was checked, in a few words.</param>
/// <param name="Detail">What was found; for anything but Proven, what to do.</param>
public sealed record StoreCheck(string Name, Verdict Verdict, string Detail);

/// <summary>A store that can tell about its own settings: free space, versioning, locks.</summary>
public interface IInspectedStore
{
    /// <summary>What can't be asked is NotProven, never a pass.</summary>
    IAsyncEnumerable<StoreCheck> InspectAsync(CancellationToken cancellation);
}
