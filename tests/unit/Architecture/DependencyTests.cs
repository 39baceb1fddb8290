using ArchUnitNET.Loader;
using LuxHedge.Activities;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Architecture;

/// <summary>Dependencies run one way: worker → activities → workflows, and inside activities from the higher folder to the lower.</summary>
public sealed class DependencyTests
{
    private const string Workflows = "LuxHedge.Workflows";
    private const string Activities = "LuxHedge.Activities";
    private const string Worker = "LuxHedge.Worker";

    /// <summary>What each folder of activities/ may know, besides the contracts in workflows/. A new folder is placed here first.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new(StringComparer.Ordinal)
    {
        ["Plans"] = [],
        ["Stores"] = ["Plans"],
        ["Encryption"] = ["Plans"],
        ["Notifications"] = ["Plans"],
        ["Approvals"] = ["Plans", "Stores", "Encryption"],
        ["Catalog"] = ["Plans", "Stores", "Encryption", "Approvals"],
        ["Database"] = ["Plans", "Stores", "Encryption", "Catalog", "Approvals", "Audit"],
        ["Atlas"] = ["Plans", "Database"],
        ["Audit"] = ["Plans", "Stores", "Encryption"],
        ["Evidence"] = ["Plans", "Stores", "Encryption", "Catalog", "Approvals", "Audit", "Database"],
        ["Runbooks"] = ["Plans", "Stores", "Encryption", "Catalog", "Approvals", "Database", "Audit", "Evidence", "Atlas"],
        ["Schedules"] = ["Plans", "Stores", "Encryption", "Catalog", "Approvals", "Database", "Audit", "Evidence", "Runbooks", "Atlas"],
    };

    /// <summary>Beyond BannedSymbols.txt: whole worlds that workflow code, and the records on the wire, have no business with.</summary>
    private static readonly string[] ForeignToWorkflows =
    [
        "System.IO.", "System.Net.", "System.Security.Cryptography.", "System.Diagnostics.Process", "System.Threading.Thread", "System.Threading.Timer",
        "MongoDB.", "Amazon.", "Serilog.", "YamlDotNet.", "ZstdSharp.", "Spectre.", "Temporalio.Client.", "Temporalio.Worker.",
    ];

    private static readonly ArchUnitNET.Domain.Architecture All = new ArchLoader()
        .LoadAssemblies(typeof(LuxJson).Assembly, typeof(RefusalException).Assembly, typeof(CommandContext).Assembly)
        .Build();

    [Fact]
    public void Workflows_know_neither_activities_nor_the_worker() =>
        Assert.DoesNotContain(
            Dependencies(Workflows), d => d.To.StartsWith(Activities, StringComparison.Ordinal) || d.To.StartsWith(Worker, StringComparison.Ordinal));

    [Fact]
    public void Activities_do_not_know_the_worker() =>
        Assert.DoesNotContain(Dependencies(Activities), d => d.To.StartsWith(Worker, StringComparison.Ordinal));

    [Fact]
    public void Workflows_do_no_input_or_output_and_no_cryptography() =>
        Assert.DoesNotContain(Dependencies(Workflows), d => ForeignToWorkflows.Any(f => d.To.StartsWith(f, StringComparison.Ordinal)));

    [Fact]
    public void Folders_of_activities_know_only_lower_ones()
    {
        var wrong = from d in Dependencies(Activities)
                    let here = Folder(d.From)
                    let there = Folder(d.To)
                    where here is not null && there is not null && here != there && !MayKnow.GetValueOrDefault(here, []).Contains(there, StringComparer.Ordinal)
                    select $"{d.From} ({here}) knows {d.To} ({there})";

        Assert.Empty(wrong.Distinct());
    }

    [Fact]
    public void Every_folder_of_activities_has_its_place_and_its_namespace()
    {
        var folders = Directory.EnumerateDirectories(Repository.Path("activities")).Select(f => Path.GetFileName(f)).Where(f => f is not ("bin" or "obj"));
        Assert.Empty(folders.Except(MayKnow.Keys, StringComparer.Ordinal));

        var strays = from file in Repository.Files("*.cs", "activities")
                     let expected = string.Join('.', ["LuxHedge", "Activities", .. file.Split('/')[1..^1]])
                     where !File.ReadLines(Repository.Path(file)).Contains($"namespace {expected};", StringComparer.Ordinal)
                     select $"{file} is not in namespace {expected}";
        Assert.Empty(strays);
    }

    private static IEnumerable<(string From, string To)> Dependencies(string root) =>
        from type in All.Types
        where type.FullName.StartsWith(root + ".", StringComparison.Ordinal)
        from dependency in type.Dependencies
        select (type.FullName, dependency.Target.FullName);

    private static string? Folder(string fullName) =>
        fullName.StartsWith(Activities + ".", StringComparison.Ordinal) && fullName.Split('.', '+', '/', '`') is [_, _, var folder, _, ..] ? folder : null;
}
