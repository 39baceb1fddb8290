using System.Diagnostics;
using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Benchmarks.Database;

/// <summary>
/// This program a second time, as a process of its own: it does what is measured, so that its memory is the worker's and not that of who made
/// the sample. Runs as the real worker does: the same garbage collector, the same plan file, the same activities.
/// </summary>
internal sealed class BenchmarkChild : IAsyncDisposable
{
    /// <summary>First argument of the child; the plan's path is the second.</summary>
    public const string Mode = "child";

    private readonly Process process;

    private BenchmarkChild(Process process) => this.process = process;

    public double Cpu => ProcessFacts.CpuOf(process.Id);

    public static BenchmarkChild Start(string plan)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(BenchmarkChild).Assembly.Location);
        }

        start.ArgumentList.Add(Mode);
        start.ArgumentList.Add(plan);
        return new BenchmarkChild(Process.Start(start)!);
    }

    public async Task<JobResult> RunAsync(Job job)
    {
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(job, LuxJson.Options));
        await process.StandardInput.FlushAsync();
        var line = await process.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException($"The benchmark's child ended in the middle of {job.Kind}.");
        var result = JsonSerializer.Deserialize<JobResult>(line, LuxJson.Options)!;
        return result.Error is { } error ? throw new InvalidOperationException($"{job.Kind}: {error}") : result;
    }

    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            process.Kill();
        }

        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>The child's own loop: ends with its input.</summary>
    public static async Task<int> ServeAsync(string plan)
    {
        await using var bench = new Workbench(PlanLoader.Load(plan));
        while (await Console.In.ReadLineAsync() is { Length: > 0 } line)
        {
            JobResult result;
            try
            {
                result = await bench.RunAsync(JsonSerializer.Deserialize<Job>(line, LuxJson.Options)!);
            }
            catch (Exception e) when (Environment.GetEnvironmentVariable("LUXHEDGE_BENCHMARK_TRACE") is null)
            {
                result = new JobResult(0, 0, 0, []) { Error = $"{e.GetType().Name}: {e.Message}" };
            }

            Console.WriteLine(JsonSerializer.Serialize(result with { Peak = ProcessFacts.PeakOf(Environment.ProcessId) }, LuxJson.Options));
        }

        return 0;
    }
}
