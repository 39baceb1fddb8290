using Amazon.S3.Model;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Unit.Catalog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Integration.Catalog;

/// <summary>What the unit tests do on stores in memory, once more on a real S3 server and a real directory.</summary>
public sealed class CopyOnServersTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("luxhedge-copy-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_copy_into_S3_is_Proven_and_what_is_laid_over_it_is_found_and_not_used()
    {
        var server = await S3Server.SharedAsync();
        var prefix = S3Server.NewPrefix();
        await using var store = Create(server, prefix);
        await using var backup = SampleBackup.Create(nasOver: _ => store);
        await backup.SealAsync();

        await backup.CopyAsync();
        Assert.Empty((await backup.VerifyAndRecordAsync("nas")).Problems);
        Assert.True((await backup.FindAsync()).Summary.Eligible);

        foreach (var part in new[] { "/packs/0-0-", "/index", "/manifest.json", "/keys/" })
        {
            await server.Client.PutObjectAsync(new PutObjectRequest
            {
                BucketName = S3Server.Bucket,
                Key = prefix + backup.Name(part),
                InputStream = new MemoryStream(new byte[100]),
                UseChunkEncoding = false,
            });
        }

        var planted = ObjectNames.Pack(SampleBackup.Asset, SampleBackup.Id(), 5, 0, "00000000");
        await server.Client.PutObjectAsync(new PutObjectRequest
        {
            BucketName = S3Server.Bucket,
            Key = prefix + planted,
            InputStream = new MemoryStream(new byte[100]),
            UseChunkEncoding = false,
        });
        var found = await backup.VerifyAndRecordAsync("nas");

        Assert.Equal(Verdict.Failed, found.Verdict);
        Assert.Equal(
            [.. new[] { "/packs/0-0-", "/index", "/manifest.json", "/keys/" }.Select(p => backup.Name(p)).Append(planted).Order(StringComparer.Ordinal)],
            found.Problems.Select(p => p.Object));
        Assert.Equal(Verdict.Failed, (await backup.FindAsync()).Summary.Verdict);
        Assert.False((await backup.FindAsync()).Summary.Eligible);
    }

    [Fact]
    public async Task A_copy_into_a_directory_is_Proven_and_a_file_that_rots_is_found()
    {
        await using var store = new DirectoryStore("nas", folder);
        await using var backup = SampleBackup.Create(nasOver: _ => store);
        await backup.SealAsync();

        await backup.CopyAsync();
        Assert.Empty((await backup.VerifyAsync("nas")).Problems);

        var name = backup.Name("/packs/1-0-");
        var path = Path.Combine(folder, name);
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[200] ^= 4;
        await File.WriteAllBytesAsync(path, bytes);
        Assert.Equal(Verdict.Proven, (await backup.VerifyAsync("nas", VerificationLevel.Presence)).Verdict);
        Assert.Equal(name, Assert.Single((await backup.VerifyAsync("nas")).Problems).Object);

        File.Delete(path);
        Assert.Equal("is missing", Assert.Single((await backup.VerifyAsync("nas", VerificationLevel.Presence)).Problems).Text);
    }

    private static S3Store Create(S3Server server, string prefix) => new(new StorePlan(
        "nas", "s3", S3Server.Bucket, prefix, server.Region, server.Endpoint, null, new SecretReference(server.AccessKey, "/"), new SecretReference(server.SecretKey, "/")));
}
