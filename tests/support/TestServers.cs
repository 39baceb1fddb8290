using LuxHedge.Worker.Sandbox.Servers;

namespace LuxHedge.Tests.Support;

/// <summary>What the servers of one test process share: the finder, and a folder that goes with the process.</summary>
internal static class TestServers
{
    private static readonly Lazy<string> Root = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("luxhedge-tests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException)
            {
                // A server that is still ending has a file open; the system's clean-up of its temporary folder takes the rest.
            }
        };
        return folder;
    });

    public static readonly ServerFinder Finder = ServerFinder.ForThisProgram(Console.Error.WriteLine);

    /// <summary>A new folder below the process's own.</summary>
    public static string NewFolder(string name)
    {
        var folder = Path.Combine(Root.Value, $"{name}-{Unique()}");
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>Eight hex digits: enough that two tests never share a name.</summary>
    public static string Unique() => Guid.NewGuid().ToString("N")[..8];
}
