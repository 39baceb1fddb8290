using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// The key that signs a decision made by a click: the plan's <c>slack.endpoint</c>, or the writer's where it names none. Whoever holds it
/// vouches that Slack signed the click and that the plan knows its person; a policy with <c>ownKey</c> takes no such decision.
/// </summary>
public sealed class EndpointKey : IDisposable
{
    private readonly ECDsa _key;

    private EndpointKey(string name, ECDsa key) => (Name, _key) = (name, key);

    /// <summary>Becomes <see cref="Workflows.Approvals.Decision.Signer"/>.</summary>
    public string Name { get; }

    /// <summary>Resolves the private key and checks that it is the one whose public half the plan has. Throws
    /// <see cref="RefusalException"/> (<c>plan</c>), also where this machine has none.</summary>
    public static EndpointKey Load(Plan plan)
    {
        var (name, reference, where) = plan.Slack?.Endpoint is { } endpoint
            ? (endpoint.Name, endpoint.PrivateKey, "slack.endpoint.privateKey")
            : (plan.Writer.Name, plan.Writer.PrivateKey, "writer.privateKey");
        var pem = (reference ?? throw new RefusalException(
            ErrorKinds.Plan, $"The plan has no private key of '{name}': this machine takes no clicks.", where)).Resolve();
        var key = ECDsa.Create();
        try
        {
            PemKey.Import(key, pem, null, reference.ToString(), $"private key of '{name}'");
            return plan.ClickSigners.GetValueOrDefault(name) == Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())
                ? new EndpointKey(name, key)
                : throw new RefusalException(
                    ErrorKinds.Plan, $"The private key of '{name}' does not belong to the public key that the plan has under that name.", where);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    public void Dispose() => _key.Dispose();

    public override string ToString() => $"key of {Name}";

    // A key of .NET is not for two threads at once, and clicks come as they come.
    internal string Sign(byte[] data)
    {
        lock (_key)
        {
            return EllipticSignature.Sign(_key, data);
        }
    }
}
