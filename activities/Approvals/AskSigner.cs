using System.Globalization;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// A worker signs each ask that it makes, so that its time, its people and its words are the worker's: an ask that opens a later tier early,
/// or shows something else than what its hash is over, can't be made by whoever controls a workflow's input.
/// </summary>
public static class AskSigner
{
    private const string Domain = "luxhedge-ask/1";

    public static Ask Sign(WriterKey writer, Ask ask)
    {
        var named = ask with { Writer = writer.Name };
        return named with { Signature = writer.Sign(SignedBytes(named)) };
    }

    /// <summary>Why no worker of this plan made this ask, or null.</summary>
    public static string? ProblemOf(Plan plan, Ask ask)
    {
        try
        {
            if (!plan.Writer.PublicKeys.TryGetValue(ask.Writer, out var publicKey))
            {
                return $"the ask is signed by '{ask.Writer}', who is no writer of the plan";
            }

            using var key = EllipticSignature.PublicKey(publicKey, $"the writer '{ask.Writer}'");
            return EllipticSignature.Verify(key, SignedBytes(ask), ask.Signature) ? null : "the ask is not as a worker signed it";
        }
        catch (ArgumentException)
        {
            return "the ask holds text that is no Unicode";
        }
        catch (RefusalException e)
        {
            return e.Report.Message;
        }
    }

    /// <summary>The bytes that are signed; docs/format.md has a vector.</summary>
    internal static byte[] SignedBytes(Ask ask) => new Fields()
        .Text(Domain)
        .Text(ask.Namespace)
        .Text(ask.RunId)
        .Text(ask.Step)
        .Text(ask.Kind)
        .Text(ask.Nonce)
        .Text(ask.Hash)
        .Text(ask.Policy)
        .Names(ask.By)
        .Names(ask.Approvers)
        .Text(ask.RequestedBy)
        .Text(Number(ask.Quorum))
        .Text(Number(ask.DenyThreshold))
        .Flag(ask.OwnKey)
        .Time(ask.AskedAt)
        .Time(ask.Until)
        .Items(ask.Tiers, (f, t) => f.Time(t.From).Text(t.To).Names(t.People))
        .Items(ask.Reminders, (f, r) => f.Time(r))
        .Names(ask.BreakGlass?.People)
        .Text(ask.BreakGlass is { } glass ? Number(glass.Quorum) : null)
        .Flag(ask.OutOfHours)
        .Text(ask.Title)
        .Items(ask.Shows, (f, s) => f.Text(s.Label).Text(s.Value))
        .Text(ask.Writer)
        .ToArray();

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
