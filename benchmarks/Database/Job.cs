namespace LuxHedge.Benchmarks.Database;

/// <summary>What the parent has its child do: one line of JSON on the child's standard input.</summary>
/// <param name="Kind">A method of <see cref="Workbench"/>.</param>
internal sealed record Job(string Kind)
{
    public string Asset { get; init; } = BenchmarkSite.Large;

    /// <value>Named collections; null: the whole database.</value>
    public IReadOnlyList<string>? Collections { get; init; }

    public int Connections { get; init; } = 2;

    /// <value>Documents of the collection, whose numbers make their <c>_id</c>s: where a drain cuts it.</value>
    public int Documents { get; init; }

    public string? Folder { get; init; }

    public string? Backup { get; init; }

    public int Seed { get; init; }

    /// <value>Processes whose processor time is told with each stage, after the child's own.</value>
    public IReadOnlyList<int> Watched { get; init; } = [];
}

/// <summary>What came of it: one line of JSON on the child's standard output.</summary>
/// <param name="Seconds">The time that counts.</param>
/// <param name="Bytes">Raw bytes that went through.</param>
/// <param name="Peak">Most resident memory that the child has had so far (VmHWM).</param>
/// <param name="Stages">Seconds of each part, in order; for people.</param>
internal sealed record JobResult(double Seconds, long Bytes, long Peak, IReadOnlyList<Stage> Stages)
{
    public string? Backup { get; init; }

    public string? Error { get; init; }
}

/// <param name="Cpu">Processor seconds: the child's own, and of each watched process.</param>
internal sealed record Stage(string Name, double Seconds, IReadOnlyList<double> Cpu)
{
    public override string ToString() => $"{Name} {Seconds:0.00} [{string.Join(" ", Cpu.Select(c => c.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)))}]";
}
