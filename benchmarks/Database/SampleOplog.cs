using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;

namespace LuxHedge.Benchmarks.Database;

/// <summary>
/// Oplog entries as mongod writes them, of accounts whose balances move: six of ten update one of the accounts that are there, three insert a
/// booking, one deletes a booking of before. The same number makes the same entry.
/// </summary>
internal sealed class SampleOplog(int accounts, int entries) : IOplogSource
{
    public const string Uuid = "00112233445566778899aabbccddeeff";

    private static readonly byte[] UuidBytes = Convert.FromHexString(Uuid);

    private const uint Seconds = 1_700_000_000;

    [ThreadStatic]
    private static DocumentWriter? Writer;

    public ClusterTime Last => TimeOf(entries - 1);

    /// <summary>Bookings have numbers above the accounts', in the order they are made.</summary>
    public IEnumerable<SampleOperation> Operations()
    {
        var random = new Random(7);
        var (made, deleted) = (0, 0);
        for (var i = 0; i < entries; i++)
        {
            var draw = random.Next(10);
            yield return draw < 6 ? new SampleOperation('u', random.Next(accounts), i)
                : draw == 9 && deleted < made ? new SampleOperation('d', accounts + deleted++, i)
                : new SampleOperation('i', accounts + made++, i);
        }
    }

    /// <summary>An account or a booking as it is first written: about 400 bytes.</summary>
    public static byte[] Document(int id)
    {
        var writer = Writer ??= new DocumentWriter();
        writer.Clear();
        writer.Begin();
        WriteFields(writer, id);
        writer.End();
        return writer.CopyFrom(0);
    }

    public async IAsyncEnumerable<(ReadOnlyMemory<byte> Entry, OplogPlace Place)> ReadAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        var writer = new DocumentWriter();
        foreach (var operation in Operations())
        {
            writer.Clear();
            var time = TimeOf(operation.Number);
            writer.Begin();
            writer.Text("op"u8, operation.Kind.ToString());
            writer.Text("ns"u8, BenchmarkSite.Large + ".accounts");
            writer.Uuid("ui"u8, UuidBytes);
            writer.BeginDocument("o"u8);
            switch (operation.Kind)
            {
                case 'i':
                    WriteFields(writer, operation.Id);
                    break;
                case 'd':
                    writer.Int32("_id"u8, operation.Id);
                    break;
                default:
                    writer.Int32("$v"u8, 2);
                    writer.BeginDocument("diff"u8);
                    writer.BeginDocument("u"u8);
                    writer.Double("balance"u8, operation.Number / 100.0);
                    writer.Date("updatedAt"u8, ((long)Seconds * 1000) + operation.Number);
                    writer.Int32("version"u8, operation.Number);
                    writer.End();
                    writer.End();
                    break;
            }

            writer.End();
            if (operation.Kind == 'u')
            {
                writer.BeginDocument("o2"u8);
                writer.Int32("_id"u8, operation.Id);
                writer.End();
            }

            writer.Timestamp("ts"u8, time.Seconds, time.Increment);
            writer.Int64("t"u8, 1);
            writer.Int64("v"u8, 2);
            writer.Date("wall"u8, (long)time.Seconds * 1000);
            writer.End();

            // A copy, as the real source gives: a window outlives the chunk that it comes from.
            yield return (writer.CopyFrom(0), new OplogPlace(false, 0));
        }
    }

    public Task<(ReadOnlyMemory<byte> Entry, OplogPlace Place)?> FindEarlierAsync(ClusterTime time, CancellationToken cancellation) =>
        throw new InvalidOperationException("There are no transactions in it.");

    public Task<ReadOnlyMemory<byte>> ReadAgainAsync(OplogPlace place, ClusterTime time, CancellationToken cancellation) =>
        throw new InvalidOperationException("There are no transactions in it.");

    private static ClusterTime TimeOf(int number) => new(Seconds + (uint)(number / 1000), (uint)(number % 1000) + 1);

    private static void WriteFields(DocumentWriter writer, int id)
    {
        writer.Int32("_id"u8, id);
        writer.Text("account"u8, $"LU28{id:D16}");
        writer.Text("owner"u8, $"client {id * 7919 % 100_000}");
        writer.Text("currency"u8, "EUR");
        writer.Double("balance"u8, id);
        writer.Date("createdAt"u8, (long)Seconds * 1000);
        writer.Date("updatedAt"u8, (long)Seconds * 1000);
        writer.Int32("version"u8, 0);
        writer.Text("note"u8, "opened by the branch after the identity papers were seen and copied, risk category low, reporting yearly");
        writer.BeginDocument("limits"u8);
        writer.Double("daily"u8, 10_000);
        writer.Double("monthly"u8, 100_000);
        writer.End();
    }
}

internal readonly record struct SampleOperation(char Kind, int Id, int Number);
