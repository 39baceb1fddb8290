using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;

namespace LuxHedge.Tests.Support;

/// <summary>
/// A wire between MongoDB's driver and its server, for what a network and a failover do: connections cut between or within messages, new ones
/// refused, silence, slowness, a server that comes back elsewhere, and answers that only a stepping primary gives. It passes on whole
/// requests, so that a test can name the one it means by a text in it (a command, a collection).
/// </summary>
public sealed class MongoWire : IAsyncDisposable
{
    private const int Header = 16;
    private const int OpMessage = 2013;

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ended = new();
    private readonly Lock gate = new();
    private readonly List<Plan> plans = [];
    private readonly HashSet<Link> links = [];
    private readonly List<BsonDocument> answered = [];
    private readonly MongoUrlBuilder url;
    private readonly Task accepting;
    private TaskCompletionSource? silence;
    private int accidents;

    public MongoWire(string connectionString)
    {
        url = new MongoUrlBuilder(connectionString);
        Target = url.Server;
        listener.Start();
        url.Server = new MongoServerAddress("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        accepting = AcceptAsync();
    }

    /// <summary>The server's, through this wire.</summary>
    public string ConnectionString => url.ToString();

    /// <summary>Where new connections lead: another port once the server was started again.</summary>
    public MongoServerAddress Target { get; set; }

    /// <summary>New connections are taken and ended at once.</summary>
    public bool Refuses { get; set; }

    /// <summary>Each request waits so long.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>How many connections this wire has ended or answered itself.</summary>
    public int Accidents => Volatile.Read(ref accidents);

    /// <summary>Accidents that did not come yet, each by its request's text.</summary>
    public IReadOnlyList<string> Waiting
    {
        get
        {
            lock (gate)
            {
                return [.. plans.Select(p => string.Concat(Encoding.UTF8.GetString(p.Request).Select(c => char.IsControl(c) ? ' ' : c)))];
            }
        }
    }

    /// <summary>The commands that it answered itself, in their order.</summary>
    public IReadOnlyList<BsonDocument> Answered
    {
        get
        {
            lock (gate)
            {
                return [.. answered];
            }
        }
    }

    /// <summary>How a command whose first field is a string begins, such as <c>find</c> with its collection.</summary>
    public static string Command(string name, string on) =>
        $"\u0002{name}\0{(char)(on.Length + 1)}\0\0\0{on}\0";

    /// <summary>Ends every connection there is, in the middle of whatever goes over it.</summary>
    public void CutAll()
    {
        Link[] all;
        lock (gate)
        {
            all = [.. links];
        }

        foreach (var link in all)
        {
            Cut(link);
        }
    }

    /// <summary>Cuts the connection over which the <paramref name="nth"/> such request goes: its server has it, and of its answer so many bytes come back.</summary>
    /// <param name="request">Text that is in the request.</param>
    public void CutAnswer(string request, int after = 0, int nth = 1) => Add(new Plan(request, nth) { AnswerBytes = after });

    /// <summary>Cuts the connection within such a request: its server gets so many bytes of it.</summary>
    public void CutRequest(string request, int after, int nth = 1) => Add(new Plan(request, nth) { RequestBytes = after });

    /// <summary>The <paramref name="nth"/> such request is held on its way, as when its sender stands still in the middle of it; everything else goes on.</summary>
    public HeldRequest Hold(string request, int nth = 1)
    {
        var held = new HeldRequest();
        Add(new Plan(request, nth) { Held = held });
        return held;
    }

    /// <summary>The server does not get the request; this is its answer.</summary>
    public void Answer(string request, BsonDocument answer, int nth = 1) => Add(new Plan(request, nth) { Reply = answer });

    /// <summary>What a server answers that is no primary any more, is ending, or has forgotten a cursor.</summary>
    public void AnswerError(string request, int code, string codeName, int nth = 1) => Answer(
        request, new BsonDocument { { "ok", 0.0 }, { "errmsg", $"{codeName} (said by the test's wire)" }, { "code", code }, { "codeName", codeName } }, nth);

    /// <summary>Nothing goes through, and nothing is ended: a network that swallows.</summary>
    public void Silence()
    {
        lock (gate)
        {
            silence ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Resume()
    {
        lock (gate)
        {
            silence?.TrySetResult();
            silence = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        listener.Stop();
        Resume();
        CutAll();
        await accepting;
        ended.Dispose();
    }

    private void Add(Plan plan)
    {
        lock (gate)
        {
            plans.Add(plan);
        }
    }

    private void Cut(Link link)
    {
        if (link.End())
        {
            Interlocked.Increment(ref accidents);
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(ended.Token);
                if (Refuses)
                {
                    client.Dispose();
                }
                else
                {
                    _ = ForwardAsync(new Link(client));
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task ForwardAsync(Link link)
    {
        lock (gate)
        {
            links.Add(link);
        }

        try
        {
            await link.Server.ConnectAsync(Target.Host, Target.Port, ended.Token);
            await Task.WhenAny(RequestsAsync(link), AnswersAsync(link));
        }
        catch (Exception e) when (IsEnd(e))
        {
            // The server is not there: neither is this connection.
        }
        finally
        {
            lock (gate)
            {
                links.Remove(link);
            }

            link.Dispose();
        }
    }

    private async Task RequestsAsync(Link link)
    {
        try
        {
            var (from, to) = (link.Client.GetStream(), link.Server.GetStream());
            var head = new byte[Header];
            while (true)
            {
                await from.ReadExactlyAsync(head, ended.Token);
                var message = new byte[BinaryPrimitives.ReadInt32LittleEndian(head)];
                head.CopyTo(message, 0);
                await from.ReadExactlyAsync(message.AsMemory(Header), ended.Token);
                await ThroughAsync();
                await Task.Delay(Delay, ended.Token);
                var plan = Meant(message);
                if (plan?.Reply is { } reply)
                {
                    Interlocked.Increment(ref accidents);
                    lock (gate)
                    {
                        answered.Add(BsonSerializer.Deserialize<BsonDocument>(message.AsSpan(Header + 5).ToArray()));
                    }

                    await link.AnswerAsync(Reply(message, reply), ended.Token);
                    continue;
                }

                if (plan?.RequestBytes is { } bytes)
                {
                    await to.WriteAsync(message.AsMemory(0, Math.Min(bytes, message.Length)), ended.Token);
                    Cut(link);
                    return;
                }

                if (plan?.AnswerBytes is { } answer)
                {
                    link.AnswerBytes = answer;
                }

                if (plan?.Held is { } held)
                {
                    await held.PassAsync(ended.Token);
                }

                await to.WriteAsync(message, ended.Token);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // One side went away: so does the other.
        }
    }

    private async Task AnswersAsync(Link link)
    {
        try
        {
            var from = link.Server.GetStream();
            var buffer = new byte[1 << 16];
            while (await from.ReadAsync(buffer, ended.Token) is > 0 and var read)
            {
                await ThroughAsync();
                if (link.AnswerBytes is { } left)
                {
                    await link.AnswerAsync(buffer.AsMemory(0, Math.Min(left, read)), ended.Token);
                    link.AnswerBytes = left -= Math.Min(left, read);
                    if (left == 0)
                    {
                        Cut(link);
                        return;
                    }
                }
                else
                {
                    await link.AnswerAsync(buffer.AsMemory(0, read), ended.Token);
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // One side went away: so does the other.
        }
    }

    private static bool IsEnd(Exception e) => e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    private Task ThroughAsync()
    {
        lock (gate)
        {
            return silence?.Task ?? Task.CompletedTask;
        }
    }

    private Plan? Meant(byte[] message)
    {
        lock (gate)
        {
            foreach (var plan in plans)
            {
                if (message.AsSpan().IndexOf(plan.Request) >= 0 && --plan.Left == 0)
                {
                    plans.Remove(plan);
                    return plan;
                }
            }

            return null;
        }
    }

    /// <summary>An OP_MSG: header, flags, a section of kind 0.</summary>
    private static byte[] Reply(byte[] request, BsonDocument answer)
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(request.AsSpan(12)) != OpMessage)
        {
            throw new InvalidOperationException("Only a request that is an OP_MSG is answered here.");
        }

        var body = answer.ToBson();
        var message = new byte[Header + 5 + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        request.AsSpan(4, 4).CopyTo(message.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), OpMessage);
        body.CopyTo(message, Header + 5);
        return message;
    }

    private sealed class Plan(string request, int nth)
    {
        public byte[] Request { get; } = Encoding.UTF8.GetBytes(request);

        public int Left { get; set; } = nth;

        public int? AnswerBytes { get; init; }

        public int? RequestBytes { get; init; }

        public HeldRequest? Held { get; init; }

        public BsonDocument? Reply { get; init; }
    }

    private sealed class Link(TcpClient client) : IDisposable
    {
        private readonly SemaphoreSlim answering = new(1, 1);
        private int over;

        public TcpClient Client => client;

        public TcpClient Server { get; } = new();

        public int? AnswerBytes { get; set; }

        public async Task AnswerAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            await answering.WaitAsync(cancellation);
            try
            {
                await client.GetStream().WriteAsync(bytes, cancellation);
            }
            finally
            {
                answering.Release();
            }
        }

        public void Dispose()
        {
            End();
            answering.Dispose();
        }

        /// <summary>As a network does it: by a reset. False when it had ended already.</summary>
        public bool End()
        {
            if (Interlocked.Exchange(ref over, 1) == 1)
            {
                return false;
            }

            foreach (var side in (TcpClient[])[client, Server])
            {
                try
                {
                    side.LingerState = new LingerOption(true, 0);
                }
                catch (Exception e) when (IsEnd(e))
                {
                    // It is gone.
                }

                side.Dispose();
            }

            return true;
        }
    }
}

/// <summary>A request that the wire has, and its server not yet.</summary>
public sealed class HeldRequest
{
    private readonly TaskCompletionSource arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends once it is on its way.</summary>
    public Task Arrived => arrived.Task;

    public void Release() => released.TrySetResult();

    internal async Task PassAsync(CancellationToken cancellation)
    {
        arrived.TrySetResult();
        await released.Task.WaitAsync(cancellation);
    }
}
