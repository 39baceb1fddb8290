using System.Net;
using Serilog.Events;

namespace LuxHedge.Worker.Hosting;

/// <summary>How one worker process runs; what it does is in the plan.</summary>
public sealed record WorkerHostOptions
{
    /// <value>Lines for people, or JSON for machines. Default: what <c>LUXHEDGE_LOG</c> says, else lines.</value>
    public LogFormat Log { get; init; } = Logs.Format(null);

    public LogEventLevel LogLevel { get; init; } = LogEventLevel.Information;

    /// <value>Where logs go. Default: stderr.</value>
    public TextWriter? LogOutput { get; init; }

    /// <value>
    /// How many activities that move bytes run at once here. Default: two for each processor, and at least one for each database of the
    /// plan and four more: each running backup keeps one place for its oplog's tail until its lanes are through, and lanes must find places
    /// besides.
    /// </value>
    public int? Lanes { get; init; }

    /// <value>How long activities may go on after a stop was asked for, before they are cancelled and left to another worker. Default: 5
    /// s.</value>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <value>How long an unreachable Temporal is tried for at the start. Default: for ever.</value>
    public TimeSpan? ConnectFor { get; init; }

    /// <value>Address such as <c>127.0.0.1:9464</c> where Prometheus finds Temporal's metrics. Default: none.</value>
    public string? Metrics { get; init; }

    /// <value>Where HTTP is listened to: <c>/slack/interactions</c>, <c>/slack/commands</c>, <c>/health</c>. Default: nowhere.</value>
    public IPEndPoint? Listen { get; init; }

    /// <value>Called with the address once it listens.</value>
    public Action<Uri>? Listening { get; init; }

    /// <value>Called once both workers take work.</value>
    public Action? Ready { get; init; }
}
