using LuxHedge.Workflows.Runs;
using Serilog;
using Temporalio.Api.Enums.V1;
using Temporalio.Api.OperatorService.V1;
using Temporalio.Client;
using Temporalio.Exceptions;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Hosting;

/// <summary>A workflow that sets an attribute the server does not know stands still for ever: the worker registers them before it takes
/// work.</summary>
public static class SearchAttributes
{
    /// <summary>Adds what is missing. A server that lets nobody (Temporal Cloud) is told in the log, with what to add there.</summary>
    public static async Task RegisterAsync(ITemporalClient client, ILogger log, CancellationToken cancellation)
    {
        var rpc = new RpcOptions { CancellationToken = cancellation };
        try
        {
            var known = await KnownAsync(client, rpc);
            var missing = LuxSearchAttributes.Names.Where(n => !known.Contains(n)).ToList();
            if (missing.Count == 0)
                return;
            var request = new AddSearchAttributesRequest { Namespace = client.Options.Namespace };
            foreach (var name in missing)
                request.SearchAttributes.Add(name, IndexedValueType.Keyword);
            await client.Connection.OperatorService.AddSearchAttributesAsync(request, rpc);
            log.Information("Registered the search attributes {Names}", missing);
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.AlreadyExists)
        {
            // Another worker was faster.
        }
        catch (RpcException e) when (e.Code is RpcException.StatusCode.PermissionDenied or RpcException.StatusCode.Unimplemented)
        {
            log.Warning("Add the search attributes {Names} (Keyword) to the namespace {Namespace} yourself: the server lets no client ({Why})",
                LuxSearchAttributes.Names, client.Options.Namespace, e.Message);
        }
    }

    private static async Task<IReadOnlySet<string>> KnownAsync(ITemporalClient client, RpcOptions rpc)
    {
        try
        {
            var request = new ListSearchAttributesRequest { Namespace = client.Options.Namespace };
            var listed = await client.Connection.OperatorService.ListSearchAttributesAsync(request, rpc);
            return listed.CustomAttributes.Keys.ToHashSet(StringComparer.Ordinal);
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.Unimplemented)
        {
            return new HashSet<string>(); // the time-skipping test server can add, but not list
        }
    }
}
