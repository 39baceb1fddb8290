using System.Text.Json;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// Goes through the steps of a runbook: one after another, side by side, for each item, one runbook inside another. What a step came to is in
/// the book before the next begins, so a new execution of the run goes the same way again past what is done. A step's failure never throws
/// out of here: it becomes a <see cref="Flow"/>.
/// </summary>
internal sealed class StepRunner(
    RunbookRequest request, RunbookSite site, DateTimeOffset declaredAt, StepBook book, RunbookOrders orders, ApprovalDesk desk, AbortSwitch abort,
    Func<bool> isFull)
{
    private static readonly JsonElement NoOutput = JsonSerializer.SerializeToElement(new Dictionary<string, string>());

    private readonly RunbookClaim claim = RunbookClaim.Of(request);
    private readonly RunbookSite slimSite = site with { Before = [], LastDurations = new Dictionary<string, IReadOnlyList<TimeSpan>>(), Notes = [] };

    /// <summary>One after another, until one says stop; those after it are listed as not reached.</summary>
    public async Task<Flow> RunAsync(IReadOnlyList<RunbookStep> steps, StepScope scope, CancellationToken cancellation)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            var flow = await RunAsync(steps[i], scope, cancellation);
            if (flow == Flow.GoOn)
                continue;
            foreach (var left in steps.Skip(i + 1))
                Skip(left, scope, "not reached");
            return flow;
        }

        return Flow.GoOn;
    }

    /// <summary>However the steps ended: each clean-up step is done, whatever became of the one before, and nothing cancels it.</summary>
    public async Task CleanUpAsync(IReadOnlyList<RunbookStep> steps, StepScope scope)
    {
        foreach (var step in steps)
            await RunAsync(step, scope.InCleanUp(), CancellationToken.None);
    }

    private async Task<Flow> RunAsync(RunbookStep step, StepScope scope, CancellationToken cancellation)
    {
        if (IsEnded(scope))
        {
            Skip(step, scope, "not reached: the run was ended");
            return Flow.End;
        }

        var id = scope.Id(step.Id);
        try
        {
            if (book.Find(id) is null && step.When is { } when && !Expressions.IsTrue(when, scope.Values))
            {
                Skip(step, scope, $"not needed: {when}");
                return Flow.GoOn;
            }

            if (scope.Depth >= RunbookLimits.Depth)
                throw Refused($"Steps stand at most {RunbookLimits.Depth} deep in each other.", id);
            if (step.Parallel is { } together)
                return After(step, await InTimeAsync(step, id, c => TogetherAsync(together, scope.InGroup(Asks(step)), c), cancellation));
            if (step.ForEach is { } loop)
                return After(step, await InTimeAsync(step, id, c => ForEachAsync(step, loop, scope, c), cancellation));
            if (step.Nested is { } nested)
                return After(step, await InTimeAsync(step, id, c => NestedAsync(step, nested, scope, c), cancellation));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            // A group that can't even begin: what is in it never had a turn.
            var failed = book.Find(id) ?? book.Begin(id, Kind(step), step.Title, scope.IsCleanUp);
            return After(step, Fail(failed, step, scope, Failures.ToReport(e), null));
        }

        return await LeafAsync(step, id, scope, cancellation);
    }

    private async Task<Flow> TogetherAsync(IReadOnlyList<RunbookStep> steps, StepScope scope, CancellationToken cancellation) =>
        (await Workflow.WhenAllAsync(steps.Select(s => RunAsync(s, scope, cancellation)))).Max();

    private async Task<Flow> ForEachAsync(RunbookStep step, ForEachStep loop, StepScope scope, CancellationToken cancellation)
    {
        var items = Expressions.Items(loop.In, scope.Values);
        if (items.Count > RunbookLimits.Items)
            throw Refused($"'{scope.Id(step.Id)}' would go through {items.Count} items; {RunbookLimits.Items} are the most.", scope.Id(step.Id));
        var rounds = new List<IReadOnlyDictionary<string, JsonElement>>();
        var flow = Flow.GoOn;
        for (var i = 0; i < items.Count && flow == Flow.GoOn; i++)
        {
            var round = scope.InRound(step.Id, i + 1, loop.As, items[i], Asks(step));
            flow = await RunAsync(loop.Steps, round, cancellation);
            rounds.Add(loop.Steps.Where(s => round.Outputs.ContainsKey(s.Id))
                .ToDictionary(s => s.Id, s => round.Outputs[s.Id], StringComparer.Ordinal));
        }

        scope.Answer(step.Id, JsonSerializer.SerializeToElement(rounds));
        return flow;
    }

    private async Task<Flow> NestedAsync(RunbookStep step, RunbookDefinition nested, StepScope scope, CancellationToken cancellation)
    {
        var given = Expressions.Resolve(step.With, scope.Values).EnumerateObject().ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        var inputs = StepScope.Bind(nested, given, scope.Values.Mode, scope.Values.Run);
        var inner = scope.InNested(step.Id, nested, inputs, Asks(step));
        var flow = await RunAsync(nested.Steps, inner, cancellation);
        await CleanUpAsync(nested.Cleanup, inner);
        scope.Answer(step.Id, JsonSerializer.SerializeToElement(inner.Outputs));
        return flow;
    }

    /// <summary>One line of the runbook, until it is done, skipped, or stops the run.</summary>
    private async Task<Flow> LeafAsync(RunbookStep step, string id, StepScope scope, CancellationToken cancellation)
    {
        var entry = book.Find(id);
        if (entry is { IsOpen: false })
        {
            if (entry.State == StepStates.Done)
                scope.Answer(step.Id, Output(entry.Outcome));
            return entry.Flow;
        }

        // A step that waited in an earlier execution goes on waiting, in a paused run too; anything else begins only now.
        if (entry is { Failure: null, Until: null } && entry.State != StepStates.Waiting)
        {
            entry.Parked = true;
            if (await BarredAsync(scope))
                return Interrupted(entry, step, scope);
            entry.Parked = false;
        }
        else if (entry is null && await BarredAsync(scope))
        {
            Skip(step, scope, "not reached: the run was ended");
            return Flow.End;
        }

        if (entry is null && book.Entries.Count >= RunbookLimits.Steps)
        {
            book.IsOverfull = true;
            return Flow.End;
        }

        entry ??= book.Begin(id, Kind(step), step.Title, scope.IsCleanUp);
        while (true)
        {
            if (entry.Failure is null && await AttemptsAsync(step, entry, scope, cancellation) is { } flow)
                return flow;
            if (!await RetriedAsync(step, entry, scope, cancellation))
                return entry.Flow;
            if (await BarredAsync(scope))
                return Interrupted(entry, step, scope);
            entry.Parked = false;
        }
    }

    /// <summary>Null: it failed, and a person has to say how it goes on.</summary>
    private async Task<Flow?> AttemptsAsync(RunbookStep step, StepEntry entry, StepScope scope, CancellationToken cancellation)
    {
        var most = Math.Max(1, step.Retry?.Attempts ?? 1);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // A wait that is taken up in a new execution is no new attempt.
                if (entry.State != StepStates.Waiting && entry.Until is null)
                    entry.Attempts++;
                entry.State = StepStates.Running;
                var outcome = await OnceInTimeAsync(step, entry, scope, cancellation);
                scope.Answer(step.Id, Output(outcome));
                book.Done(entry, outcome);
                return Flow.GoOn;
            }
            catch (Exception e) when (e is FailureException || TemporalException.IsCanceledException(e))
            {
                entry.WaitTo(Steps.Now);
                if (TemporalException.IsCanceledException(e) && cancellation.IsCancellationRequested)
                    return Interrupted(entry, step, scope);
                var report = Failures.ToReport(e);
                var ended = entry.Ended ?? (report.Kind == ErrorKinds.NotApproved ? "NotApproved" : null);
                if (attempt < most && ended is null && report.Kind != IsolationKind)
                {
                    entry.Detail = $"attempt {attempt} of {most}: {report.Message}";
                    book.Show();
                    if (await BackOffAsync(step, entry, attempt, cancellation))
                        continue;
                    return Interrupted(entry, step, scope);
                }

                if (!WaitsForPeople(step, entry, scope, report))
                    return Fail(entry, step, scope, report, ended);
                entry.Failure = report;
                return null;
            }
        }
    }

    /// <summary>The time-out of a step is of all its attempts that nobody asked for; here of one, since it is measured from each.</summary>
    private Task<ActionOutcome> OnceInTimeAsync(RunbookStep step, StepEntry entry, StepScope scope, CancellationToken cancellation) =>
        step.Wait is not null || step.Approve is not null || step.Manual is not null
            ? OnceAsync(step, entry, scope, cancellation)
            : InTimeAsync(step, entry.Id, c => OnceAsync(step, entry, scope, c), cancellation);

    private async Task<ActionOutcome> OnceAsync(RunbookStep step, StepEntry entry, StepScope scope, CancellationToken cancellation)
    {
        var with = JsonSerializer.SerializeToElement(
            Expressions.Resolve(step.With, scope.Values).EnumerateObject().ToDictionary(p => p.Name, p => InputValues.Fit(p.Name, p.Value, step.Types)));
        if (request.Mode == RunMode.Drill)
            RefuseProduction(step, entry.Id, scope, with);
        return step switch
        {
            { Approve: { } approve } => await ApproveAsync(step, approve, entry, scope, cancellation),
            { Manual: { } manual } => await ManualAsync(manual, entry, scope, cancellation),
            { Wait: { } wait } => await WaitAsync(wait, entry, scope, cancellation),
            { Uses: { } action } => await ActAsync(action, step, entry, with, cancellation),
            _ => throw Refused($"The step '{entry.Id}' does nothing that this version knows.", entry.Id),
        };
    }

    private async Task<ActionOutcome> ActAsync(
        string action, RunbookStep step, StepEntry entry, JsonElement input, CancellationToken cancellation)
    {
        var context = Context(entry.Id);
        var from = Steps.Now;
        var summary = step.Title ?? entry.Id;
        var outcome = WorkflowActions.Create(action) is { } inWorkflow
            ? await inWorkflow.RunAsync(context, input, cancellation)
            : await Workflow.ExecuteActivityAsync(
                (IRunbookActivities a) => a.RunActionAsync(action, context, input),
                ActivityPolicies.ForAction($"{summary}: {action}", step.Timeout, step.Retry is not null, cancellation));
        if (outcome.Waiting > TimeSpan.Zero)
            entry.Waits.Add(new(from, from + outcome.Waiting));
        if (outcome.Output.ValueKind != JsonValueKind.Undefined && outcome.Output.GetRawText().Length > RunbookLimits.Output)
            throw Refused($"'{entry.Id}' answered more than {RunbookLimits.Output} characters.", entry.Id);
        return outcome with { Output = Output(outcome) };
    }

    private async Task<ActionOutcome> ApproveAsync(
        RunbookStep step, ApproveStep approve, StepEntry entry, StepScope scope, CancellationToken cancellation)
    {
        AskRequest ask;
        if (IsAsked(entry))
        {
            ask = new(request.RunId, entry.Id, "", "", []);
        }
        else
        {
            var (subject, preflight) = await SubjectAsync(step, approve, scope, cancellation);
            entry.StandsFor = subject;
            ask = AskRequest.Of(request, entry.Id, approve, step.Title ?? $"{entry.Id} of {request.Definition.Title}", Shows(approve.Shows, scope), preflight);
        }

        return await AskedAsync(ask, entry, cancellation);
    }

    private Task<ActionOutcome> ManualAsync(ManualStep manual, StepEntry entry, StepScope scope, CancellationToken cancellation)
    {
        var told = manual with { Do = Expressions.Text(manual.Do, scope.Values), Confirm = Expressions.Text(manual.Confirm, scope.Values) };
        return AskedAsync(AskRequest.Of(request, entry.Id, told, []), entry, cancellation);
    }

    private async Task<ActionOutcome> AskedAsync(AskRequest ask, StepEntry entry, CancellationToken cancellation)
    {
        entry.Ended = null;
        var asking = desk.AskAsync(ask, cancellation);
        await Workflow.WaitConditionAsync(() => asking.IsCompleted || IsAsked(entry), CancellationToken.None);
        entry.State = StepStates.Waiting;
        entry.Parked = true;
        entry.WaitFrom(Steps.Now);
        book.Show();
        AskRecord record;
        try
        {
            record = await asking;
        }
        finally
        {
            entry.Parked = false;
            entry.WaitTo(Steps.Now);
        }

        var who = string.Join(", ", record.Decisions.Select(d => d.Reason.Length > 0 ? $"{d.Person} ({d.Reason})" : d.Person));
        if (record.Outcome == nameof(AskOutcome.Approved))
            return new(Answer(("by", record.Decisions.Select(d => d.Person).ToList())), []) { Detail = who };
        entry.Ended = record.Outcome;
        throw Failures.ToFailure(new(ErrorKinds.NotApproved, record.Outcome == nameof(AskOutcome.Denied)
            ? $"Denied: {who}."
            : $"Nobody decided in time ({RunbookVerdicts.Text(record.Ask.Until - record.Ask.AskedAt)}): it counts as denied.", entry.Id));
    }

    private async Task<ActionOutcome> WaitAsync(string wait, StepEntry entry, StepScope scope, CancellationToken cancellation)
    {
        entry.Until ??= Steps.Now + Expressions.Wait(wait, scope.Values, Steps.Now);
        entry.Parked = true;
        entry.Detail = $"until {entry.Until:u}";
        book.Show();
        try
        {
            var left = entry.Until.Value - Steps.Now;
            if (left > TimeSpan.Zero)
                await Workflow.DelayWithOptionsAsync(new(left, $"{entry.Id}: {wait}", cancellation));
        }
        finally
        {
            entry.Parked = false;
        }

        return new(Answer(("until", entry.Until)), []) { Detail = $"until {entry.Until:u}" };
    }

    /// <summary>What people are asked for, when an approve step stands for a later one: that step's own preflight, done first.</summary>
    private async Task<(string? Id, (RestoreRequest Request, RestorePlan Plan)? Preflight)> SubjectAsync(
        RunbookStep step, ApproveStep approve, StepScope scope, CancellationToken cancellation)
    {
        if (Subject(step, approve, scope) is not { Uses: { } action } subject)
            return default;
        var id = scope.Id(subject.Id);
        if (WorkflowActions.Create(action) is not IApprovedAction approved)
            return (id, null);
        RestoreRequest asked;
        try
        {
            var with = Expressions.Resolve(subject.With, scope.Values);
            if (request.Mode == RunMode.Drill)
                RefuseProduction(subject, id, scope, with);
            asked = approved.Asked(Context(id), with);
        }
        catch (FailureException) when (approve.For is null)
        {
            return default; // it needs what steps in between answer: it will ask by itself
        }

        var plan = await Workflow.ExecuteActivityAsync(
            (IRestoreActivities a) => a.PreflightAsync(asked), ActivityPolicies.AtTheDoor($"what {id} would do", cancellation, RestorePoint.MostToFind(asked.To)));
        return (id, (asked, plan));
    }

    /// <summary>The step it names, else the next one in document order that asks for approval itself.</summary>
    private static RunbookStep? Subject(RunbookStep step, ApproveStep approve, StepScope scope)
    {
        var later = Flat(scope.Definition.Steps).SkipWhile(s => s.Id != step.Id).Skip(1);
        return approve.For is { } named
            ? later.FirstOrDefault(s => s.Id == named)
            : later.TakeWhile(s => s.Approve is null).FirstOrDefault(s => s.Uses is { } uses && WorkflowActions.Create(uses) is IApprovedAction);
    }

    private static IEnumerable<RunbookStep> Flat(IEnumerable<RunbookStep> steps) =>
        steps.SelectMany(s => s.Parallel is { } inner ? Flat(inner) : [s]);

    private List<Shown> Shows(IReadOnlyList<string> shows, StepScope scope)
    {
        var shown = new List<Shown>();
        foreach (var name in shows)
        {
            var value = name == "target" && !scope.Inputs.ContainsKey(name) ? site.Target
                : scope.Inputs.TryGetValue(name, out var input) ? Text(input)
                : scope.Definition.Inputs.Any(i => i.Name == name) ? "not given"
                : Text(Expressions.Evaluate(name, scope.Values));
            shown.Add(new(
                name[(name.LastIndexOf('.') + 1)..], Durations.TryParseIso(value, out var duration) ? Durations.Write(duration) : value));
        }

        shown.Add(new("mode", request.Mode == RunMode.Drill ? $"drill, into {site.Target}" : "real"));
        return shown;
    }

    /// <summary>A person's answer to a failed step: true, it is tried again; false, it is ended as <see cref="StepEntry.Flow"/> says.</summary>
    private async Task<bool> RetriedAsync(RunbookStep step, StepEntry entry, StepScope scope, CancellationToken cancellation)
    {
        var failure = entry.Failure!;
        entry.State = StepStates.Waiting;
        entry.Detail = failure.Message;
        entry.Parked = true;
        entry.WaitFrom(Steps.Now);
        Intervention order;
        try
        {
            var waits = new WaitingStep(entry.Id, entry.Kind, failure.Message, entry.Waits[^1].From, MaySkip(step, entry));
            order = await orders.WaitAsync(waits, Changed, cancellation);
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            // What it failed of stays what it says; that nobody tried again ends the run.
            entry.Ended ??= abort.Order is null ? Cancelled : Aborted;
            book.End(entry, StepStates.Failed, RunbookVerdicts.OfFailure(failure), failure.Message,
                abort.Token.IsCancellationRequested ? Flow.End : Flow.Stop);
            return false;
        }

        entry.WaitTo(Steps.Now);
        entry.Interventions.Add($"{order.Kind} by {order.Person}: {order.Reason}");
        if (order.Kind == RunbookOrders.Skip)
        {
            entry.Ended = null;
            book.End(entry, StepStates.Skipped, Verdict.NotProven, $"skipped by {order.Person} ({order.Reason}) after: {failure.Message}", Flow.GoOn);
            return false;
        }

        entry.Failure = null;
        entry.Ended = null;
        entry.State = StepStates.Running;
        book.Show();
        return true;
    }

    private Flow Fail(StepEntry entry, RunbookStep step, StepScope scope, ErrorReport report, string? ended)
    {
        entry.Ended = ended;
        entry.Failure = report;
        var verdict = ended is null ? RunbookVerdicts.OfFailure(report) : Verdict.NotProven;
        var flow = ended is Aborted or Cancelled || report.Kind == IsolationKind ? Flow.End
            : step.OnFailure == OnFailure.Continue && step.Approve is null ? Flow.GoOn
            : Flow.Stop;
        book.End(entry, ended is Aborted or Cancelled ? StepStates.Cancelled : StepStates.Failed, verdict, report.Message,
            scope.IsCleanUp ? Flow.GoOn : flow);
        return entry.Flow;
    }

    /// <summary>Of a group: a failure inside it that its own <c>on-failure</c> lets pass. An end is an end.</summary>
    private static Flow After(RunbookStep step, Flow flow) => flow == Flow.Stop && step.OnFailure == OnFailure.Continue ? Flow.GoOn : flow;

    private bool WaitsForPeople(RunbookStep step, StepEntry entry, StepScope scope, ErrorReport report)
    {
        if (scope.IsCleanUp || report.Kind == IsolationKind)
            return false;
        var asks = step.OnFailure == OnFailure.Ask || (step.OnFailure == OnFailure.Stop && scope.Asks);
        return asks || (request.Mode == RunMode.Real && (step.OnFailure == OnFailure.Stop || step.Approve is not null));
    }

    private static bool Asks(RunbookStep step) => step.OnFailure == OnFailure.Ask;

    private static bool MaySkip(RunbookStep step, StepEntry entry) => step.Approve is null && entry.Kind != RunbookVerdicts.NegativeControl;

    private bool IsAsked(StepEntry entry) => desk.Open.Any(a => a.Step == entry.Id);

    private void Changed()
    {
        book.Show();
        desk.ShowWaiting();
    }

    /// <summary>Waits while the run is paused or is about to go on in a new execution; true: it was ended, and no step begins any
    /// more.</summary>
    private async Task<bool> BarredAsync(StepScope scope)
    {
        if (scope.IsCleanUp)
            return false;
        if (orders.Paused is not null || isFull())
            await Workflow.WaitConditionAsync(() => abort.Token.IsCancellationRequested || (orders.Paused is null && !isFull()), CancellationToken.None);
        return IsEnded(scope);
    }

    private bool IsEnded(StepScope scope) => !scope.IsCleanUp && abort.Token.IsCancellationRequested;

    private async Task<bool> BackOffAsync(RunbookStep step, StepEntry entry, int attempt, CancellationToken cancellation)
    {
        var backoff = (step.Retry?.Backoff ?? TimeSpan.Zero) * Math.Pow(2, Math.Min(attempt - 1, 10));
        try
        {
            if (backoff > TimeSpan.Zero)
                await Workflow.DelayWithOptionsAsync(new(backoff, $"{entry.Id}: before attempt {attempt + 1}", cancellation));
            return true;
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            return false;
        }
    }

    /// <summary>With the step's time-out, if it has one: what it runs is cancelled, and has ended, when this throws.</summary>
    private static async Task<T> InTimeAsync<T>(RunbookStep step, string id, Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        if (step.Timeout is not { } timeout)
            return await work(cancellation);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var clock = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = work(over.Token);
        var ticking = Workflow.DelayWithOptionsAsync(new(timeout, $"{id}: its time-out", clock.Token));
        var first = await Workflow.WhenAnyAsync(running, ticking);
        var timedOut = first == ticking && ticking.IsCompletedSuccessfully;
        if (timedOut)
            over.Cancel();
        else
            clock.Cancel();
        try
        {
            return await running;
        }
        catch (Exception e) when (timedOut && TemporalException.IsCanceledException(e))
        {
            throw Failures.ToFailure(new(TimedOutKind, $"It did not end in {RunbookVerdicts.Text(timeout)}.", id), e);
        }
    }

    private void RefuseProduction(RunbookStep step, string id, StepScope scope, JsonElement with)
    {
        var why = RunbookIsolation.WhyNot(site, scope.Inputs, scope.InputTypes)
            ?? RunbookIsolation.WhyNot(site, with.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, p.Value)), step.Types);
        if (why is not null)
            throw Failures.ToFailure(new(IsolationKind, why, id, "Use ${mode.target}: in a drill it is the drill's own."));
    }

    private ActionContext Context(string id)
    {
        var stands = book.Entries.LastOrDefault(e => e.StandsFor == id && e.State == StepStates.Done);
        var approved = stands is null ? null : desk.Asks.LastOrDefault(a => a.Ask.Step == stands.Id && a.Outcome == nameof(AskOutcome.Approved));
        return new(request.RunId, request.TaskQueue, id, request.Asset, request.Mode, slimSite, declaredAt, request.RequestedBy, request.Keys,
            approved is null ? null : new(approved.Ask, approved.Decisions))
        {
            Claim = claim,
        };
    }

    /// <summary>Every line of a step that has no turn.</summary>
    private void Skip(RunbookStep step, StepScope scope, string why)
    {
        if (step.Parallel is { } together)
        {
            foreach (var inner in together)
                Skip(inner, scope, why);
        }
        else if (step.Nested is { } nested)
        {
            foreach (var inner in nested.Steps)
                Skip(inner, scope.InNested(step.Id, nested, new Dictionary<string, JsonElement>(), asks: false), why);
        }
        else if (step.ForEach is null && book.Entries.Count < RunbookLimits.Steps)
        {
            book.Skip(scope.Id(step.Id), Kind(step), step.Title, why);
        }
    }

    /// <summary>Ended by a person, by Temporal, or by the time-out of a group around it.</summary>
    private Flow Interrupted(StepEntry entry, RunbookStep step, StepScope scope) => abort switch
    {
        { Order: { } order } => Fail(entry, step, scope, new(ErrorKinds.Ended, $"Aborted by {order.Person}: {order.Reason}"), Aborted),
        { Token.IsCancellationRequested: true } =>
            Fail(entry, step, scope, new(ErrorKinds.Ended, "Cancelled through Temporal, which keeps no reason."), Cancelled),
        _ => Fail(entry, step, scope, new(TimedOutKind, "The time-out of a group around it ended."), null),
    };

    private static string Kind(RunbookStep step) =>
        step.Uses ?? (step.Approve is not null ? "approve" : step.Manual is not null ? "manual" : step.Wait is not null ? "wait"
            : step.Nested is not null ? "runbook" : step.ForEach is not null ? "for-each" : "parallel");

    private static JsonElement Output(ActionOutcome? outcome) =>
        outcome is null || outcome.Output.ValueKind == JsonValueKind.Undefined ? NoOutput : outcome.Output;

    private static JsonElement Answer(params (string Name, object? Value)[] fields) =>
        JsonSerializer.SerializeToElement(fields.ToDictionary(f => f.Name, f => f.Value, StringComparer.Ordinal), LuxJson.Options);

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Null or JsonValueKind.Undefined => "not given",
        _ => value.GetRawText(),
    };

    private static ApplicationFailureException Refused(string why, string where) => Failures.ToFailure(new(ErrorKinds.Usage, why, where));

    /// <summary>Kinds of failures that only runs of runbooks know.</summary>
    public const string Aborted = "Aborted";
    public const string Cancelled = "Cancelled";
    private const string IsolationKind = "isolation";
    private const string TimedOutKind = "timed-out";
}
