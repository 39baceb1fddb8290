namespace LuxHedge.Activities.Stores;

public sealed partial class StoreContract
{
    public const long ScarceSpace = 10L << 30;
}
