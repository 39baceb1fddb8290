using System.Text.Json;
using LuxHedge.Benchmarks;
using LuxHedge.Workflows;

if (args is not ["runbooks", .. var options] || options.Any(o => o != "--json"))
{
    await Console.Error.WriteLineAsync("Usage: dotnet run -c Release --project benchmarks -- runbooks [--json]");
    return 2;
}

var rows = await RunbookOverhead.MeasureAsync();
if (options.Contains("--json"))
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
