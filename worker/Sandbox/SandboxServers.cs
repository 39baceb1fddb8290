using LuxHedge.Worker.Sandbox.Servers;

namespace LuxHedge.Worker.Sandbox;

/// <summary>The servers of one sandbox, started side by side.</summary>
/// <param name="Drills">Where drills restore to. Null: the database is a given one, and drills restore beside it.</param>
/// <param name="Kms">Null: there is none here, and the local key file stands in.</param>
public sealed record SandboxServers(SandboxMongoDb MongoDb, SandboxMongoDb? Drills, SandboxS3 S3, SandboxKms? Kms, SandboxTemporal Temporal)
    : IAsyncDisposable
{
    /// <summary>A walk through SecantusDB's oplog takes time with its length, and each look of a backup or of capture is one. These many entries
    /// are what three restores of the sample write: what falls out before it was read is a gap. mongod's oplog is bounded by bytes.</summary>
    private static readonly MongoDbOptions DatabaseOptions = new(OplogEntries: 700_000, CacheMegabytes: 256, Thrifty: true);

    /// <summary>A quarterly drill writes twice as many, and would push out what capture has not read yet. Nobody reads the oplog of its own server.</summary>
    private static readonly MongoDbOptions DrillOptions = new(OplogEntries: 10_000, CacheMegabytes: 256, Name: "mongodb-drills", Thrifty: true);

    /// <summary>All of them, or none: when one does not start, those that did are ended and its error is thrown.</summary>
    /// <param name="report">Told each server once it is ready: what it is, which program, where.</param>
    /// <param name="fill">What is done with the database while the others start, which takes them as long.</param>
    public static async Task<SandboxServers> StartAsync(
        ServerFinder finder, SandboxFolder folder, Action<string, string, string> report, Func<SandboxMongoDb, CancellationToken, Task> fill,
        CancellationToken cancellation)
    {
        // The first failure ends the others' waiting.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var mongoDb = GuardAsync(SandboxMongoDb.StartAsync(finder, folder.Servers, DatabaseOptions, stop.Token), m => m.Process, m => ("MongoDB", m.Software, "replica set of one"));
        var drills = GuardAsync(
            StartDrillsAsync(), d => d?.Process, d => ("Drills", d?.Software ?? "none", d is null ? "beside production, on the given server" : "a server of their own"));
        var s3 = GuardAsync(SandboxS3.StartAsync(finder, folder.Servers, SandboxPlan.Bucket, thrifty: true, stop.Token), s => s.Process, s => ("S3", s.Software, s.Endpoint));
        var kms = GuardAsync(
            SandboxKms.StartAsync(finder, folder.Servers, stop.Token),
            k => k?.Process,
            k => ("KMS", k?.Software ?? "none", k?.Endpoint ?? $"no moto_server here: a local key file stands in. {ServerFinder.KmsHint}"));
        var temporal = GuardAsync(
            SandboxTemporal.StartAsync(finder, folder.Servers, ui: true, stop.Token), t => t.Process, t => ("Temporal", t.Software, t.Ui ?? t.Address));
        var filled = FillAsync();
        try
        {
            await Task.WhenAll(mongoDb, drills, s3, kms, temporal, filled);
            return new SandboxServers(await mongoDb, await drills, await s3, await kms, await temporal);
        }
        catch
        {
            await EndAsync(filled);
            await EndAsync(mongoDb);
            await EndAsync(drills);
            await EndAsync(s3);
            await EndAsync(kms);
            await EndAsync(temporal);
            throw;
        }

        // What a person gives is the whole of it: nothing else is started beside it.
        async Task<SandboxMongoDb?> StartDrillsAsync() => finder.GivenAddress(ServerFinder.MongoDbVariable) is null
            ? await SandboxMongoDb.StartOwnAsync(finder, folder.Servers, DrillOptions, stop.Token)
            : null;

        async Task<bool> FillAsync()
        {
            try
            {
                await fill(await mongoDb, stop.Token);
                return true;
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }

        async Task<T> GuardAsync<T>(Task<T> start, Func<T, ServerProcess?> process, Func<T, (string What, string Software, string Where)> tell)
        {
            try
            {
                var started = await start;
                if (process(started) is { } own)
                {
                    folder.Record(own);
                }

                var (what, software, where) = tell(started);
                report(what, software, where);
                return started;
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    /// <summary>Those that this sandbox started itself, by name.</summary>
    public IReadOnlyDictionary<string, ServerProcess> Processes =>
        new[] { MongoDb.Process, Drills?.Process, S3.Process, Kms?.Process, Temporal.Process }.OfType<ServerProcess>().ToDictionary(p => p.Launch.Name);

    /// <summary>Side by side: each may take its time to end in order.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(
        MongoDb.DisposeAsync().AsTask(), Drills?.DisposeAsync().AsTask() ?? Task.CompletedTask, S3.DisposeAsync().AsTask(),
        Kms?.DisposeAsync().AsTask() ?? Task.CompletedTask, Temporal.DisposeAsync().AsTask());

    private static async Task EndAsync<T>(Task<T> start)
    {
        try
        {
            if (await start is IAsyncDisposable started)
            {
                await started.DisposeAsync();
            }
        }
        catch (Exception)
        {
            // It never started; whose error it is that is told was chosen already.
        }
    }
}
