using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>An open question as each approver sees it before deciding.</summary>
public static class AskView
{
    public static void Write(IAnsiConsole console, Ask ask, RunState state, DateTimeOffset now)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        foreach (var shown in ask.Shows)
        {
            grid.AddRow($"[grey]{Words.Plain(shown.Label)}[/]", Words.Plain(shown.Value));
        }

        grid.AddRow("[grey]asked by[/]", $"{Words.Plain(ask.RequestedBy)}, {Amounts.Time(ask.AskedAt)}");
        var policy = ask.Policy.Length > 0 ? ask.Policy : Words.List(ask.By, "anybody of the plan");
        grid.AddRow("[grey]policy[/]", Words.Plain($"{policy}{(ask.OwnKey ? ", own key" : "")}: {RunTexts.WhoAndUntil(ask, state, now)}"));
        foreach (var decision in state.Decisions.Where(d => d.Nonce == ask.Nonce))
        {
            grid.AddRow("[grey]decided[/]", Words.Plain($"{decision.Kind}{(decision.BreakGlass ? " by break-glass" : "")} by {decision.Person}{(decision.Reason.Length > 0 ? ": " + decision.Reason : "")}"));
        }

        grid.AddRow("[grey]hash[/]", Words.Plain(ask.Hash));
        console.Write(new Panel(grid).Header($"[yellow bold] {Words.Plain(state.RunId)} asks: {Words.Plain(ask.Step)} [/]").BorderColor(Color.Yellow));
    }
}
