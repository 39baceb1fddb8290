using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database;

/// <summary>What the tail, the sealer, exports and imports need to know of raw oplog entries.</summary>
internal sealed class OplogEntries(string database)
{
    /// <summary>Bytes of an array of nothing: its length and its end.</summary>
    private const int EmptyList = 5;

    private static readonly byte[] CanaryName = Encoding.UTF8.GetBytes(Marks.CanaryCollection);

    private readonly byte[] _prefix = Encoding.UTF8.GetBytes(database + ".");

    public static ClusterTime TimeOf(ReadOnlySpan<byte> entry) => new BsonFields(entry).Find("ts"u8).AsClusterTime();

    /// <summary>
    /// The entry as the backup keeps it as a link: parts of the oplog prove that nothing is missing between them by sharing an entry. One of another
    /// database is kept as a no-op of its time and hash, not as its content.
    /// </summary>
    public byte[] LinkOf(ReadOnlySpan<byte> entry) => IsKept(entry)
        ? entry.ToArray()
        : Link(TimeOf(entry), Convert.ToHexStringLower(SHA256.HashData(entry)));

    /// <summary>Where the server has no entry at exactly the time the oplog begins.</summary>
    public static byte[] StartLink(ClusterTime at) => Link(at, "");

    /// <summary>Whether the server's entry is the one that the link was made from.</summary>
    public static bool Matches(ReadOnlySpan<byte> link, ReadOnlySpan<byte> entry) =>
        LinkHashOf(link) is { } hash ? hash == Convert.ToHexStringLower(SHA256.HashData(entry)) : link.SequenceEqual(entry);

    /// <summary>The hash inside a link of another database's entry (empty: there was no entry); null for an entry itself.</summary>
    public static string? LinkHashOf(ReadOnlySpan<byte> entry)
    {
        var fields = new BsonFields(entry);
        if (!fields.Find("op"u8).AsUtf8().SequenceEqual("n"u8) || fields.Find("o"u8) is not { Type: BsonType.Document } o)
        {
            return null;
        }

        var hash = o.AsDocument().Find("luxhedgeLink"u8);
        return hash.IsThere ? hash.AsString() : null;
    }

    /// <summary>
    /// Entries of the database; and of transactions whatever may touch it: each entry of one that spans several, since only its last says that it
    /// was committed.
    /// </summary>
    public bool IsKept(ReadOnlySpan<byte> entry)
    {
        ReadOnlySpan<byte> op = default, ns = default, o = default;
        foreach (var field in new BsonFields(entry))
        {
            if (field.Is("op"u8))
            {
                op = field.AsUtf8();
            }
            else if (field.Is("ns"u8))
            {
                ns = field.AsUtf8();
            }
            else if (field.Is("o"u8) && field.Type == BsonType.Document)
            {
                o = field.Value;
            }
        }

        if (op.SequenceEqual("n"u8))
        {
            return false;
        }

        if (ns.StartsWith(_prefix))
        {
            return true;
        }

        if (!op.SequenceEqual("c"u8) || o.Length == 0)
        {
            return false;
        }

        foreach (var field in new BsonFields(o))
        {
            if (field.Is("applyOps"u8))
            {
                return IsPartOfChain(entry) || IsOpen(o) || Touches(field);
            }

            if (field.Is("commitTransaction"u8) || field.Is("abortTransaction"u8))
            {
                return true;
            }

            if (field.Is("renameCollection"u8))
            {
                return new BsonFields(o).Find("to"u8).AsUtf8().StartsWith(_prefix);
            }

            return false; // the command's name is its first field
        }

        return false;
    }

    /// <summary>The collection of that namespace; null where it is of another database.</summary>
    public string? CollectionOf(string ns) =>
        ns.Length > database.Length && ns.StartsWith(database, StringComparison.Ordinal) && ns[database.Length] == '.' ? ns[(database.Length + 1)..] : null;

    /// <summary>
    /// The entry without what is of other databases: as it is where nothing of them is in it, empty where nothing else is. Of a transaction's entries
    /// only the operations go: those that others are chained to stay, with no operation, and whoever replays finds each chain whole. (The last one's
    /// <c>count</c> stays what the server wrote: no replay reads it.)
    /// </summary>
    /// <example>
    /// <c>{op: "c", ns: "admin.$cmd", o: {applyOps: [{op: "i", ns: "shop.cars", …}, {op: "i", ns: "people.kyc", …}]}}</c>, one transaction over two
    /// databases: the copy of <c>shop</c> has the first operation only.
    /// </example>
    public ReadOnlyMemory<byte> OwnOf(ReadOnlyMemory<byte> entry) => Reduced(entry.Span) is { } reduced ? reduced : entry;

    /// <summary>Every collection that the entry renames, and what to; whole namespaces, of whatever database.</summary>
    public static IReadOnlyList<(string From, string To)> RenamedBy(ReadOnlySpan<byte> entry) => OfCommands<(string, string)>(entry, static (entry, name, renamed) =>
    {
        if (name.Is("renameCollection"u8))
        {
            renamed.Add((name.AsString(), new BsonFields(entry).Find("o"u8).AsDocument().Find("to"u8).AsString()));
        }
    });

    /// <summary>The entry of the same transaction (or batch) before this one; default where there is none.</summary>
    public static ClusterTime PreviousOf(ReadOnlySpan<byte> entry)
    {
        var previous = new BsonFields(entry).Find("prevOpTime"u8);
        if (previous.Type != BsonType.Document || !IsTransactional(entry))
        {
            return default;
        }

        return previous.AsDocument().Find("ts"u8).AsClusterTime();
    }

    /// <summary>
    /// The transaction that an entry belongs to on servers that write one as loose entries (with a transaction number, but neither
    /// <c>applyOps</c> nor a statement number): null for every other entry.
    /// </summary>
    public static string? LooseTransactionOf(ReadOnlySpan<byte> entry)
    {
        ReadOnlySpan<byte> session = default;
        long number = -1;
        foreach (var field in new BsonFields(entry))
        {
            if (field.Is("txnNumber"u8))
            {
                number = field.AsInt64();
            }
            else if (field.Is("lsid"u8))
            {
                session = field.Value;
            }
            else if (field.Is("stmtId"u8) || (field.Is("op"u8) && field.AsUtf8().SequenceEqual("c"u8)))
            {
                return null;
            }
        }

        return number < 0 || session.Length == 0 ? null : $"{Convert.ToHexStringLower(SHA256.HashData(session))}/{number}";
    }

    /// <summary>When the canary that the entry inserts was written; null for every other entry.</summary>
    public DateTimeOffset? CanaryOf(ReadOnlySpan<byte> entry)
    {
        var fields = new BsonFields(entry);
        var ns = fields.Find("ns"u8).AsUtf8();
        if (ns.Length != _prefix.Length + Marks.CanaryCollection.Length || !ns.StartsWith(_prefix) || !ns[_prefix.Length..].SequenceEqual(CanaryName)
            || !fields.Find("op"u8).AsUtf8().SequenceEqual("i"u8) || fields.Find("o"u8) is not { Type: BsonType.Document } o
            || o.AsDocument().Find("at"u8) is not { Type: BsonType.DateTime } at)
        {
            return null;
        }

        var milliseconds = BinaryPrimitives.ReadInt64LittleEndian(at.Value);
        return milliseconds is >= 0 and < 253_402_300_800_000 ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;
    }

    /// <summary>It leaves names, options and indexes of every collection as they are, and ends no transaction that began in an entry before.</summary>
    public static bool IsOnDocuments(ReadOnlySpan<byte> entry)
    {
        var fields = new BsonFields(entry);
        var op = fields.Find("op"u8).AsUtf8();
        if (!op.SequenceEqual("c"u8))
        {
            return !fields.Find("ns"u8).AsUtf8().EndsWith(".system.views"u8);
        }

        if (fields.Find("o"u8) is not { Type: BsonType.Document } o)
        {
            return false;
        }

        foreach (var field in o.AsDocument())
        {
            if (!field.Is("applyOps"u8) || (!IsOpen(o.Value) && IsPartOfChain(entry)))
            {
                return false;
            }

            foreach (var operation in field.AsDocument())
            {
                if (operation.Type != BsonType.Document || operation.AsDocument().Find("op"u8).AsUtf8().SequenceEqual("c"u8) || !IsOnDocuments(operation.Value))
                {
                    return false;
                }
            }

            return true;
        }

        return false;
    }

    /// <summary>UUIDs of collections that the entry makes.</summary>
    public static IReadOnlyList<string> CreatedBy(ReadOnlySpan<byte> entry) => OfCommands<string>(entry, static (entry, name, made) =>
    {
        if (name.Is("create"u8) && new BsonFields(entry).Find("ui"u8).AsUuid() is { } uuid)
        {
            made.Add(uuid);
        }
    });

    /// <summary>What is found in the entry's command, or in each command of its <c>applyOps</c>.</summary>
    /// <param name="find">Gets the entry or operation, and the field by which its command is named: the first.</param>
    private static List<T> OfCommands<T>(ReadOnlySpan<byte> entry, FindInCommand<T> find)
    {
        var fields = new BsonFields(entry);
        if (!fields.Find("op"u8).AsUtf8().SequenceEqual("c"u8) || fields.Find("o"u8) is not { Type: BsonType.Document } o)
        {
            return [];
        }

        var found = new List<T>();
        foreach (var name in o.AsDocument())
        {
            if (!name.Is("applyOps"u8))
            {
                find(entry, name, found);
                break;
            }

            foreach (var operation in name.AsDocument())
            {
                if (operation.Type == BsonType.Document)
                {
                    found.AddRange(OfCommands(operation.Value, find));
                }
            }

            break;
        }

        return found;
    }

    private delegate void FindInCommand<T>(ReadOnlySpan<byte> entry, BsonField name, List<T> found);

    private static byte[] Link(ClusterTime at, string hash) => new BsonDocument
    {
        { "op", "n" }, { "ns", "" }, { "ts", at.ToBson() }, { "o", new BsonDocument("luxhedgeLink", hash) },
    }.ToBson();

    /// <summary>Only commands of transactions and batches chain; a retryable write's chain is of no matter to a replay.</summary>
    private static bool IsTransactional(ReadOnlySpan<byte> entry)
    {
        var o = new BsonFields(entry).Find("o"u8);
        if (o.Type != BsonType.Document)
        {
            return false;
        }

        foreach (var field in o.AsDocument())
        {
            return field.Is("applyOps"u8) || field.Is("commitTransaction"u8) || field.Is("abortTransaction"u8);
        }

        return false;
    }

    private static bool IsPartOfChain(ReadOnlySpan<byte> entry) => PreviousOf(entry) != default;

    private static bool IsOpen(ReadOnlySpan<byte> command)
    {
        var fields = new BsonFields(command);
        return fields.Find("partialTxn"u8).AsBoolean() || fields.Find("prepare"u8).AsBoolean();
    }

    /// <summary>What <see cref="OwnOf"/> says; null: the entry as it is.</summary>
    private byte[]? Reduced(ReadOnlySpan<byte> entry)
    {
        var fields = new BsonFields(entry);
        var op = fields.Find("op"u8).AsUtf8();
        var isOwn = fields.Find("ns"u8).AsUtf8().StartsWith(_prefix);
        if (!op.SequenceEqual("c"u8) || fields.Find("o"u8) is not { Type: BsonType.Document } o)
        {
            return isOwn || LinkHashOf(entry) is not null ? null : [];
        }

        var command = o.AsDocument();
        if (command.Find("applyOps"u8) is { IsThere: true } operations)
        {
            if (ReducedList(operations) is not { } left)
            {
                return null;
            }

            return left.Length > EmptyList || IsPartOfChain(entry) || IsOpen(o.Value)
                ? Replace(entry, o, Replace(o.Value, operations, left))
                : [];
        }

        if (command.Find("commitTransaction"u8).IsThere || command.Find("abortTransaction"u8).IsThere)
        {
            return null;
        }

        // Out of another database, or into one: replayed, it would write there too.
        return isOwn && (command.Find("renameCollection"u8) is not { IsThere: true } from
            || (from.AsUtf8().StartsWith(_prefix) && command.Find("to"u8).AsUtf8().StartsWith(_prefix))) ? null : [];
    }

    /// <summary>The array without operations of other databases; null: as it is.</summary>
    private byte[]? ReducedList(BsonField operations)
    {
        ArrayBufferWriter<byte>? left = null;
        var number = 0;
        foreach (var operation in operations.AsDocument())
        {
            byte[]? reduced = operation.Type == BsonType.Document ? Reduced(operation.Value) : [];
            if (left is null && reduced is not null)
            {
                left = new ArrayBufferWriter<byte>(operations.Value.Length);
                left.Write(operations.Value[..(operation.Offset - operation.Name.Length - 2)]); // those before it are as they were
            }

            var bytes = reduced ?? operation.Value;
            if (bytes.Length > 0)
            {
                if (left is not null)
                {
                    left.Write([(byte)BsonType.Document]);
                    left.Write(Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
                    left.Write([(byte)0]);
                    left.Write(bytes);
                }

                number++;
            }
        }

        if (left is null)
        {
            return null;
        }

        left.Write([(byte)0]);
        var list = left.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(list, list.Length);
        return list;
    }

    /// <summary>The document with another value, of the same type, of that field.</summary>
    private static byte[] Replace(ReadOnlySpan<byte> document, BsonField field, ReadOnlySpan<byte> value)
    {
        byte[] replaced = [.. document[..field.Offset], .. value, .. document[(field.Offset + field.Value.Length)..]];
        BinaryPrimitives.WriteInt32LittleEndian(replaced, replaced.Length);
        return replaced;
    }

    private bool Touches(BsonField operations)
    {
        foreach (var operation in operations.AsDocument())
        {
            if (operation.Type == BsonType.Document && operation.AsDocument().Find("ns"u8).AsUtf8().StartsWith(_prefix))
            {
                return true;
            }
        }

        return false;
    }
}
