using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;
using Serilog;

namespace LuxHedge.Activities.Audit;

/// <summary>
/// Appends to the hash-chained log (docs/format.md, "Audit log"). One store numbers the links, the first of the plan's audit stores: a put of a
/// number that is taken fails, so that two writers never fork the chain; who comes second takes the next number. The others get the same bytes;
/// one that was away is caught up by whoever appends next. While the numbering store itself is away, entries wait in the others.
/// </summary>
public sealed class AuditLog : IDisposable
{
    /// <summary>As many other writers may come first, one after another, before this one gives up and is retried.</summary>
    private const int MostRounds = 100;

    /// <summary>How far the clocks of workers may be apart when an act is looked for that was appended already.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromHours(24);

    private readonly WriterKey writer;
    private readonly IReadOnlyDictionary<string, string> publicKeys;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly IReadOnlyList<AuditChain> chains;
    private readonly SemaphoreSlim gate = new(1, 1);
    private readonly HashSet<string> chained = new(StringComparer.Ordinal);

    public AuditLog(Plan plan, StoreSet stores, WriterKey writer, TimeProvider time, ILogger log)
    {
        (this.writer, this.time, this.log) = (writer, time, log.ForContext<AuditLog>());
        publicKeys = plan.Writer.PublicKeys;
        chains = [.. plan.AuditStoreNames.Where(stores.Names.Contains).Select(name => new AuditChain(name, stores, publicKeys))];
    }

    /// <summary>
    /// Appends the entries that are not there yet, in this order, and answers where each stands. Safe to repeat, and from any number of
    /// workers at once. Throws <see cref="RefusalException"/> (<c>unreachable</c>) when no audit store takes them.
    /// </summary>
    public async Task<AuditAppended> AppendAsync(IReadOnlyList<AuditEntry> entries, CancellationToken cancellation)
    {
        if (chains.Count == 0)
            throw new RefusalException(ErrorKinds.Plan, "The plan has no store for the audit log that this version can write.", "audit.stores");
        await gate.WaitAsync(cancellation);
        try
        {
            var view = await LookAsync(cancellation);
            return view.Lasts.ContainsKey(chains[0].Store)
                ? await ChainAsync(view, entries, cancellation)
                : await PendAsync(view, entries, cancellation);
        }
        finally
        {
            gate.Release();
        }
    }

    public void Dispose() => gate.Dispose();

    private async Task<AuditAppended> ChainAsync(View view, IReadOnlyList<AuditEntry> entries, CancellationToken cancellation)
    {
        var head = await CatchUpFirstAsync(view, cancellation);
        foreach (var waiting in await WaitingAsync(view, cancellation))
            (head, _) = await ChainAsync(waiting, head, view.Away, cancellation);
        var hashes = new List<string>();
        foreach (var entry in entries)
        {
            (head, var hash) = await ChainAsync(entry, head, view.Away, cancellation);
            hashes.Add(hash);
        }

        var notes = new List<string>(view.Away.Select(s => $"{s} is away"));
        foreach (var chain in chains.Skip(1).Where(c => view.Lasts.ContainsKey(c.Store)))
        {
            try
            {
                await CopyAsync(chains[0], chain, view.Lasts[chain.Store], head?.Number ?? 0, cancellation);
            }
            catch (Exception e) when (IsAway(e))
            {
                notes.Add($"{chain.Store} is away");
                log.Warning("The audit log could not be copied to {Store}: {Why}", chain.Store, e.Message);
            }
        }

        return new(hashes, head, notes);
    }

    /// <summary>One entry at the end of the chain of the numbering store, unless it is there already.</summary>
    private async Task<(AuditHead Head, string Hash)> ChainAsync(AuditEntry entry, AuditHead? head, IReadOnlyList<string> away, CancellationToken cancellation)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            if (await FindAsync(entry, head, cancellation) is { } there)
                return (head!, there);
            var number = (head?.Number ?? 0) + 1;
            var link = new AuditLink(AuditLink.FormatName, writer.Name, number, head?.Sha256, Milliseconds(time.GetUtcNow()), away, entry);
            var bytes = SignedDocument.Write(link, writer);
            var hash = Hash(bytes);
            if ((await chains[0].PutAsync(number, bytes, cancellation)).Sha256 == hash)
                return (new(number, hash), hash);
            head = await HeadAsync(chains[0], cancellation);
        }

        throw new RefusalException(
            ErrorKinds.Unreachable, "The audit log is written by so many at once that no number was free.", AuditNames.Chain)
        { MayPass = true };
    }

    /// <summary>The hash of the link that has this entry. An act is not appended before it was done, so older links need no look.</summary>
    private async Task<string?> FindAsync(AuditEntry entry, AuditHead? head, CancellationToken cancellation)
    {
        for (var number = head?.Number ?? 0; number > 0; number--)
        {
            KeptLink link;
            try
            {
                link = await chains[0].ReadAsync(number, cancellation);
            }
            catch (ObjectMissingException)
            {
                continue;
            }

            if (link.Link?.Entry.Id == entry.Id)
                return link.Sha256;
            if (link.Link is { } older && older.WrittenAt < entry.At - ClockTolerance)
                break;
        }

        return null;
    }

    /// <summary>What another store has beyond the numbering one goes there first: else its next number would be a second one of its
    /// kind.</summary>
    private async Task<AuditHead?> CatchUpFirstAsync(View view, CancellationToken cancellation)
    {
        var head = await HeadAsync(chains[0], cancellation);
        foreach (var chain in chains.Skip(1).Where(c => view.Lasts.GetValueOrDefault(c.Store) > (head?.Number ?? 0)))
        {
            await CopyAsync(chain, chains[0], head?.Number ?? 0, view.Lasts[chain.Store], cancellation);
            head = await HeadAsync(chains[0], cancellation);
        }

        return head;
    }

    /// <summary>Copies links as they are, as far as they go on from what is there.</summary>
    private async Task CopyAsync(AuditChain from, AuditChain to, int after, int until, CancellationToken cancellation)
    {
        var previous = after > 0 ? (await to.ReadAsync(after, cancellation)).Sha256 : null;
        for (var number = after + 1; number <= until; number++)
        {
            byte[] bytes;
            try
            {
                bytes = await from.Objects.ReadOldestAsync(AuditNames.Link(number), cancellation);
            }
            catch (ObjectMissingException)
            {
                log.Warning("The audit log in {Store} has no link {Number}; verify it: luxhedge audit verify", from.Store, number);
                return;
            }

            var link = await from.ReadAsync(number, cancellation);
            if (link.Link is null || link.Link.Previous != previous)
            {
                log.Warning("Link {Number} of the audit log in {Store} does not continue that in {To}: luxhedge audit verify", number, from.Store, to.Store);
                return;
            }

            await to.PutAsync(number, bytes, cancellation);
            previous = link.Sha256;
        }
    }

    /// <summary>Entries that were put aside while the numbering store was away, and are in no link yet.</summary>
    private async Task<IReadOnlyList<AuditEntry>> WaitingAsync(View view, CancellationToken cancellation)
    {
        var waiting = new SortedDictionary<string, PendingAuditEntry>(StringComparer.Ordinal);
        foreach (var chain in chains.Where(c => view.Lasts.ContainsKey(c.Store)))
        {
            try
            {
                await foreach (var stored in chain.Objects.ListAsync(AuditNames.Pending, cancellation))
                {
                    if (!chained.Contains(stored.Name) && !waiting.ContainsKey(stored.Name)
                        && await ReadPendingAsync(chain.Objects, stored.Name, cancellation) is { } pending)
                        waiting[stored.Name] = pending;
                }
            }
            catch (Exception e) when (IsAway(e) && chain != chains[0])
            {
                log.Warning("Entries of the audit log that wait in {Store} can't be read: {Why}", chain.Store, e.Message);
            }
        }

        chained.UnionWith(waiting.Keys);
        return [.. waiting.Values.OrderBy(p => p.WrittenAt).Select(p => p.Entry)];
    }

    private async Task<PendingAuditEntry?> ReadPendingAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            return SignedDocument.Read<PendingAuditEntry>(
                await store.ReadOldestAsync(name, cancellation), publicKeys, name,
                p => AuditNames.PendingOf(p.Entry.Id) == name ? null : $"is of '{p.Entry.Id}'").Value;
        }
        catch (Exception e) when (e is ObjectMissingException or RefusalException { Report.Kind: ErrorKinds.Integrity })
        {
            log.Warning("{Name} in {Store} is no waiting entry of the audit log: {Why}", name, store.Name, e.Message);
            return null;
        }
    }

    private async Task<AuditAppended> PendAsync(View view, IReadOnlyList<AuditEntry> entries, CancellationToken cancellation)
    {
        var hashes = new List<string>();
        var kept = false;
        foreach (var entry in entries)
        {
            var pending = new PendingAuditEntry(PendingAuditEntry.FormatName, writer.Name, Milliseconds(time.GetUtcNow()), entry);
            var bytes = SignedDocument.Write(pending, writer);
            hashes.Add(Hash(bytes));
            kept = false;
            foreach (var chain in chains.Where(c => view.Lasts.ContainsKey(c.Store)))
            {
                try
                {
                    await chain.Objects.PutIfAbsentAsync(AuditNames.PendingOf(entry.Id), bytes, cancellation);
                    kept = true;
                }
                catch (Exception e) when (IsAway(e))
                {
                    log.Warning("The audit log could not be written to {Store}: {Why}", chain.Store, e.Message);
                }
            }

            if (!kept)
                break;
        }

        return kept || entries.Count == 0
            ? new(hashes, null, [$"{chains[0].Store}, which numbers the audit log, is away: the entries wait in the other stores"])
            : throw new RefusalException(
                ErrorKinds.Unreachable, $"No audit store can be reached: {string.Join(", ", chains.Select(c => c.Store))}.", AuditNames.All,
                "Check the stores: luxhedge stores check.")
            { MayPass = true };
    }

    /// <summary>How far each store is, and which ones are away.</summary>
    private async Task<View> LookAsync(CancellationToken cancellation)
    {
        var lasts = new Dictionary<string, int>(StringComparer.Ordinal);
        var away = new List<string>();
        foreach (var chain in chains)
        {
            try
            {
                lasts[chain.Store] = await chain.LastAsync(cancellation);
            }
            catch (Exception e) when (IsAway(e))
            {
                away.Add(chain.Store);
                log.Warning("The audit store {Store} can't be reached: {Why}", chain.Store, e.Message);
            }
        }

        return new(lasts, away);
    }

    private static async Task<AuditHead?> HeadAsync(AuditChain chain, CancellationToken cancellation)
    {
        var last = await chain.LastAsync(cancellation);
        return last == 0 ? null : new(last, (await chain.ReadAsync(last, cancellation)).Sha256);
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static bool IsAway(Exception e) => e is RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan } or IOException;

    private static DateTimeOffset Milliseconds(DateTimeOffset moment) => DateTimeOffset.FromUnixTimeMilliseconds(moment.ToUnixTimeMilliseconds());

    private sealed record View(IReadOnlyDictionary<string, int> Lasts, IReadOnlyList<string> Away);
}

/// <param name="Hashes">Of the link of each entry; of the waiting document while the numbering store is away.</param>
/// <param name="Head">Null while the numbering store is away.</param>
/// <param name="Notes">Stores that have it not yet.</param>
public sealed record AuditAppended(IReadOnlyList<string> Hashes, AuditHead? Head, IReadOnlyList<string> Notes);
