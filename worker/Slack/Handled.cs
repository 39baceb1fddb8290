namespace LuxHedge.Worker.Slack;

/// <summary>What became of an interaction, for the transport that brought it.</summary>
/// <param name="Kind">What the transport answers.</param>
/// <param name="Answer">Shown to the person at once, where the transport can.</param>
/// <param name="Afterwards">What is left to do once it was answered; null: nothing.</param>
public sealed record Handled(HandledKind Kind, string? Answer = null, Func<Task>? Afterwards = null)
{
    public static readonly Handled Malformed = new(HandledKind.Malformed);
    public static readonly Handled Failed = new(HandledKind.Failed);
    public static readonly Handled Taken = new(HandledKind.Taken);
}

public enum HandledKind
{
    /// <summary>It is safe with Temporal, or nothing has to become of it: acknowledged.</summary>
    Taken,

    /// <summary>It was not kept anywhere: not acknowledged, so that Slack shows the person that it did not work.</summary>
    Failed,

    /// <summary>Nothing of ours: refused, and not acknowledged either.</summary>
    Malformed,
}
