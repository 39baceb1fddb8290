using System.Buffers.Binary;
using System.Text;

namespace LuxHedge.Benchmarks.Database;

/// <summary>Writes BSON documents one after another into a buffer that grows: a sample of gigabytes is made faster than it is inserted.</summary>
internal sealed class DocumentWriter
{
    private byte[] buffer = new byte[4096];
    private int used;

    /// <summary>Where the documents that are begun and not ended began.</summary>
    private readonly Stack<int> open = new();

    public ReadOnlyMemory<byte> Written => buffer.AsMemory(0, used);

    public int Length => used;

    /// <summary>A copy of what was written from there on.</summary>
    public byte[] CopyFrom(int start) => buffer.AsSpan(start, used - start).ToArray();

    public void Clear() => used = 0;

    public void Begin()
    {
        open.Push(used);
        Take(4).Clear();
    }

    public void BeginDocument(ReadOnlySpan<byte> name)
    {
        Name(3, name);
        Begin();
    }

    public void BeginArray(ReadOnlySpan<byte> name)
    {
        Name(4, name);
        Begin();
    }

    public void End()
    {
        Take(1)[0] = 0;
        var start = open.Pop();
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(start), used - start);
    }

    public void Int32(ReadOnlySpan<byte> name, int value)
    {
        Name(0x10, name);
        BinaryPrimitives.WriteInt32LittleEndian(Take(4), value);
    }

    public void Int64(ReadOnlySpan<byte> name, long value)
    {
        Name(0x12, name);
        BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);
    }

    public void Double(ReadOnlySpan<byte> name, double value)
    {
        Name(0x01, name);
        BinaryPrimitives.WriteDoubleLittleEndian(Take(8), value);
    }

    public void Date(ReadOnlySpan<byte> name, long milliseconds)
    {
        Name(0x09, name);
        BinaryPrimitives.WriteInt64LittleEndian(Take(8), milliseconds);
    }

    public void Timestamp(ReadOnlySpan<byte> name, uint seconds, uint increment)
    {
        Name(0x11, name);
        var at = Take(8);
        BinaryPrimitives.WriteUInt32LittleEndian(at, increment);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], seconds);
    }

    public void Boolean(ReadOnlySpan<byte> name, bool value)
    {
        Name(0x08, name);
        Take(1)[0] = value ? (byte)1 : (byte)0;
    }

    public void ObjectId(ReadOnlySpan<byte> name, ReadOnlySpan<byte> id)
    {
        Name(0x07, name);
        id.CopyTo(Take(12));
    }

    /// <param name="bytes">16 of them.</param>
    public void Uuid(ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
    {
        Name(0x05, name);
        BinaryPrimitives.WriteInt32LittleEndian(Take(4), bytes.Length);
        Take(1)[0] = 4;
        bytes.CopyTo(Take(bytes.Length));
    }

    public void Text(ReadOnlySpan<byte> name, ReadOnlySpan<byte> utf8)
    {
        Name(0x02, name);
        BinaryPrimitives.WriteInt32LittleEndian(Take(4), utf8.Length + 1);
        utf8.CopyTo(Take(utf8.Length));
        Take(1)[0] = 0;
    }

    public void Text(ReadOnlySpan<byte> name, string value) => Text(name, Encoding.UTF8.GetBytes(value));

    private void Name(byte type, ReadOnlySpan<byte> name)
    {
        var at = Take(name.Length + 2);
        at[0] = type;
        name.CopyTo(at[1..]);
        at[^1] = 0;
    }

    private Span<byte> Take(int count)
    {
        if (used + count > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, used + count));
        }

        used += count;
        return buffer.AsSpan(used - count, count);
    }
}
