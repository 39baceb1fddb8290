using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Catalog;

/// <summary>
/// What backups there are, read from the stores themselves: there is no database of ours that could disagree with them. Every manifest and
/// record is read from its oldest version, its signature checked against the plan's public keys, and asset, id and store inside must be
/// those of the path. What fails that is a problem of the answer and is not used; a store that can't be read is unknown. Needs no private
/// key and no KMS. Thread-safe.
/// </summary>
public sealed class BackupCatalog(Plan plan, StoreSet stores, TimeProvider clock)
{
    /// <summary>Small reads at once from one store.</summary>
    private const int ReadsAtOnce = 8;

    /// <summary>All backups of an asset, over all its stores.</summary>
    /// <exception cref="RefusalException"><c>usage</c>: the plan has no such asset.</exception>
    public Task<CatalogView> ListAsync(string asset, CancellationToken cancellation) => ReadAsync(asset, null, StoresOf(asset), cancellation);

    /// <summary>One backup, by a read of its own folders only.</summary>
    /// <returns><see cref="CatalogView.Find"/> of the id answers it, or null.</returns>
    public Task<CatalogView> LookAsync(string asset, string id, CancellationToken cancellation) => ReadAsync(asset, id, StoresOf(asset), cancellation);

    /// <summary>The backup of that id; its asset is in the id.</summary>
    /// <exception cref="RefusalException"><c>usage</c>: no store has it; <c>unreachable</c>: no store that answered has it, and one did not
    /// answer; <c>integrity</c>: its manifest is there, and is not what a writer of the plan wrote.</exception>
    public async Task<CatalogBackup> FindAsync(string id, CancellationToken cancellation)
    {
        if (!BackupIds.TryParse(id, out _, out var asset) || !plan.Assets.ContainsKey(asset))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"There is no backup '{id}'.", id, "`luxhedge backups list` shows the ids, like 20261123T020000Z-luxhedge_production-7f3a.");
        }

        var view = await LookAsync(asset, id, cancellation);
        return view.Find(id) ?? throw NotFound(view, id);
    }

    /// <summary>The manifest of one store, checked.</summary>
    /// <exception cref="ObjectMissingException">It is not there.</exception>
    /// <exception cref="RefusalException"><c>integrity</c>, <c>unreachable</c>.</exception>
    public Task<Signed<Manifest>> ReadManifestAsync(string store, string asset, string id, CancellationToken cancellation) =>
        ReadSignedAsync<Manifest>(stores[store], ObjectNames.Manifest(asset, id), m => Problem(m, asset, id), cancellation);

    /// <summary><c>objects.json</c> as the manifest names it, in the version with that hash.</summary>
    /// <exception cref="RefusalException"><c>integrity</c>, <c>unreachable</c>.</exception>
    public async Task<ObjectList> ReadObjectsAsync(string store, Manifest manifest, CancellationToken cancellation)
    {
        var name = ObjectNames.Objects(manifest.Asset, manifest.Id);
        if (manifest.Objects.Name != name)
            throw new RefusalException(ErrorKinds.Integrity, $"The manifest of {manifest.Id} names '{manifest.Objects.Name}' as its list of objects.", name);
        byte[] bytes;
        try
        {
            bytes = await stores[store].ReadByHashAsync(name, manifest.Objects.Size, manifest.Objects.Sha256, cancellation);
        }
        catch (ObjectMissingException e)
        {
            throw new RefusalException(ErrorKinds.Integrity, $"'{name}' is missing in store '{store}'.", name, null, e);
        }

        return ObjectLists.Read(bytes, manifest);
    }

    internal IReadOnlyList<string> StoresOf(string asset) =>
        plan.Assets.TryGetValue(asset, out var found)
            ? found.Stores
            : throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{asset}'.", asset, $"It has: {string.Join(", ", plan.Assets.Keys)}.");

    private static RefusalException NotFound(CatalogView view, string id)
    {
        if (view.Problems.FirstOrDefault(p => p.Object == ObjectNames.Manifest(view.Asset, id)) is { } bad)
            return new RefusalException(ErrorKinds.Integrity, $"Backup {id} can't be used: {bad.Text}", $"{bad.Store}: {bad.Object}");
        if (view.Unknown.Count > 0)
        {
            return new RefusalException(
                ErrorKinds.Unreachable,
                $"No store that answered has a backup {id}, and not every store did: {string.Join("; ", view.Unknown.Select(u => u.Why))}",
                string.Join(", ", view.Unknown.Select(u => u.Store)));
        }

        return view.Unsealed.Contains(id)
            ? new RefusalException(ErrorKinds.Usage, $"Backup {id} was never sealed: it has no manifest.", id, "It is under way, or its run failed.")
            : new RefusalException(ErrorKinds.Usage, $"There is no backup '{id}'.", id, "`luxhedge backups list` shows the ids.");
    }

    private async Task<CatalogView> ReadAsync(string asset, string? id, IReadOnlyList<string> names, CancellationToken cancellation)
    {
        var shelves = await Task.WhenAll(names.Select(n => ReadShelfAsync(n, asset, id, cancellation)));
        var problems = shelves.SelectMany(s => s.Problems).ToList();
        var now = clock.GetUtcNow();
        var backups = new List<CatalogBackup>();
        foreach (var one in shelves.SelectMany(s => s.Manifests.Keys).Distinct().Order(StringComparer.Ordinal))
        {
            // The first store in the plan's order is where backups are written; a copy that says otherwise is the one in doubt.
            var copies = shelves.Where(s => s.Manifests.ContainsKey(one)).ToList();
            var first = copies[0].Manifests[one];
            foreach (var other in copies.Where(c => c.Manifests[one].Sha256 != first.Sha256))
            {
                problems.Add(new CatalogProblem(
                    other.Store, ObjectNames.Manifest(asset, one), $"is another manifest than the one in '{copies[0].Store}', though signed; it was not used"));
            }

            var records = shelves.SelectMany(s => s.Records).Where(r => r.Record.Backup == one)
                .OrderBy(r => r.Record.At).ThenBy(r => r.Name, StringComparer.Ordinal).ToList();
            foreach (var shelf in shelves.Where(s => s.Why is null && !s.Manifests.ContainsKey(one) && !s.BadManifests.Contains(one)))
            {
                if (records.Exists(r => r.Store == shelf.Store && r.Record.Kind is RecordKinds.Copied or RecordKinds.Verified))
                    problems.Add(new CatalogProblem(shelf.Store, ObjectNames.Manifest(asset, one), "is missing: records say that the backup was copied there"));
            }

            backups.Add(BackupStanding.Judge(
                first.Value, first.Sha256, [.. copies.Where(c => c.Manifests[one].Sha256 == first.Sha256).Select(c => c.Store)], records, now,
                decision => BackupAcceptance.ProblemOf(plan, asset, one, first.Sha256, decision)));
        }

        return new CatalogView(asset, backups, problems, [.. shelves.Where(s => s.Why is not null).Select(s => new UnknownStore(s.Store, s.Why!))])
        {
            Unsealed = [.. shelves.SelectMany(s => s.Folders).Distinct().Except(backups.Select(b => b.Id)).Order(StringComparer.Ordinal)],
        };
    }

    private async Task<Shelf> ReadShelfAsync(string storeName, string asset, string? id, CancellationToken cancellation)
    {
        var shelf = new Shelf(storeName);
        try
        {
            var store = stores[storeName];
            var below = id is null ? ObjectNames.Backups(asset) : ObjectNames.Backup(asset, id);
            var manifests = new List<ObjectVersion>();
            await foreach (var version in store.ListVersionsAsync(below, cancellation))
            {
                var rest = version.Name[ObjectNames.Backups(asset).Length..];
                var folder = rest.Split('/', 2)[0];
                shelf.Folders.Add(folder);
                if (rest == $"{folder}/manifest.json")
                    manifests.Add(version);
            }

            var recordsBelow = id is null ? $"{asset}/records/" : ObjectNames.Records(asset, id);
            var records = new List<ObjectVersion>();
            await foreach (var version in store.ListVersionsAsync(recordsBelow, cancellation))
                records.Add(version);

            await ReadEachAsync<Manifest>(shelf, store, manifests, name => FolderOf(name, ObjectNames.Backups(asset)),
                (m, folder, _) => Problem(m, asset, folder),
                (_, folder, read) => shelf.Manifests[folder] = read, cancellation);
            foreach (var folder in manifests.Select(m => FolderOf(m.Name, ObjectNames.Backups(asset))).Where(f => !shelf.Manifests.ContainsKey(f)))
                shelf.BadManifests.Add(folder);
            await ReadEachAsync<BackupRecord>(shelf, store, records, name => FolderOf(name, $"{asset}/records/"),
                (r, folder, name) => Problem(r, asset, folder, storeName, name),
                (name, _, read) => shelf.Records.Add(new StoredRecord(storeName, name, read.Value)), cancellation);
        }
        catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Unreachable or ErrorKinds.Plan)
        {
            return new Shelf(storeName) { Why = $"{e.Report.Message} {e.Report.Hint}".TrimEnd() };
        }
        catch (IOException e)
        {
            return new Shelf(storeName) { Why = $"Store '{storeName}' can't be read: {e.Message}" };
        }

        return shelf;
    }

    /// <summary>Reads the oldest version of each name; what else lies under it, and what does not verify, becomes a problem.</summary>
    private async Task ReadEachAsync<T>(
        Shelf shelf, IObjectStore store, List<ObjectVersion> versions, Func<string, string> folderOf, Func<T, string, string, string?> problem,
        Action<string, string, Signed<T>> take, CancellationToken cancellation)
    {
        var gate = new Lock();
        await Parallel.ForEachAsync(
            versions.GroupBy(v => v.Name, StringComparer.Ordinal),
            new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = cancellation },
            async (ofName, token) =>
            {
                var name = ofName.Key;
                var folder = folderOf(name);
                var oldest = ofName.FirstOrDefault(v => !v.IsDeleteMarker);
                Signed<T>? read = null;
                CatalogProblem? found = ofName.Count() > 1 ? new(shelf.Store, name, OtherVersions(ofName)) : null;
                CatalogProblem? bad = null;
                try
                {
                    if (oldest is not null)
                    {
                        var bytes = await store.ReadWholeAsync(name, token, oldest.Version);
                        read = SignedDocument.Read<T>(bytes, plan.Writer.PublicKeys, name, value => problem(value, folder, name));
                    }
                }
                catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
                {
                    bad = new CatalogProblem(shelf.Store, name, e.Report.Message);
                }
                catch (ObjectMissingException)
                {
                    // Deleted since it was listed.
                }

                lock (gate)
                {
                    if (found is not null)
                        shelf.Problems.Add(found);
                    if (bad is not null)
                        shelf.Problems.Add(bad);
                    if (read is not null)
                        take(name, folder, read);
                }
            });
    }

    /// <summary>What lies over the version that counts, for a person.</summary>
    /// <param name="used">Which version is read all the same.</param>
    internal static string OtherVersions(IEnumerable<ObjectVersion> versions, string used = "the oldest version is used")
    {
        var all = versions.ToList();
        var markers = all.Count(v => v.IsDeleteMarker);
        var over = all.Count - markers - 1;
        return string.Join(" and ", new[]
        {
            over > 0 ? $"{over} newer version{(over > 1 ? "s were" : " was")} laid over it" : "",
            markers > 0 ? "a delete marker was laid over it" : "",
        }.Where(t => t.Length > 0)) + $"; {used}";
    }

    private async Task<Signed<T>> ReadSignedAsync<T>(IObjectStore store, string name, Func<T, string?> problem, CancellationToken cancellation) =>
        SignedDocument.Read(await store.ReadOldestAsync(name, cancellation), plan.Writer.PublicKeys, name, problem);

    private static string FolderOf(string name, string below) => name[below.Length..].Split('/', 2)[0];

    internal static string? Problem(Manifest manifest, string asset, string id) =>
        manifest.Format != Manifest.FormatName ? $"its format is '{manifest.Format}', not {Manifest.FormatName}"
        : manifest.Asset != asset ? $"it is of asset '{manifest.Asset}'"
        : manifest.Id != id ? $"it is of backup {manifest.Id}"
        : null;

    private static string? Problem(BackupRecord record, string asset, string id, string store, string name) =>
        record.Format != BackupRecord.FormatName ? $"its format is '{record.Format}', not {BackupRecord.FormatName}"
        : record.Asset != asset ? $"it is of asset '{record.Asset}'"
        : record.Backup != id ? $"it is of backup {record.Backup}"
        // Without this, a copy's good record could be laid beside a bad copy by anyone who can write there.
        : record.Store != store ? $"it is of store '{record.Store}'"
        : !name.StartsWith(ObjectNames.Record(asset, id, record.At, record.Kind, store, "")[..^".json".Length], StringComparison.Ordinal)
            ? "its name says another kind or time"
        : null;

    /// <summary>What one store holds of an asset.</summary>
    private sealed class Shelf(string store)
    {
        public string Store { get; } = store;
        public string? Why { get; init; }
        public HashSet<string> Folders { get; } = new(StringComparer.Ordinal);
        public Dictionary<string, Signed<Manifest>> Manifests { get; } = new(StringComparer.Ordinal);
        public HashSet<string> BadManifests { get; } = new(StringComparer.Ordinal);
        public List<StoredRecord> Records { get; } = [];
        public List<CatalogProblem> Problems { get; } = [];
    }
}
