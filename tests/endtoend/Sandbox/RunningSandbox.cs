using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace LuxHedge.Tests.EndToEnd.Sandbox;

/// <summary>The real program, <c>luxhedge sandbox</c>, as a process of its own in a folder of its own.</summary>
public sealed class RunningSandbox : IAsyncDisposable
{
    /// <summary>A machine that runs every other test meanwhile is slow; a hang is a hang all the same.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private readonly Process process;
    private readonly Task<string> output;
    private readonly Task<string> errors;

    private RunningSandbox(string folder, Process process)
    {
        Folder = folder;
        this.process = process;
        output = process.StandardOutput.ReadToEndAsync();
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The folder that <c>.sandbox</c> is in.</summary>
    public string Folder { get; }

    public int Pid => process.Id;

    public string EndpointsFile => Path.Combine(Folder, ".sandbox", "endpoints.json");

    public static RunningSandbox Start(string folder, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "luxhedge"), ["sandbox", .. arguments])
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var started = Process.Start(start)!;
        started.StandardInput.Close();
        return new RunningSandbox(folder, started);
    }

    /// <summary>Waits until <c>endpoints.json</c> is there, and reads it.</summary>
    public async Task<JsonObject> ReadyAsync()
    {
        await UntilAsync(() => File.Exists(EndpointsFile) || process.HasExited, "the sandbox to be ready");
        return process.HasExited
            ? throw new InvalidOperationException($"The sandbox ended with code {process.ExitCode}: {await errors}")
            : JsonNode.Parse(await File.ReadAllTextAsync(EndpointsFile))!.AsObject();
    }

    /// <summary>Waits for its end; answers its exit code, stdout and stderr.</summary>
    public async Task<(int Code, string Output, string Errors)> EndedAsync()
    {
        using var timeout = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(timeout.Token);
        return (process.ExitCode, await output, await errors);
    }

    public void Signal(string signal) => Signal(Pid, signal);

    public static void Signal(int pid, string signal)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{signal} {pid.ToString(CultureInfo.InvariantCulture)}"]);
        kill.WaitForExit();
    }

    /// <summary>Whole command lines of processes that name this folder: what the sandbox started names its data there.</summary>
    public IReadOnlyList<string> Left() =>
    [
        .. Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out _))
            .Select(CommandLine).Where(line => line.Contains(Folder, StringComparison.Ordinal)),
    ];

    public static bool IsRunning(int pid) => CommandLine($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}").Length > 0;

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!condition())
        {
            Assert.True(clock.Elapsed < Patience, $"waited in vain for {what}");
            await timer.WaitForNextTickAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            Signal("TERM");
            await EndedAsync();
        }

        process.Dispose();
    }

    /// <summary>Empty for a process that has ended, though its parent has not looked yet.</summary>
    private static string CommandLine(string processFolder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(processFolder, "cmdline")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
