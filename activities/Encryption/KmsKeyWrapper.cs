using System.Security.Cryptography;
using Amazon;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Wraps data keys by AWS KMS: <c>GenerateDataKey</c> and <c>Decrypt</c>, with the asset, key id and purpose as encryption context and the
/// key pinned to the plan's. The context stands in plain text in CloudTrail.
/// </summary>
public sealed class KmsKeyWrapper : IKeyWrapper, IDisposable
{
    /// <summary>One call. A KMS answers in milliseconds; a reader has other wrappings to try.</summary>
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    private readonly AmazonKeyManagementServiceClient _client;
    private readonly string _keyId;
    private readonly string _host;
    private volatile bool _hasAnswered;

    /// <summary>Resolves the plan's credentials (without any: AWS's own chain). Throws <see cref="RefusalException"/>
    /// (<c>plan</c>).</summary>
    public KmsKeyWrapper(KeyPlan plan)
    {
        Name = plan.Name;
        _keyId = plan.Reference ?? throw new RefusalException(
            ErrorKinds.Plan, $"The key '{plan.Name}' of kind kms has no keyId.", $"keys.{plan.Name}.keyId", "Give the KMS key's ARN.");
        var config = new AmazonKeyManagementServiceConfig { Timeout = CallTimeout, MaxErrorRetry = 3 };
        if (plan.Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint;
            config.AuthenticationRegion = plan.Region ?? "us-east-1";
        }
        else if (plan.Region is { } region)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }

        _host = plan.Endpoint ?? $"kms.{plan.Region ?? "(the default region)"}.amazonaws.com";
        _client = plan is { AccessKey: { } access, SecretKey: { } secret }
            ? new AmazonKeyManagementServiceClient(new BasicAWSCredentials(access.Resolve(), secret.Resolve()), config)
            : new AmazonKeyManagementServiceClient(config);
    }

    public string Name { get; }
    public string Kind => "kms";
    public bool CanUnwrap => true;

    public async Task<(byte[] DataKey, KeyWrapping Wrapping)> GenerateAsync(KeyContext context, CancellationToken cancellation)
    {
        var answer = await CallAsync(
            "make a data key",
            c => _client.GenerateDataKeyAsync(
                new GenerateDataKeyRequest { KeyId = _keyId, KeySpec = DataKeySpec.AES_256, EncryptionContext = ToAws(context) }, c),
            cancellation);
        return (Take(answer.Plaintext), Wrapping(answer.KeyId, answer.CiphertextBlob));
    }

    /// <summary>For wrapping an existing key again; needs <c>kms:Encrypt</c>, which a writer has not.</summary>
    public async Task<KeyWrapping> WrapAsync(ReadOnlyMemory<byte> dataKey, KeyContext context, CancellationToken cancellation)
    {
        var copy = dataKey.ToArray();
        try
        {
            using var plaintext = new MemoryStream(copy, writable: false);
            var answer = await CallAsync(
                "wrap a data key",
                c => _client.EncryptAsync(
                    new EncryptRequest { KeyId = _keyId, Plaintext = plaintext, EncryptionContext = ToAws(context) }, c),
                cancellation);
            return Wrapping(answer.KeyId, answer.CiphertextBlob);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }
    }

    public async Task<byte[]> UnwrapAsync(KeyWrapping wrapping, KeyContext context, CancellationToken cancellation)
    {
        if (!EllipticSignature.TryDecode(wrapping.Ciphertext, out var blob))
        {
            throw new RefusalException(ErrorKinds.Integrity, $"The wrapping under '{Name}' is no base64.", wrapping.Reference);
        }

        using var ciphertext = new MemoryStream(blob, writable: false);
        var answer = await CallAsync(
            "open a wrapped data key",
            c => _client.DecryptAsync(
                new DecryptRequest { KeyId = _keyId, CiphertextBlob = ciphertext, EncryptionContext = ToAws(context) }, c),
            cancellation);
        return Take(answer.Plaintext);
    }

    public void Dispose() => _client.Dispose();

    private static Dictionary<string, string> ToAws(KeyContext context) => new()
    {
        ["luxhedge:asset"] = context.Asset,
        ["luxhedge:key-id"] = context.KeyId,
        ["luxhedge:purpose"] = context.Purpose,
    };

    private KeyWrapping Wrapping(string reference, MemoryStream blob) => new(Kind, Name, reference, Convert.ToBase64String(blob.ToArray()));

    /// <summary>The answer's plaintext; its own copy of it is zeroed.</summary>
    private byte[] Take(MemoryStream plaintext)
    {
        using (plaintext)
        {
            var bytes = plaintext.ToArray();
            plaintext.Position = 0;
            plaintext.Write(new byte[bytes.Length]);
            if (bytes.Length == DataKey.Length)
            {
                return bytes;
            }

            CryptographicOperations.ZeroMemory(bytes);
            throw new RefusalException(
                ErrorKinds.Integrity, $"KMS key '{Name}' gave a data key of {bytes.Length} bytes, not {DataKey.Length}.", _keyId);
        }
    }

    private async Task<T> CallAsync<T>(string what, Func<CancellationToken, Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            var answer = await call(cancellation);
            _hasAnswered = true;
            return answer;
        }
        catch (Exception e) when (e is InvalidCiphertextException or IncorrectKeyException)
        {
            throw new RefusalException(
                ErrorKinds.Integrity,
                $"KMS key '{Name}' does not open this wrapping: it was changed, or made for another key, asset or purpose.",
                _keyId,
                "Wrapped under a former KMS key? Then put that key into the plan under the wrapping's name.",
                e);
        }
        catch (Exception e) when (
            e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException ||
            (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            var why = e switch
            {
                OperationCanceledException => $"no answer within {CallTimeout.TotalSeconds:0} s",
                AmazonServiceException { ErrorCode: { Length: > 0 } code } => $"{code} {e.Message}".TrimEnd(),
                { InnerException: { } inner } => inner.Message,
                _ => e.Message,
            };
            throw new RefusalException(
                ErrorKinds.Unreachable,
                $"KMS key '{Name}' at {_host} could not {what}: {why}",
                _host,
                $"Check the address, the credentials and their rights to {_keyId}, and that the key is enabled. " +
                "Without the KMS a recovery key opens the backup (--recovery-key FILE).",
                e)
            {
                MayPass = _hasAnswered,
            };
        }
    }
}
