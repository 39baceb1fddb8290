using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using Temporalio.Api.Enums.V1;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Commands;

/// <summary>One element of <c>reviews list --json</c>.</summary>
/// <param name="Done">When somebody said so last; null: never.</param>
/// <param name="Overdue">Null: it is not known.</param>
/// <param name="Owners">Who does it; empty: anyone.</param>
public sealed record ReviewRow(
    string Review, string Title, DateTimeOffset? Done, string? By, string? Reason, DateTimeOffset? Due, bool? Overdue, IReadOnlyList<string> Owners,
    IReadOnlyList<string> Covers)
{
    public static IReadOnlyList<ReviewRow> Of(Plan plan, ReviewsDone done, DateTimeOffset now)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(plan.TimeZone);
        return
        [
            .. PlannedReview.Of(plan).Select(review =>
            {
                var state = WatchActivities.ReviewState(review, done, now, zone);
                var record = done.Newest.GetValueOrDefault(review.Name);
                return new ReviewRow(
                    review.Name, review.Title, record?.At, record?.Decision.Person, record?.Reason, state.Due, state.Overdue,
                    review.Owner is { } owner ? ReviewLog.Owners(plan, owner) : [], review.Covers);
            }),
        ];
    }
}

public sealed class ReviewsListCommand : OperatorCommand
{
    public ReviewsListCommand(Surroundings surroundings)
        : base(surroundings, "list", "The reviews of the plan: when each was done, by whom, and when it is due. Reads the stores itself.")
    {
        Examples =
        [
            ("luxhedge reviews list", "what is to be looked at again"),
            ("luxhedge reviews list --json", "an array of {review, title, done, by, reason, due, overdue, owners, covers}"),
        ];
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var done = await context.Surroundings.ReadReviews(context.Plan, cancellation);
        var rows = ReviewRow.Of(context.Plan, done, context.Now);
        context.Answer(rows, console => DrillViews.Reviews(console, rows, context));
        foreach (var unknown in done.Unknown)
        {
            context.View.Write(new Spectre.Console.Markup($"[yellow]unknown[/]  {Words.Plain(unknown)}\n"));
        }

        return ExitCodes.Done;
    }
}

/// <summary><c>reviews done NAME --reason TEXT</c>: signed with the person's own key, so that an auditor can tell who looked, and at which plan.</summary>
public sealed class ReviewsDoneCommand : OperatorCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly Argument<string> Review = new("NAME") { Description = "The review's name in the plan (luxhedge reviews list shows them)." };
    private static readonly Option<string?> Reason = new("--reason") { Description = "What was found; it is signed and kept. Asked for on a terminal.", HelpName = "TEXT" };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();

    public ReviewsDoneCommand(Surroundings surroundings)
        : base(surroundings, "done", "Say that a review of the plan is done, signed with your own key: it is due again at its next time.")
    {
        Add(Review);
        Add(Reason);
        Add(As);
        Add(Key);
        Examples = [("luxhedge reviews done contacts --reason \"everyone was called; Bob's number was wrong\"", "the monthly check of the contacts")];
        ExitCodesInWords = "0 it is on record; 2 no such review, not yours to do, no key; 4 no worker or no Temporal";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var plan = context.Plan;
        var person = Operators.Current(context, context.Get(As));
        var reviews = PlannedReview.Of(plan);
        var review = reviews.FirstOrDefault(r => r.Name == context.Get(Review)) ?? throw new RefusalException(
            ErrorKinds.Usage, $"The plan has no review '{context.Get(Review)}'.", "NAME", $"It has: {Words.List(reviews.Select(r => r.Name))}.");
        foreach (var covered in review.Covers)
        {
            context.View.Write(new Spectre.Console.Markup($"  {Words.Plain(covered)}\n"));
        }

        var reason = context.ReasonOrAsk(context.Get(Reason));
        if (context.Surroundings.Interactive)
        {
            context.Confirm(yes: false, $"Say as {person.Name} that '{review.Title}' was gone through?", "A decision is asked for.");
        }

        var runId = context.NewRunId("review", review.Name);
        var sha256 = ReviewLog.Sha256OfPlan(plan);
        Decision decision;
        using (var key = Operators.OpenKey(context, person, context.Get(Key)))
        {
            decision = DecisionSigner.Sign(
                key, ReviewLog.Subject(plan.Temporal.Namespace, runId, review.Name, sha256), DecisionKind.Approved, reason, context.Now);
        }

        if (ReviewLog.ProblemOf(plan, review.Name, sha256, decision) is { } problem)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"The review {review.Name} can't be taken as done: {problem}.", review.Name);
        }

        var done = await RecordAsync(plan, new(runId, review.Name, sha256, decision), cancellation);
        context.Answer(done, console => console.Write(new Spectre.Console.Markup(
            $"[green]done[/]  {Words.Plain(review.Title)}, by {Words.Plain(done.By)}; on record in {Words.Plain(Words.List(done.Stores))}\n")));
        return ExitCodes.Done;
    }

    private static async Task<ReviewDone> RecordAsync(Plan plan, ReviewRequest request, CancellationToken cancellation)
    {
        var client = await TemporalConnections.ConnectAsync(plan.Temporal, cancellation);
        try
        {
            var run = await client.StartWorkflowAsync(Wire.Review, [request], new(WorkflowIds.Review(request.Review), plan.Temporal.TaskQueue)
            {
                IdConflictPolicy = WorkflowIdConflictPolicy.Fail,
                ExecutionTimeout = Patience,
                StaticSummary = $"Review of {request.Review}",
                Rpc = new() { CancellationToken = cancellation },
            });
            return await run.GetResultAsync<ReviewDone>(rpcOptions: new() { CancellationToken = cancellation });
        }
        catch (WorkflowFailedException e)
        {
            throw new RefusalException(Failures.ToReport(e.InnerException ?? e), e);
        }
        catch (WorkflowAlreadyStartedException e)
        {
            throw new RefusalException(ErrorKinds.Locked, $"Somebody else says so at this moment: {request.Review}.", request.Review, "Look: luxhedge reviews list", e);
        }
    }
}
