using System.Diagnostics;

namespace LuxHedge.Benchmarks.Database;

/// <summary>Other tools, where they are on PATH.</summary>
internal static class Programs
{
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>How long it ran; throws when it fails.</summary>
    public static async Task<JobResult> RunAsync(string program, IEnumerable<string> arguments)
    {
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var output = process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        await output;
        return process.ExitCode == 0
            ? new JobResult(clock.Elapsed.TotalSeconds, 0, 0, [])
            : throw new InvalidOperationException($"{Path.GetFileName(program)} ended with {process.ExitCode}.");
    }
}
