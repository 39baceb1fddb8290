using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows.Audit;

namespace LuxHedge.Activities.Audit;

/// <summary>
/// One link of the chain, a signed document at <c>audit/chain/{number}.json</c> (docs/format.md, "Audit log"). It is quoted by the SHA-256 of
/// all its bytes.
/// </summary>
/// <param name="Number">From 1, without a gap.</param>
/// <param name="Previous">SHA-256 of the whole link before it; null for the first.</param>
/// <param name="Away">Audit stores that could not be reached when it was written: what they miss is no removal.</param>
public sealed record AuditLink(
    string Format, string Writer, int Number, string? Previous, DateTimeOffset WrittenAt, IReadOnlyList<string> Away, AuditEntry Entry) : ISignedContent
{
    public const string FormatName = "luxhedge-audit/1";
}

/// <summary>An entry that waits for the store that numbers the links, at <c>audit/pending/{…}.json</c> in the others.</summary>
public sealed record PendingAuditEntry(string Format, string Writer, DateTimeOffset WrittenAt, AuditEntry Entry) : ISignedContent
{
    public const string FormatName = "luxhedge-audit-pending/1";
}

/// <summary>The newest link at some moment. Who has noted one can tell later that the chain was not cut before it.</summary>
/// <param name="Sha256">Of the link's bytes.</param>
public sealed record AuditHead(int Number, string Sha256);
