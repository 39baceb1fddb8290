using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LuxHedge.Tests.Integration.Stores;

/// <summary>
/// A wire between a client and a server that can be cut: bytes go through unchanged (signatures hold, since the Host header is the proxy's),
/// until a request matches what <see cref="CutAnswerOnce"/> was told.
/// </summary>
internal sealed class FlakyProxy : IAsyncDisposable
{
    /// <summary>No pattern that a test waits for is longer.</summary>
    private const int LongestRequest = 300;

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ended = new();
    private readonly Uri target;
    private readonly Lock gate = new();
    private readonly List<(string Request, int After)> cuts = [];
    private readonly Task accepting;

    public FlakyProxy(string target)
    {
        this.target = new Uri(target);
        listener.Start();
        accepting = AcceptAsync();
    }

    public string Endpoint => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

    /// <summary>While it is not done, requests with this in their first lines wait, and are counted in <see cref="Held"/>.</summary>
    public (string Request, TaskCompletionSource Gate)? Hold { get; set; }

    public int Held { get; private set; }

    /// <summary>How many answers were cut.</summary>
    public int Cut { get; private set; }

    /// <param name="request">Part of the first lines of a request: <c>"GET /bucket/name"</c>.</param>
    /// <param name="after">Bytes of the answer that still come, its head included.</param>
    public void CutAnswerOnce(string request, int after)
    {
        lock (gate)
            cuts.Add((request, after));
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        listener.Stop();
        await accepting;
        ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ForwardAsync(await listener.AcceptTcpClientAsync(ended.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(target.Host, target.Port, ended.Token);
                var left = new Budget();
                var there = RequestsAsync(client.GetStream(), server.GetStream(), left);
                var back = AnswersAsync(server.GetStream(), client.GetStream(), left);
                await Task.WhenAny(there, back);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // One side went away: so does the other.
            }
        }
    }

    private async Task RequestsAsync(NetworkStream from, NetworkStream to, Budget left)
    {
        var buffer = new byte[1 << 16];
        var before = "";
        while (await from.ReadAsync(buffer, ended.Token) is > 0 and var read)
        {
            // A request's first line may come in two reads, or behind the end of another's body.
            var text = before + Encoding.Latin1.GetString(buffer, 0, read);
            before = text[^Math.Min(text.Length, LongestRequest)..];
            lock (gate)
            {
                var at = cuts.FindIndex(c => text.Contains(c.Request, StringComparison.Ordinal));
                if (at >= 0)
                {
                    left.Bytes = cuts[at].After;
                    cuts.RemoveAt(at);
                    before = "";
                }
            }

            if (Hold is var (request, opened) && text.Contains(request, StringComparison.Ordinal))
            {
                before = "";
                lock (gate)
                    Held++;
                await opened.Task.WaitAsync(ended.Token);
            }

            await to.WriteAsync(buffer.AsMemory(0, read), ended.Token);
        }
    }

    private async Task AnswersAsync(NetworkStream from, NetworkStream to, Budget left)
    {
        var buffer = new byte[1 << 14];
        while (await from.ReadAsync(buffer, ended.Token) is > 0 and var read)
        {
            var pass = left.Bytes is { } bytes ? Math.Min(bytes, read) : read;
            await to.WriteAsync(buffer.AsMemory(0, pass), ended.Token);
            if (left.Bytes is null)
                continue;
            left.Bytes -= pass;
            if (left.Bytes == 0)
            {
                Cut++;
                return;
            }
        }
    }

    private sealed class Budget
    {
        public int? Bytes { get; set; }
    }
}
