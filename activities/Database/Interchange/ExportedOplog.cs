using System.Buffers;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// A backup's oplog as its export has it. A backup keeps transactions whole, whatever databases they wrote to, and its own restore passes what is
/// not of its database; <c>mongorestore --oplogReplay</c> passes nothing. So what is of other databases stays in the backup: who approved the export
/// of one did not approve theirs, and a restore of one must not write into another.
/// </summary>
internal sealed class ExportedOplog(string database, IDumpWriter writer)
{
    /// <summary>More are only counted.</summary>
    private const int NamedRenames = 10;

    private readonly OplogEntries _entries = new(database);
    private readonly Named _renamed = new();
    private readonly Named _leftOut = new();

    /// <summary>Those that were written.</summary>
    public long Entries { get; private set; }

    public IReadOnlyList<string> Notes =>
    [
        .. _renamed.Count == 0 ? Array.Empty<string>() :
        [
            $"The oplog renames collections ({_renamed}): mongorestore --oplogReplay may refuse that, or find the new name taken, since the dump has each "
                + "collection under the name it had when it was read. luxhedge restore run knows them by their UUIDs.",
        ],
        .. _leftOut.Count == 0 ? Array.Empty<string>() :
        [
            $"The oplog moves collections between databases ({_leftOut}): that is left out of the dump, which writes to {database} only.",
        ],
    ];

    /// <param name="entries">Whole ones; they go as they are where nothing of another database is in any of them.</param>
    public async Task WriteAsync(ReadOnlyMemory<byte> entries, CancellationToken cancellation) =>
        await writer.WriteOplogAsync(OwnOf(entries), cancellation);

    private ReadOnlyMemory<byte> OwnOf(ReadOnlyMemory<byte> entries)
    {
        ArrayBufferWriter<byte>? left = null;
        var at = 0;
        foreach (var entry in new BsonSequence(entries))
        {
            NoteRenames(entry.Span);
            var own = _entries.OwnOf(entry);
            if (left is null && !own.Equals(entry))
            {
                left = new ArrayBufferWriter<byte>(entries.Length);
                left.Write(entries.Span[..at]);
            }

            left?.Write(own.Span);
            Entries += own.IsEmpty ? 0 : 1;
            at += entry.Length;
        }

        return left?.WrittenMemory ?? entries;
    }

    private void NoteRenames(ReadOnlySpan<byte> entry)
    {
        foreach (var (from, to) in OplogEntries.RenamedBy(entry))
        {
            switch (_entries.CollectionOf(from), _entries.CollectionOf(to))
            {
                case ({ } before, { } after):
                    _renamed.Add($"{before} to {after}");
                    break;
                case ({ } before, null):
                    _leftOut.Add($"{before} to another");
                    break;
                case (null, { } after):
                    _leftOut.Add($"{after} from another");
                    break;
                default:
                    break; // another's names are another's business
            }
        }
    }

    /// <summary>A list of names for a note, as long as a note may be.</summary>
    private sealed class Named
    {
        private readonly List<string> _names = [];

        public int Count { get; private set; }

        public void Add(string name)
        {
            Count++;
            if (_names.Count < NamedRenames)
            {
                _names.Add(name);
            }
        }

        public override string ToString() =>
            string.Join(", ", _names) + (Count > _names.Count ? $" and {Count - _names.Count} more" : "");
    }
}
