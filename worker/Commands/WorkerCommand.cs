using System.CommandLine;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Slack;

namespace LuxHedge.Worker.Commands;

/// <summary><c>worker</c>: takes work until it is asked to stop. Logs go to stderr; stdout stays empty.</summary>
public sealed class WorkerCommand : OperatorCommand
{
    private static readonly Option<LogFormat?> Log = new("--log") { Description = "How logs look: text for people, json for machines. Else LUXHEDGE_LOG, else text.", HelpName = "text|json" };
    private static readonly Option<int?> Lanes = new("--lanes") { Description = "How many activities that move bytes run at once here. Else two for each processor.", HelpName = "N" };
    private static readonly Option<int> Grace = new("--grace")
    {
        Description = "Seconds that activities may go on after Ctrl-C, before they are left to another worker.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 5,
    };

    private static readonly Option<string?> Metrics = new("--metrics") { Description = "Where Prometheus finds Temporal's metrics, as 127.0.0.1:9464. Else nowhere.", HelpName = "ADDRESS" };

    private static readonly Option<string?> Listen = new("--listen") { Description = "Where Slack's interactions and commands, and /health, are listened to, as 127.0.0.1:8080. Else nowhere.", HelpName = "ADDRESS" };

    public WorkerCommand(Surroundings surroundings)
        : base(surroundings, "worker", "Take work from the plan's task queue until Ctrl-C. Any number of workers on any number of machines share it.")
    {
        Lanes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1)
            {
                result.AddError("--lanes is 1 or more.");
            }
        });
        Grace.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 3600)
            {
                result.AddError("--grace is 0 to 3600 seconds.");
            }
        });
        Listen.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && HttpListener.Parse(text) is null)
            {
                result.AddError("--listen is an address of this machine and a port, as 127.0.0.1:8080, localhost:8080 or *:8080.");
            }
        });
        foreach (var option in new Option[] { Log, Lanes, Grace, Metrics, Listen })
        {
            Add(option);
        }

        Examples = [("luxhedge worker --plan /etc/luxhedge/luxhedge.yaml", "run it where the plan's secrets are; it waits for a Temporal that is not up yet"),
            ("luxhedge worker --listen 127.0.0.1:8080", "take Slack's clicks over HTTP too, behind a proxy with TLS; /health says how it is")];
        ExitCodesInWords = "0 stopped as asked; 2 the plan is refused";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var options = new WorkerHostOptions
        {
            Log = context.Get(Log) ?? Logs.Format(context.Surroundings.Variable(Logs.Variable)),
            Lanes = context.Get(Lanes),
            Grace = TimeSpan.FromSeconds(context.Get(Grace)),
            Metrics = context.Get(Metrics),
            Listen = context.Get(Listen) is { } listen ? HttpListener.Parse(listen) : null,
        };
        try
        {
            await WorkerHost.RunAsync(context.Plan, options, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Asked to stop before it had started.
        }

        return ExitCodes.Done;
    }
}
