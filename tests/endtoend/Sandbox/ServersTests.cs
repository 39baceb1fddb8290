using Amazon.KeyManagementService.Model;
using Amazon.S3.Model;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;
using Temporalio.Client;
using Temporalio.Common;

namespace LuxHedge.Tests.EndToEnd.Sandbox;

public class ServersTests
{
    [Fact]
    public async Task The_database_server_has_an_oplog_and_transactions()
    {
        var mongo = await MongoServer.SharedAsync();
        await using var database = mongo.CreateDatabase();
        var collection = database.Database.GetCollection<BsonDocument>("things");
        await collection.InsertOneAsync(new BsonDocument("_id", 0));
        using (var session = await mongo.Client.StartSessionAsync())
        {
            session.StartTransaction();
            await collection.InsertOneAsync(session, new BsonDocument("_id", 1));
            await session.CommitTransactionAsync();
        }

        var oplog = mongo.Client.GetDatabase("local").GetCollection<BsonDocument>("oplog.rs");

        Assert.Equal(2, await collection.CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));
        Assert.True(await oplog.Find(Builders<BsonDocument>.Filter.Eq("ns", $"{database.Name}.things")).AnyAsync());
    }

    [Fact]
    public async Task The_bucket_keeps_versions_and_its_server_makes_no_bucket_by_itself()
    {
        var s3 = await S3Server.SharedAsync();
        var name = S3Server.NewPrefix() + "object";
        await s3.Client.PutObjectAsync(Put(S3Server.Bucket, name, "one"));
        await s3.Client.PutObjectAsync(Put(S3Server.Bucket, name, "two"));

        var versions = await s3.Client.ListVersionsAsync(S3Server.Bucket, name);

        Assert.Equal(2, versions.Versions.Count);
        await Assert.ThrowsAnyAsync<Amazon.S3.AmazonS3Exception>(() => s3.Client.PutObjectAsync(Put("no-such-bucket", name, "three")));
    }

    [Fact]
    public async Task The_kms_opens_a_data_key_only_under_its_context()
    {
        var kms = await KmsServer.SharedAsync();
        var context = new Dictionary<string, string> { ["asset"] = "a" };
        var made = await kms.Client.GenerateDataKeyAsync(
            new GenerateDataKeyRequest { KeyId = kms.KeyId, KeySpec = "AES_256", EncryptionContext = context });

        var opened = await kms.Client.DecryptAsync(
            new DecryptRequest { KeyId = kms.KeyId, CiphertextBlob = made.CiphertextBlob, EncryptionContext = context });

        Assert.Equal(made.Plaintext.ToArray(), opened.Plaintext.ToArray());
        made.CiphertextBlob.Position = 0;
        await Assert.ThrowsAnyAsync<Exception>(() => kms.Client.DecryptAsync(
            new DecryptRequest { KeyId = kms.KeyId, CiphertextBlob = made.CiphertextBlob }));
    }

    [Fact]
    public async Task Both_temporal_servers_know_the_search_attributes()
    {
        var temporal = await TemporalServer.SharedAsync();
        await using var skipping = await TemporalServer.StartTimeSkippingAsync();
        var attributes = new SearchAttributeCollection.Builder().Set(LuxSearchAttributes.Asset, "a").ToSearchAttributeCollection();

        foreach (var client in new ITemporalClient[] { temporal.Client, skipping.Client })
        {
            // A server that doesn't know them refuses the start.
            var handle = await client.StartWorkflowAsync(
                "Never", [], new($"never-{Guid.NewGuid()}", TemporalServer.NewTaskQueue()) { TypedSearchAttributes = attributes });
            await handle.TerminateAsync();
        }
    }

    [Fact]
    public async Task The_plan_of_a_test_loads_with_keys_that_only_their_owner_reads()
    {
        await using var plan = TestPlan.Create();

        Assert.Equal(["nas"], plan.Plan.Stores.Keys);
        Assert.All(
            Directory.EnumerateFiles(plan.Folder, "*", SearchOption.AllDirectories),
            file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    private static PutObjectRequest Put(string bucket, string name, string content) =>
        new() { BucketName = bucket, Key = name, ContentBody = content, UseChunkEncoding = false };
}
