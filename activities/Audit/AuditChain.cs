using System.Collections.Concurrent;
using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;

namespace LuxHedge.Activities.Audit;

/// <summary>The chain as it lies in one store. Links never change, so what was read once is kept: who appends reads only what is new.</summary>
internal sealed class AuditChain(string name, StoreSet stores, IReadOnlyDictionary<string, string> publicKeys)
{
    private readonly ConcurrentDictionary<int, KeptLink> kept = new();
    private int known;

    public string Store => name;

    /// <summary>Made on use: a store whose secret is missing is away, like one that does not answer.</summary>
    public IObjectStore Objects => stores[name];

    /// <summary>Number of the newest link, or 0. A name under which there was ever anything counts: a delete marker frees no number.</summary>
    public async Task<int> LastAsync(CancellationToken cancellation)
    {
        var last = known;
        // The first look lists everything; later ones only from the hundred that the newest was in.
        for (var block = last / AuditNames.Block; ; block++)
        {
            var full = false;
            await foreach (var version in Objects.ListVersionsAsync(known == 0 ? AuditNames.Chain : AuditNames.BlockPrefix(block), cancellation))
            {
                if (!version.IsDeleteMarker && AuditNames.NumberOf(version.Name) is { } number)
                {
                    last = Math.Max(last, number);
                    full |= number % AuditNames.Block == AuditNames.Block - 1;
                }
            }

            if (known == 0 || !full)
                break;
        }

        return known = last;
    }

    /// <summary>The oldest version of a link, whatever it is worth. Throws <see cref="ObjectMissingException"/> for a gap.</summary>
    public async Task<KeptLink> ReadAsync(int number, CancellationToken cancellation)
    {
        if (kept.TryGetValue(number, out var link))
            return link;
        var bytes = await Objects.ReadOldestAsync(AuditNames.Link(number), cancellation);
        return kept[number] = Judge(number, bytes);
    }

    /// <summary>Puts a link if its number is free. Answers what stands there afterwards: this one, or another writer's.</summary>
    public async Task<KeptLink> PutAsync(int number, byte[] bytes, CancellationToken cancellation)
    {
        await Objects.PutIfAbsentAsync(AuditNames.Link(number), bytes, cancellation);
        kept.TryRemove(number, out _);
        // Also after Created: in a bucket with versions a delete marker lets a second one through, and the first is the one that counts.
        var stored = await ReadAsync(number, cancellation);
        known = Math.Max(known, number);
        return stored;
    }

    private KeptLink Judge(int number, byte[] bytes)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        try
        {
            return new(bytes.Length, hash, ReadLink(number, bytes, publicKeys), null);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
        {
            return new(bytes.Length, hash, null, e.Report.Message);
        }
    }

    /// <summary>Throws <see cref="RefusalException"/> (<c>integrity</c>).</summary>
    public static AuditLink ReadLink(int number, byte[] bytes, IReadOnlyDictionary<string, string> publicKeys) =>
        SignedDocument.Read<AuditLink>(bytes, publicKeys, AuditNames.Link(number), link =>
            link.Format != AuditLink.FormatName ? $"its format is '{link.Format}'"
            : link.Number != number ? $"it is link {link.Number}"
            : null).Value;
}

/// <summary>What is kept of a link that was read.</summary>
/// <param name="Link">Null where it is none: see <paramref name="Problem"/>.</param>
internal sealed record KeptLink(int Length, string Sha256, AuditLink? Link, string? Problem);
