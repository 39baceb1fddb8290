using System.Text.RegularExpressions;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using Temporalio.Client;
using Temporalio.Exceptions;
using Temporalio.Runtime;

namespace LuxHedge.Worker.Hosting;

/// <summary>How this program reaches Temporal: from the plan, for the worker and for every command.</summary>
public static partial class TemporalConnections
{
    /// <summary>Options for a client of the plan's Temporal. Resolves the API key, if there is one.</summary>
    public static TemporalClientConnectOptions Options(TemporalPlan plan) => new(plan.Address)
    {
        // First: it must hear of the API key when that is resolved.
        DataConverter = MaskingFailureConverter.Converter(SecretMasker.Shared),
        Namespace = plan.Namespace,
        Tls = plan.Tls ? new TlsOptions() : new TlsOptions { Disabled = true },
        ApiKey = plan.ApiKey?.Resolve(),
        Identity = $"luxhedge@{Environment.MachineName}/{Environment.ProcessId}",
    };

    /// <summary>Throws <see cref="RefusalException"/> (<c>unreachable</c>) naming the address, the namespace and what to check.</summary>
    public static async Task<ITemporalClient> ConnectAsync(
        TemporalPlan plan, CancellationToken cancellation, TemporalRuntime? runtime = null)
    {
        try
        {
            var options = Options(plan);
            options.Runtime = runtime;
            return await TemporalClient.ConnectAsync(options).WaitAsync(cancellation);
        }
        catch (Exception e) when (e is InvalidOperationException or RpcException or IOException)
        {
            throw Unreachable(plan, e);
        }
    }

    /// <summary>Work of calls to Temporal; when it does not answer, throws <see cref="RefusalException"/> (<c>unreachable</c>).</summary>
    internal static async Task<T> ReachAsync<T>(TemporalPlan plan, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw Unreachable(plan, e);
        }
    }

    internal static RefusalException Unreachable(TemporalPlan plan, Exception e) => new(
        ErrorKinds.Unreachable,
        $"No Temporal answers at {plan.Address} (namespace {plan.Namespace}): {Innermost(e.Message)}",
        plan.Address,
        "Check temporal.address, namespace, tls and apiKey of the plan, and that the server runs.",
        e);

    /// <summary>The client writes its whole chain of errors (<c>tonic::transport::Error(Transport, …, message: "Connection refused"
    /// })))</c>); a person needs the last words of it.</summary>
    private static string Innermost(string message) =>
        Nested().Match(message) is { Success: true } nested ? $"{nested.Groups["words"].Value}." : message;

    [GeneratedRegex("tonic::.*message: \"(?<words>[^\"]+)\"")]
    private static partial Regex Nested();
}
