using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Integration.Encryption;

public sealed class KmsKeyWrapperTests
{
    private static readonly KeyContext Context = new("luxhedge_production", "k-1", KeyRing.DatabaseBackup);

    [Fact]
    public async Task What_the_KMS_wraps_opens_with_its_context_only()
    {
        using var wrapper = CreateWrapper(await KmsServer.SharedAsync());
        var (key, wrapping) = await wrapper.GenerateAsync(Context, default);

        Assert.Equal(32, key.Length);
        Assert.Equal(key, await wrapper.UnwrapAsync(wrapping, Context, default));
        Assert.Equal(key, await wrapper.UnwrapAsync(await wrapper.WrapAsync(key, Context, default), Context, default));
        foreach (var other in new[] { Context with { Asset = "other" }, Context with { KeyId = "k-2" }, Context with { Purpose = "other" } })
        {
            var error = await Assert.ThrowsAsync<RefusalException>(() => wrapper.UnwrapAsync(wrapping, other, default));
            Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        }
    }

    [Fact]
    public async Task A_changed_wrapping_and_one_of_another_key_do_not_open()
    {
        var kms = await KmsServer.SharedAsync();
        using var wrapper = CreateWrapper(kms);
        using var other = CreateWrapper(kms, await kms.CreateKeyAsync());
        var (_, wrapping) = await wrapper.GenerateAsync(Context, default);
        var bytes = Convert.FromBase64String(wrapping.Ciphertext);
        bytes[^1] ^= 1;

        var changed = await Assert.ThrowsAsync<RefusalException>(
            () => wrapper.UnwrapAsync(wrapping with { Ciphertext = Convert.ToBase64String(bytes) }, Context, default));
        var pinned = await Assert.ThrowsAsync<RefusalException>(() => other.UnwrapAsync(wrapping, Context, default));

        Assert.Equal(ErrorKinds.Integrity, changed.Report.Kind);
        // AWS says IncorrectKeyException, which is integrity; Moto says that access is denied.
        Assert.Contains("KMS key 'main'", pinned.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_gone_is_told_as_unreachable_with_what_the_KMS_said()
    {
        // Moto goes on serving disabled keys; one that was never there is refused as AWS does it.
        using var wrapper = CreateWrapper(await KmsServer.SharedAsync(), "arn:aws:kms:us-east-1:123456789012:key/none");

        var error = await Assert.ThrowsAsync<RefusalException>(() => wrapper.GenerateAsync(Context, default));

        Assert.Equal(ErrorKinds.Unreachable, error.Report.Kind);
        Assert.Contains("NotFoundException", error.Message, StringComparison.Ordinal);
        Assert.Contains("--recovery-key", error.Report.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_KMS_that_nobody_reaches_is_told_with_its_address()
    {
        using var wrapper = new KmsKeyWrapper(CreatePlan("arn:aws:kms:us-east-1:0:key/none", "http://127.0.0.1:1"));

        var error = await Assert.ThrowsAsync<RefusalException>(() => wrapper.GenerateAsync(Context, default));

        Assert.Equal(ErrorKinds.Unreachable, error.Report.Kind);
        Assert.Equal("http://127.0.0.1:1", error.Report.Where);
    }

    [Fact]
    public async Task With_the_KMS_lost_the_recovery_key_still_opens_the_data_key()
    {
        var kms = await KmsServer.StartOwnAsync();
        await using var plan = TestPlan.Create(p => p with { Kms = kms.Server });
        await using var stores = new StoreSet(plan.Plan);
        var asset = plan.Plan.Assets.Keys.First();
        var store = plan.Plan.Stores.Keys.First();
        using var writer = WriterKey.Load(plan.Plan.Writer);
        byte[] made;
        using (var ring = new KeyRing(plan.Plan, stores, writer))
        {
            using var key = await ring.CreateOrAdoptAsync(store, asset, Context.KeyId, Context.Purpose, default);
            using var opened = await ring.OpenAsync(asset, Context.KeyId, [store], null, default);
            made = key.Bytes.ToArray();
            Assert.Equal(made, Assert.Single(opened.Of(Context.KeyId)).Bytes);
        }

        await kms.DisposeAsync();
        using var after = new KeyRing(plan.Plan, stores, writer);
        var error = await Assert.ThrowsAsync<RefusalException>(() => after.OpenAsync(asset, Context.KeyId, [store], null, default));
        Assert.Equal(ErrorKinds.Unreachable, error.Report.Kind);
        Assert.Contains("--recovery-key", error.Report.Hint, StringComparison.Ordinal);

        using var recovery = RecoveryKey.Load(plan.RecoveryKeyFile, null);
        var handed = await after.RecoverAsync(asset, Context.KeyId, [store], recovery, default);
        using var recovered = await after.OpenAsync(asset, Context.KeyId, [store], [handed], default);
        Assert.Equal(made, Assert.Single(recovered.Of(Context.KeyId)).Bytes);
    }

    private static KmsKeyWrapper CreateWrapper(KmsServer kms, string? keyId = null) => new(CreatePlan(
        keyId ?? kms.KeyId, kms.Endpoint, kms.AccessKey, kms.SecretKey));

    private static KeyPlan CreatePlan(string keyId, string endpoint, string access = "access", string secret = "secret") => new(
        "main", "kms", keyId, "us-east-1", endpoint, null, new SecretReference(access, "/"), new SecretReference(secret, "/"));
}
