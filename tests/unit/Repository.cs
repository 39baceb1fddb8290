using System.Runtime.CompilerServices;

namespace LuxHedge.Tests.Unit;

/// <summary>The checkout that these tests were built from, for tests of its files.</summary>
internal static class Repository
{
    public static string Root { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(ThisFolder(), "..", ".."));

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    /// <summary>Relative paths of the files below a folder, those that a build makes left out.</summary>
    public static IEnumerable<string> Files(string pattern, string below = "") =>
        Directory.EnumerateFiles(Path(below), pattern, SearchOption.AllDirectories)
            .Select(f => System.IO.Path.GetRelativePath(Root, f))
            .Where(f => !f.Split('/').Any(part => part is "bin" or "obj" or ".git" or ".tools" or ".sandbox" or "TestResults"))
            .Order(StringComparer.Ordinal);

    private static string ThisFolder([CallerFilePath] string file = "") => System.IO.Path.GetDirectoryName(file)!;
}
