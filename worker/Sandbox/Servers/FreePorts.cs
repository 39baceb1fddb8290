using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>
/// Ports of 127.0.0.1 that nothing listens on: below the range that Linux gives to outgoing connections (32768 on), so that between the
/// choice and the server's start only another chooser could take one. Whoever starts a server tries again with others when it ends early.
/// </summary>
public static class FreePorts
{
    private const int First = 15000;
    private const int Last = 32000;

    public static int[] Take(int count)
    {
        var ports = new List<int>(count);
        while (ports.Count < count)
        {
            var port = RandomNumberGenerator.GetInt32(First, Last);
            if (!ports.Contains(port) && IsFree(port))
            {
                ports.Add(port);
            }
        }

        return [.. ports];
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
