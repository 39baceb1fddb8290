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
    private const int AverageBytes = 1_085;

    private const long Epoch = 1_700_000_000_000;

    /// <summary>What systems and people write into such records: the same sentences again and again, with a number here and there.</summary>
    private static readonly byte[][] Sentences = [.. ((string[])
    [
        "Settled against the counterparty after confirmation of the second leg.",
        "Delta hedge of the equity basket, rolled into the next quarter at the fixing of the reference source.",
        "Margin call received, covered from the cash account and confirmed by the prime broker.",
        "Client instruction by telephone; the recording is kept by compliance.",
        "Limit order, partially filled; what remained was cancelled at the close.",
        "Manual correction: the exercise fee had been booked twice.",
        "Exchange rate taken from the daily reference rate of the central bank.",
        "Awaits a document: the passport on file has expired.",
        "Residence confirmed by a utility bill, risk category unchanged.",
        "Position transferred between portfolios of the same beneficial owner.",
        "Swap reset; interest accrued to the reset date and paid.",
        "Collateral substituted: government bonds for cash, haircut applied.",
        "Approved by a second person as the amount is above the threshold.",
        "Returned by the correspondent bank: the account of the beneficiary is closed.",
        "Dividend received net of withholding tax; reclaim filed.",
        "Reported to the trade repository within the day.",
    ]).Select(Encoding.ASCII.GetBytes)];

    private static readonly byte[][] Names = [.. ((string[])
    [
        "Banque du Plateau", "Northgate Securities", "Helvetic Clearing AG", "Alzette Brokers", "Moselle Custody", "First Atlantic Bank",
        "Kirchberg Capital", "Rhine Valley Trading", "Oeconomia Fund Services", "Harbour Street Partners",
    ]).Select(Encoding.ASCII.GetBytes)];

    private static readonly byte[][] Countries = [.. ((string[])["LU", "DE", "FR", "BE", "CH", "GB", "US", "NL"]).Select(Encoding.ASCII.GetBytes)];
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
            Account(writer, "externalId"u8, ref random);
            writer.Int64("position"u8, (long)(random.Next() >> 8));
            writer.Double("rate"u8, 1 / (1.0 + (random.Next() % 1_000_003)));
            writer.Boolean("reviewed"u8, random.Next() % 3 == 0);
            for (var i = 0; i < 32; i += 8)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(hash[i..], random.Next());
            }

            writer.Text("evidence"u8, Convert.ToHexStringLower(hash));
            writer.BeginDocument("counterparty"u8);
            writer.Text("name"u8, Names[random.Next() % (ulong)Names.Length]);
            writer.Text("country"u8, Countries[random.Next() % (ulong)Countries.Length]);
            Account(writer, "iban"u8, ref random);
            writer.End();
            writer.BeginArray("legs"u8);
            var legs = Few(ref random, 9);
            for (var leg = 0; leg < legs; leg++)
            {
                writer.BeginDocument(Indexes[leg]);
                Account(writer, "account"u8, ref random);
                writer.Double("delta"u8, (double)(random.Next() % 2_000_000) / 1_000_000);
                writer.Int64("quantity"u8, (long)(random.Next() % 10_000));
                writer.Double("price"u8, (random.Next() % 1_000_000) / 1000.0);
                writer.Text("note"u8, Sentences[random.Next() % (ulong)Sentences.Length]);
                writer.End();
            }

            writer.End();
            writer.Text("description"u8, Prose(ref random, 1 + Few(ref random, 10) + (random.Next() % 40 == 0 ? 25 : 0)));
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

    /// <summary>Mostly a few, seldom many.</summary>
    private static int Few(ref Xorshift random, int most)
    {
        var share = (random.Next() & 0xFFFF) / 65536.0;
        return (int)(most * share * share * share);
    }

    private static byte[] Prose(ref Xorshift random, int sentences)
    {
        var text = new byte[sentences * 120];
        var used = 0;
        for (var i = 0; i < sentences; i++)
        {
            var sentence = Sentences[random.Next() % (ulong)Sentences.Length];
            sentence.CopyTo(text, used);
            used += sentence.Length;
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
