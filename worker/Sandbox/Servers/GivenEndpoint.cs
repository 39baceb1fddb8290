using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary><c>http://ACCESS:SECRET@host:port</c>, as a person gives the address of an S3 server or a KMS.</summary>
internal static class GivenEndpoint
{
    public static (string Endpoint, string AccessKey, string SecretKey) Parse(string address, string variable)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw Refused(variable);
        }

        return uri.UserInfo.Split(':') is [{ Length: > 0 } access, { Length: > 0 } secret]
            ? (uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped), Uri.UnescapeDataString(access), Uri.UnescapeDataString(secret))
            : throw Refused(variable);
    }

    private static RefusalException Refused(string variable) =>
        new(ErrorKinds.Usage, $"{variable} is no address with credentials.", variable, "Write it as http://ACCESS:SECRET@host:port, or unset it.");
}
