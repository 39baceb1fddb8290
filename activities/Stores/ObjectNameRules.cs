using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>What an object may be called, in every store: a name that one store takes and another does not could never be copied.</summary>
public static class ObjectNameRules
{
    public const int MaxBytes = 512;

    /// <summary>File systems take 255 bytes; a partial file's name is longer than its object's.</summary>
    public const int MaxPartBytes = 200;

    /// <summary>Throws <see cref="RefusalException"/> (<c>integrity</c>: names come from lists in stores) for a name that is none.</summary>
    public static void Check(string name)
    {
        if (Problem(name) is { } problem)
            throw new RefusalException(ErrorKinds.Integrity, $"An object can't be called this: {problem}.", Shown(name));
    }

    /// <summary>A prefix is the beginning of a name, or empty; it may end in the middle of a part.</summary>
    public static void CheckPrefix(string prefix)
    {
        if (prefix.Length > 0 && Problem(prefix.EndsWith('/') ? prefix[..^1] : prefix) is { } problem)
            throw new RefusalException(ErrorKinds.Integrity, $"No object's name begins like this: {problem}.", Shown(prefix));
    }

    /// <summary>Why it is no name, or null.</summary>
    public static string? Problem(string name)
    {
        if (name.Length is 0 or > MaxBytes)
            return $"a name has 1 to {MaxBytes} bytes";
        foreach (var character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && !"._-%=/".Contains(character, StringComparison.Ordinal))
                return "only ASCII letters, digits and . _ - % = / stand in a name";
        }

        // '.' and '..' would leave the folder, '.x.partial' is how a directory store names what is not whole yet.
        foreach (var part in name.Split('/'))
        {
            if (part.Length == 0 || part[0] == '.')
                return "no part between slashes is empty or begins with a dot";
            if (part.Length > MaxPartBytes)
                return $"a part between slashes has at most {MaxPartBytes} bytes";
        }

        return null;
    }

    private static string Shown(string name) => name.Length <= 200 ? name : name[..200] + "…";
}
