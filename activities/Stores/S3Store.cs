using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>How an <see cref="S3Store"/> moves bytes.</summary>
public sealed record S3StoreOptions
{
    /// <value>Bytes of one part: 5 MiB (the least that S3 takes, and the default) to 5 GiB. An object has at most 10,000 parts, so 52 GB here.</value>
    public int PartBytes { get; init; } = 5 << 20;

    /// <value>Parts of one object sent at once, 1 to 16, default 2. A writer's memory is <see cref="PartBytes"/> × (this + 1).</value>
    public int PartsInFlight { get; init; } = 2;

    /// <value>How long one request may take, default 60 s: a part of 5 MiB needs 0.7 Mbit/s.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <value>How long the first question to a server may take, default 10 s.</value>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <value>How long a body being read may stand still before the read goes on in a new request, default 30 s.</value>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <value>Objects, or versions, in one answer to a list: 1 to 1,000, default 1,000.</value>
    public int ListPage { get; init; } = 1_000;
}

/// <summary>
/// An S3 bucket, AWS's or another server's. Put-if-absent is <c>If-None-Match: *</c>, on a put and on completing a multipart upload. Each
/// write carries a random id in its metadata, so that a 412 after a lost answer is told from another writer's object.
/// </summary>
public sealed class S3Store : IObjectStore, IInspectedStore
{
    private const string WriteIdHeader = "luxhedge-write";
    private const int MaxParts = 10_000;
    private const int SocketBytes = 256 << 10;

    private readonly StorePlan plan;
    private readonly S3StoreOptions options;
    private readonly string bucket;
    private readonly AmazonS3Client client;
    private readonly AmazonS3Client probeClient;
    private readonly ArrayPool<byte> buffers;
    private readonly SemaphoreSlim probing = new(1, 1);
    private volatile bool hasAnswered;

    public S3Store(StorePlan plan, S3StoreOptions? options = null)
    {
        this.plan = plan;
        this.options = options ?? new S3StoreOptions();
        bucket = plan.Bucket is { Length: > 0 } name
            ? name
            : throw new RefusalException(ErrorKinds.Plan, $"Store '{plan.Name}' of kind s3 needs 'bucket'.", $"stores.{plan.Name}.bucket");
        ObjectNameRules.CheckPrefix(plan.Prefix);
        client = CreateClient(this.options.RequestTimeout, retries: 4);
        probeClient = CreateClient(this.options.ProbeTimeout, retries: 1);
        buffers = ArrayPool<byte>.Create(this.options.PartBytes, 8);
    }

    public string Name => plan.Name;

    public async Task ProbeAsync(CancellationToken cancellation)
    {
        // A list answers with a body that says what is wrong; HEAD of a bucket has only a number, and some servers answer a put into a
        // missing bucket with 500.
        await GuardAsync(() => probeClient.ListObjectsV2Async(
            new ListObjectsV2Request { BucketName = bucket, Prefix = plan.Prefix, MaxKeys = 1 }, cancellation), cancellation);
        hasAnswered = true;
    }

    public async Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        await ReadyAsync(cancellation);
        return await PutAsync(name, key, content, NewWriteId(), cancellation);
    }

    public async Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        await ReadyAsync(cancellation);
        return new Writer(this, name, key);
    }

    public async Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (length is { } asked)
            ArgumentOutOfRangeException.ThrowIfNegative(asked);
        var key = KeyOf(name);
        await ReadyAsync(cancellation);
        if (length == 0)
        {
            // No range says "nothing"; the object must be there all the same.
            await HeadVersionAsync(name, key, version, cancellation);
            return Stream.Null;
        }

        var stream = new ResumingStream(
            (from, pin, token) => GetAsync(name, key, from, length is { } n ? offset + n : null, version ?? pin?.Version, pin?.Etag, token),
            offset, options.StallTimeout);
        await stream.OpenAsync(cancellation);
        return stream;
    }

    public async Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        await ReadyAsync(cancellation);
        try
        {
            var head = await HeadVersionAsync(name, key, null, cancellation);
            return new StoredObject(name, head.ContentLength, Utc(head.LastModified));
        }
        catch (ObjectMissingException)
        {
            return null;
        }
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ObjectNameRules.CheckPrefix(prefix);
        await ReadyAsync(cancellation);
        await foreach (var found in InOrderAsync(RawObjectsAsync(plan.Prefix + prefix, cancellation), o => o.Key))
            yield return new StoredObject(found.Key[plan.Prefix.Length..], found.Size ?? 0, Utc(found.LastModified));
    }

    public async IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ObjectNameRules.CheckPrefix(prefix);
        await ReadyAsync(cancellation);
        // S3 lists each name's versions from the newest: one name is held until the next begins.
        var ofOneName = new List<ObjectVersion>();
        await foreach (var found in InOrderAsync(RawVersionsAsync(plan.Prefix + prefix, cancellation), v => v.Key))
        {
            var name = found.Key[plan.Prefix.Length..];
            if (ofOneName.Count > 0 && ofOneName[0].Name != name)
            {
                for (var i = ofOneName.Count - 1; i >= 0; i--)
                    yield return ofOneName[i];
                ofOneName.Clear();
            }

            ofOneName.Add(new ObjectVersion(
                name, found.VersionId, found.Size ?? 0, Utc(found.LastModified), found.IsDeleteMarker == true, found.IsLatest == true));
        }

        for (var i = ofOneName.Count - 1; i >= 0; i--)
            yield return ofOneName[i];
    }

    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        await ReadyAsync(cancellation);
        ObjectLockedException? locked = null;
        var versions = new List<S3ObjectVersion>();
        await foreach (var found in RawVersionsAsync(key, cancellation))
        {
            if (found.Key == key)
                versions.Add(found);
        }

        foreach (var version in versions)
        {
            try
            {
                await GuardAsync(
                    () => client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = bucket, Key = key, VersionId = version.VersionId }, cancellation),
                    cancellation, deniedIsOurs: true);
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.Forbidden)
            {
                // The same answer for a lock and for a missing right: only the lock can be asked for.
                locked = await LockOfAsync(key, version.VersionId, cancellation) is { } until
                    ? new ObjectLockedException(Name, name, until)
                    : throw Refused(e);
            }
        }

        if (locked is not null)
            throw locked;
    }

    public async Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        await ReadyAsync(cancellation);
        var head = await HeadVersionAsync(name, key, null, cancellation);
        // Some servers (SeaweedFS) take a lock in a bucket without locks, and it holds nothing.
        if (!await HasLocksAsync(cancellation))
            return false;
        if (await LockOfAsync(key, head.VersionId, cancellation) is { } now && now >= until)
            return true;
        try
        {
            await GuardAsync(() => client.PutObjectRetentionAsync(
                new PutObjectRetentionRequest
                {
                    BucketName = bucket,
                    Key = key,
                    VersionId = head.VersionId,
                    Retention = new ObjectLockRetention { Mode = ObjectLockRetentionMode.Compliance, RetainUntilDate = until.UtcDateTime },
                    ChecksumAlgorithm = ChecksumAlgorithm.SHA256,
                },
                cancellation), cancellation);
        }
        catch (AmazonS3Exception e) when (e.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotImplemented or HttpStatusCode.NotFound)
        {
            // "Bucket is missing Object Lock Configuration", in each server's own words.
            return false;
        }

        // Some servers take it and do nothing: what counts is what is read back. The server may keep whole seconds only.
        return await LockOfAsync(key, head.VersionId, cancellation) is { } locked && locked > until.AddSeconds(-1)
            ? true
            : throw new IOException($"Store '{Name}' answered that '{name}' is locked until {until:u}, but says otherwise when it is asked.");
    }

    public async Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation)
    {
        ObjectNameRules.CheckPrefix(prefix);
        await ReadyAsync(cancellation);
        var swept = 0;
        string? keyMarker = null, idMarker = null;
        bool more;
        do
        {
            var (fromKey, fromId) = (keyMarker, idMarker);
            ListMultipartUploadsResponse page;
            try
            {
                page = await GuardAsync(() => client.ListMultipartUploadsAsync(
                    new ListMultipartUploadsRequest { BucketName = bucket, Prefix = plan.Prefix + prefix, KeyMarker = fromKey, UploadIdMarker = fromId },
                    cancellation), cancellation, deniedIsOurs: true);
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.Forbidden)
            {
                // A writer without s3:ListBucketMultipartUploads leaves them to the bucket's lifecycle rule; `stores check` says so.
                return swept;
            }

            foreach (var upload in page.MultipartUploads ?? [])
            {
                // Not every server honours the prefix here.
                if (!upload.Key.StartsWith(plan.Prefix + prefix, StringComparison.Ordinal))
                    continue;
                await AbortAsync(upload.Key, upload.UploadId, cancellation);
                swept++;
            }

            (more, keyMarker, idMarker) = (page.IsTruncated == true, page.NextKeyMarker, page.NextUploadIdMarker);
        }
        while (more);
        return swept;
    }

    public async IAsyncEnumerable<StoreCheck> InspectAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await ProbeAsync(cancellation);
        yield return await AskAsync("versioning", async () =>
            (await client.GetBucketVersioningAsync(new GetBucketVersioningRequest { BucketName = bucket }, cancellation)).VersioningConfig?.Status == VersionStatus.Enabled
                ? (Verdict.Proven, "on: what is laid over an object does not replace it")
                : (Verdict.Failed, "off: whoever may write could replace a backup. Turn versioning on"));
        yield return await AskAsync("object lock", async () =>
            (await client.GetObjectLockConfigurationAsync(new GetObjectLockConfigurationRequest { BucketName = bucket }, cancellation))
                .ObjectLockConfiguration?.ObjectLockEnabled == ObjectLockEnabled.Enabled
                ? (Verdict.Proven, "on")
                : (Verdict.NotProven, "off: whoever may delete versions can delete backups before their time"));
        yield return await AskAsync("public access", async () =>
        {
            var block = (await client.GetPublicAccessBlockAsync(new GetPublicAccessBlockRequest { BucketName = bucket }, cancellation))
                .PublicAccessBlockConfiguration;
            return block is { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true }
                ? (Verdict.Proven, "blocked")
                : (Verdict.Failed, "not blocked in every way: turn on all four settings of Block Public Access");
        });
        var secure = plan.Endpoint?.StartsWith("http://", StringComparison.OrdinalIgnoreCase) != true;
        yield return new StoreCheck(
            "transport",
            secure || IsLoopback ? Verdict.Proven : Verdict.Failed,
            secure ? "TLS" : IsLoopback ? "plain HTTP, on this machine only" : "plain HTTP over a network: use https");
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        probeClient.Dispose();
        probing.Dispose();
        return ValueTask.CompletedTask;
    }

    private bool IsLoopback => Uri.TryCreate(plan.Endpoint, UriKind.Absolute, out var uri) && uri.IsLoopback;

    private string Where => $"{plan.Endpoint ?? $"AWS {plan.Region}"}, bucket {bucket}";

    private static string NewWriteId() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    private static DateTimeOffset Utc(DateTime? time) => new((time ?? DateTime.UnixEpoch).ToUniversalTime());

    private string KeyOf(string name)
    {
        ObjectNameRules.Check(name);
        return plan.Prefix + name;
    }

    private AmazonS3Client CreateClient(TimeSpan timeout, int retries)
    {
        var config = new AmazonS3Config
        {
            Timeout = timeout,
            ConnectTimeout = TimeSpan.FromSeconds(Math.Min(10, timeout.TotalSeconds)),
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = retries,
            // What one write to the socket takes: with the default of 8 KiB a part is a thousand of them, on both sides.
            BufferSize = SocketBytes,
            // The default adds trailers that other servers than AWS's don't take; we send SHA-256 checksums of our own.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (plan.Endpoint is { Length: > 0 } endpoint)
        {
            config.ServiceURL = endpoint;
            config.ForcePathStyle = true;
            config.AuthenticationRegion = plan.Region ?? "us-east-1";
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(plan.Region ?? "us-east-1");
        }

        return plan is { AccessKey: { } access, SecretKey: { } secret }
            ? new AmazonS3Client(new BasicAWSCredentials(access.Resolve(), secret.Resolve()), config)
            : new AmazonS3Client(config);
    }

    /// <summary>The bucket is asked for once, before the first use: later errors would be less clear.</summary>
    private async ValueTask ReadyAsync(CancellationToken cancellation)
    {
        if (hasAnswered)
            return;
        await probing.WaitAsync(cancellation);
        try
        {
            if (!hasAnswered)
                await ProbeAsync(cancellation);
        }
        finally
        {
            probing.Release();
        }
    }

    private async Task<PutOutcome> PutAsync(string name, string key, ReadOnlyMemory<byte> content, string writeId, CancellationToken cancellation)
    {
        var bytes = MemoryMarshal.TryGetArray(content, out var segment) ? segment : new ArraySegment<byte>(content.ToArray());
        var sha256 = Convert.ToBase64String(SHA256.HashData(content.Span));
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var response = await GuardAsync(
                    () =>
                    {
                        var request = new PutObjectRequest
                        {
                            BucketName = bucket,
                            Key = key,
                            InputStream = new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false),
                            ContentType = "application/octet-stream",
                            IfNoneMatch = "*",
                            ChecksumSHA256 = sha256,
                            UseChunkEncoding = false,
                        };
                        request.Metadata[WriteIdHeader] = writeId;
                        return client.PutObjectAsync(request, cancellation);
                    },
                    cancellation);
                return await LostRaceAsync(name, key, response.VersionId, cancellation) ? PutOutcome.AlreadyThere : PutOutcome.Created;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
            {
                return await IsOursAsync(name, key, writeId, cancellation) ? PutOutcome.Created : PutOutcome.AlreadyThere;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.Conflict && attempt < 5)
            {
                // Two conditional puts at once: S3 wants this one again.
                await Task.Delay(TimeSpan.FromMilliseconds(50 << attempt), cancellation);
            }
        }
    }

    /// <summary>
    /// Some servers (SeaweedFS 4.48) look and complete in two steps, so that two at once both succeed, one version over the other; and on
    /// every server a put succeeds over a delete marker. The oldest version is what counts: the other writer takes its own away again, where
    /// it has the right to.
    /// </summary>
    private async Task<bool> LostRaceAsync(string name, string key, string? version, CancellationToken cancellation)
    {
        if (version is null)
            return false;
        var versions = await this.VersionsOfAsync(name, cancellation);
        if (versions.Count < 2 || versions.First(v => !v.IsDeleteMarker).Version == version)
            return false;
        try
        {
            await GuardAsync(() => client.DeleteObjectAsync(
                new DeleteObjectRequest { BucketName = bucket, Key = key, VersionId = version }, cancellation), cancellation);
        }
        catch (Exception e) when (e is RefusalException or AmazonS3Exception)
        {
            // A writer without the right to delete leaves it: verification names it.
        }

        return true;
    }

    /// <summary>After a 412: whether the object under the name is this very write, whose answer was lost.</summary>
    private async Task<bool> IsOursAsync(string name, string key, string writeId, CancellationToken cancellation)
    {
        try
        {
            return (await HeadVersionAsync(name, key, null, cancellation)).Metadata[WriteIdHeader] == writeId;
        }
        catch (ObjectMissingException)
        {
            return false;
        }
    }

    private async Task<GetObjectMetadataResponse> HeadVersionAsync(string name, string key, string? version, CancellationToken cancellation)
    {
        try
        {
            return await GuardAsync(() => client.GetObjectMetadataAsync(
                new GetObjectMetadataRequest { BucketName = bucket, Key = key, VersionId = version }, cancellation), cancellation);
        }
        catch (AmazonS3Exception e) when (IsMissing(e))
        {
            throw new ObjectMissingException(Name, name);
        }
    }

    /// <returns>Null where the range begins at or after the end.</returns>
    private async Task<OpenedBody?> GetAsync(
        string name, string key, long from, long? to, string? version, string? etag, CancellationToken cancellation)
    {
        try
        {
            var response = await GuardAsync(() => client.GetObjectAsync(
                new GetObjectRequest
                {
                    BucketName = bucket,
                    Key = key,
                    VersionId = version,
                    EtagToMatch = etag,
                    ByteRange = (from, to) switch
                    {
                        (0, null) => null,
                        (_, null) => new ByteRange($"bytes={from}-"),
                        var (_, end) => new ByteRange(from, end.Value - 1),
                    },
                },
                cancellation), cancellation);
            return new OpenedBody(response.ResponseStream, response.ContentLength, response.VersionId, response.ETag, response);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return null;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
        {
            throw new IOException($"'{name}' in store '{Name}' changed while it was read.", e);
        }
        catch (AmazonS3Exception e) when (IsMissing(e))
        {
            throw new ObjectMissingException(Name, name);
        }
    }

    /// <summary>
    /// AWS lists by the bytes of names, and is passed on as it comes. Others list as their folders lie (SeaweedFS: 'b/a/c' before 'b/a-c' in a
    /// bucket without versions): theirs are gathered and sorted, some 200 bytes an object. The sort is stable: versions keep their order.
    /// </summary>
    private async IAsyncEnumerable<T> InOrderAsync<T>(IAsyncEnumerable<T> found, Func<T, string> key)
    {
        if (plan.Endpoint is null)
        {
            await foreach (var one in found)
                yield return one;
            yield break;
        }

        foreach (var one in (await found.ToListAsync()).OrderBy(key, StringComparer.Ordinal))
            yield return one;
    }

    private async IAsyncEnumerable<S3Object> RawObjectsAsync(string keyPrefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? token = null;
        do
        {
            var from = token;
            var page = await GuardAsync(() => client.ListObjectsV2Async(
                new ListObjectsV2Request { BucketName = bucket, Prefix = keyPrefix, ContinuationToken = from, MaxKeys = options.ListPage }, cancellation), cancellation);
            foreach (var found in page.S3Objects ?? [])
            {
                // Folders of servers that have such.
                if (!found.Key.EndsWith('/'))
                    yield return found;
            }

            token = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (token is not null);
    }

    private async IAsyncEnumerable<S3ObjectVersion> RawVersionsAsync(string keyPrefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? keyMarker = null, versionMarker = null;
        bool more;
        do
        {
            var (fromKey, fromVersion) = (keyMarker, versionMarker);
            var page = await GuardAsync(() => client.ListVersionsAsync(
                new ListVersionsRequest { BucketName = bucket, Prefix = keyPrefix, KeyMarker = fromKey, VersionIdMarker = fromVersion, MaxKeys = options.ListPage }, cancellation), cancellation);
            foreach (var found in page.Versions ?? [])
            {
                if (!found.Key.EndsWith('/'))
                    yield return found;
            }

            (more, keyMarker, versionMarker) = (page.IsTruncated == true, page.NextKeyMarker, page.NextVersionIdMarker);
        }
        while (more);
    }

    /// <summary>True also where the credentials may not ask: the lock itself will tell.</summary>
    private async Task<bool> HasLocksAsync(CancellationToken cancellation)
    {
        try
        {
            var response = await GuardAsync(() => client.GetObjectLockConfigurationAsync(
                new GetObjectLockConfigurationRequest { BucketName = bucket }, cancellation), cancellation, deniedIsOurs: true);
            return response.ObjectLockConfiguration?.ObjectLockEnabled == ObjectLockEnabled.Enabled;
        }
        catch (AmazonS3Exception e)
        {
            return e.StatusCode == HttpStatusCode.Forbidden;
        }
    }

    private async Task<DateTimeOffset?> LockOfAsync(string key, string? version, CancellationToken cancellation)
    {
        try
        {
            var response = await GuardAsync(() => client.GetObjectRetentionAsync(
                new GetObjectRetentionRequest { BucketName = bucket, Key = key, VersionId = version }, cancellation), cancellation, deniedIsOurs: true);
            return response.Retention?.RetainUntilDate is { } until ? Utc(until) : null;
        }
        catch (AmazonS3Exception)
        {
            // No lock, no locks at all, or no right to ask.
            return null;
        }
    }

    private async Task AbortAsync(string key, string uploadId, CancellationToken cancellation)
    {
        try
        {
            await GuardAsync(() => client.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = bucket, Key = key, UploadId = uploadId }, cancellation), cancellation);
        }
        catch (AmazonS3Exception e) when (IsMissing(e))
        {
            // It completed, or someone else aborted it.
        }
    }

    private static async Task<StoreCheck> AskAsync(string name, Func<Task<(Verdict Verdict, string Detail)>> ask)
    {
        try
        {
            var (verdict, detail) = await ask();
            return new StoreCheck(name, verdict, detail);
        }
        catch (AmazonServiceException e)
        {
            return new StoreCheck(name, Verdict.NotProven, $"the server does not say ({(int)e.StatusCode} {e.ErrorCode})");
        }
    }

    private static bool IsMissing(AmazonS3Exception e) =>
        // 405: the version is a delete marker. 400: some servers' word for a version id that never was.
        e.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed || e.ErrorCode is "NoSuchVersion" or "NoSuchUpload";

    /// <summary>Answers that the calls above make something of.</summary>
    private static bool IsForTheCaller(AmazonS3Exception e) =>
        IsMissing(e)
        || e.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed
            or HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.NotImplemented
        || e.ErrorCode is "InvalidRequest" or "InvalidArgument";

    /// <summary>Runs one request. What a person must mend, and what the SDK's own retries did not get over, becomes a refusal.</summary>
    private async Task<T> GuardAsync<T>(Func<Task<T>> request, CancellationToken cancellation, bool deniedIsOurs = false)
    {
        try
        {
            return await request();
        }
        catch (AmazonS3Exception e) when (
            e.ErrorCode is "NoSuchBucket" or "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "InvalidToken" or "ExpiredToken" or "PermanentRedirect"
                or "AuthorizationHeaderMalformed" or "RequestTimeTooSkewed"
            || (e.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized && !deniedIsOurs))
        {
            throw Refused(e);
        }
        catch (AmazonS3Exception e) when (
            ((int)e.StatusCode is >= 500 or 429 or 0 && e.StatusCode != HttpStatusCode.NotImplemented)
            // Damaged or cut short on the way there.
            || e.ErrorCode is "BadDigest" or "XAmzContentSHA256Mismatch" or "IncompleteBody" or "RequestTimeout")
        {
            throw Unreachable(e, e.ErrorCode is { Length: > 0 } code ? $"{(int)e.StatusCode} {code}" : e.Message);
        }
        catch (AmazonS3Exception e) when (!IsForTheCaller(e))
        {
            throw new IOException($"Store '{Name}' answered {(int)e.StatusCode} {e.ErrorCode}: {e.Message}", e);
        }
        catch (Exception e) when (
            !cancellation.IsCancellationRequested
            && e is HttpRequestException or TimeoutException or OperationCanceledException or AmazonClientException or IOException and not ObjectMissingException)
        {
            throw Unreachable(e, (e.InnerException ?? e).Message);
        }
    }

    private RefusalException Unreachable(Exception e, string said) =>
        new(ErrorKinds.Unreachable,
            $"Store '{Name}' can't be reached: {said}",
            Where,
            "Check that the server runs, the plan's endpoint, and the network between.",
            e)
        {
            MayPass = hasAnswered,
        };

    private RefusalException Refused(AmazonS3Exception e)
    {
        var (message, hint) = e.ErrorCode switch
        {
            "NoSuchBucket" => ("has no such bucket", "Make the bucket, with versioning on, or correct the plan's bucket."),
            "InvalidAccessKeyId" => ("does not know the access key", "Check the plan's accessKey."),
            "SignatureDoesNotMatch" => ("refuses the secret key", "Check the plan's secretKey: it does not belong to the accessKey."),
            "InvalidToken" or "ExpiredToken" => ("refuses the session token", "Renew the credentials of this process."),
            "PermanentRedirect" or "AuthorizationHeaderMalformed" => ("answers that the bucket is in another region", "Correct the plan's region."),
            "RequestTimeTooSkewed" => ("answers that the clocks differ too much", "Set this machine's clock."),
            _ => ("denies access", "The credentials lack a right: docs/operations.md lists what each role needs."),
        };
        return new RefusalException(ErrorKinds.Unreachable, $"Store '{Name}' {message} ({(int)e.StatusCode} {e.ErrorCode}).", Where, hint, e);
    }

    /// <summary>One object on its way: parts of a fixed size from pooled buffers, some in flight while the next one fills.</summary>
    private sealed class Writer(S3Store store, string name, string key) : IObjectWriter
    {
        private readonly string writeId = NewWriteId();
        private readonly SemaphoreSlim slots = new(store.options.PartsInFlight, store.options.PartsInFlight);
        private readonly CancellationTokenSource ended = new();
        private readonly List<Task<PartETag>> parts = [];
        private byte[]? buffer;
        private int filled;
        private long written;
        private string? uploadId;
        private bool over;

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            ObjectDisposedException.ThrowIf(over, this);
            while (bytes.Length > 0)
            {
                if (buffer is not null && filled == store.options.PartBytes)
                    await SendAsync(cancellation);
                buffer ??= store.buffers.Rent(store.options.PartBytes);
                var take = Math.Min(bytes.Length, store.options.PartBytes - filled);
                bytes.Span[..take].CopyTo(buffer.AsSpan(filled));
                filled += take;
                written += take;
                bytes = bytes[take..];
            }
        }

        public async Task<PutOutcome> CompleteAsync(CancellationToken cancellation)
        {
            ObjectDisposedException.ThrowIf(over, this);
            if (uploadId is null)
            {
                var outcome = await store.PutAsync(name, key, buffer.AsMemory(0, filled), writeId, cancellation);
                await DisposeAsync();
                return outcome;
            }

            if (filled > 0)
                await SendAsync(cancellation);
            var sent = await Task.WhenAll(parts).WaitAsync(cancellation);
            return await FinishAsync(sent, cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            if (over)
                return;
            over = true;
            await ended.CancelAsync();
            try
            {
                await Task.WhenAll(parts);
            }
            catch (Exception)
            {
                // Each part's failure was thrown to who wrote, or nobody wants it any more.
            }

            Release();
            if (uploadId is not null)
            {
                try
                {
                    using var patience = new CancellationTokenSource(store.options.ProbeTimeout);
                    await store.AbortAsync(key, uploadId, patience.Token);
                }
                catch (Exception)
                {
                    // SweepUnfinishedAsync or the bucket's lifecycle rule finds it.
                }
            }

            ended.Dispose();
            slots.Dispose();
        }

        private async Task<PutOutcome> FinishAsync(PartETag[] sent, CancellationToken cancellation)
        {
            string? version;
            try
            {
                var response = await store.GuardAsync(() => store.client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest
                    {
                        BucketName = store.bucket,
                        Key = key,
                        UploadId = uploadId,
                        PartETags = [.. sent],
                        IfNoneMatch = "*",
                    },
                    cancellation), cancellation);
                version = response.VersionId;
            }
            catch (AmazonS3Exception e) when (
                e.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict || e.ErrorCode is "NoSuchUpload")
            {
                // Taken, or our own answer was lost and the SDK asked again; without an object it was swept or lost a race: start again.
                if (await store.HeadAsync(name, cancellation) is null)
                    throw Ended(e);
                if (!await store.IsOursAsync(name, key, writeId, cancellation))
                {
                    await DisposeAsync();
                    return PutOutcome.AlreadyThere;
                }

                version = null;
            }

            var head = await store.HeadVersionAsync(name, key, version, cancellation);
            if (head.ContentLength != written)
                throw new IOException($"Store '{store.Name}' holds {head.ContentLength} bytes as '{name}', {written} were written.");
            uploadId = null;
            var outcome = await store.LostRaceAsync(name, key, head.VersionId, cancellation) ? PutOutcome.AlreadyThere : PutOutcome.Created;
            await DisposeAsync();
            return outcome;
        }

        private IOException Ended(AmazonS3Exception e) =>
            new($"The upload of '{name}' to store '{store.Name}' was ended by someone else ({e.ErrorCode}).", e);

        private async Task SendAsync(CancellationToken cancellation)
        {
            if (parts.Count == MaxParts)
                throw new IOException($"'{name}' is larger than {MaxParts} parts of {store.options.PartBytes} bytes.");
            // A part that failed fails the object: it is written again under another name.
            foreach (var failed in parts.Where(p => p.IsFaulted))
                await failed;
            uploadId ??= await BeginAsync(cancellation);
            await slots.WaitAsync(cancellation);
            var (full, length, number) = (buffer!, filled, parts.Count + 1);
            (buffer, filled) = (null, 0);
            parts.Add(Task.Run(() => SendPartAsync(full, length, number), CancellationToken.None));
        }

        private async Task<string> BeginAsync(CancellationToken cancellation)
        {
            var request = new InitiateMultipartUploadRequest
            {
                BucketName = store.bucket,
                Key = key,
                ContentType = "application/octet-stream",
                ChecksumAlgorithm = ChecksumAlgorithm.SHA256,
            };
            request.Metadata[WriteIdHeader] = writeId;
            return (await store.GuardAsync(() => store.client.InitiateMultipartUploadAsync(request, cancellation), cancellation)).UploadId;
        }

        private async Task<PartETag> SendPartAsync(byte[] full, int length, int number)
        {
            try
            {
                var sha256 = Convert.ToBase64String(SHA256.HashData(full.AsSpan(0, length)));
                var response = await store.GuardAsync(
                    () => store.client.UploadPartAsync(
                        new UploadPartRequest
                        {
                            BucketName = store.bucket,
                            Key = key,
                            UploadId = uploadId,
                            PartNumber = number,
                            InputStream = new MemoryStream(full, 0, length, writable: false),
                            PartSize = length,
                            ChecksumSHA256 = sha256,
                            UseChunkEncoding = false,
                        },
                        ended.Token),
                    ended.Token);
                return new PartETag(number, response.ETag) { ChecksumSHA256 = sha256 };
            }
            catch (AmazonS3Exception e) when (IsMissing(e))
            {
                throw Ended(e);
            }
            finally
            {
                store.buffers.Return(full);
                slots.Release();
            }
        }

        private void Release()
        {
            if (buffer is not null)
                store.buffers.Return(buffer);
            (buffer, filled) = (null, 0);
        }
    }
}
