using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LuxHedge.Benchmarks.Database;

/// <summary>
/// Documents as a hedge fund's transactions look: 0.5 to 4 KB, no two alike, of amounts, times, random account numbers and hashes, nested legs and
/// notes in prose. zstd at level 1 makes about a quarter of them. The same number makes the same document.
/// </summary>
internal static class SampleDocuments
{
    /// <summary>Documents of one block are made together; blocks in any order.</summary>
    public const int BlockDocuments = 2_000;

    /// <summary>What <see cref="CountFor"/> divides by: measured.</summary>
    private const int AverageBytes = 1_660;

    private const long Epoch = 1_700_000_000_000;

    private static readonly byte[][] Words = [.. """
        settled against the counterparty after confirmation of the second leg at close of business delta hedge of the equity basket rolled into next
        quarter margin call received and paid collateral moved from custody to prime broker client instruction by phone recorded compliance review open
        limit order partially filled remaining quantity cancelled manual correction of the exercise fee booked twice exchange rate fixing taken from the
        reference source awaiting document passport expired residence confirmed risk category raised position transferred between portfolios swap reset
        """.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(Encoding.ASCII.GetBytes)];

    private static readonly byte[][] Currencies = [.. ((string[])["EUR", "USD", "CHF", "GBP", "JPY", "LUF"]).Select(Encoding.ASCII.GetBytes)];
    private static readonly byte[][] Kinds = [.. ((string[])["deposit", "withdrawal", "trade", "fee", "dividend", "transfer"]).Select(Encoding.ASCII.GetBytes)];
    private static readonly byte[][] States = [.. ((string[])["settled", "settled", "settled", "pending", "failed"]).Select(Encoding.ASCII.GetBytes)];
    private static readonly byte[][] Indexes = [.. Enumerable.Range(0, 16).Select(i => Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture)))];

    public static int CountFor(long bytes) => (int)Math.Max(1, bytes / AverageBytes);

    /// <summary>An ObjectId that grows with the number, as a server's own do: seconds, five bytes of a process, a counter.</summary>
    public static byte[] Id(int number)
    {
        var id = new byte[12];
        BinaryPrimitives.WriteUInt32BigEndian(id, (uint)(Epoch / 1000) + (uint)(number / 50));
        "bench"u8.CopyTo(id.AsSpan(4));
        id[9] = (byte)(number >> 16);
        id[10] = (byte)(number >> 8);
        id[11] = (byte)number;
        return id;
    }

    /// <summary>Documents <paramref name="from"/> to <paramref name="to"/>, without the last, each as bytes of its own.</summary>
    public static List<byte[]> Make(int from, int to)
    {
        var writer = new DocumentWriter();
        var documents = new List<byte[]>(to - from);
        Span<byte> hash = stackalloc byte[32];
        for (var number = from; number < to; number++)
        {
            writer.Clear();
            var random = new Xorshift((ulong)number + 1);
            writer.Begin();
            writer.ObjectId("_id"u8, Id(number));
            writer.Text("reference"u8, $"TX-{number:D10}");
            writer.Int32("user"u8, (int)(random.Next() % 250_000));
            Account(writer, "account"u8, ref random);
            writer.Text("kind"u8, Kinds[random.Next() % (ulong)Kinds.Length]);
            writer.Text("status"u8, States[random.Next() % (ulong)States.Length]);
            writer.Text("currency"u8, Currencies[random.Next() % (ulong)Currencies.Length]);
            writer.Double("amount"u8, (random.Next() % 100_000_000) / 100.0);
            writer.Double("fee"u8, (random.Next() % 10_000) / 100.0);
            writer.Date("createdAt"u8, Epoch + (number * 20L) + (long)(random.Next() % 1000));
            writer.Date("settledAt"u8, Epoch + (number * 20L) + (long)(random.Next() % 200_000_000));
            writer.Boolean("reviewed"u8, random.Next() % 3 == 0);
            for (var i = 0; i < 32; i += 8)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(hash[i..], random.Next());
            }

            writer.Text("evidence"u8, Convert.ToHexStringLower(hash));
            writer.BeginDocument("counterparty"u8);
            writer.Text("name"u8, Prose(ref random, 3));
            writer.Text("country"u8, Words[random.Next() % 26].AsSpan(0, 2));
            Account(writer, "iban"u8, ref random);
            writer.End();
            writer.BeginArray("legs"u8);
            var legs = (int)(random.Next() % 9);
            for (var leg = 0; leg < legs; leg++)
            {
                writer.BeginDocument(Indexes[leg]);
                Account(writer, "account"u8, ref random);
                writer.Double("delta"u8, (double)(random.Next() % 2_000_000) / 1_000_000);
                writer.Int64("quantity"u8, (long)(random.Next() % 10_000));
                writer.Double("price"u8, (random.Next() % 1_000_000) / 1000.0);
                writer.Text("note"u8, Prose(ref random, 4));
                writer.End();
            }

            writer.End();
            writer.Text("description"u8, Prose(ref random, 10 + (int)(random.Next() % 230)));
            writer.Int32("version"u8, 1);
            writer.End();
            documents.Add(writer.CopyFrom(0));
        }

        return documents;
    }

    private static void Account(DocumentWriter writer, ReadOnlySpan<byte> name, ref Xorshift random)
    {
        Span<byte> text = stackalloc byte[20];
        "LU28"u8.CopyTo(text);
        var (low, high) = (random.Next(), random.Next());
        for (var i = 4; i < 12; i++, low /= 10)
        {
            text[i] = (byte)('0' + (low % 10));
        }

        for (var i = 12; i < 20; i++, high /= 10)
        {
            text[i] = (byte)('0' + (high % 10));
        }

        writer.Text(name, text);
    }

    private static byte[] Prose(ref Xorshift random, int words)
    {
        var text = new byte[words * 16];
        var used = 0;
        for (var i = 0; i < words; i++)
        {
            var word = Words[random.Next() % (ulong)Words.Length];
            word.CopyTo(text, used);
            used += word.Length;
            text[used++] = (byte)' ';
        }

        return text[..(used - 1)];
    }

    private struct Xorshift(ulong seed)
    {
        private ulong state = (seed * 0x9E3779B97F4A7C15) | 1;

        public ulong Next()
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            return (state * 0x2545F4914F6CDD1D) >> 16;
        }
    }
}
