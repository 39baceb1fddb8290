using System.Security.Cryptography;

namespace LuxHedge.Tests.Unit.Plans;

/// <summary>A plan as the sandbox writes it, to be changed line by line in tests.</summary>
internal static class SamplePlan
{
    public static readonly string Writer = Ecdsa(ECCurve.NamedCurves.nistP256);
    public static readonly string Operator = Ecdsa(ECCurve.NamedCurves.nistP256);
    public static readonly string Alice = Ecdsa(ECCurve.NamedCurves.nistP256);
    public static readonly string Bob = Ecdsa(ECCurve.NamedCurves.nistP256);
    public static readonly string Rsa3072 = Rsa(3072);

    public static readonly string Sandbox = $$"""
        version: 1
        organisation: LuxHedge
        timezone: UTC
        temporal: { address: "127.0.0.1:7233", namespace: default, taskQueue: luxhedge, ui: "http://127.0.0.1:8233" }
        writer:
          name: sandbox-writer
          privateKey: ${file:keys/writer.pem}
          publicKeys: { sandbox-writer: "{{Writer}}" }
        keys:
          main: { kind: kms, keyId: "arn:aws:kms:us-east-1:1:key/1", region: us-east-1, endpoint: "http://127.0.0.1:5000", accessKey: ${file:keys/kms-access}, secretKey: ${file:keys/kms-secret} }
        recoveryKeys:
          offline: { publicKey: "{{Rsa3072}}" }
        stores:
          s3: { kind: s3, bucket: luxhedge-backups, prefix: "", region: us-east-1, endpoint: "http://127.0.0.1:8333", accessKey: ${file:keys/s3-access}, secretKey: ${file:keys/s3-secret} }
          nas: { kind: directory, path: nas }
        clusters:
          main: { connection: ${file:keys/mongodb} }
        assets:
          luxhedge_production:
            kind: database
            cluster: main
            database: luxhedge_production
            encrypted: true
            class: financial
            stores: [s3, nas]
            key: main
            recoveryKeys: [offline]
            production: { approval: restore-production }
            lanes: 2
            compression: 1
            rangeSize: 64MiB
            suspectShare: 20%
            canary: true
            every: 1d
            targets: { rto: 2h, rpo: 1h }
            schedule: { backup: { daily: "02:00" }, verify: { weekly: sunday, at: "04:00" } }
            retention: { daily: 30, weekly: 12, monthly: 12, yearly: 7 }
        people:
          operator: { name: Olive Operator, login: root, publicKey: "{{Operator}}" }
          alice: { name: Alice, publicKey: "{{Alice}}" }
          bob: { name: Bob, publicKey: "{{Bob}}" }
        groups:
          incident-commanders: [alice, bob]
        policies:
          restore-production: { by: [incident-commanders], quorum: 1, deny: 1, expires: 15m, ownKey: true }

        """;

    /// <summary>The sandbox's plan with one text replaced; fails when the text is not there, so that no test passes by accident.</summary>
    public static string With(string text, string by)
    {
        Assert.Contains(text, Sandbox, StringComparison.Ordinal);
        return Sandbox.Replace(text, by, StringComparison.Ordinal);
    }

    public static string Ecdsa(ECCurve curve)
    {
        using var key = ECDsa.Create(curve);
        return Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
    }

    public static string Rsa(int bits)
    {
        using var key = RSA.Create(bits);
        return Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
    }
}

/// <summary>A folder of one test, gone after it.</summary>
internal sealed class PlanFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("luxhedge-plan-").FullName;

    public string Write(string yaml, string name = "luxhedge.yaml")
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, yaml);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
