using System.Buffers.Binary;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// CRC-64/XZ: reflected ECMA polynomial, initial value and final xor all ones (check value of "123456789": 995DC9BBDF1939FA). What
/// mongodump's archives carry for each collection; the framework's own Crc64 is another (ECMA-182).
/// </summary>
internal struct Crc64Xz
{
    private const ulong Polynomial = 0xC96C5795D7870F42;
    private static readonly ulong[] Tables = BuildTables();

    private ulong _state;

    /// <summary>Of everything added so far; 0 when nothing was.</summary>
    public readonly ulong Value => _state;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        var crc = ~_state;
        var tables = Tables;
        while (bytes.Length >= 8)
        {
            crc ^= BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            crc = tables[(7 << 8) + (int)(crc & 0xFF)] ^ tables[(6 << 8) + (int)((crc >> 8) & 0xFF)]
                ^ tables[(5 << 8) + (int)((crc >> 16) & 0xFF)] ^ tables[(4 << 8) + (int)((crc >> 24) & 0xFF)]
                ^ tables[(3 << 8) + (int)((crc >> 32) & 0xFF)] ^ tables[(2 << 8) + (int)((crc >> 40) & 0xFF)]
                ^ tables[(1 << 8) + (int)((crc >> 48) & 0xFF)] ^ tables[(int)(crc >> 56)];
            bytes = bytes[8..];
        }

        foreach (var b in bytes)
        {
            crc = tables[(int)((crc ^ b) & 0xFF)] ^ (crc >> 8);
        }

        _state = ~crc;
    }

    private static ulong[] BuildTables()
    {
        var tables = new ulong[8 * 256];
        for (var i = 0; i < 256; i++)
        {
            var crc = (ulong)i;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ Polynomial : crc >> 1;
            }

            tables[i] = crc;
        }

        for (var i = 0; i < 256; i++)
        {
            for (var slice = 1; slice < 8; slice++)
            {
                var before = tables[((slice - 1) << 8) + i];
                tables[(slice << 8) + i] = tables[(int)(before & 0xFF)] ^ (before >> 8);
            }
        }

        return tables;
    }
}
