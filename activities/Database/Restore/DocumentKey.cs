using System.Buffers.Binary;
using System.Numerics;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// An <c>_id</c> so that two keys are equal exactly when the server takes the two <c>_id</c>s for one, under the simple collation:
/// numbers by value whatever their type (-0 is 0, all NaN are one), strings and symbols by their bytes, the rest by type and bytes.
/// Strings under another collation can't be keyed without the server's own rules: see <see cref="FoldingWindow"/>.
/// </summary>
internal readonly struct DocumentKey : IEquatable<DocumentKey>
{
    private readonly byte[] canonical;
    private readonly int hash;

    private DocumentKey(byte[] canonical)
    {
        this.canonical = canonical;
        var code = new HashCode();
        code.AddBytes(canonical);
        hash = code.ToHashCode();
    }

    public static DocumentKey Of(RawElement id)
    {
        var output = new MemoryStream(16);
        Write(output, id.Type, id.Value, depth: 0);
        return new DocumentKey(output.ToArray());
    }

    public bool Equals(DocumentKey other) => hash == other.hash && canonical.AsSpan().SequenceEqual(other.canonical);

    public override bool Equals(object? obj) => obj is DocumentKey other && Equals(other);

    public override int GetHashCode() => hash;

    public static bool operator ==(DocumentKey left, DocumentKey right) => left.Equals(right);

    public static bool operator !=(DocumentKey left, DocumentKey right) => !left.Equals(right);

    private static void Write(MemoryStream output, byte type, ReadOnlyMemory<byte> value, int depth)
    {
        RawBson.CheckDepth(depth);
        var span = value.Span;
        switch (type)
        {
            case RawBson.Int32:
                WriteWhole(output, BinaryPrimitives.ReadInt32LittleEndian(span));
                break;
            case RawBson.Int64:
                WriteWhole(output, BinaryPrimitives.ReadInt64LittleEndian(span));
                break;
            case RawBson.Double:
                WriteDouble(output, BinaryPrimitives.ReadDoubleLittleEndian(span));
                break;
            case RawBson.Decimal:
                WriteDecimal(output, span);
                break;
            case RawBson.String or RawBson.Symbol:
                output.WriteByte(RawBson.String);
                output.Write(span);
                break;
            case RawBson.Document or RawBson.Array:
                output.WriteByte(type);
                foreach (var element in new RawBson.Walk(value))
                {
                    if (type == RawBson.Document)
                    {
                        output.WriteByte(1);
                        output.Write(element.Name.Span);
                        output.WriteByte(0);
                    }

                    Write(output, element.Type, element.Value, depth + 1);
                }

                output.WriteByte(0);
                break;
            default:
                output.WriteByte(type);
                output.Write(span);
                break;
        }
    }

    // Every finite number is sign * m * 2^twos * 5^fives with m prime to 10, and in one way only: that is the key, whatever the type.
    private const byte Number = 0x80;
    private const byte Nan = 0x81;
    private const byte Infinite = 0x82;

    private static void WriteWhole(MemoryStream output, long value)
    {
        if (value is 0 or long.MinValue)
        {
            WriteNumber(output, value, 0, 0);
            return;
        }

        var magnitude = Math.Abs(value);
        var twos = BitOperations.TrailingZeroCount(magnitude);
        magnitude >>= twos;
        var fives = 0;
        for (; magnitude % 5 == 0; fives++)
            magnitude /= 5;
        WriteParts(output, value < 0, magnitude, twos, fives);
    }

    private static void WriteDouble(MemoryStream output, double value)
    {
        if (double.IsNaN(value))
        {
            output.WriteByte(Nan);
            return;
        }

        if (double.IsInfinity(value))
        {
            output.Write([Infinite, value < 0 ? (byte)0 : (byte)1]);
            return;
        }

        if (Math.Abs(value) < 1e15 && value == Math.Floor(value))
        {
            WriteWhole(output, (long)value);
            return;
        }

        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var fraction = bits & 0xFFFFFFFFFFFFF;
        var (mantissa, twos) = exponent == 0 ? (fraction, -1074) : (fraction | (1L << 52), exponent - 1075);
        WriteNumber(output, value < 0 ? -mantissa : mantissa, twos, 0);
    }

    /// <summary>IEEE 754-2008 decimal128, binary integer significand, as BSON has it: low 64 bits first.</summary>
    private static void WriteDecimal(MemoryStream output, ReadOnlySpan<byte> value)
    {
        var low = BinaryPrimitives.ReadUInt64LittleEndian(value);
        var high = BinaryPrimitives.ReadUInt64LittleEndian(value[8..]);
        var negative = high >> 63 != 0;
        var combination = (high >> 58) & 0x1F;
        if (combination == 0x1F)
        {
            output.WriteByte(Nan);
            return;
        }

        if (combination == 0x1E)
        {
            output.Write([Infinite, negative ? (byte)0 : (byte)1]);
            return;
        }

        // The other form of the combination field would be a significand above 10^34 - 1: by the standard it counts as zero.
        var canonicalForm = (combination >> 3) != 3;
        var exponent = (int)((high >> (canonicalForm ? 49 : 47)) & 0x3FFF) - 6176;
        var significand = canonicalForm ? (new BigInteger(high & 0x1FFFFFFFFFFFF) << 64) | low : BigInteger.Zero;
        if (significand >= BigInteger.Pow(10, 34))
            significand = BigInteger.Zero;
        WriteNumber(output, negative ? -significand : significand, exponent, exponent);
    }

    private static void WriteNumber(MemoryStream output, BigInteger value, int twos, int fives)
    {
        if (value.IsZero)
        {
            output.Write([Number, 0]);
            return;
        }

        var magnitude = BigInteger.Abs(value);
        while (magnitude.IsEven)
        {
            magnitude >>= 1;
            twos++;
        }

        for (var (quotient, rest) = BigInteger.DivRem(magnitude, 5); rest.IsZero; (quotient, rest) = BigInteger.DivRem(magnitude, 5))
        {
            magnitude = quotient;
            fives++;
        }

        WriteParts(output, value.Sign < 0, magnitude, twos, fives);
    }

    private static void WriteParts(MemoryStream output, bool negative, BigInteger magnitude, int twos, int fives)
    {
        Span<byte> exponents = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(exponents, twos);
        BinaryPrimitives.WriteInt32LittleEndian(exponents[4..], fives);
        var digits = magnitude.ToByteArray(isUnsigned: true);
        output.Write([Number, negative ? (byte)1 : (byte)2]);
        output.Write(exponents);
        output.WriteByte((byte)digits.Length);
        output.Write(digits);
    }
}
