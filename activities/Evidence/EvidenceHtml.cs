namespace LuxHedge.Activities.Evidence;

/// <summary>The report for people: one file that opens offline, made of the signed document and nothing else.</summary>
public static class EvidenceHtml
{
    public static string Write(byte[] document) => "<!doctype html>\n";
}
