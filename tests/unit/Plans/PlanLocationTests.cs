using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class PlanLocationTests : IDisposable
{
    private readonly PlanFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_option_wins_over_the_variable_and_the_variable_over_the_folder()
    {
        var option = folder.Write("", "option.yaml");
        var variable = folder.Write("", "variable.yaml");
        var here = folder.Write("");

        Assert.Equal(option, PlanLocation.Find("option.yaml", "variable.yaml", folder.Path));
        Assert.Equal(variable, PlanLocation.Find(null, "variable.yaml", folder.Path));
        Assert.Equal(here, PlanLocation.Find(null, "", folder.Path));
    }

    [Fact]
    public void Without_a_word_it_is_looked_for_upward()
    {
        var plan = folder.Write("");
        var deep = Directory.CreateDirectory(Path.Combine(folder.Path, "a", "b")).FullName;

        Assert.Equal(plan, PlanLocation.Find(null, null, deep));
    }

    [Fact]
    public void What_is_named_and_not_there_is_refused_and_nothing_else_is_taken()
    {
        folder.Write("");

        var refusal = Assert.Throws<RefusalException>(() => PlanLocation.Find("other.yaml", null, folder.Path)).Report;
        Assert.Equal(ErrorKinds.Plan, refusal.Kind);
        Assert.Equal(Path.Combine(folder.Path, "other.yaml"), refusal.Where);
        Assert.Contains("LUXHEDGE_PLAN", Assert.Throws<RefusalException>(() => PlanLocation.Find(null, "gone.yaml", folder.Path)).Report.Message);
    }
}
