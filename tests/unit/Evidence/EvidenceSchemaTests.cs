using System.Text;
using LuxHedge.Activities.Evidence;
using LuxHedge.Workflows;
using NJsonSchema;

namespace LuxHedge.Tests.Unit.Evidence;

/// <summary>The schema file is made of the records that are written. To write it again after a change of one:
/// <c>LUXHEDGE_WRITE_SCHEMA=1 dotnet test --project tests/unit</c>.</summary>
public sealed class EvidenceSchemaTests
{
    private static readonly string SchemaFile = Repository.Path("docs/evidence.schema.json");

    [Fact]
    public void The_schema_file_is_what_is_written()
    {
        if (Environment.GetEnvironmentVariable("LUXHEDGE_WRITE_SCHEMA") == "1")
            File.WriteAllText(SchemaFile, EvidenceSchema.Write());

        Assert.Equal(EvidenceSchema.Write(), File.ReadAllText(SchemaFile));
    }

    [Fact]
    public async Task Evidence_follows_the_schema_and_what_is_not_evidence_does_not()
    {
        using var run = new SampleRun();
        var schema = await JsonSchema.FromJsonAsync(EvidenceSchema.Write());

        foreach (var verdict in Enum.GetValues<Verdict>())
            Assert.Empty(schema.Validate(Line(run.Sign(run.Create(verdict)))));
        var text = Line(run.Sign(run.Create()));
        Assert.NotEmpty(schema.Validate(text.Replace("\"writtenAt\"", "\"writtenWhen\"", StringComparison.Ordinal)));
        Assert.NotEmpty(schema.Validate(text.Replace("luxhedge-evidence/1", "luxhedge-evidence/0", StringComparison.Ordinal)));
        Assert.NotEmpty(schema.Validate(text.Replace("\"verdict\":\"Proven\"", "\"verdict\":\"Fine\"", StringComparison.Ordinal)));
    }

    private static string Line(byte[] document) => Encoding.UTF8.GetString(document).Split('\n')[0];
}
