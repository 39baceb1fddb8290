namespace LuxHedge.Workflows.Runbooks;

/// <summary>One line of a runbook as a run lists it.</summary>
/// <param name="Id">As in <see cref="RunbookStepResult.Id"/>; a loop's is <c>each/*/restore</c>, since nobody knows yet how often.</param>
/// <param name="Definition">The runbook that it is a line of: its inputs are those that the step's expressions see.</param>
/// <param name="Around">Steps that it is inside of, outermost first.</param>
public sealed record FlatStep(string Id, RunbookStep Step, RunbookDefinition Definition, IReadOnlyList<FlatStep> Around, bool IsCleanUp)
{
    /// <summary>The action's name, or <c>approve</c>, <c>manual</c>, <c>wait</c>; <c>parallel</c>, <c>for-each</c> and <c>runbook</c> for groups.</summary>
    public string Kind => Step switch
    {
        { Uses: { } action } => action,
        { Approve: not null } => "approve",
        { Manual: not null } => "manual",
        { Wait: not null } => "wait",
        { Parallel: not null } => "parallel",
        { ForEach: not null } => "for-each",
        _ => "runbook",
    };

    public bool IsGroup => Step.Parallel is not null || Step.ForEach is not null || Step.Nested is not null;
}

/// <summary>A definition laid out flat, before anything is run.</summary>
public static class RunbookSteps
{
    /// <summary>Everything that does something, in the order of the file, clean-up last; groups are left out.</summary>
    public static IReadOnlyList<FlatStep> Flat(RunbookDefinition definition) => [.. All(definition).Where(s => !s.IsGroup)];

    /// <summary>Groups too, each before what is in it.</summary>
    public static IReadOnlyList<FlatStep> All(RunbookDefinition definition) => [.. Of(definition, "", [], isCleanUp: false)];

    private static IEnumerable<FlatStep> Of(RunbookDefinition definition, string prefix, IReadOnlyList<FlatStep> around, bool isCleanUp) =>
        Of(definition.Steps, definition, prefix, around, isCleanUp).Concat(Of(definition.Cleanup, definition, prefix, around, isCleanUp: true));

    private static IEnumerable<FlatStep> Of(
        IEnumerable<RunbookStep> steps, RunbookDefinition definition, string prefix, IReadOnlyList<FlatStep> around, bool isCleanUp)
    {
        foreach (var step in steps)
        {
            var flat = new FlatStep(prefix + step.Id, step, definition, around, isCleanUp);
            yield return flat;
            var inside = step switch
            {
                { Parallel: { } together } => Of(together, definition, prefix, [.. around, flat], isCleanUp),
                { ForEach: { } loop } => Of(loop.Steps, definition, $"{prefix}{step.Id}/*/", [.. around, flat], isCleanUp),
                { Nested: { } nested } => Of(nested, $"{prefix}{step.Id}/", [.. around, flat], isCleanUp),
                _ => [],
            };
            foreach (var inner in inside)
                yield return inner;
        }
    }
}
