using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Encryption;

/// <summary>
/// The formats as docs/format.md defines them, against files that another program made (Python's cryptography package). These files never
/// change: whoever must change one has changed a format, and what was written in it can no longer be read.
/// </summary>
public sealed class GoldenTests
{
    private const string Asset = "luxhedge_production";
    private const string BackupId = "20261123T020000Z-luxhedge_production-7f3a";
    private const string KeyId = $"k-{BackupId}";
    private static readonly KeyContext Context = new(Asset, KeyId, KeyRing.DatabaseBackup);

    public static TheoryData<int> ContainerVectors => [.. Enumerable.Range(0, 6)];

    [Theory]
    [MemberData(nameof(ContainerVectors))]
    public void Containers_are_written_byte_for_byte(int number)
    {
        var golden = ReadJson("containers.json");
        var vector = golden.GetProperty("vectors")[number];
        var length = vector.GetProperty("plainLength").GetInt32();
        var plain = length < 100 ? PlainOf(vector) : [.. Enumerable.Range(0, length).Select(i => (byte)(i % 251))];
        Assert.Equal(Text(vector, "plainSha256"), Hex(SHA256.HashData(plain)));
        var context = new ObjectContext(Asset, KeyId, Text(vector, "objectName"));

        var stored = Container.EncryptWhole(CreateDataKey(), context, plain, Convert.FromHexString(Text(golden, "messageId")));

        Assert.Equal(vector.GetProperty("storedLength").GetInt32(), stored.Length);
        Assert.Equal(Text(vector, "storedSha256"), Hex(SHA256.HashData(stored)));
        Assert.Equal(Text(vector, "commitment"), Hex(stored.AsSpan(44, 32)));
    }

    [Theory]
    [InlineData("empty", "")]
    [InlineData("hello", "Hello, LuxHedge – ünïcode\n")]
    public void Stored_containers_are_read(string name, string plain)
    {
        var stored = File.ReadAllBytes(PathOf($"{name}.lux"));

        var read = Container.DecryptWhole(
            stored, new ObjectContext(Asset, KeyId, $"{Asset}/backups/{BackupId}/index"), CreateDataKey());

        Assert.Equal(plain, Encoding.UTF8.GetString(read));
    }

    [Fact]
    public async Task A_key_object_is_read_and_opens_by_every_wrapping()
    {
        var stored = ReadKeyObject();

        Assert.Equal(Context, stored.Context);
        Assert.Null(stored.ProblemUnder($"{Asset}/keys/{KeyId}/1.json"));
        using var folder = new TemporaryFolder();
        var local = new LocalKeyWrapper("main", CopyKeyFile(folder));
        Assert.Equal(CreateDataKey().Bytes.ToArray(), await local.UnwrapAsync(stored.Wrappings[0], Context, default));
        using var recovery = RecoveryKey.Load(PathOf("recovery.pem"), null);
        Assert.Equal(CreateDataKey().Bytes, recovery.Unwrap(stored.Wrappings[1], Context));
    }

    [Fact]
    public void A_local_wrapping_is_written_byte_for_byte()
    {
        using var folder = new TemporaryFolder();
        byte[] salt = [.. Enumerable.Range(96, 32).Select(i => (byte)i)];

        var wrapping = new LocalKeyWrapper("main", CopyKeyFile(folder)).Wrap(CreateDataKey().Bytes, Context, salt);

        Assert.Equal(ReadKeyObject().Wrappings[0], wrapping);
    }

    [Fact]
    public void A_handed_key_opens()
    {
        using var writer = WriterKey.FromPem("golden", File.ReadAllText(PathOf("writer.pem")));

        using var key = HandedKeys.Open(new HandedKey(KeyId, Text(ReadJson("vectors.json"), "handedKey")), Asset, writer);

        Assert.Equal(CreateDataKey().Bytes, key.Bytes);
    }

    [Fact]
    public void Decisions_clicks_asks_and_requests_sign_the_same_bytes()
    {
        var golden = ReadJson("vectors.json");
        foreach (var (name, bytes) in SignedThings())
        {
            var vector = golden.GetProperty(name);
            Assert.Equal(Text(vector, "signedBytes"), Hex(bytes));
            using var key = EllipticSignature.PublicKey(Text(golden, "writerPublicKey"), "golden");
            Assert.True(EllipticSignature.Verify(key, bytes, Text(vector, "signature")), name);
        }
    }

    [Fact]
    public void What_is_asked_requested_and_accepted_has_the_same_hash()
    {
        var golden = ReadJson("vectors.json");
        foreach (var (name, hash) in Hashes())
        {
            Assert.Equal(Text(golden, name), hash);
        }
    }

    private static IEnumerable<(string Name, byte[] Bytes)> SignedThings()
    {
        var decision = new Decision(
            "default", "20261123T101500Z-restore-luxhedge_production-7f3a", "approve", "00112233445566778899aabbccddeeff",
            string.Concat(Enumerable.Repeat("ab", 32)), DecisionKind.Approved, "alice", "Verlust bestätigt",
            new DateTimeOffset(2026, 11, 23, 10, 16, 0, TimeSpan.Zero), "alice", "");
        yield return ("decision", DecisionSigner.SignedBytes(decision));
        yield return ("click", DecisionSigner.SignedBytes(decision with
        {
            Signer = "slack",
            Via = new("U0ALICE", "T0LUX", "C0DRILL", "1795658400.000100", "1795658460.123456"),
        }));
        var asked = new DateTimeOffset(2026, 11, 23, 10, 15, 0, TimeSpan.Zero);
        yield return ("request", RequestSigner.SignedBytes(
            new SignedRequest("default", decision.RunId, "operator", asked, string.Concat(Enumerable.Repeat("cd", 32)), ""),
            "restore/luxhedge_production"));
        yield return ("ask", AskSigner.SignedBytes(new Ask(
            decision.Step, decision.Nonce, decision.Hash, "restore-production", ["alice", "bob"], "operator", 2, 1, asked, asked.AddMinutes(15),
            [new("into", "luxhedge_production on db1:27017"), new("backup", BackupId)], "default", decision.RunId)
        {
            Title = "Restore luxhedge_production",
            By = ["incident-commanders"],
            OwnKey = true,
            Tiers = [new(asked.AddMinutes(5), "executives", ["carol"])],
            Reminders = [asked.AddMinutes(3), asked.AddMinutes(8)],
            BreakGlass = new(["alice", "carol"], 1, []),
            Writer = "golden",
        }));
    }

    private static IEnumerable<(string Name, string Hash)> Hashes()
    {
        var manifest = string.Concat(Enumerable.Repeat("ef", 32));
        var request = new RestoreRequest(
            "run", Asset, "queue", "main/other", RestorePurpose.Recovery, null, null, ["users", "cars"], "other", null,
            Drop: true, NoSafetyBackup: false, Keys: null, RequestedBy: null);
        var claim = new RunbookClaim(
            "database-loss", string.Concat(Enumerable.Repeat("0a", 32)), string.Concat(Enumerable.Repeat("0b", 32)), Asset, RunMode.Real,
            JsonDocument.Parse("""{"note": "grün \u0022x\u0022", "backup": "latest", "lanes": 4.0, "list": [true, null, {"b": 1, "a": 2}]}""").RootElement
                .EnumerateObject().ToDictionary(p => p.Name, p => p.Value),
            new DateTimeOffset(2026, 11, 23, 9, 58, 0, TimeSpan.Zero));
        yield return ("askHash", RestoreAsk.Hash(
            Asset, BackupId, manifest, "127.0.0.1:27017", Asset, new ClusterTime(1795658400, 7), ["users", "cars", "tickets"], ["users"],
            noSafetyBackup: false));
        yield return ("restoreRequestHash", RequestSigner.HashOf(request));
        yield return ("runbookRequestHash", RequestSigner.HashOf(claim));
        yield return ("inputsHash", CanonicalJson.Sha256(claim.Inputs));
        yield return ("runbookAskHash", RunbookAsk.Hash(claim, "declare", AskKinds.Approval, "Is it lost?", [new("target", "production")]));
        yield return ("acceptHash", BackupAcceptance.Hash(Asset, BackupId, manifest));
    }

    private static byte[] PlainOf(JsonElement vector) =>
        Encoding.UTF8.GetBytes(Text(vector, "name") == "hello" ? "Hello, LuxHedge – ünïcode\n" : "");

    private static KeyObject ReadKeyObject() => SignedDocument.Read<KeyObject>(
        File.ReadAllBytes(PathOf("key.json")),
        new Dictionary<string, string> { ["golden"] = Text(ReadJson("vectors.json"), "writerPublicKey") },
        "key.json").Value;

    private static DataKey CreateDataKey() => Containers.CreateKey(id: KeyId);

    private static string CopyKeyFile(TemporaryFolder folder)
    {
        var path = folder["local.key"];
        PrivateFile.Create(path, File.ReadAllText(PathOf("local.key")));
        return path;
    }

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Encryption", "Golden", name);

    private static JsonElement ReadJson(string name) => JsonDocument.Parse(File.ReadAllText(PathOf(name))).RootElement;

    private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
