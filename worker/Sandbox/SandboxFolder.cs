using System.Globalization;
using LuxHedge.Activities;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox;

/// <summary>
/// <c>.sandbox/</c> of the current folder: one sandbox at a time, held by a lock that the kernel gives back however its holder ends. Each start
/// makes everything in it anew (docs/decisions/0801); a folder of that name that no sandbox made is refused, never emptied.
/// </summary>
public sealed class SandboxFolder : IAsyncDisposable
{
    public const string Name = ".sandbox";
    private const string MarkerName = "made-by-luxhedge-sandbox";
    private const string LockName = "lock";
    private const string ProcessesName = "processes";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FileLock held;
    private readonly Lock recording = new();

    private SandboxFolder(string path, FileLock held)
    {
        Root = path;
        this.held = held;
    }

    /// <summary>Whole path of <c>.sandbox</c>.</summary>
    public string Root { get; }

    public string PlanFile => Path.Combine(Root, SandboxPlan.FileName);

    public string EndpointsFile => Path.Combine(Root, "endpoints.json");

    /// <summary>Data and logs of the servers.</summary>
    public string Servers => Path.Combine(Root, "servers");

    public string WorkerLog => Path.Combine(Servers, "worker.log");

    /// <summary>Takes the folder, ends what a killed sandbox left running, and empties it. Refuses (<c>locked</c>) while another sandbox has it.</summary>
    /// <param name="parent">The folder that <c>.sandbox</c> is in.</param>
    public static SandboxFolder Claim(string parent)
    {
        var root = Path.Combine(parent, Name);
        var marker = Path.Combine(root, MarkerName);
        if (Directory.Exists(root) && !File.Exists(marker) && Directory.EnumerateFileSystemEntries(root).Any())
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"{root} is there already, and no sandbox made it. Nothing in it was touched.", root,
                "Move it away, or start the sandbox in another folder.");
        }

        Directory.CreateDirectory(root, OwnerOnly);
        File.WriteAllText(marker, "luxhedge sandbox makes everything in this folder anew at each start.\n");
        var taken = FileLock.TryAcquire(Path.Combine(root, LockName)) ?? throw new RefusalException(
            ErrorKinds.Locked, $"A sandbox is running in {parent} already.", root,
            $"Use it with --plan {Name}/{SandboxPlan.FileName}, end it with Ctrl-C where it runs, or start another in another folder.");
        var folder = new SandboxFolder(root, taken);
        folder.EndLeftovers();
        folder.Empty();
        Directory.CreateDirectory(folder.Servers);
        return folder;
    }

    /// <summary>Notes a process that a later start must end should this one be killed.</summary>
    public void Record(ServerProcess process)
    {
        lock (recording)
        {
            File.AppendAllText(Path.Combine(Root, ProcessesName), $"{process.Pid.ToString(CultureInfo.InvariantCulture)} {StartTime(process.Pid)}\n");
        }
    }

    /// <summary>The sandbox has ended: nothing of it answers any more.</summary>
    public ValueTask DisposeAsync()
    {
        File.Delete(EndpointsFile);
        File.Delete(Path.Combine(Root, ProcessesName));
        return held.DisposeAsync();
    }

    /// <summary>Kills what is recorded, if it is still the same process: an id is given again, an id with its start time is not.</summary>
    private void EndLeftovers()
    {
        var file = Path.Combine(Root, ProcessesName);
        if (!File.Exists(file))
        {
            return;
        }

        foreach (var line in File.ReadLines(file))
        {
            if (line.Split(' ') is [var id, { Length: > 0 } started] && int.TryParse(id, CultureInfo.InvariantCulture, out var pid) && StartTime(pid) == started)
            {
                ServerProcess.KillGroup(pid);
            }
        }
    }

    private void Empty()
    {
        foreach (var entry in new DirectoryInfo(Root).EnumerateFileSystemInfos())
        {
            if (entry is DirectoryInfo { LinkTarget: null } directory)
            {
                directory.Delete(recursive: true);
            }
            else if (entry.Name is not (MarkerName or LockName))
            {
                entry.Delete();
            }
        }
    }

    /// <summary>Field 22 of <c>/proc/PID/stat</c> (clock ticks since boot); empty where there is no such process, or no <c>/proc</c>.</summary>
    private static string StartTime(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            // The second field is the program's name in parentheses and may hold spaces.
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
