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
    public void Decisions_and_requests_sign_the_same_bytes()
    {
        var golden = ReadJson("vectors.json");
        var person = new PersonPlan("alice", Text(golden, "writerPublicKey"), null, null, null);
        var decision = new Decision(
            "default", "20261123T101500Z-restore-luxhedge_production-7f3a", "approve", "00112233445566778899aabbccddeeff",
            string.Concat(Enumerable.Repeat("ab", 32)), DecisionKind.Approved, "alice", "Verlust bestätigt",
            new DateTimeOffset(2026, 11, 23, 10, 16, 0, TimeSpan.Zero), "alice", Text(golden.GetProperty("decision"), "signature"));
        var request = new SignedRequest(
            "default", decision.RunId, "operator", new DateTimeOffset(2026, 11, 23, 10, 15, 0, TimeSpan.Zero),
            string.Concat(Enumerable.Repeat("cd", 32)), Text(golden.GetProperty("request"), "signature"));

        var decisionBytes = DecisionSigner.SignedBytes(decision);
        var requestBytes = RequestSigner.SignedBytes(request, "restore/luxhedge_production");

        Assert.Equal(Text(golden.GetProperty("decision"), "signedBytes"), Hex(decisionBytes));
        Assert.Null(DecisionSigner.Verifies(person, decision.At, decision.Signature, () => decisionBytes));
        Assert.Equal(Text(golden.GetProperty("request"), "signedBytes"), Hex(requestBytes));
        Assert.Null(DecisionSigner.Verifies(person, request.At, request.Signature, () => requestBytes));
    }

    [Fact]
    public void What_is_asked_requested_and_accepted_has_the_same_hash()
    {
        var golden = ReadJson("vectors.json");
        var manifest = string.Concat(Enumerable.Repeat("ef", 32));
        var request = new RestoreRequest(
            "run", Asset, "queue", "main/other", RestorePurpose.Recovery, null, null, ["users", "cars"], "other", null,
            Drop: true, NoSafetyBackup: false, Keys: null, RequestedBy: null);

        Assert.Equal(
            Text(golden, "askHash"),
            RestoreAsk.Hash(
                Asset, BackupId, manifest, "127.0.0.1:27017", Asset, new ClusterTime(1795658400, 7), ["users", "cars", "tickets"], ["users"],
                noSafetyBackup: false));
        Assert.Equal(Text(golden, "restoreRequestHash"), RequestSigner.HashOf(request));
        Assert.Equal(Text(golden, "acceptHash"), BackupAcceptance.Hash(Asset, BackupId, manifest));
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
