using System.Globalization;
using LuxHedge.Benchmarks.Database;

namespace LuxHedge.Benchmarks;

/// <summary>What the command line of <c>database</c> says.</summary>
internal static class BenchmarkOptions
{
    public const string Usage = """
        Usage: dotnet run -c Release --project benchmarks -- runbooks [--json]
               dotnet run -c Release --project benchmarks -- database [--size 1GiB] [--json] [--only ID]... [--mongodb CONNECTION]
               dotnet run -c Release --project benchmarks -- micro
        """;

    /// <summary>Null where it is no such command line; then the reason is told.</summary>
    public static DatabaseOptions? Read(IReadOnlyList<string> arguments, Action<string> tell)
    {
        var (size, only, mongoDb) = (1L << 30, new List<string>(), (string?)null);
        for (var i = 0; i < arguments.Count; i++)
        {
            var value = i + 1 < arguments.Count ? arguments[i + 1] : null;
            switch (arguments[i])
            {
                case "--json":
                    continue;
                case "--size" when value is not null && TrySize(value, out size):
                case "--mongodb" when (mongoDb = value) is not null:
                    break;
                case "--only" when value is not null && DatabaseBenchmark.Ids.Contains(value):
                    only.Add(value);
                    break;
                case "--only":
                    tell($"--only is one of {string.Join(", ", DatabaseBenchmark.Ids)}.");
                    return null;
                default:
                    tell($"'{arguments[i]}' is no option, or its value is none.");
                    return null;
            }

            i++;
        }

        return new DatabaseOptions(size, only, mongoDb);
    }

    /// <summary>Such as <c>1GiB</c> or <c>256MiB</c>.</summary>
    private static bool TrySize(string text, out long bytes)
    {
        var unit = text.EndsWith("GiB", StringComparison.Ordinal) ? 30 : text.EndsWith("MiB", StringComparison.Ordinal) ? 20 : 0;
        bytes = 0;
        if (unit == 0 || !double.TryParse(text[..^3], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number <= 0)
        {
            return false;
        }

        bytes = (long)(number * (1L << unit));
        return true;
    }
}
