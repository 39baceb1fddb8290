using System.Globalization;

namespace LuxHedge.Benchmarks.Database;

/// <summary>What the kernel says of a process; 0 where it says nothing.</summary>
internal static class ProcessFacts
{
    /// <summary>Of a second, in <c>/proc</c>: the same on every machine that .NET runs on.</summary>
    private const double Ticks = 100;

    /// <summary>Most resident memory so far (VmHWM), in bytes.</summary>
    public static long PeakOf(int pid)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return 0;
        }
    }

    /// <summary>Seconds of processor, in the program and in the kernel for it.</summary>
    public static double CpuOf(int? pid)
    {
        try
        {
            // After the name in brackets, which may hold anything.
            var fields = File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / Ticks;
        }
        catch (Exception e) when (e is IOException or IndexOutOfRangeException)
        {
            return 0;
        }
    }
}
