using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <param name="Name">For people and for <c>endpoints.json</c>.</param>
/// <param name="LogFile">Where its output goes; appended to.</param>
/// <param name="Environment">Added to the process's own. Secrets go here or into files, never into arguments.</param>
public sealed record ServerLaunch(
    string Name, string File, IReadOnlyList<string> Arguments, string WorkingDirectory, string LogFile, IReadOnlyDictionary<string, string>? Environment = null);

/// <summary>
/// A process that ends with this one. It leads a session and process group of its own, so that Ctrl-C at the terminal reaches only this
/// program, which then ends it and everything it started; should this program be killed outright, the kernel sends it SIGTERM
/// (<c>setpriv --pdeathsig</c>, where there is one). Its output goes into a file by itself, without passing through this program.
/// </summary>
public sealed class ServerProcess : IAsyncDisposable
{
    /// <summary>How long a server may take to end by itself before it is killed. Its data is thrown away, so nothing hangs on it.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private int disposed;
    private const int SigTerm = 15;
    private const int SigKill = 9;
    private const int SigContinue = 18;

    private static readonly ConcurrentDictionary<ServerProcess, bool> Running = new();
    private static readonly string? Setsid = FindProgram("setsid");
    private static readonly string? Setpriv = FindProgram("setpriv");

    private readonly Process process;

    static ServerProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var left in Running.Keys)
        {
            left.Signal(SigKill);
        }
    };

    private ServerProcess(ServerLaunch launch, Process process)
    {
        Launch = launch;
        this.process = process;
    }

    public ServerLaunch Launch { get; }

    /// <summary>Also the id of its process group where <c>setsid</c> is found.</summary>
    public int Pid => process.Id;

    public bool HasExited => process.HasExited;

    public Task Exited => process.WaitForExitAsync();

    public static ServerProcess Start(ServerLaunch launch)
    {
        Directory.CreateDirectory(launch.WorkingDirectory);
        List<string> command = [];
        if (Setpriv is not null)
        {
            command.AddRange([Setpriv, "--pdeathsig", "TERM", "--"]);
        }

        if (Setsid is not null)
        {
            command.Add(Setsid);
        }

        command.Add(launch.File);
        // $0 is the log file; exec keeps the process id through every step.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", launch.LogFile, .. command, .. launch.Arguments])
        {
            WorkingDirectory = launch.WorkingDirectory,
            UseShellExecute = false,
        };
        foreach (var (name, value) in launch.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var started = new ServerProcess(launch, StartFromKeeper(start));
        Running[started] = true;
        return started;
    }

    /// <summary>Waits until <paramref name="ready"/> answers true. Throws <see cref="RefusalException"/> with the log's end when the server ends
    /// first or the time is over.</summary>
    public async Task WaitUntilReadyAsync(Func<CancellationToken, Task<bool>> ready, TimeSpan timeout, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (!await AnswersAsync(ready, cancellation))
        {
            if (HasExited || clock.Elapsed > timeout)
            {
                throw HasExited ? Ended() : Refused($"was not ready after {timeout.TotalSeconds:0} s");
            }

            await Task.Delay(50, cancellation);
        }
    }

    /// <summary>What to say of a process that has ended though it should not have.</summary>
    public RefusalException Ended() => Refused($"ended with code {process.ExitCode}");

    private RefusalException Refused(string why) =>
        new(ErrorKinds.Unreachable, $"{Launch.Name} {why}: {LogEnd()}", Launch.LogFile, "Its log says why.");

    /// <summary>Not ready yet looks different on each server: refused connections, errors, wrong answers. All of them mean no.</summary>
    private static async Task<bool> AnswersAsync(Func<CancellationToken, Task<bool>> ready, CancellationToken cancellation)
    {
        try
        {
            return await ready(cancellation);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Ends it with everything it started. SIGTERM first; SIGKILL after <paramref name="grace"/> (<see cref="Grace"/> unless told).</summary>
    public async Task StopAsync(TimeSpan? grace = null)
    {
        if (!process.HasExited)
        {
            Signal(SigTerm);
            Signal(SigContinue);
            using var timeout = new CancellationTokenSource(grace ?? Grace);
            try
            {
                await process.WaitForExitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                // Killed below.
            }
        }

        Kill();
        await process.WaitForExitAsync();
    }

    /// <summary><c>kill -9</c>, for it and for everything it started.</summary>
    public void Kill()
    {
        Signal(SigKill);
        Running.TryRemove(this, out _);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        await StopAsync();
        process.Dispose();
    }

    /// <summary>Kills the group of a process that an earlier run of this program started.</summary>
    public static void KillGroup(int pid) => _ = SendSignal(Setsid is null ? pid : -pid, SigKill);

    /// <summary>Sends a signal to the whole group, also after its leader has ended: what it started may still run.</summary>
    private void Signal(int signal)
    {
        if (Setsid is not null)
        {
            _ = SendSignal(-Pid, signal);
        }
        else if (signal == SigKill && !process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
        else if (!process.HasExited)
        {
            _ = SendSignal(Pid, signal);
        }
    }

    private string LogEnd()
    {
        try
        {
            return string.Join(" | ", File.ReadLines(Launch.LogFile).TakeLast(3));
        }
        catch (IOException)
        {
            return "no log";
        }
    }

    private static string? FindProgram(string name) =>
        File.Exists($"/usr/bin/{name}") ? $"/usr/bin/{name}" : File.Exists($"/bin/{name}") ? $"/bin/{name}" : null;

    /// <summary>
    /// The kernel sends the parent-death signal when the *thread* that started the child ends, and pool threads come and go: all children
    /// are started from one thread that lives as long as this program.
    /// </summary>
    private static Process StartFromKeeper(ProcessStartInfo start)
    {
        var result = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Keeper.Value.Add(() =>
        {
            try
            {
                result.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        return result.Task.GetAwaiter().GetResult();
    }

    private static readonly Lazy<BlockingCollection<Action>> Keeper = new(() =>
    {
        var work = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in work.GetConsumingEnumerable())
            {
                action();
            }
        })
        { IsBackground = true, Name = "server keeper" }.Start();
        return work;
    });

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int pid, int signal);
}
