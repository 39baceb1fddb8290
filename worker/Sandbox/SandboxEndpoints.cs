using System.Text.Json;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox;

/// <summary>
/// <c>.sandbox/endpoints.json</c>: where everything of a running sandbox is, for scripts. Written aside and renamed as the last thing, when
/// everything is ready; mode 0600. Its shape is a contract.
/// </summary>
/// <param name="Mongodb">A whole connection string, with all rights.</param>
/// <param name="S3">Address of the S3 server; its credentials are in <c>keys/s3-access</c> and <c>keys/s3-secret</c>.</param>
/// <param name="Kms">Null where there is none.</param>
/// <param name="Temporal">host:port.</param>
/// <param name="TemporalUi">Null where a given server has none.</param>
/// <param name="DirectoryStore">Whole path of the store <c>nas</c>.</param>
/// <param name="Processes">Process ids by name, of what the sandbox started itself.</param>
public sealed record SandboxEndpoints(
    string Mongodb, string S3, string? Kms, string Temporal, string? TemporalUi, string DirectoryStore, IReadOnlyDictionary<string, int> Processes)
{
    public static SandboxEndpoints Of(SandboxServers servers, SandboxFolder folder, IReadOnlyDictionary<string, ServerProcess> processes) => new(
        servers.MongoDb.ConnectionString,
        servers.S3.Endpoint,
        servers.Kms?.Endpoint,
        servers.Temporal.Address,
        servers.Temporal.Ui,
        Path.Combine(folder.Root, "nas"),
        processes.ToDictionary(p => p.Key, p => p.Value.Pid));

    public void Write(string file) => SecretFile.WriteAtomically(file, JsonSerializer.Serialize(this, LuxJson.Indented) + "\n");
}
