using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Worker.Hosting;
using Temporalio.Activities;
using Temporalio.Exceptions;
using Temporalio.Testing;
using Temporalio.Worker.Interceptors;

namespace LuxHedge.Tests.Unit.Hosting;

public sealed class ActivityBoundaryTests
{
    private const string Secret = "a-secret-of-some-length";

    [Fact]
    public async Task A_refusal_becomes_a_final_failure_of_its_kind_with_the_masked_report()
    {
        var failure = await FailAsync(new RefusalException(ErrorKinds.Integrity, $"bad {Secret}", "packs/0", "hint"));

        Assert.Equal((ErrorKinds.Integrity, true, "bad ***"), (failure.ErrorType, failure.NonRetryable, failure.Message));
        Assert.Equal(new ErrorReport(ErrorKinds.Integrity, "bad ***", "packs/0", "hint"), failure.Details.ElementAt<ErrorReport>(0));
    }

    [Theory]
    [InlineData(ErrorKinds.Unreachable, false, 1, true)]
    [InlineData(ErrorKinds.Unreachable, false, 5, false)]
    [InlineData(ErrorKinds.Unreachable, true, 5, true)]
    [InlineData(ErrorKinds.Fenced, false, 9, true)]
    [InlineData(ErrorKinds.Backup, true, 1, true)]
    [InlineData(ErrorKinds.Backup, false, 1, false)]
    public async Task What_may_pass_is_left_to_the_retry_policy(string kind, bool mayPass, int attempt, bool retried) =>
        Assert.Equal(!retried, (await FailAsync(new RefusalException(kind, "why") { MayPass = mayPass }, attempt)).NonRetryable);

    [Fact]
    public async Task Everything_logged_inside_carries_the_run_and_the_backup()
    {
        var output = new StringWriter();
        var log = Logs.Create(LogFormat.Json, output: output);

        await RunAsync(log, 1, () =>
        {
            log.Information("inside");
            return Task.CompletedTask;
        });

        Assert.Contains("\"LuxRunId\":\"run-1\"", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"LuxBackupId\":\"backup-1\"", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"WorkflowId\":", output.ToString(), StringComparison.Ordinal);
    }

    private static async Task<ApplicationFailureException> FailAsync(Exception e, int attempt = 1) =>
        await Assert.ThrowsAsync<ApplicationFailureException>(() => RunAsync(Serilog.Core.Logger.None, attempt, () => throw e));

    private static async Task RunAsync(Serilog.ILogger log, int attempt, Func<Task> work)
    {
        var masker = new SecretMasker();
        masker.Register(Secret);
        var boundary = new ActivityBoundary(log, masker).InterceptActivity(new Next(work));
        var environment = new ActivityEnvironment { Info = ActivityEnvironment.DefaultInfo with { Attempt = attempt } };
        var backup = new BackupContext("run-1", "asset", "backup-1", "k", "db", "s3", null, false, false, default);
        var definition = ActivityDefinition.Create("test", typeof(Task), [], 0, _ => null);
        await environment.RunAsync(async () =>
            await boundary.ExecuteActivityAsync(new ExecuteActivityInput(definition, [new LaneWork(backup, 0, 0, default)], null)));
    }

    private sealed class Next(Func<Task> work) : ActivityInboundInterceptor(null!)
    {
        public override async Task<object?> ExecuteActivityAsync(ExecuteActivityInput input)
        {
            await work();
            return null;
        }
    }
}
