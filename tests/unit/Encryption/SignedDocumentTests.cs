using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Encryption;

public sealed class SignedDocumentTests
{
    private static readonly Note Value = new("luxhedge-note/1", "writer-1", "line\nbreak – ü");

    [Fact]
    public void What_is_written_is_read_with_its_writer_and_hash()
    {
        using var key = WriterKey.Create("writer-1");
        var bytes = SignedDocument.Write(Value, key);

        var read = SignedDocument.Read<Note>(bytes, PublicKeys(key), "a/records/r");

        Assert.Equal(Value, read.Value);
        Assert.Equal("writer-1", read.Writer);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), read.Sha256);
        Assert.Equal(2, bytes.Count(b => b == '\n'));
    }

    [Fact]
    public void Every_flipped_bit_every_truncation_and_every_added_byte_is_refused()
    {
        using var key = WriterKey.Create("writer-1");
        var keys = PublicKeys(key);
        var bytes = SignedDocument.Write(Value, key);

        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertRefused(bytes, keys);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (var length = 0; length < bytes.Length; length++)
        {
            AssertRefused(bytes[..length], keys);
        }

        foreach (var added in "\n \r\0x"u8.ToArray())
        {
            AssertRefused([.. bytes, added], keys);
            AssertRefused([added, .. bytes], keys);
            AssertRefused([.. bytes[..^1], added, (byte)'\n'], keys);
        }
    }

    [Fact]
    public void The_other_signature_that_anyone_can_make_of_a_valid_one_is_refused()
    {
        using var key = WriterKey.Create("writer-1");
        var lines = Encoding.UTF8.GetString(SignedDocument.Write(Value, key)).Split('\n');
        var signature = Convert.FromBase64String(lines[1]["writer-1 ".Length..]);
        var order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        var s = new System.Numerics.BigInteger(order, true, true) - new System.Numerics.BigInteger(signature.AsSpan(32), true, true);
        var other = new byte[64];
        signature.AsSpan(0, 32).CopyTo(other);
        var bytes = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(other, 64 - bytes.Length);

        // It is a valid ECDSA signature, and would give the same document another hash.
        using var plain = ECDsa.Create();
        plain.ImportSubjectPublicKeyInfo(Convert.FromBase64String(key.PublicKey), out _);
        Assert.True(plain.VerifyData(Encoding.UTF8.GetBytes(lines[0]), other, HashAlgorithmName.SHA256));
        AssertRefused(Encoding.UTF8.GetBytes($"{lines[0]}\nwriter-1 {Convert.ToBase64String(other)}\n"), PublicKeys(key));
    }

    [Theory]
    [InlineData("=", "")]
    [InlineData("==", "= =")]
    [InlineData("g==", "h==")]
    [InlineData("w==", "x==")]
    public void Base64_that_does_not_encode_to_itself_is_refused(string tail, string other)
    {
        using var key = WriterKey.Create("writer-1");
        string text;
        do
        {
            text = Encoding.UTF8.GetString(SignedDocument.Write(Value, key));
        }
        while (!text.EndsWith(tail + "\n", StringComparison.Ordinal));

        AssertRefused(Encoding.UTF8.GetBytes(text[..^(tail.Length + 1)] + other + "\n"), PublicKeys(key));
    }

    [Fact]
    public void A_writer_that_the_plan_does_not_have_is_refused_by_name()
    {
        using var key = WriterKey.Create("writer-1");
        using var stranger = WriterKey.Create("stranger");

        var error = AssertRefused(SignedDocument.Write(Value with { Writer = "stranger" }, stranger), PublicKeys(key));
        Assert.Contains("'stranger'", error.Message, StringComparison.Ordinal);

        // Under the name of one that it has, too.
        using var impostor = WriterKey.Create("writer-1");
        AssertRefused(SignedDocument.Write(Value, impostor), PublicKeys(key));
    }

    [Fact]
    public void A_document_that_names_another_writer_inside_is_refused()
    {
        using var key = WriterKey.Create("writer-1");
        using var other = WriterKey.Create("writer-2");
        var keys = new Dictionary<string, string> { ["writer-1"] = key.PublicKey, ["writer-2"] = other.PublicKey };
        var json = SignedDocument.Write(Value, key).AsSpan();
        json = json[..json.IndexOf((byte)'\n')];

        AssertRefused([.. json, .. Encoding.ASCII.GetBytes($"\nwriter-2 {other.Sign(json)}\n")], keys);
        Assert.Throws<ArgumentException>(() => SignedDocument.Write(Value, other));
    }

    [Fact]
    public void Unknown_and_missing_properties_and_what_the_caller_finds_are_refused()
    {
        using var key = WriterKey.Create("writer-1");
        var keys = PublicKeys(key);

        AssertRefused(SignedDocument.Write(new { Format = "luxhedge-note/1", Writer = "writer-1" }, key), keys);
        AssertRefused(SignedDocument.Write(new { Format = "luxhedge-note/1", Writer = "writer-1", Text = "", More = 1 }, key), keys);
        var error = Assert.Throws<RefusalException>(
            () => SignedDocument.Read<Note>(SignedDocument.Write(Value, key), keys, "a/records/r", n => $"its text is '{n.Text.Length}'"));
        Assert.Contains("its text is '14'", error.Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> PublicKeys(WriterKey key) => new() { [key.Name] = key.PublicKey };

    private static RefusalException AssertRefused(byte[] bytes, Dictionary<string, string> keys)
    {
        var error = Assert.Throws<RefusalException>(() => SignedDocument.Read<Note>(bytes, keys, "a/records/r"));
        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        Assert.Equal("a/records/r", error.Report.Where);
        return error;
    }

    private sealed record Note(string Format, string Writer, string Text) : ISignedContent;
}
