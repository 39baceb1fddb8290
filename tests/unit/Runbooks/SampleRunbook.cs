using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Tests.Unit.Plans;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Runbooks;

/// <summary>A runbook with one of everything, to be changed line by line in tests, and the actions that it uses.</summary>
internal static class SampleRunbook
{
    public const string Yaml = """
        runbook: database-loss
        version: 3
        title: Complete loss of the production database
        targets: { rto: 2h, rpo: 1h }
        inputs:
          backup: { type: backup, asset: luxhedge_production, default: latest }
          pointInTime: { type: time, optional: true }
          collections: { type: list, default: [users, "2024"] }
          settle: { type: duration, default: 90s }
        steps:
          - id: declare
            approve: { by: [incident-commanders], quorum: 2, expires: 15m, reminders: [3m], escalate: [{ after: 5m, to: operator }], shows: [backup, target, "default(inputs.pointInTime, 'newest')"], for: restore }
          - id: restore
            uses: take-back
            with: { asset: luxhedge_production, backup: ${inputs.backup}, to: ${default(inputs.collections, mode.target)}, collections: ${inputs.collections}, patience: 5m, share: 0.5 }
            retry: { attempts: 3, backoff: 10s }
            timeout: 90m
            on-failure: ask
          - id: checks
            parallel:
              - id: count
                uses: look
                with: { what: "users of ${steps.restore.database}", level: presence }
              - id: ask-users
                manual:
                  do: |
                    Open the application in ${mode.database}.
                    Look at ${length(inputs.collections)} collections.
                  confirm: The application shows positions
                  by: [alice]
                  expires: 1h
          - id: settle
            wait: ${inputs.settle}
          - id: each
            for-each:
              in: inputs.collections
              as: name
              steps:
                - id: one
                  uses: look
                  with: { what: "${name}: ${steps.count.found}" }
          - id: negative-control
            when: mode == drill && steps.restore.documents > 0
            uses: look
            with: { what: planted }
            on-failure: continue
        cleanup:
          - id: drop
            uses: look
            with: { what: "${default(steps.restore.database, 'none')}" }

        """;

    public static readonly ActionCatalog Actions = new([typeof(TakeBack), typeof(Look)]);

    public static string With(string text, string by)
    {
        Assert.Contains(text, Yaml, StringComparison.Ordinal);
        return Yaml.Replace(text, by, StringComparison.Ordinal);
    }
}

[Action("take-back", "Takes a database back. Fails when it can't.", Output = typeof(Output))]
internal sealed class TakeBack : WorkflowAction<TakeBack.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "What.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "Which; latest unless said.")]
        public string? Backup { get; init; }

        [Input(InputTypes.Target, "Where to.", Required = true)]
        public string To { get; init; } = "";

        [Input(InputTypes.List, "Names.")]
        public IReadOnlyList<string>? Collections { get; init; }

        [Input(InputTypes.Duration, "How long it waits.")]
        public TimeSpan Patience { get; init; }

        [Input(InputTypes.Number, "How much.")]
        public decimal Share { get; init; } = 1;

        [Input(InputTypes.Flag, "Replace what is there.")]
        public bool Drop { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Text, "Where it is now.")]
        public string Database { get; init; } = "";

        [Input(InputTypes.Number, "How many came back.")]
        public long Documents { get; init; }

        [Input(InputTypes.List, "What was looked at.")]
        public IReadOnlyList<string> Checks { get; init; } = [];
    }

    protected override Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation) => throw new NotSupportedException();
}

[Action("look", "Looks at something.", Output = typeof(Output))]
internal sealed class Look : ActivityAction<Look.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Text, "At what.", Required = true)]
        public string What { get; init; } = "";

        [Input(InputTypes.Text, "How closely.", Values = ["presence", "integrity"])]
        public string Level { get; init; } = "presence";
    }

    public sealed record Output
    {
        [Input(InputTypes.Object, "What there is.")]
        public IReadOnlyDictionary<string, string>? Found { get; init; }
    }

    protected override Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation) => throw new NotSupportedException();
}

/// <summary>A plan and a folder of runbooks, gone after the test.</summary>
internal sealed class RunbookFolderOfTest : IDisposable
{
    private readonly PlanFolder folder = new();

    public RunbookFolderOfTest()
    {
        Plan = PlanLoader.Load(folder.Write(SamplePlan.Sandbox));
        Path = System.IO.Path.Combine(folder.Path, "runbooks");
        Directory.CreateDirectory(Path);
    }

    public Plan Plan { get; }

    public string Path { get; }

    public RunbookLoader Loader => new(Plan, Path, SampleRunbook.Actions);

    public string Write(string yaml, string name = "database-loss") => folder.Write(yaml, $"runbooks/{name}.yaml");

    public RunbookReading Read(string yaml, string name = "database-loss") => Loader.Read(Write(yaml, name));

    public void Dispose() => folder.Dispose();
}
