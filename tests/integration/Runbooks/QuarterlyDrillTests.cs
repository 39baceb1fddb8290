using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Xml;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Slack;
using LuxHedge.Worker.Runs;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using Temporalio.Client;

namespace LuxHedge.Tests.Integration.Runbooks;

/// <summary>The quarterly drill as on a bad day: people in Slack, a step that fails, a worker and the Temporal server that die in its middle.</summary>
public sealed class QuarterlyDrillTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "luxhedge");

    /// <summary>A dead lane is noticed after half a minute; a hang is a hang all the same.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    [Fact(Explicit = true)]
    public async Task Two_people_in_Slack_a_step_retried_a_worker_killed_and_Temporal_restarted_and_it_is_proven()
    {
        await using var slack = await FakeSlack.StartAsync();
        await using var mongo = await MongoServer.StartOwnAsync();
        await using var temporal = await TemporalServer.StartOwnAsync();
        var s3 = await S3Server.SharedAsync();
        var production = mongo.CreateDatabase("quarterly");
        await production.Database.GetCollection<BsonDocument>("users").InsertManyAsync(
            Enumerable.Range(0, 20_000).Select(i => new BsonDocument { { "_id", i }, { "name", $"user {i}" }, { "text", new string('x', 200) } }));
        await using var test = TestPlan.Create(
            p => p with
            {
                TemporalAddress = temporal.Address,
                Namespace = temporal.Namespace,
                MongoDb = mongo.ConnectionString,
                S3 = s3.Server,
                S3Bucket = S3Server.Bucket,
                S3Prefix = S3Server.NewPrefix(),
            },
            production.Name);
        var yaml = (await File.ReadAllTextAsync(test.Path)).Replace("ownKey: true", "ownKey: false", StringComparison.Ordinal)
            + slack.PlanSection(test.Folder, new Dictionary<string, string> { ["operator"] = "U0OPERATOR", ["alice"] = "U0ALICE", ["bob"] = "U0BOB" });
        await File.WriteAllTextAsync(test.Path, yaml);
        var plan = PlanLoader.Load(test.Path);
        var started = new List<Process> { Start(plan, "worker", "--grace", "0") };
        try
        {
            var backup = (await RunAsync(plan, 0, "backup", "run", SandboxPlan.Asset)).GetProperty("id").GetString()!;
            await RunAsync(plan, 0, "backups", "verify", backup, "--store", "s3", "--level", "restore");
            var run = (await RunAsync(plan, 0, "drill", "run", "quarterly", "--as", "operator", "--detach")).GetProperty("runId").GetString()!;
            var runs = await LuxClient.ConnectAsync(plan, CancellationToken.None);
            var reference = (await runs.FindAsync(run, CancellationToken.None)).Reference;

            // Somebody else holds the lock of the drill's target: the first restore fails.
            var holder = await temporal.Client.StartWorkflowAsync(
                Wire.Restore, [new { }], new WorkflowOptions(WorkflowIds.Restore($"main/{DrillDatabases.Of(run)}"), "nobody-takes-work-here"));
            var ask = await slack.WaitForMessageAsync(m => m.HasButtons);
            await slack.PressAsync("U0ALICE", ask, "approve");
            var half = await slack.WaitForMessageAsync(m => m.Ts == ask.Ts && m.Rendered.Contains("*Alice* approved", StringComparison.Ordinal));
            await slack.PressAsync("U0BOB", half, "approve");

            await UntilAsync(runs, reference, s => s.WaitingSteps is { Count: > 0 });
            await holder.TerminateAsync("the other restore is over");
            await RunAsync(plan, 0, "runs", "retry", run, "--step", "collection-loss/make", "--as", "operator", "--reason", "the target is free again");

            await UntilAsync(runs, reference, s => s.Steps.Any(t => t.Step == "database-loss/restore" && t.State == StepStates.Running));
            started[0].Kill(entireProcessTree: true);
            started.Add(Restart(temporal.Address));
            started.Add(Start(plan, "worker", "--grace", "0"));

            var summary = await RunAsync(plan, 0, "runs", "watch", run);
            Assert.Equal("Proven", summary.GetProperty("verdict").GetString());
            Assert.Equal(["alice", "bob"], summary.GetProperty("approvals").EnumerateArray().Select(a => a.GetProperty("by").GetString()).Order());
            Assert.Contains(summary.GetProperty("steps").EnumerateArray(), s =>
                s.GetProperty("id").GetString() == "collection-loss/make" && s.GetProperty("interventions").GetArrayLength() == 1);
            var rto = summary.GetProperty("rto");
            Assert.True(Span(rto, "waiting") > TimeSpan.Zero);
            Assert.True(Span(rto, "cleanup") > TimeSpan.Zero);
            Assert.True(Span(rto, "total") >= Span(rto, "machine"));
        }
        finally
        {
            foreach (var process in started)
            {
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
                process.Dispose();
            }
        }
    }

    private static TimeSpan Span(JsonElement of, string name) => XmlConvert.ToTimeSpan(of.GetProperty(name).GetString()!);

    private static async Task UntilAsync(LuxClient runs, RunReference run, Func<RunState, bool> wanted)
    {
        var clock = Stopwatch.StartNew();
        RunState? state;
        do
        {
            state = await runs.StateAsync(run, CancellationToken.None);
            Assert.True(clock.Elapsed < Patience, string.Join("; ", (state?.Steps ?? []).Select(s => $"{s.Step} {s.State} {s.Detail}")));
        }
        while (state is null || !wanted(state));
    }

    private static async Task<JsonElement> RunAsync(Plan plan, int code, params string[] arguments)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var process = Start(plan, [.. arguments, "--json"]);
        var errors = process.StandardError.ReadToEndAsync(patience.Token);
        var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == code, output + await errors);
        return JsonDocument.Parse(output).RootElement;
    }

    private static Process Start(Plan plan, params string[] arguments)
    {
        var worker = arguments[0] == "worker";
        var process = Process.Start(new ProcessStartInfo(Program, [.. arguments, "--plan", plan.Path])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Close();
        if (worker)
        {
            // Nobody reads its log: it must not wait for a reader.
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        return process;
    }

    /// <summary>The same server again, from its own command line: the same port, the same database file.</summary>
    private static Process Restart(string address)
    {
        var port = address.Split(':')[1];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) || Words(folder) is not { Length: > 2 } words
                || !words.Contains("start-dev") || Array.IndexOf(words, "--port") is not (> 0 and var at) || words[at + 1] != port)
                continue;
            using (var running = Process.GetProcessById(pid))
            {
                running.Kill();
                running.WaitForExit();
            }

            return Process.Start(new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        }

        throw new InvalidOperationException($"There is no Temporal server on port {port}.");
    }

    private static string[] Words(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
