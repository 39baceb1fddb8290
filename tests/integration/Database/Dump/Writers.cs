using LuxHedge.Tests.Support;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Dump;

/// <summary>
/// What goes on in a database while it is backed up: counters are incremented, documents inserted and deleted, and transfers made in
/// transactions that leave the sum of all balances as it was.
/// </summary>
internal sealed class Writers(IMongoDatabase database) : IAsyncDisposable
{
    private const int Accounts = 10;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private long _sent;
    private long _acknowledged;
    private long _rounds;

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long Sent => Interlocked.Read(ref _sent);

    public long Count => Interlocked.Read(ref _rounds);

    public void Start()
    {
        database.GetCollection<BsonDocument>("accounts").InsertMany(Enumerable.Range(0, Accounts).Select(i => new BsonDocument { { "_id", i }, { "balance", 100 } }));
        database.GetCollection<BsonDocument>("counters").InsertOne(new BsonDocument { { "_id", "c" }, { "n", 0L } });
        database.CreateCollection("queue");
        _running.Add(Task.Run(CountAsync));
        _running.Add(Task.Run(QueueAsync));
        _running.Add(Task.Run(TransferAsync));
    }

    /// <summary>Waits until the writers have got so far.</summary>
    public async Task ReachAsync(long rounds)
    {
        while (Interlocked.Read(ref _rounds) < rounds)
        {
            if (_running.FirstOrDefault(r => r.IsFaulted) is { } failed)
            {
                await failed;
            }

            await Task.Yield();
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
    }

    /// <param name="acknowledged">Increments acknowledged before the end mark was taken.</param>
    public void AssertBounds(ReplayedBackup backup, long acknowledged)
    {
        var counter = backup.Collection("counters").Documents.Single()["n"].ToInt64();
        Assert.InRange(counter, acknowledged, Interlocked.Read(ref _sent));
        var accounts = backup.Collection("accounts").Documents.ToList();
        Assert.Equal(Accounts, accounts.Count);
        Assert.Equal(Accounts * 100, accounts.Sum(a => a["balance"].ToInt32()));

        // The queue holds at most the newest few, one after another.
        var queue = backup.Collection("queue").Documents.Select(d => d["_id"].ToInt64()).Order().ToList();
        Assert.Equal(queue.Count, queue.Count == 0 ? 0 : queue[^1] - queue[0] + 1);
    }

    /// <summary>The same of a database that came back.</summary>
    public static void AssertBounds(IMongoDatabase database, long acknowledged, long sent)
    {
        IEnumerable<BsonDocument> All(string name) => database.GetCollection<BsonDocument>(name).Find(new BsonDocument()).ToList();
        Assert.InRange(All("counters").Single()["n"].ToInt64(), acknowledged, sent);
        Assert.Equal(Accounts * 100, All("accounts").Sum(a => a["balance"].ToInt32()));
        var queue = All("queue").Select(d => d["_id"].ToInt64()).Order().ToList();
        Assert.Equal(queue.Count, queue.Count == 0 ? 0 : queue[^1] - queue[0] + 1);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stop.IsCancellationRequested)
        {
            await StopAsync();
        }

        _stop.Dispose();
    }

    private async Task CountAsync()
    {
        var counters = database.GetCollection<BsonDocument>("counters").WithWriteConcern(WriteConcern.WMajority);
        while (!_stop.IsCancellationRequested)
        {
            Interlocked.Increment(ref _sent);
            await counters.UpdateOneAsync(new BsonDocument("_id", "c"), new BsonDocument("$inc", new BsonDocument("n", 1L)));
            Interlocked.Increment(ref _acknowledged);
            Interlocked.Increment(ref _rounds);
        }
    }

    private async Task QueueAsync()
    {
        var queue = database.GetCollection<BsonDocument>("queue");
        for (long i = 0; !_stop.IsCancellationRequested; i++)
        {
            await queue.InsertOneAsync(new BsonDocument { { "_id", i }, { "p", new byte[100] } });
            await queue.DeleteOneAsync(new BsonDocument("_id", i - 20));
        }
    }

    private async Task TransferAsync()
    {
        var accounts = database.GetCollection<BsonDocument>("accounts");
        using var session = await database.Client.StartSessionAsync();
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            try
            {
                session.StartTransaction();
                foreach (var (account, amount) in new[] { (i % Accounts, -1), ((i + 3) % Accounts, 1) })
                {
                    await accounts.UpdateOneAsync(session, new BsonDocument("_id", account), new BsonDocument("$inc", new BsonDocument("balance", amount)));
                }

                await session.CommitTransactionAsync();
            }
            catch (MongoException e) when (e.HasErrorLabel("TransientTransactionError"))
            {
                if (session.IsInTransaction)
                {
                    await session.AbortTransactionAsync();
                }
            }
        }
    }
}
