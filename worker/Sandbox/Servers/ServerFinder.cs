using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>A server's program, and where it was found, for people.</summary>
/// <param name="Software">Its name: mongod, secantusd-rs, weed, …</param>
/// <param name="Found">"PATH", "shared/bin" or ".tools".</param>
public sealed record ServerBinary(string Software, string File, string Found);

/// <summary>
/// Finds the servers of the sandbox and of the tests, in this order: an address in <c>LUXHEDGE_SANDBOX_MONGODB</c> (<c>_S3</c>, <c>_KMS</c>,
/// <c>_TEMPORAL</c>); a program on PATH or in <c>../shared/bin</c> beside the repository; the Python environment in <c>.tools/</c>, which is
/// made when it is needed (<see cref="PythonTools"/>). The general variables (<c>MONGODB_URI</c>, <c>AWS_*</c>) are never read: they may point
/// at production.
/// </summary>
public sealed class ServerFinder
{
    public const string MongoDbVariable = "LUXHEDGE_SANDBOX_MONGODB";
    public const string S3Variable = "LUXHEDGE_SANDBOX_S3";
    public const string KmsVariable = "LUXHEDGE_SANDBOX_KMS";
    public const string TemporalVariable = "LUXHEDGE_SANDBOX_TEMPORAL";

    private readonly Func<string, string?> environment;
    private readonly PythonTools tools;
    private readonly string sharedFolder;
    private readonly Action<string> say;

    /// <param name="root">The repository's folder; <c>.tools/</c> is made in it.</param>
    /// <param name="say">Told what takes long (making the Python environment).</param>
    /// <param name="environment">How variables are read; the process's own unless told.</param>
    public ServerFinder(string root, Action<string>? say = null, Func<string, string?>? environment = null)
    {
        this.environment = environment ?? Environment.GetEnvironmentVariable;
        this.say = say ?? (_ => { });
        sharedFolder = Path.GetFullPath(Path.Combine(root, "..", "shared"));
        tools = new PythonTools(Path.Combine(root, ".tools"), Path.Combine(sharedFolder, "wheels"), name => FindOnPath(name));
    }

    /// <summary>For the running program: the repository that holds it, else the user's data folder (an installed program has no repository).</summary>
    public static ServerFinder ForThisProgram(Action<string>? say = null) => new(FindRoot(), say);

    /// <summary>The folder of <c>LuxHedge.Workflows.sln</c> upward from the program.</summary>
    public static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LuxHedge.Workflows.sln")))
            {
                return folder.FullName;
            }
        }

        var own = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "luxhedge");
        Directory.CreateDirectory(own);
        return own;
    }

    /// <summary>The address that a person gave in this variable, or null.</summary>
    public string? GivenAddress(string variable) => environment(variable) is { Length: > 0 } address ? address : null;

    /// <summary><c>mongod</c>, else SecantusDB's Rust server, else its Python one.</summary>
    public async Task<ServerBinary> FindMongoDbAsync(CancellationToken cancellation) =>
        Find("mongod") ?? Find("secantusd-rs")
        ?? await FindInToolsAsync(
            "secantusdb", "secantusd-py", MongoDbVariable, "Install mongod 6.0 or newer (https://www.mongodb.com/try/download/community)", cancellation);

    public async Task<ServerBinary> FindS3Async(CancellationToken cancellation) =>
        Find("weed")
        ?? await FindInToolsAsync("seaweedfs", "weed", S3Variable, "Install SeaweedFS (https://github.com/seaweedfs/seaweedfs/releases)", cancellation);

    public async Task<ServerBinary> FindTemporalAsync(CancellationToken cancellation) =>
        Find("temporal")
        ?? await FindInToolsAsync("temporal", "temporal", TemporalVariable, "Install the Temporal CLI (https://docs.temporal.io/cli)", cancellation);

    /// <summary>The time-skipping server of the workflow tests.</summary>
    public async Task<ServerBinary> FindTemporalTestServerAsync(CancellationToken cancellation) =>
        Find("temporal-test-server")
        ?? await FindInToolsAsync(
            "temporal-test-server", "temporal-test-server", null, "Install temporal-test-server (a release of temporalio/sdk-java)", cancellation);

    /// <summary>Moto's server; null where there is none: the local key file stands in then.</summary>
    public ServerBinary? FindKms() => Find("moto_server");

    /// <summary>What to say to a person who has no KMS.</summary>
    public const string KmsHint = "Install it with: pip install 'moto[server]'";

    private ServerBinary? Find(string name)
    {
        if (FindOnPath(name) is { } onPath)
        {
            return new ServerBinary(name, onPath, "PATH");
        }

        var shared = Path.Combine(sharedFolder, "bin", name);
        return IsProgram(shared) ? new ServerBinary(name, shared, "shared/bin") : null;
    }

    private async Task<ServerBinary> FindInToolsAsync(string group, string program, string? variable, string install, CancellationToken cancellation)
    {
        try
        {
            return new ServerBinary(program, await tools.EnsureAsync(group, program, say, cancellation), ".tools");
        }
        catch (RefusalException e)
        {
            var hint = install + (variable is null ? "." : $", or give the address of a running server in {variable}.");
            throw new RefusalException(
                ErrorKinds.Unreachable, $"There is no {program} here, and it could not be installed. {e.Message}", e.Report.Where, hint, e);
        }
    }

    private string? FindOnPath(string name) => (environment("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(IsProgram);

    private static bool IsProgram(string file) =>
        File.Exists(file)
        && (File.GetUnixFileMode(file) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != UnixFileMode.None;
}
