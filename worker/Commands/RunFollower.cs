using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using Spectre.Console;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Commands;

/// <summary>
/// Watches a run to its end: bars on a terminal, plain lines elsewhere. It asks Temporal how the run stands and a worker what its steps
/// are; a Temporal that is away for a moment is waited for.
/// </summary>
public sealed class RunFollower(CommandContext context, IRuns runs)
{
    /// <summary>How long Temporal may be away before the command gives up following. A restart of a server takes less.</summary>
    public static readonly TimeSpan PatienceWithTemporal = TimeSpan.FromMinutes(1);

    /// <summary>Between two looks on a terminal: fast enough for a bar, slow enough for the server.</summary>
    public static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two looks where only lines are written.</summary>
    public static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, RunLines> told = [];

    /// <summary>Follows to the result.</summary>
    /// <exception cref="RunFailedException">The run ended without one.</exception>
    /// <exception cref="StoppedFollowingException">Ctrl-C: the run goes on.</exception>
    public async Task<T> FollowAsync<T>(RunRow run, CancellationToken cancellation)
    {
        await WatchAsync(run, _ => false, cancellation);
        try
        {
            return await runs.ResultAsync<T>(run.Reference, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new StoppedFollowingException(run.Reference);
        }
    }

    /// <summary>Watches until the run is closed or looks as it is waited for.</summary>
    /// <exception cref="StoppedFollowingException">Ctrl-C: the run goes on.</exception>
    public async Task<RunWatch> WatchAsync(RunRow run, Func<RunWatch, bool> until, CancellationToken cancellation)
    {
        var watch = new RunWatch(run, context.Surroundings.Clock);
        try
        {
            var console = context.View;
            if (console.Profile.Capabilities.Interactive && console.Profile.Out.IsTerminal)
            {
                await WatchLiveAsync(console, watch, until, cancellation);
            }
            else
            {
                await WatchInLinesAsync(console, watch, until, cancellation);
            }

            return watch;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new StoppedFollowingException(run.Reference);
        }
    }

    private async Task WatchLiveAsync(IAnsiConsole console, RunWatch watch, Func<RunWatch, bool> until, CancellationToken cancellation)
    {
        var view = new LiveRunView(watch.Run, context);
        await console.Live(view.Render(watch)).AutoClear(false).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
        {
            await foreach (var _ in LooksAsync(watch, until, Glance, cancellation))
            {
                live.UpdateTarget(view.Render(watch));
            }

            live.UpdateTarget(view.Render(watch));
        });
    }

    private async Task WatchInLinesAsync(IAnsiConsole console, RunWatch watch, Func<RunWatch, bool> until, CancellationToken cancellation)
    {
        // Watched again, as after a question, a run goes on where its lines ended.
        if (!told.TryGetValue(watch.Run.RunId, out var lines))
        {
            told[watch.Run.RunId] = lines = new RunLines(watch.Run, context);
            foreach (var line in lines.First(watch))
            {
                console.WriteLine(line);
            }
        }

        await foreach (var _ in LooksAsync(watch, until, Look, cancellation))
        {
            foreach (var line in lines.Next(watch))
            {
                console.WriteLine(line);
            }
        }
    }

    /// <summary>Yields after every look at the run; ends after the look that found it closed, or as it was waited for.</summary>
    private async IAsyncEnumerable<RunWatch> LooksAsync(
        RunWatch watch, Func<RunWatch, bool> until, TimeSpan every, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        DateTimeOffset? awaySince = null;
        while (true)
        {
            try
            {
                watch.Note(await runs.LookAsync(watch.Run.Reference, cancellation));
                awaySince = null;
                watch.Away = null;
            }
            catch (Exception e) when (e is RpcException { Code: RpcException.StatusCode.Unavailable or RpcException.StatusCode.DeadlineExceeded }
                or RefusalException { Report.Kind: Workflows.ErrorKinds.Unreachable })
            {
                awaySince ??= context.Now;
                if (context.Now - awaySince > PatienceWithTemporal)
                {
                    throw;
                }

                watch.Away = e.Message;
            }

            yield return watch;
            if (watch.Closed || until(watch))
            {
                yield break;
            }

            await Task.Delay(every, context.Surroundings.Clock, cancellation);
        }
    }
}
