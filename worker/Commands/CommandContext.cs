using System.CommandLine;
using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>One invocation: what was typed, and the surroundings it is done in.</summary>
public sealed class CommandContext(Surroundings surroundings, ParseResult parsed)
{
    private Plan? plan;

    public Surroundings Surroundings { get; } = surroundings;

    public bool Json { get; } = parsed.GetValue(CommonOptions.Json);

    /// <summary>Where a person looks while the command works: with <c>--json</c> stdout is kept for the document.</summary>
    public IAnsiConsole View => Json ? Surroundings.Error : Surroundings.Out;

    public DateTimeOffset Now => Surroundings.Clock.GetUtcNow();

    /// <summary>The plan that the command line, the environment or the folder names. Refuses a wrong one with all its problems.</summary>
    public Plan Plan => plan ??= PlanLoader.Load(PlanPath);

    /// <summary>Somebody said which plan, by option or variable, rather than leaving it to be found.</summary>
    public bool NamesPlan => (parsed.GetValue(CommonOptions.Plan) ?? Surroundings.Variable(PlanLocation.Variable)) is not null;

    public string PlanPath => PlanLocation.Find(
        parsed.GetValue(CommonOptions.Plan), Surroundings.Variable(PlanLocation.Variable), Surroundings.Folder);

    /// <summary>A plan is named, or there is one to be found.</summary>
    public bool HasPlan => PlanLocation.Exists(
        parsed.GetValue(CommonOptions.Plan), Surroundings.Variable(PlanLocation.Variable), Surroundings.Folder);

    /// <summary>The same invocation as if <c>--plan</c> had named this file: the sandbox's own plan.</summary>
    public CommandContext WithPlan(string path) =>
        new(Surroundings, LuxCommandLine.Create(Surroundings).Parse(["status", CommonOptions.Plan.Name, path, .. Json ? new[] { CommonOptions.Json.Name } : []]));

    /// <summary>A path as the person means it: from the folder the command runs in.</summary>
    public string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path, Surroundings.Folder);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    /// <summary>Parsing has seen to it that one that is required is there; null for one that is not.</summary>
    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    /// <summary>A command to copy: with <c>--plan</c> in it when this one needed it, so that the line works as it stands.</summary>
    public string Line(string command) => Line(parsed, command);

    public static string Line(ParseResult parsed, string command) =>
        parsed.GetValue(CommonOptions.Plan) is { } path ? $"luxhedge {command} --plan {Quoted(path)}" : $"luxhedge {command}";

    /// <summary>Ends a command: one document for scripts, or words for a person.</summary>
    public void Answer<T>(T document, Action<IAnsiConsole> words)
    {
        if (Json)
        {
            Surroundings.Json.WriteLine(JsonSerializer.Serialize(document, LuxJson.Indented));
            Surroundings.Json.Flush();
        }
        else
        {
            words(Surroundings.Out);
        }
    }

    /// <summary>Asks before something is destroyed. Returns only on yes.</summary>
    /// <param name="yes">The command's <c>--yes</c>.</param>
    /// <param name="question">Ends in a question mark.</param>
    /// <param name="destroys">One sentence for the refusal where nobody can be asked.</param>
    public void Confirm(bool yes, string question, string destroys)
    {
        if (yes)
        {
            View.MarkupLine($"{Words.Plain(question)} [grey]yes, by --yes[/]");
            return;
        }

        if (!Surroundings.Interactive)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"{destroys} There is no terminal to ask at, so nothing was started.", "--yes", "Read what it does, then add --yes to answer.");
        }

        if (!View.Confirm(Words.Plain(question), defaultValue: false))
        {
            throw new DeclinedException();
        }
    }

    public Task<CatalogView> BackupsOfAsync(string asset, CancellationToken cancellation) => Surroundings.ReadBackups(Plan, asset, cancellation);

    /// <summary>The asset of the plan, or a refusal that names those there are.</summary>
    public AssetPlan AssetNamed(string name) => Plan.Assets.TryGetValue(name, out var asset)
        ? asset
        : throw new RefusalException(
            ErrorKinds.Usage, $"The plan has no asset '{name}'.", "ASSET", $"It has: {Words.List(Plan.Assets.Keys.Order(StringComparer.Ordinal))}.");

    private static string Quoted(string path) => path.Any(char.IsWhiteSpace) ? $"'{path}'" : path;
}
