using System.Text.Json;
using LuxHedge.Benchmarks;
using LuxHedge.Benchmarks.Database;
using LuxHedge.Workflows;

IReadOnlyList<BenchmarkRow> rows;
switch (args)
{
    case [BenchmarkChild.Mode, var plan]:
        return await BenchmarkChild.ServeAsync(plan);
    case ["runbooks", .. var rest] when rest.All(o => o == "--json"):
        rows = await RunbookOverhead.MeasureAsync();
        break;
    case ["database", .. var rest] when BenchmarkOptions.Read(rest, Console.Error.WriteLine) is { } options:
        rows = await DatabaseBenchmark.MeasureAsync(options);
        break;
    case ["micro"]:
        StageBenchmarks.Run();
        return 0;
    default:
        await Console.Error.WriteLineAsync(BenchmarkOptions.Usage);
        return 2;
}

if (args.Contains("--json"))
{
    Console.WriteLine(JsonSerializer.Serialize(rows, LuxJson.Indented));
}
else
{
    foreach (var row in rows)
    {
        Console.WriteLine($"{row.Id}: {row.What}: {row.Ours} against {row.Theirs} ({row.Against}): {row.Ratio}, at most {row.Goal}: {(row.Met ? "met" : "NOT met")}");
    }
}

return rows.All(r => r.Met) ? 0 : 1;
