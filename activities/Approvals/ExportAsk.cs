using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows.Export;

namespace LuxHedge.Activities.Approvals;

/// <summary>What people approve of an export, and what its requester signs. The activity that writes computes both again.</summary>
public static class ExportAsk
{
    private const string Domain = "luxhedge-export-ask/1";
    private const string RequestDomain = "luxhedge-export-request/1";

    /// <summary>Lower-case hex SHA-256.</summary>
    public static string Hash(ExportSubject subject) => new Fields()
        .Text(Domain)
        .Text(subject.Asset)
        .Text(subject.BackupId)
        .Text(subject.ManifestSha256)
        .Text(subject.Machine)
        .Text(subject.Path)
        .Flag(subject.Archive)
        .Flag(subject.Gzip)
        .Sha256();

    /// <summary>Hash of what a person wants: asset, backup, store, path, archive, gzip.</summary>
    public static string HashOf(ExportRequest request) => new Fields()
        .Text(RequestDomain)
        .Text(request.Asset)
        .Text(request.BackupId)
        .Text(request.Store)
        .Text(request.Path)
        .Flag(request.Archive)
        .Flag(request.Gzip)
        .Sha256();

    public static RequestScope Scope(ExportRequest request) =>
        new(request.RunId, Workflows.WorkflowIds.Export(request.BackupId), HashOf(request));
}
