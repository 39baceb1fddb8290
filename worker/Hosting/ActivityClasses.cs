using LuxHedge.Activities;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Worker.Hosting;

/// <summary>The classes that do what the workflows ask for: those of <c>activities/</c> that implement one of the workflows' interfaces.</summary>
public static class ActivityClasses
{
    public static readonly IReadOnlyList<Type> Interfaces =
    [
        typeof(IDatabaseBackupActivities), typeof(ICopyActivities), typeof(IVerificationActivities), typeof(IRestoreActivities), typeof(IApprovalActivities),
    ];

    public static readonly IReadOnlyList<Type> All =
    [
        .. typeof(RefusalException).Assembly.GetExportedTypes()
            .Where(t => t is { IsClass: true, IsAbstract: false } && Interfaces.Any(i => i.IsAssignableFrom(t)))
            .OrderBy(t => t.FullName, StringComparer.Ordinal),
    ];
}
