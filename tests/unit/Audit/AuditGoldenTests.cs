using System.Text;
using System.Text.Json;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;
using Microsoft.Extensions.Time.Testing;

namespace LuxHedge.Tests.Unit.Audit;

/// <summary>
/// The audit log as docs/format.md defines it, against links that another program made (Python's cryptography package, with the golden writer's
/// key). These files never change.
/// </summary>
public sealed class AuditGoldenTests
{
    private static readonly string Folder = Repository.Path("tests/unit/Audit/Golden");

    [Fact]
    public async Task A_chain_of_another_program_is_whole()
    {
        using var writer = CreateWriter();
        var store = new MemoryStore("s3");
        foreach (var number in new[] { 1, 2, 3 })
            store.LayOver(AuditRig.NameOf(number), Read(number));
        foreach (var file in Directory.GetFiles(Folder, "pending-*.json"))
            store.LayOver($"audit/pending/{Path.GetFileName(file)["pending-".Length..]}", File.ReadAllBytes(file));
        using var rig = new AuditRig(names: "s3");
        var plan = rig.Plan with { Writer = new WriterPlan(writer.Name, null, new Dictionary<string, string> { [writer.Name] = writer.PublicKey }) };

        var report = await new AuditVerification(plan, new([store]), new FakeTimeProvider(AuditRig.Start)).RunAsync([], default);

        Assert.Equal([AuditProblemKinds.Pending], report.Problems.Select(p => p.Kind));
        Assert.Equal(3, report.Links.Count);
        Assert.Equal("gesehen – ünïcode \"ok\"", report.Links[1].Link.Entry.Facts["reason"]);
        Assert.Equal(["nas"], report.Links[1].Link.Away);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_link_is_written_byte_for_byte_but_for_its_signature(int number)
    {
        using var writer = CreateWriter();
        var golden = Encoding.UTF8.GetString(Read(number)).Split('\n')[0];
        var link = JsonSerializer.Deserialize<AuditLink>(golden, LuxJson.Options)!;

        var written = Encoding.UTF8.GetString(SignedDocument.Write(link, writer)).Split('\n')[0];

        Assert.Equal(golden, written);
    }

    private static byte[] Read(int number) => File.ReadAllBytes(Path.Combine(Folder, $"{number:D8}.json"));

    private static WriterKey CreateWriter() =>
        WriterKey.FromPem("writer-1", File.ReadAllText(Repository.Path("tests/unit/Encryption/Golden/writer.pem")));
}
