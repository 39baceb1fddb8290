using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace LuxHedge.Tests.Support.Slack;

/// <summary>The server's end of one socket.</summary>
internal sealed class FakeSocket(WebSocket socket) : IDisposable
{
    private readonly SemaphoreSlim sending = new(1);

    public string Id { get; } = Guid.NewGuid().ToString("N");

    public long Opened { get; } = Environment.TickCount64;

    public volatile bool Greeted;

    /// <summary>It was told to go: nothing new is sent over it.</summary>
    public volatile bool Leaving;

    public async Task SendAsync(JsonObject frame)
    {
        await sending.WaitAsync();
        try
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(frame.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException)
        {
            // The other end has gone.
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>Null: it was closed or broke.</summary>
    public async Task<JsonObject?> ReceiveAsync(CancellationToken cancellation)
    {
        var buffer = new byte[64 * 1024];
        var length = 0;
        try
        {
            while (true)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(length), cancellation);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
                    return null;
                }

                length += part.Count;
                if (part.EndOfMessage)
                    return JsonNode.Parse(buffer.AsSpan(0, length))!.AsObject();
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            return null;
        }
    }

    public void Abort() => socket.Abort();

    public void Dispose()
    {
        socket.Dispose();
        sending.Dispose();
    }
}
