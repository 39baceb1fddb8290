using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Tests.Unit.Catalog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Unit.Database;

public sealed class AcceptanceTests
{
    [Fact]
    public async Task A_suspect_backup_is_eligible_after_a_person_has_accepted_it()
    {
        await using var backup = await CreateSuspectAsync();
        Assert.False((await backup.FindAsync()).Summary.Eligible);

        await backup.Verifications.AcceptAsync(await RequestAsync(backup));

        Assert.True((await backup.FindAsync()).Summary.Eligible);
        Assert.Equal(["nas", "s3"], (await backup.FindAsync()).RecordsOf("accepted").Select(r => r.Store).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("another reason")]
    [InlineData("another person's name")]
    [InlineData("a denial")]
    [InlineData("another run")]
    [InlineData("too old")]
    public async Task An_acceptance_that_does_not_count_is_refused_and_writes_nothing(string fault)
    {
        await using var backup = await CreateSuspectAsync();
        var request = await RequestAsync(backup, fault == "a denial" ? DecisionKind.Denied : DecisionKind.Approved);
        request = fault switch
        {
            "another reason" => request with { Reason = "because" },
            "another person's name" => request with { Decision = request.Decision with { Person = "bob" } },
            "another run" => request with { RunId = "run-other" },
            _ => request,
        };
        if (fault == "too old")
            backup.Clock.Advance(TimeSpan.FromDays(2));

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => backup.Verifications.AcceptAsync(request));

        Assert.Equal(ErrorKinds.RefusedDecision, refusal.Report.Kind);
        Assert.Empty((await backup.FindAsync()).RecordsOf("accepted"));
    }

    [Fact]
    public async Task There_is_nothing_to_accept_in_a_backup_that_is_not_suspect()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();

        var request = await RequestAsync(backup);

        Assert.Equal(ErrorKinds.Usage, (await Assert.ThrowsAsync<RefusalException>(() => backup.Verifications.AcceptAsync(request))).Report.Kind);
    }

    private static async Task<SampleBackup> CreateSuspectAsync()
    {
        var backup = SampleBackup.Create();
        await backup.SealAsync(change: m => m with { Suspect = ["documents fell"] });
        await backup.VerifyAndRecordAsync();
        return backup;
    }

    private static async Task<AcceptanceRequest> RequestAsync(SampleBackup backup, DecisionKind kind = DecisionKind.Approved)
    {
        var hash = (await backup.FindAsync()).ManifestSha256;
        var subject = BackupAcceptance.Subject(backup.Plan.Temporal.Namespace, "run-accept", SampleBackup.Asset, SampleBackup.Id(), hash);
        using var key = PersonKey.Load("alice", backup.TestPlan.PersonKeyFile("alice"), null);
        var decision = DecisionSigner.Sign(key, subject, kind, "we cleaned up", backup.Clock.GetUtcNow());
        return new AcceptanceRequest("run-accept", SampleBackup.Asset, SampleBackup.Id(), "we cleaned up", decision);
    }
}
