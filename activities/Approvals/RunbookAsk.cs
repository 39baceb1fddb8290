using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Approvals;

/// <summary>What people decide at a step of a runbook that is no restore over production: that text, in that mode, with those inputs, that
/// step, and what they were shown.</summary>
public static class RunbookAsk
{
    private const string Domain = "luxhedge-runbook-ask/1";

    /// <summary>Lower-case hex SHA-256.</summary>
    /// <param name="kind">One of <see cref="AskKinds"/>.</param>
    public static string Hash(RunbookClaim run, string step, string kind, string title, IReadOnlyList<Shown> shows) => new Fields()
        .Text(Domain)
        .Text(run.Sha256)
        .Text(RequestSigner.Mode(run.Mode))
        .Text(run.Asset)
        .Text(CanonicalJson.Sha256(run.Inputs))
        .Text(step)
        .Text(kind)
        .Text(title)
        .Items(shows, (f, s) => f.Text(s.Label).Text(s.Value))
        .Sha256();
}
