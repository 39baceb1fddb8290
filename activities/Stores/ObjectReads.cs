using System.Security.Cryptography;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>
/// How stored objects are read where someone may have laid a newer version over one: signed objects from their oldest version, everything
/// else in whichever version has the recorded hash.
/// </summary>
public static class ObjectReads
{
    /// <summary>Signed documents and lists are small: a planted giant must not fill the memory.</summary>
    public const long MaxSmallObject = 64L << 20;

    /// <summary>A version's whole content. Throws <see cref="ObjectMissingException"/>, and <see cref="RefusalException"/> (<c>integrity</c>) when
    /// it is larger than <paramref name="maxBytes"/>.</summary>
    public static async Task<byte[]> ReadWholeAsync(
        this IObjectStore store, string name, CancellationToken cancellation, string? version = null, long maxBytes = MaxSmallObject)
    {
        await using var stream = await store.OpenReadAsync(name, 0, maxBytes + 1, version, cancellation);
        using var content = new MemoryStream();
        await stream.CopyToAsync(content, cancellation);
        return content.Length <= maxBytes
            ? content.ToArray()
            : throw new RefusalException(ErrorKinds.Integrity, $"'{name}' in store '{store.Name}' is larger than {maxBytes} bytes, which it never is.", name);
    }

    /// <summary>Every version and marker of exactly this name, from the oldest.</summary>
    public static async Task<IReadOnlyList<ObjectVersion>> VersionsOfAsync(this IObjectStore store, string name, CancellationToken cancellation)
    {
        var versions = new List<ObjectVersion>();
        await foreach (var version in store.ListVersionsAsync(name, cancellation))
        {
            if (version.Name == name)
                versions.Add(version);
        }

        return versions;
    }

    /// <summary>For signed objects. Throws <see cref="ObjectMissingException"/> where no version has content.</summary>
    public static async Task<byte[]> ReadOldestAsync(this IObjectStore store, string name, CancellationToken cancellation)
    {
        var oldest = (await store.VersionsOfAsync(name, cancellation)).FirstOrDefault(v => !v.IsDeleteMarker)
            ?? throw new ObjectMissingException(store.Name, name);
        return await store.ReadWholeAsync(name, cancellation, oldest.Version);
    }

    /// <summary>
    /// The version with the recorded size and hash. With one candidate of that size it is that one, unread: who reads it checks its bytes
    /// anyway (hash, or the container's tags). Throws <see cref="ObjectMissingException"/>, or <see cref="RefusalException"/> (<c>integrity</c>)
    /// when none is right.
    /// </summary>
    /// <param name="sha256">Lower-case hex of the stored bytes.</param>
    public static async Task<ObjectVersion> FindVersionAsync(
        this IObjectStore store, string name, long size, string sha256, CancellationToken cancellation)
    {
        var all = (await store.VersionsOfAsync(name, cancellation)).Where(v => !v.IsDeleteMarker).ToList();
        if (all.Count == 0)
            throw new ObjectMissingException(store.Name, name);
        var candidates = all.Where(v => v.Size == size).ToList();
        if (candidates.Count == 1)
            return candidates[0];
        foreach (var candidate in candidates)
        {
            if (await store.HashAsync(name, candidate.Version, cancellation) is var (hash, _) && hash == sha256)
                return candidate;
        }

        throw new RefusalException(
            ErrorKinds.Integrity,
            candidates.Count == 0
                ? $"'{name}' in store '{store.Name}' has {string.Join(" or ", all.Select(v => v.Size))} bytes, {size} were written."
                : $"No version of '{name}' in store '{store.Name}' has the hash that was written.",
            name,
            "Read the backup from another store, and find out who changed it.");
    }

    /// <summary>A small object in the version with the recorded size and hash, checked.</summary>
    public static async Task<byte[]> ReadByHashAsync(this IObjectStore store, string name, long size, string sha256, CancellationToken cancellation)
    {
        var version = await store.FindVersionAsync(name, size, sha256, cancellation);
        var content = await store.ReadWholeAsync(name, cancellation, version.Version, Math.Max(size, 1));
        return content.Length == size && Hex(SHA256.HashData(content)) == sha256
            ? content
            : throw new RefusalException(
                ErrorKinds.Integrity, $"'{name}' in store '{store.Name}' is not what was written: its hash differs.", name,
                "Read the backup from another store, and find out who changed it.");
    }

    /// <summary>SHA-256 (lower-case hex) and length of a version's bytes, read in bounded memory.</summary>
    public static async Task<(string Sha256, long Length)> HashAsync(
        this IObjectStore store, string name, string? version, CancellationToken cancellation, Action<int>? progress = null)
    {
        await using var stream = await store.OpenReadAsync(name, 0, null, version, cancellation);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(1 << 17);
        try
        {
            long length = 0;
            while (await stream.ReadAsync(buffer, cancellation) is > 0 and var read)
            {
                hash.AppendData(buffer, 0, read);
                length += read;
                progress?.Invoke(read);
            }

            return (Hex(hash.GetHashAndReset()), length);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Hex(byte[] hash) => Convert.ToHexStringLower(hash);
}
