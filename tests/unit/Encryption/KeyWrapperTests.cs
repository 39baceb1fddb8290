using System.Security.Cryptography;
using LuxHedge.Activities;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Encryption;

public sealed class KeyWrapperTests : IDisposable
{
    private static readonly KeyContext Context = new("luxhedge_production", "k-1", "database-backup");

    /// <summary>Every context that is not the one wrapped for.</summary>
    private static readonly KeyContext[] OtherContexts =
        [Context with { Asset = "other" }, Context with { KeyId = "k-2" }, Context with { Purpose = "oplog" }];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_local_wrapping_opens_with_its_context_only()
    {
        var wrapper = CreateLocal();
        var (key, wrapping) = await wrapper.GenerateAsync(Context, default);

        Assert.Equal(key, await wrapper.UnwrapAsync(wrapping, Context, default));
        Assert.NotEqual(wrapping.Ciphertext, (await wrapper.WrapAsync(key, Context, default)).Ciphertext);
        foreach (var other in OtherContexts)
        {
            await AssertUnopenedAsync(() => wrapper.UnwrapAsync(wrapping, other, default));
        }
    }

    [Fact]
    public async Task A_local_wrapping_with_any_bit_flipped_does_not_open()
    {
        var wrapper = CreateLocal();
        var (_, wrapping) = await wrapper.GenerateAsync(Context, default);
        var bytes = Convert.FromBase64String(wrapping.Ciphertext);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var changed = wrapping with { Ciphertext = Convert.ToBase64String(bytes) };
            await AssertUnopenedAsync(() => wrapper.UnwrapAsync(changed, Context, default));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public async Task A_wrapping_under_another_key_file_says_so()
    {
        var (_, wrapping) = await CreateLocal().GenerateAsync(Context, default);

        var error = await AssertUnopenedAsync(() => CreateLocal("other.key").UnwrapAsync(wrapping, Context, default));

        Assert.Contains("another key file", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public async Task A_key_file_that_others_have_a_right_to_is_refused(UnixFileMode loose)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes.");
        var wrapper = CreateLocal();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["data.key"]));
        File.SetUnixFileMode(_folder["data.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite | loose);

        var error = await Assert.ThrowsAsync<RefusalException>(() => wrapper.GenerateAsync(Context, default));

        Assert.Equal(ErrorKinds.Plan, error.Report.Kind);
        Assert.StartsWith("chmod 600", error.Report.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("luxhedge-local-key/1\n")]
    [InlineData("luxhedge-local-key/1\nc2hvcnQ=\n")]
    [InlineData("luxhedge-local-key/2\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("luxhedge-local-key/1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n")]
    public async Task A_key_file_of_another_shape_is_refused(string content)
    {
        PrivateFile.Create(_folder["bad.key"], content);

        var error = await Assert.ThrowsAsync<RefusalException>(
            () => new LocalKeyWrapper("main", _folder["bad.key"]).GenerateAsync(Context, default));

        Assert.Equal(ErrorKinds.Plan, error.Report.Kind);
    }

    [Fact]
    public void A_key_file_is_never_overwritten()
    {
        CreateLocal();
        var before = File.ReadAllText(_folder["data.key"]);

        var error = Assert.Throws<RefusalException>(() => LocalKeyWrapper.CreateFile(_folder["data.key"]));

        Assert.Equal(ErrorKinds.Usage, error.Report.Kind);
        Assert.Equal(before, File.ReadAllText(_folder["data.key"]));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("correct horse")]
    public async Task A_recovery_wrapping_opens_with_the_private_half_and_its_context_only(string? passphrase)
    {
        RecoveryKey.Create(_folder["recovery.pem"], passphrase, RecoveryKey.SmallestBits).Dispose();
        using var recovery = RecoveryKey.Load(_folder["recovery.pem"], passphrase);
        var wrapper = new RecoveryKeyWrapper(new RecoveryKeyPlan("offline", recovery.PublicKey));
        var (key, wrapping) = await wrapper.GenerateAsync(Context, default);

        Assert.Equal(key, recovery.Unwrap(wrapping, Context));
        foreach (var other in OtherContexts)
        {
            await AssertUnopenedAsync(() => Task.FromResult(recovery.Unwrap(wrapping, other)));
        }

        await Assert.ThrowsAsync<RefusalException>(() => wrapper.UnwrapAsync(wrapping, Context, default));
        Assert.False(wrapper.CanUnwrap);
        var bytes = Convert.FromBase64String(wrapping.Ciphertext);
        bytes[^1] ^= 1;
        await AssertUnopenedAsync(
            () => Task.FromResult(recovery.Unwrap(wrapping with { Ciphertext = Convert.ToBase64String(bytes) }, Context)));
    }

    [Fact]
    public void A_passphrase_that_is_missing_or_wrong_is_told_apart()
    {
        RecoveryKey.Create(_folder["recovery.pem"], "correct horse", RecoveryKey.SmallestBits).Dispose();

        var missing = Assert.Throws<RefusalException>(() => RecoveryKey.Load(_folder["recovery.pem"], null));
        var wrong = Assert.Throws<RefusalException>(() => RecoveryKey.Load(_folder["recovery.pem"], "battery staple"));

        Assert.Contains("under a passphrase", missing.Message, StringComparison.Ordinal);
        Assert.Contains("passphrase is wrong", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_short_recovery_key_is_refused()
    {
        using var small = RSA.Create(2048);
        var wrapper = new RecoveryKeyWrapper(new RecoveryKeyPlan("offline", Convert.ToBase64String(small.ExportSubjectPublicKeyInfo())));

        var error = await Assert.ThrowsAsync<RefusalException>(() => wrapper.WrapAsync(new byte[32], Context, default));

        Assert.Equal("recoveryKeys.offline.publicKey", error.Report.Where);
    }

    [Fact]
    public void A_handed_key_opens_for_its_writer_asset_and_id_only()
    {
        using var writer = WriterKey.Create("writer-1");
        using var other = WriterKey.Create("writer-2");
        using var key = Containers.CreateKey();
        var handed = HandedKeys.Wrap(key, "luxhedge_production", writer.PublicKey);

        using var opened = HandedKeys.Open(handed, "luxhedge_production", writer);
        Assert.Equal(key.Bytes, opened.Bytes);
        AssertUnopened(() => HandedKeys.Open(handed, "luxhedge_production", other));
        AssertUnopened(() => HandedKeys.Open(handed, "other", writer));
        AssertUnopened(() => HandedKeys.Open(handed with { KeyId = "k-2" }, "luxhedge_production", writer));
    }

    [Fact]
    public void A_handed_key_with_any_byte_changed_does_not_open()
    {
        using var writer = WriterKey.Create("writer-1");
        using var key = Containers.CreateKey();
        var bytes = Convert.FromBase64String(HandedKeys.Wrap(key, "a", writer.PublicKey).Wrapped);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 0x41;
            AssertUnopened(() => HandedKeys.Open(new HandedKey(key.Id, Convert.ToBase64String(bytes)), "a", writer));
            bytes[i] ^= 0x41;
        }

        AssertUnopened(() => HandedKeys.Open(new HandedKey(key.Id, "no base64"), "a", writer));
    }

    private LocalKeyWrapper CreateLocal(string file = "data.key")
    {
        LocalKeyWrapper.CreateFile(_folder[file]);
        return new LocalKeyWrapper("main", _folder[file]);
    }

    private static async Task<RefusalException> AssertUnopenedAsync(Func<Task<byte[]>> open)
    {
        var error = await Assert.ThrowsAsync<RefusalException>(open);
        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        return error;
    }

    private static void AssertUnopened(Func<object> open)
    {
        var error = Assert.Throws<RefusalException>(open);
        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
    }
}
