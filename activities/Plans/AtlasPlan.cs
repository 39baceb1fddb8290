using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Activities.Plans;

/// <summary>Of a cluster that MongoDB Atlas runs: where its snapshots are asked for. Keys are references, resolved at each request: either a
/// pair of API keys (HTTP Digest), or a service account (OAuth 2.0 client credentials).</summary>
/// <param name="Place">Project and cluster, as Atlas has them.</param>
/// <param name="Snapshots">False: nobody is told when its snapshots are old.</param>
/// <param name="ApiUrl">Without a '/' at its end; <c>https://cloud.mongodb.com</c> unless the plan says otherwise.</param>
/// <param name="PublicKey">Null with a service account.</param>
/// <param name="ClientId">Of a service account; null with API keys.</param>
/// <param name="RestoreTo">Where snapshots may be restored to; null: nowhere.</param>
public sealed record AtlasPlan(
    AtlasPlace Place, bool Snapshots, string ApiUrl, SecretReference? PublicKey, SecretReference? PrivateKey, SecretReference? ClientId,
    SecretReference? ClientSecret, AtlasPlace? RestoreTo)
{
    public const string DefaultApiUrl = "https://cloud.mongodb.com";
}
