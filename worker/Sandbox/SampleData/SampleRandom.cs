namespace LuxHedge.Worker.Sandbox.SampleData;

/// <summary>Numbers that are the same on every machine and runtime for ever: SplitMix64. For sample data only, never for keys.</summary>
/// <param name="seed">One for each collection: each is then independent of what the others draw.</param>
internal sealed class SampleRandom(ulong seed)
{
    private ulong state = seed;

    public ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to below <paramref name="bound"/>.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>True in one of so many draws.</summary>
    public bool OneIn(int draws) => Below(draws) == 0;

    public T Of<T>(ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    /// <summary>Cents from <paramref name="from"/> to <paramref name="to"/> units of currency, as money is: a decimal with two places.</summary>
    public decimal Money(int from, int to) => from + (Below((to - from) * 100) / 100m);

    public void Fill(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)Next();
        }
    }
}
