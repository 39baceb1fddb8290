using System.Buffers.Binary;

namespace LuxHedge.Activities.Database;

/// <summary>Concatenated BSON documents, as chunks hold them. Enumerating allocates nothing; bytes that are no sequence of documents are an
/// <see cref="InvalidDataException"/>.</summary>
public readonly struct BsonSequence(ReadOnlyMemory<byte> bytes)
{
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public Enumerator GetEnumerator() => new(Bytes);

    public int Count()
    {
        var count = 0;
        foreach (var _ in this)
        {
            count++;
        }

        return count;
    }

    public struct Enumerator(ReadOnlyMemory<byte> bytes)
    {
        private ReadOnlyMemory<byte> _rest = bytes;

        /// <summary>One document; valid as long as the sequence's bytes are.</summary>
        public ReadOnlyMemory<byte> Current { get; private set; }

        public bool MoveNext()
        {
            if (_rest.Length == 0)
            {
                return false;
            }

            var length = _rest.Length < 5 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(_rest.Span);
            if (length < 5 || length > _rest.Length)
            {
                throw new InvalidDataException("A document of a chunk does not end within it.");
            }

            Current = _rest[..length];
            _rest = _rest[length..];
            return true;
        }
    }
}
