using System.Text.Json;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Catalog;

/// <summary><c>objects.json</c> in bytes. It is not signed itself: the signed manifest has its hash.</summary>
public static class ObjectLists
{
    public static byte[] Write(ObjectList list) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(list with { Objects = [.. list.Objects.OrderBy(o => o.Name, StringComparer.Ordinal)] }, LuxJson.Options), (byte)'\n'];

    /// <param name="bytes">Whose hash was checked against the manifest.</param>
    /// <exception cref="RefusalException"><c>integrity</c>: not the list of this backup.</exception>
    public static ObjectList Read(ReadOnlySpan<byte> bytes, Manifest manifest)
    {
        var name = ObjectNames.Objects(manifest.Asset, manifest.Id);
        ObjectList list;
        try
        {
            list = JsonSerializer.Deserialize<ObjectList>(bytes, LuxJson.Options) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new RefusalException(ErrorKinds.Integrity, $"'{name}' is no list of objects that this program reads ({e.Message}).", name, null, e);
        }

        var problem = list.Format != ObjectList.FormatName ? $"has the format '{list.Format}'"
            : list.Id != manifest.Id ? $"is of backup {list.Id}"
            : !list.Objects.Select(o => o.Name).SequenceEqual(list.Objects.Select(o => o.Name).Distinct().Order(StringComparer.Ordinal)) ? "is not in order"
            : list.Objects.FirstOrDefault(o => !o.Name.StartsWith(ObjectNames.Backup(manifest.Asset, manifest.Id), StringComparison.Ordinal)) is { } stray
                ? $"names '{stray.Name}', which is not below the backup"
            : list.Objects.FirstOrDefault(o => o.Size < 0 || o.Sha256.Length != 64) is { } odd ? $"has no size and hash of '{odd.Name}'"
            : null;
        return problem is null ? list : throw new RefusalException(ErrorKinds.Integrity, $"'{name}' {problem}.", name);
    }
}
