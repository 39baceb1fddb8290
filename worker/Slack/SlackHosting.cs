using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Runs;
using Temporalio.Client;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Slack;

/// <summary>What of Slack a worker runs: the socket where the plan has an app token, the endpoint where it listens; neither where it has no key
/// to sign clicks with.</summary>
internal static class SlackHosting
{
    public static IServiceCollection AddSlack(this IServiceCollection services, Plan plan, WorkerHostOptions options, ILogger log)
    {
        var takesClicks = plan.Slack is not null && (plan.Slack.AppToken is not null || options.Listen is not null) && CanSign(plan, log);
        if (takesClicks)
        {
            var slack = plan.Slack!;
            services
                .AddSingleton(slack)
                .AddSingleton(EndpointKey.Load(plan))
                .AddSingleton<ISlackApiClient>(s => new SlackWebApiClient(slack, s.GetRequiredService<TimeProvider>()))
                .AddSingleton<IClickRuns, TemporalClickRuns>()
                .AddSingleton<IRuns>(s => new TemporalRuns(new LuxClient(s.GetRequiredService<ITemporalClient>(), plan.Temporal), plan.Temporal))
                .AddSingleton(log)
                .AddSingleton<ClickHandler>()
                .AddSingleton<CommandHandler>()
                .AddSingleton<SlackInteractions>();
            if (slack.AppToken is not null)
                services.AddSingleton<SocketMode>().AddHostedService(s => s.GetRequiredService<SocketMode>());
        }

        if (options.Listen is { } address)
        {
            services
                .AddSingleton(s => new Health(
                    s.GetRequiredService<ITemporalClient>(), plan, () => s.GetService<SocketMode>()?.Status ?? (takesClicks ? "http" : "off")))
                .AddHostedService(s => new HttpListener(
                    address, plan.Slack, s.GetService<SlackInteractions>(), s.GetRequiredService<Health>(), s.GetRequiredService<TimeProvider>(), log,
                    options.Listening));
        }

        return services;
    }

    private static bool CanSign(Plan plan, ILogger log)
    {
        if (plan.Slack?.Endpoint is not { PrivateKey: null } endpoint)
            return true;
        log.Warning("The plan has no private key of '{Name}' for this machine: it takes no clicks", endpoint.Name);
        return false;
    }
}
