using System.CommandLine;
using System.Text.Json;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>A command that does something. Whatever it throws is told by <see cref="CommandFailures"/>, in one way for all.</summary>
public abstract class OperatorCommand : Command
{
    private readonly Surroundings surroundings;

    protected OperatorCommand(Surroundings surroundings, string name, string description)
        : base(name, description)
    {
        this.surroundings = surroundings;
        SetAction(InvokeAsync);
    }

    /// <summary>Whole command lines, the commonest first, each with what it is for. Shown by <c>--help</c>.</summary>
    public IReadOnlyList<(string Line, string Does)> Examples { get; protected init; } = [];

    /// <summary>What the exit codes mean for this command, where <c>--help</c> should say more than the general table.</summary>
    public string? ExitCodesInWords { get; protected init; }

    protected abstract Task<int> RunAsync(CommandContext context, CancellationToken cancellation);

    private async Task<int> InvokeAsync(ParseResult parsed, CancellationToken cancellation)
    {
        try
        {
            return await RunAsync(new CommandContext(surroundings, parsed), cancellation);
        }
        catch (Exception e)
        {
            return Tell(surroundings, parsed.GetValue(CommonOptions.Json), e, command => CommandContext.Line(parsed, command));
        }
    }

    /// <summary>Writes an error where it belongs and answers the exit code.</summary>
    public static int Tell(Surroundings surroundings, bool json, Exception exception, Func<string, string> line)
    {
        var (report, exitCode) = CommandFailures.Explain(exception, line);
        // A server's own words may quote what it was sent.
        report = SecretMasker.Shared.Apply(report);
        if (json)
        {
            surroundings.Json.WriteLine(JsonSerializer.Serialize(new ErrorDocument(ErrorDetail.Of(report)), LuxJson.Indented));
            surroundings.Json.Flush();
        }
        else
        {
            ErrorView.Write(surroundings.Error, report);
        }

        if (surroundings.Variable("LUXHEDGE_DEBUG") is not null)
        {
            surroundings.Error.WriteLine(SecretMasker.Shared.Apply(exception.ToString()));
        }

        return exitCode;
    }

    private sealed record ErrorDocument(ErrorDetail Error);

    /// <summary>The shape is a contract: every property is there, and <c>problems</c> is a list even when it is empty.</summary>
    private sealed record ErrorDetail(string Kind, string Message, string? Where, string? Hint, IReadOnlyList<Problem> Problems)
    {
        public static ErrorDetail Of(ErrorReport report) => new(report.Kind, report.Message, report.Where, report.Hint, report.Problems ?? []);
    }
}
