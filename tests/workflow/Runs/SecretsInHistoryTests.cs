using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Worker.Hosting;
using Temporalio.Client;

namespace LuxHedge.Tests.Workflow.Runs;

public sealed class SecretsInHistoryTests
{
    private const string Secret = "a-secret-of-some-length";

    public static TheoryData<Exception> Failures => new()
    {
        new RefusalException(ErrorKinds.Backup, $"refused {Secret}", $"mongodb://u:{Secret}@db1", $"hint {Secret}",
            new IOException(Secret)),
        new InvalidOperationException($"outer {Secret}", new IOException($"inner mongodb://u:other-pw@db1 {Secret}")),
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public async Task No_exception_carries_a_secret_into_a_history(Exception failure)
    {
        var masker = new SecretMasker();
        masker.Register(Secret);
        await using var worker = await TestWorker.CreateAsync(masker: masker);
        worker.Activities.Fail("begin-backup", failure);

        var run = await worker.StartBackupAsync();
        await TestWorker.FailureAsync(run);

        var history = (await run.FetchHistoryAsync()).ToJson();
        Assert.DoesNotContain(Secret, history, StringComparison.Ordinal);
        Assert.DoesNotContain("other-pw", history, StringComparison.Ordinal);
        Assert.Contains("***", history, StringComparison.Ordinal);
    }
}
