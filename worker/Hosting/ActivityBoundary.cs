using LuxHedge.Activities;
using LuxHedge.Workflows;
using Serilog;
using Serilog.Context;
using Serilog.Core;
using Serilog.Core.Enrichers;
using Temporalio.Activities;
using Temporalio.Exceptions;
using Temporalio.Worker.Interceptors;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Hosting;

/// <summary>
/// The edge between an activity and Temporal: a <see cref="RefusalException"/> becomes a failure of its kind with the
/// <see cref="ErrorReport"/> as its detail, and everything logged inside carries workflow, run, asset and backup.
/// </summary>
public sealed class ActivityBoundary(ILogger log, SecretMasker masker) : IWorkerInterceptor
{
    private const int AttemptsAtTheUnknown = 5;
    private const int LongestMessage = 1_100;
    private const int RoomForProblems = 700;

    public ActivityInboundInterceptor InterceptActivity(ActivityInboundInterceptor nextInterceptor) =>
        new Inbound(nextInterceptor, log, masker);

    private sealed class Inbound(ActivityInboundInterceptor next, ILogger log, SecretMasker masker) : ActivityInboundInterceptor(next)
    {
        public override async Task<object?> ExecuteActivityAsync(ExecuteActivityInput input)
        {
            var info = ActivityExecutionContext.Current.Info;
            using var correlated = LogContext.Push(Properties(info, RunFacts.Of(input.Args)));
            try
            {
                return await base.ExecuteActivityAsync(input);
            }
            catch (RefusalException e)
            {
                var report = ThatFits(masker.Apply(e.Report));
                var mayPass = MayPass(e, info.Attempt);
                log.Warning(e, "{Activity}, attempt {Attempt}, refused ({Kind}): {Refusal}",
                    info.ActivityType, info.Attempt, report.Kind, report.Message);
                throw new ApplicationFailureException(report.Message, e, errorType: report.Kind, nonRetryable: !mayPass, details: [report]);
            }
            catch (Exception e) when (!TemporalException.IsCanceledException(e))
            {
                log.Error(e, "{Activity}, attempt {Attempt}, failed", info.ActivityType, info.Attempt);
                throw;
            }
        }

        // A raised fence concerns the attempt it was raised against. A server that never answered this process may still be the one that
        // another worker spoke with a minute ago: a few attempts, half a minute, are worth it. (At the door the policy retries neither.)
        private static bool MayPass(RefusalException e, int attempt) =>
            e.MayPass || e.Report.Kind == ErrorKinds.Fenced || (e.Report.Kind == ErrorKinds.Unreachable && attempt < AttemptsAtTheUnknown);

        // The whole failure has to stay below 4 KB (MaskingFailureConverter), and carries the message three times: here, in the cause and
        // in the report.
        private static ErrorReport ThatFits(ErrorReport report)
        {
            var room = RoomForProblems;
            var kept = report.Problems?.TakeWhile(p => (room -= p.Message.Length + (p.Where?.Length ?? 0)) > 0).ToList();
            if (kept is not null && kept.Count < report.Problems!.Count)
                kept.Add(new($"… and {report.Problems.Count - kept.Count} more; the worker's log has all of them."));
            var message = report.Message.Length <= LongestMessage ? report.Message : report.Message[..(LongestMessage - 1)] + "…";
            return report with { Message = message, Problems = kept };
        }

        private static ILogEventEnricher[] Properties(ActivityInfo info, RunFacts facts)
        {
            (string Name, object? Value)[] all =
            [
                ("WorkflowId", info.WorkflowId), ("WorkflowRunId", info.WorkflowRunId), ("ActivityType", info.ActivityType),
                ("ActivityId", info.ActivityId), ("LuxRunId", facts.RunId), ("LuxAsset", facts.Asset), ("LuxBackupId", facts.BackupId),
            ];
            return [.. all.Where(p => p.Value is not null).Select(p => new PropertyEnricher(p.Name, p.Value))];
        }
    }
}
