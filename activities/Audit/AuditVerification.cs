using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Audit;

/// <summary>
/// Verifies the audit log with a reader's rights: every link in every store, and the stores against each other. One changed bit, one link
/// removed, put in, moved or cut off is found; only a cut at the end of every store at once needs a head that was noted elsewhere, which every
/// evidence does.
/// </summary>
public sealed class AuditVerification(Plan plan, StoreSet stores, TimeProvider time)
{
    /// <summary>So long a link may be in one store only: its writer is about to copy it.</summary>
    public static readonly TimeSpan CopyGrace = TimeSpan.FromMinutes(10);

    /// <param name="known">Heads noted elsewhere, each with where.</param>
    public async Task<AuditReport> RunAsync(IReadOnlyList<(AuditHead Head, string Where)> known, CancellationToken cancellation)
    {
        var read = new List<ReadChain>();
        foreach (var name in plan.AuditStoreNames)
            read.Add(await ReadAsync(name, cancellation));
        var problems = read.ToDictionary(r => r.Store, r => r.Problems, StringComparer.Ordinal);
        foreach (var skipped in (plan.Audit ?? []).Except(plan.AuditStoreNames, StringComparer.Ordinal))
            problems[skipped] = [new(AuditProblemKinds.Unreachable, Verdict.NotProven, skipped, null, "is a store that this version can't read")];
        var usable = read.Where(r => r.Links is not null).ToList();
        Compare(usable);
        CheckHeads(usable, known);
        CheckPending(usable);
        List<AuditProblem> all = [.. problems.Values.SelectMany(p => p)];
        if (usable.Count == 0)
            all.Add(new(AuditProblemKinds.Unreachable, Verdict.NotProven, "", null, "no audit store could be read"));
        var longest = usable.MaxBy(r => r.Last);
        if (longest is { Last: 0 })
            all.Add(new(AuditProblemKinds.Missing, Verdict.NotProven, "", null, "there is no entry in the log yet"));
        return new(
            Worst(all),
            [.. problems.Select(p => Of(p.Key, p.Value, usable.Find(r => r.Store == p.Key)))],
            all,
            longest is null ? [] : [.. longest.Links!.Values.Where(l => l.Link is not null).OrderBy(l => l.Link!.Number).Select(l => new AuditedLink(l.Link!, l.Sha256))]);
    }

    private static AuditStoreReport Of(string store, IReadOnlyList<AuditProblem> problems, ReadChain? chain) => new(
        store, Worst(problems), chain?.Links?.Count ?? 0,
        chain is { Last: > 0 } && chain.Links!.TryGetValue(chain.Last, out var last) ? new(chain.Last, last.Sha256) : null, problems);

    private static Verdict Worst(IReadOnlyList<AuditProblem> problems) => problems.Count == 0 ? Verdict.Proven : problems.Max(p => p.Verdict);

    /// <summary>Reads a store's whole chain, and says what is wrong inside it.</summary>
    private async Task<ReadChain> ReadAsync(string name, CancellationToken cancellation)
    {
        var chain = new ReadChain(name);
        try
        {
            var store = stores[name];
            var versions = new List<ObjectVersion>();
            await foreach (var version in store.ListVersionsAsync(AuditNames.All, cancellation))
                versions.Add(version);
            chain.Links = [];
            foreach (var objects in versions.GroupBy(v => v.Name, StringComparer.Ordinal))
                await ReadAsync(store, chain, objects.Key, [.. objects], cancellation);
            CheckLinks(chain);
        }
        catch (Exception e) when (e is RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan } or IOException)
        {
            chain.Links = null;
            chain.Add(AuditProblemKinds.Unreachable, Verdict.NotProven, null, $"can't be read: {e.Message}");
        }

        return chain;
    }

    private async Task ReadAsync(IObjectStore store, ReadChain chain, string name, IReadOnlyList<ObjectVersion> versions, CancellationToken cancellation)
    {
        var oldest = versions.FirstOrDefault(v => !v.IsDeleteMarker);
        var number = AuditNames.NumberOf(name);
        if (number is null && !name.StartsWith(AuditNames.Pending, StringComparison.Ordinal))
        {
            chain.Add(AuditProblemKinds.Planted, Verdict.Failed, null, $"has an object {name}, which is none of the log");
            return;
        }

        if (versions.Count > 1)
            chain.Add(AuditProblemKinds.Overwritten, Verdict.Failed, number, $"{name} was written over or marked as deleted: {versions.Count} versions");
        if (oldest is null)
            return;
        var bytes = await store.ReadWholeAsync(name, cancellation, oldest.Version);
        try
        {
            if (number is { } link)
                chain.Links![link] = new(Hash(bytes), AuditChain.ReadLink(link, bytes, plan.Writer.PublicKeys));
            else
                chain.Pending.Add(SignedDocument.Read<PendingAuditEntry>(bytes, plan.Writer.PublicKeys, name, p =>
                    AuditNames.PendingOf(p.Entry.Id) == name ? null : $"is of '{p.Entry.Id}'").Value);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
        {
            if (number is { } broken)
                chain.Links![broken] = new(Hash(bytes), null);
            chain.Add(AuditProblemKinds.Changed, Verdict.Failed, number, e.Report.Message);
        }
    }

    private static void CheckLinks(ReadChain chain)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        string? previous = null;
        for (var number = 1; number <= chain.Last; number++)
        {
            if (!chain.Links!.TryGetValue(number, out var link))
            {
                chain.Add(AuditProblemKinds.Missing, Verdict.Failed, number, "the link is missing");
                previous = null;
                continue;
            }

            var follows = number == 1 || chain.Links.ContainsKey(number - 1);
            if (link.Link is { } whole)
            {
                if (follows && whole.Previous != previous)
                    chain.Add(AuditProblemKinds.BrokenLink, Verdict.Failed, number, "it does not follow the link before it: one of the two was changed, put in or moved");
                if (!seen.TryAdd(whole.Entry.Id, number))
                    chain.Add(AuditProblemKinds.Repeated, Verdict.Failed, number, $"tells again what link {seen[whole.Entry.Id]} tells");
            }

            previous = link.Sha256;
        }
    }

    /// <summary>One chain in every store: the same bytes at each number, and as far as the others.</summary>
    private void Compare(IReadOnlyList<ReadChain> chains)
    {
        if (chains.Count < 2)
            return;
        var longest = chains.MaxBy(c => c.Last)!;
        foreach (var chain in chains.Where(c => c != longest))
        {
            for (var number = 1; number <= Math.Min(chain.Last, longest.Last); number++)
            {
                if (chain.Links!.TryGetValue(number, out var here) && longest.Links!.TryGetValue(number, out var there) && here.Sha256 != there.Sha256)
                    chain.Add(AuditProblemKinds.Forked, Verdict.Failed, number, $"is another link than in {longest.Store}");
            }

            if (chain.Last < longest.Last)
                CheckEnd(chain, longest);
        }
    }

    private void CheckEnd(ReadChain chain, ReadChain longest)
    {
        var next = longest.Links!.GetValueOrDefault(chain.Last + 1)?.Link;
        var missing = $"ends at link {chain.Last}, {longest.Store} goes on to {longest.Last}";
        if (chain.Last == 0)
            chain.Add(AuditProblemKinds.Truncated, Verdict.NotProven, 1, $"has no log at all, {longest.Store} has {longest.Last} links: it is new in the plan, or was emptied");
        else if (next?.Away.Contains(chain.Store, StringComparer.Ordinal) == true)
            chain.Add(AuditProblemKinds.Truncated, Verdict.NotProven, chain.Last + 1, $"{missing}: it was away, and is caught up by the next entry");
        else if (next is not null && next.WrittenAt > time.GetUtcNow() - CopyGrace)
            chain.Add(AuditProblemKinds.Truncated, Verdict.NotProven, chain.Last + 1, $"{missing}: it is new, and may be on its way");
        else
            chain.Add(AuditProblemKinds.Truncated, Verdict.Failed, chain.Last + 1, $"{missing}: its end was cut off");
    }

    private static void CheckHeads(IReadOnlyList<ReadChain> chains, IReadOnlyList<(AuditHead Head, string Where)> known)
    {
        if (chains.MaxBy(c => c.Last) is not { } longest)
            return;
        foreach (var (head, where) in known)
        {
            if (head.Number > longest.Last)
                longest.Add(AuditProblemKinds.Truncated, Verdict.Failed, head.Number, $"ends at link {longest.Last}; {where} names link {head.Number}: its end was cut off everywhere");
            else if (longest.Links!.TryGetValue(head.Number, out var link) && link.Sha256 != head.Sha256)
                longest.Add(AuditProblemKinds.Forked, Verdict.Failed, head.Number, $"is another link than the one that {where} names");
        }
    }

    /// <summary>Entries that wait for the numbering store are no fault, and no part of the chain yet.</summary>
    private static void CheckPending(IReadOnlyList<ReadChain> chains)
    {
        var chained = chains.SelectMany(c => c.Links!.Values).Where(l => l.Link is not null).Select(l => l.Link!.Entry.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var chain in chains)
        {
            var waiting = chain.Pending.Where(p => !chained.Contains(p.Entry.Id)).ToList();
            if (waiting.Count > 0)
                chain.Add(AuditProblemKinds.Pending, Verdict.NotProven, null, $"{waiting.Count} entries wait for the store that numbers the links, since {waiting.Min(p => p.WrittenAt):u}");
        }
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private sealed record ReadLink(string Sha256, AuditLink? Link);

    private sealed class ReadChain(string store)
    {
        public string Store => store;
        public Dictionary<int, ReadLink>? Links { get; set; }
        public List<PendingAuditEntry> Pending { get; } = [];
        public List<AuditProblem> Problems { get; } = [];
        public int Last => Links is { Count: > 0 } links ? links.Keys.Max() : 0;

        public void Add(string kind, Verdict verdict, int? number, string text) => Problems.Add(new(kind, verdict, store, number, text));
    }
}

/// <summary>What <c>audit verify --json</c> shows, without the links.</summary>
/// <param name="Links">The longest chain that could be read, as far as its links can.</param>
public sealed record AuditReport(
    Verdict Verdict, IReadOnlyList<AuditStoreReport> Stores, IReadOnlyList<AuditProblem> Problems, IReadOnlyList<AuditedLink> Links);

/// <param name="Entries">Links that are there.</param>
public sealed record AuditStoreReport(string Store, Verdict Verdict, int Entries, AuditHead? Head, IReadOnlyList<AuditProblem> Problems);

/// <param name="Kind">One of <see cref="AuditProblemKinds"/>.</param>
/// <param name="Number">Of the link.</param>
public sealed record AuditProblem(string Kind, Verdict Verdict, string Store, int? Number, string Text);

public sealed record AuditedLink(AuditLink Link, string Sha256);

public static class AuditProblemKinds
{
    /// <summary>Not what its writer signed.</summary>
    public const string Changed = "changed";
    public const string Missing = "missing";
    public const string BrokenLink = "broken-link";
    /// <summary>Two different links have one number.</summary>
    public const string Forked = "forked";
    public const string Repeated = "repeated";
    public const string Truncated = "truncated";
    /// <summary>A later version or a delete marker lies over a link.</summary>
    public const string Overwritten = "overwritten";
    /// <summary>An object that the log never writes.</summary>
    public const string Planted = "planted";
    public const string Pending = "pending";
    public const string Unreachable = "unreachable";
    /// <summary>Evidence in a store that the log does not know, or the other way round.</summary>
    public const string Evidence = "evidence";
}
