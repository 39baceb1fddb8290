using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookRig;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookStepTests;

namespace LuxHedge.Tests.Workflow.Runbooks;

public sealed class RunbookIsolationTests
{
    public static TheoryData<string, int> Everywhere
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var kind in new[] { "uses", "approve", "manual", "wait", "parallel", "for-each", "cleanup" })
            {
                foreach (var level in new[] { 0, 1, 3 })
                    data.Add(kind, level);
            }

            return data;
        }
    }

    /// <summary>Each kind of step, at the top and in runbooks inside runbooks.</summary>
    [Theory]
    [MemberData(nameof(Everywhere))]
    public async Task A_drill_refuses_production_before_every_kind_of_step_at_every_level(string kind, int level)
    {
        await using var rig = await CreateAsync();
        var bad = With(("to", "main/luxhedge_production"));
        var step = kind switch
        {
            "approve" => Approve("bad") with { With = bad },
            "manual" => Confirm("bad") with { With = bad },
            "wait" => Wait("bad", "PT1M") with { With = bad },
            "parallel" => Parallel("group", Act("bad") with { With = bad, OnFailure = OnFailure.Ask }),
            "for-each" => new RunbookStep("each") { ForEach = new("steps.list.targets", "target", [Act("bad") with { With = With(("to", "${target}")) }]) },
            _ => Act("bad") with { With = bad, OnFailure = OnFailure.Continue, Retry = new(3, TimeSpan.FromSeconds(1)) },
        };
        rig.On("list", (_, _) => Outcome(new { targets = new[] { "production" } }));
        var definition = kind == "cleanup" ? Define() with { Cleanup = [step] } : Define(Act("list", "list"), step, Act("after"));
        for (var i = 0; i < level; i++)
            definition = Define(Nested($"level-{i}", definition) with { OnFailure = OnFailure.Continue });

        var summary = await rig.RunAsync(definition, RunMode.Drill);

        Assert.Equal(Verdict.Failed, summary.Verdict);
        var refused = Assert.Single(summary.Steps, s => s.Id.EndsWith("bad", StringComparison.Ordinal));
        Assert.Contains("A drill never reaches production", refused.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(rig.Ran, r => r.EndsWith("bad", StringComparison.Ordinal) || r.EndsWith("after", StringComparison.Ordinal));
        Assert.Empty(rig.Asked);
    }

    [Fact]
    public async Task An_input_of_the_runbook_that_is_a_target_is_refused_before_the_first_step()
    {
        await using var rig = await CreateAsync();
        var definition = Define(Act("one")) with { Inputs = [new("into", InputTypes.Target, false, Json("production"))] };

        var summary = await rig.RunAsync(definition, RunMode.Drill);

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Empty(rig.Ran);
    }

    [Fact]
    public async Task A_drill_makes_no_users()
    {
        await using var rig = await CreateAsync();
        var step = Act("restore", "restore-database") with { With = With(("to", "${mode.target}"), ("users", true)) };

        var summary = await rig.RunAsync(Define(step), RunMode.Drill);

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Contains("they would outlive its database", Assert.Single(summary.Steps).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_the_real_event_production_is_the_target()
    {
        await using var rig = await CreateAsync();

        var summary = await rig.RunAsync(Define(Act("one") with { With = With(("to", "${mode.target}")) }));

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal("production", summary.Target);
    }
}
