using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Catalog;

/// <summary>The key objects of one data key in one store, as bytes: to copy and to verify. <see cref="KeyRing"/> opens them.</summary>
/// <param name="Good">Those that verify, read from their oldest version, in order of their numbers.</param>
/// <param name="Problems">Planted or altered ones, and what was laid over good ones.</param>
internal sealed record KeyObjects(IReadOnlyList<(string Name, byte[] Bytes)> Good, IReadOnlyList<ObjectProblem> Problems)
{
    public static async Task<KeyObjects> ReadAsync(
        IObjectStore store, string asset, string keyId, IReadOnlyDictionary<string, string> publicKeys, CancellationToken cancellation)
    {
        var good = new SortedDictionary<int, (string, byte[])>();
        var problems = new List<ObjectProblem>();
        var byName = new Dictionary<string, List<ObjectVersion>>(StringComparer.Ordinal);
        await foreach (var version in store.ListVersionsAsync(ObjectNames.Keys(asset, keyId), cancellation))
        {
            if (!byName.TryGetValue(version.Name, out var versions))
                byName[version.Name] = versions = [];
            versions.Add(version);
        }

        foreach (var (name, versions) in byName)
        {
            if (versions.Count > 1)
                problems.Add(new(name, BackupCatalog.OtherVersions(versions)));
            if (KeyObject.NumberOf(name, asset, keyId) is not { } number)
            {
                problems.Add(new(name, "is no key object: somebody put it there"));
                continue;
            }

            if (versions.Find(v => !v.IsDeleteMarker) is not { } oldest)
                continue;
            try
            {
                var bytes = await store.ReadWholeAsync(name, cancellation, oldest.Version);
                SignedDocument.Read<KeyObject>(bytes, publicKeys, name, k => k.ProblemUnder(name));
                good[number] = (name, bytes);
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
            {
                problems.Add(new(name, e.Report.Message));
            }
        }

        return new KeyObjects([.. good.Values], problems);
    }
}
