using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Approvals;

/// <summary>
/// Where a workflow asks people and takes their decisions: opens an ask, reminds, asks the next tier too, closes it by quorum, by denials or
/// by its time (which is a denial), and keeps everything that was said, refusals and late words included. Several asks may be open at once; a
/// decision goes to the ask of its nonce. What counts is judged by workers (<see cref="IApprovalActivities"/>), and again by the one that
/// writes. Telling people never holds a run up and never fails it.
/// <para>The workflow routes its Update <c>decide</c> to <see cref="DecideAsync"/>, awaits <see cref="FlushAsync"/> before it ends or
/// continues as new, and carries <see cref="Export"/>.</para>
/// </summary>
public sealed class ApprovalDesk
{
    private readonly List<Entry> entries = [];
    private readonly Func<RunbookFacts> run;
    private readonly Func<WaitingFor?>? otherwise;
    private bool waitingShown;

    /// <param name="run">What people are told that this is of.</param>
    /// <param name="otherwise">What the run waits for while nothing is asked, such as a failed step; see <see cref="ShowWaiting"/>.</param>
    /// <param name="carried">What an earlier execution of the run exported.</param>
    public ApprovalDesk(Func<RunbookFacts> run, Func<WaitingFor?>? otherwise = null, ApprovalDeskState? carried = null)
    {
        (this.run, this.otherwise) = (run, otherwise);
        Refusals = carried is null ? new() : new(carried.Refused, carried.RefusedBeyondKept);
        waitingShown = carried is not null;
        foreach (var ask in carried?.Asks ?? [])
            entries.Add(new(ask, Refusals));
    }

    /// <summary>Everything that changed nothing. The workflow may keep its refused orders here too.</summary>
    public RefusalLog Refusals { get; }

    /// <summary>The open asks, oldest first.</summary>
    public IReadOnlyList<Ask> Open => [.. entries.Where(e => e.Book.IsOpen).Select(e => e.Ask)];

    /// <summary>Every ask of the run, open ones too, in the order they were asked.</summary>
    public IReadOnlyList<AskRecord> Asks => [.. entries.Select(e => e.Record)];

    /// <summary>Every decision that counted, ask by ask.</summary>
    public IReadOnlyList<Decision> Decisions => [.. entries.SelectMany(e => e.Book.Decisions)];

    /// <summary>Where each open ask stands in Slack, by its nonce.</summary>
    public IReadOnlyDictionary<string, MessageReference> Messages => entries.Where(e => e.Book.IsOpen && e.Message is not null)
        .ToDictionary(e => e.Ask.Nonce, e => e.Message!, StringComparer.Ordinal);

    /// <summary>Who could not be told of what, once for each trouble.</summary>
    public IReadOnlyList<string> Notes => [.. notes.Distinct(StringComparer.Ordinal)];

    private readonly List<string> notes = [];

    /// <summary>How long people were waited for: times at which two asks were open count once.</summary>
    public TimeSpan Waiting
    {
        get
        {
            var (sum, until) = (TimeSpan.Zero, DateTimeOffset.MinValue);
            foreach (var entry in entries)
            {
                var from = entry.OpenedAt > until ? entry.OpenedAt : until;
                var to = entry.ClosedAt ?? Steps.Now;
                if (to > from)
                    (sum, until) = (sum + (to - from), to);
            }

            return sum;
        }
    }

    /// <summary>
    /// Asks, and waits until it is decided; answers the closed ask. An ask of this step that is still open, from before the run continued as
    /// new, is waited for instead of asking again; a closed one is not: the step asks a second time. A cancellation withdraws the ask.
    /// Throws the failure of <c>prepare-ask</c> when the plan lets nobody decide.
    /// </summary>
    public async Task<AskRecord> AskAsync(AskRequest request, CancellationToken cancellation)
    {
        var entry = entries.LastOrDefault(e => e.Ask.Step == request.Step && e.Book.IsOpen);
        if (entry is null)
        {
            var ask = await Workflow.ExecuteActivityAsync((IApprovalActivities a) => a.PrepareAsync(request),
                ActivityPolicies.AtTheDoor($"who decides {request.Step}", cancellation));
            entry = new(new(ask, Steps.Now, null, AskOutcome.Open, [], 0, 0, null), Refusals);
            entries.Add(entry);
            ShowWaiting();
            Tell(entry, AskEvents.Opened);
        }

        return await WaitAsync(entry, cancellation);
    }

    /// <summary>For the Update <c>decide</c>: takes a person's decision, or says why it changes nothing. (<see cref="Approvals.Decisions.Validate"/> is
    /// its validator.)</summary>
    public async Task<DecisionAnswer> DecideAsync(Decision decision)
    {
        if (Find(decision) is not { } entry)
        {
            return Refusals.Refuse(
                decision, entries.Count == 0 ? "Nothing is asked here yet." : $"The step '{decision.Step}' asks nothing.", Steps.Now);
        }

        var book = entry.Book;
        if (book.WhyNot(decision) is { } why)
            return book.Refuse(decision, why, Steps.Now);
        var answer = book.Take(decision, await JudgeAsync(entry.Ask, decision), Steps.Now);
        if (!answer.Accepted)
            return answer;
        ShowWaiting();
        Tell(entry, AskEvents.Decided, decision);
        if (decision.BreakGlass)
            Alert(entry, decision);
        return answer;
    }

    /// <summary>The run's state with what is asked and what came of it.</summary>
    public RunState Show(RunState state) => state with
    {
        WaitingFor = Open.Count > 0 ? Open[0] : null,
        Asks = Open,
        AskMessages = Messages,
        Decisions = Decisions,
        Refused = Refusals.Kept,
        RefusedBeyondKept = Refusals.BeyondKept,
    };

    /// <summary>Waits until everything that people were to be told is told, or given up: bounded by the policy of telling.</summary>
    public async Task FlushAsync()
    {
        foreach (var entry in entries)
            await entry.Telling;
    }

    public ApprovalDeskState Export() => new([.. entries.Select(e => e.Export())], Refusals.Kept, Refusals.BeyondKept);

    /// <summary>Keeps the memo <c>luxWaitingFor</c> true, for lists, which ask no worker: the first open ask, else what the run waits for
    /// otherwise. The workflow calls it when that changes.</summary>
    public void ShowWaiting()
    {
        var first = entries.Find(e => e.Book.IsOpen);
        var waiting = first is null
            ? otherwise?.Invoke()
            : new(first.Ask.Step, first.Ask.Kind == AskKinds.Manual ? "person" : "approval", first.Book.Awaited, first.Ask.Until);
        if (waiting is null && !waitingShown)
            return;
        waitingShown = waiting is not null;
        Workflow.UpsertMemo(
            waiting is null ? MemoUpdate.ValueUnset(Wire.WaitingForMemo) : MemoUpdate.ValueSet(Wire.WaitingForMemo, waiting));
    }

    /// <summary>The ask that a decision answers: of its nonce, else the newest of its step, which will say that it is another's.</summary>
    private Entry? Find(Decision decision) =>
        entries.Find(e => e.Ask.Nonce == decision.Nonce) ?? entries.FindLast(e => e.Ask.Step == decision.Step);

    private async Task<AskRecord> WaitAsync(Entry entry, CancellationToken cancellation)
    {
        try
        {
            while (entry.Book.IsOpen)
            {
                var (at, what, summary) = entry.Next();
                var wait = at - Steps.Now;
                if (wait > TimeSpan.Zero && await Workflow.WaitConditionWithOptionsAsync(new(() => !entry.Book.IsOpen)
                {
                    Timeout = wait,
                    TimeoutSummary = summary,
                    CancellationToken = cancellation,
                }))
                {
                    break;
                }

                if (!entry.Book.IsOpen)
                    break;
                entry.Take(what);
                ShowWaiting();
                if (what != AskEvents.Closed)
                    Tell(entry, what);
            }
        }
        finally
        {
            entry.Close(Steps.Now);
            ShowWaiting();
            Tell(entry, AskEvents.Closed);
        }

        return entry.Record;
    }

    private static async Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision)
    {
        try
        {
            return await Workflow.ExecuteActivityAsync(
                (IApprovalActivities a) => a.JudgeAsync(ask, decision), ActivityPolicies.ForJudging("does this decision count"));
        }
        catch (FailureException e)
        {
            return new(false, $"It could not be judged: {Failures.ToReport(e).Message}");
        }
    }

    /// <summary>One notice after another, so that the first one's message is there for the second to update.</summary>
    private void Tell(Entry entry, string what, Decision? decision = null)
    {
        var notice = new AskNotice(
            Workflow.Info.WorkflowId, entry.Ask.Title, run(), entry.Ask, [.. entry.Book.Decisions],
            entry.Book.IsOpen ? null : entry.Book.Outcome.ToString(), what, decision, null);
        entry.Telling = AfterAsync(entry.Telling, async () =>
        {
            var told = notice with { Message = entry.Message };
            entry.Message = await Workflow.ExecuteActivityAsync(
                (INotificationActivities a) => a.ShowAskAsync(told), ActivityPolicies.ForTelling($"{told.Ask.Step}: {what}")) ?? entry.Message;
        });
    }

    /// <summary>Break-glass is told to everyone and kept in the audit log at once, whoever the ask was shown to.</summary>
    private void Alert(Entry entry, Decision decision)
    {
        var ask = entry.Ask;
        var alert = new Alert(
            $"break-glass/{ask.Nonce}/{decision.Person}", "break-glass", $"Break-glass by {decision.Person}: {ask.Title}",
            $"{decision.Person} approved step {ask.Step} of {ask.RunId} as break-glass, without the quorum of {ask.Quorum} that '{ask.Policy}' asks for. Reason: {decision.Reason}",
            ask.RunId, Steps.Now);
        var act = AuditEntries.BreakGlass(ask, decision);
        entry.Telling = AfterAsync(entry.Telling, () => Workflow.ExecuteActivityAsync(
            (INotificationActivities a) => a.AlertAsync(alert), ActivityPolicies.ForTelling("break-glass")));
        entry.Telling = AfterAsync(entry.Telling, () => Workflow.ExecuteActivityAsync(
            (IAuditActivities a) => a.AppendAsync(act), ActivityPolicies.ForTelling("break-glass in the audit log")));
    }

    private async Task AfterAsync(Task before, Func<Task> tell)
    {
        await before;
        try
        {
            await tell();
        }
        catch (FailureException e)
        {
            notes.Add($"People could not be told: {Failures.ToReport(e).Message}");
        }
    }

    /// <summary>One ask with its book and its clock. The ask's times are by the clock of the worker that made it; the timers count from its
    /// opening by the workflow's clock.</summary>
    private sealed class Entry(AskState state, RefusalLog refusals)
    {
        private int remindersSent = state.RemindersSent;

        public Ask Ask => state.Ask;
        public DateTimeOffset OpenedAt => state.OpenedAt;
        public DateTimeOffset? ClosedAt { get; private set; } = state.ClosedAt;
        public DecisionBook Book { get; } = DecisionBook.Reopen(state.Ask, state.Outcome, state.Decisions, state.TiersReached, refusals);
        public MessageReference? Message { get; set; } = state.Message;
        public Task Telling { get; set; } = Task.CompletedTask;

        public AskRecord Record => new(Ask, Book.Outcome.ToString(), Book.Decisions, ClosedAt);

        public AskState Export() =>
            new(Ask, OpenedAt, ClosedAt, Book.Outcome, Book.Decisions, Book.TiersReached, remindersSent, Message);

        /// <summary>What comes next if nobody decides. At one time, the next tier is asked before anybody is reminded, and the end comes
        /// last.</summary>
        public (DateTimeOffset At, string What, string Summary) Next()
        {
            var next = (At: Ask.Until, What: AskEvents.Closed, Summary: "the time to decide ends");
            if (remindersSent < Ask.Reminders.Count && Ask.Reminders[remindersSent] < next.At)
                next = (Ask.Reminders[remindersSent], AskEvents.Reminder, "until people are reminded");
            if (Book.TiersReached < Ask.Tiers.Count && Ask.Tiers[Book.TiersReached] is var tier && tier.From <= next.At && tier.From < Ask.Until)
                next = (tier.From, AskEvents.Escalated, $"until {tier.To} may decide too");
            return next with { At = OpenedAt + (next.At - Ask.AskedAt) };
        }

        public void Take(string what)
        {
            switch (what)
            {
                case AskEvents.Reminder:
                    remindersSent++;
                    break;
                case AskEvents.Escalated:
                    Book.Escalate();
                    break;
                default:
                    Book.Expire();
                    break;
            }
        }

        public void Close(DateTimeOffset now)
        {
            Book.Withdraw();
            ClosedAt ??= now;
        }
    }
}

/// <summary>What a desk carries through continue-as-new.</summary>
public sealed record ApprovalDeskState(IReadOnlyList<AskState> Asks, IReadOnlyList<RefusedDecision> Refused, int RefusedBeyondKept);

/// <param name="OpenedAt">By the workflow's clock.</param>
/// <param name="Message">Where people see it, once it was posted.</param>
public sealed record AskState(
    Ask Ask,
    DateTimeOffset OpenedAt,
    DateTimeOffset? ClosedAt,
    AskOutcome Outcome,
    IReadOnlyList<Decision> Decisions,
    int TiersReached,
    int RemindersSent,
    MessageReference? Message);
