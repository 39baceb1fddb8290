using System.Security.Cryptography;
using LuxHedge.Worker.Sandbox.Servers;

namespace LuxHedge.Worker.Sandbox;

/// <summary>Every key of a sandbox, made fresh into its folder with mode 0600. The public halves go into the plan.</summary>
/// <param name="Writer">Base64 SubjectPublicKeyInfo (P-256), as are people's.</param>
/// <param name="Recovery">Base64 SubjectPublicKeyInfo (RSA-3072).</param>
public sealed record SandboxKeys(string Writer, string Recovery, IReadOnlyDictionary<string, string> People)
{
    public static readonly IReadOnlyList<string> Persons = ["operator", "alice", "bob"];

    /// <summary>RSA as a recovery key needs it: the plan refuses less.</summary>
    private const int RecoveryKeyBits = 3072;

    /// <summary>Writes <c>keys/writer.pem</c>, <c>people/{operator,alice,bob,recovery}.pem</c>, PKCS#8 without passphrase.</summary>
    /// <param name="recovery">A recovery key to use instead of a new one: making one takes a while, which a test suite need not pay each time.</param>
    public static SandboxKeys Create(string folder, RSA? recovery = null)
    {
        Directory.CreateDirectory(Path.Combine(folder, "keys"));
        Directory.CreateDirectory(Path.Combine(folder, "people"));
        var writer = CreateSigningKey(Path.Combine(folder, "keys", "writer.pem"));
        var people = Persons.ToDictionary(person => person, person => CreateSigningKey(Path.Combine(folder, "people", $"{person}.pem")));
        using var own = recovery is null ? RSA.Create(RecoveryKeyBits) : null;
        var rsa = recovery ?? own!;
        SecretFile.Write(Path.Combine(folder, "people", "recovery.pem"), rsa.ExportPkcs8PrivateKeyPem());
        return new SandboxKeys(writer, Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo()), people);
    }

    private static string CreateSigningKey(string file)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        SecretFile.Write(file, key.ExportPkcs8PrivateKeyPem());
        return Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
    }
}
