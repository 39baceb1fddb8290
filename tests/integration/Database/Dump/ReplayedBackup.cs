using LuxHedge.Activities.Database;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace LuxHedge.Tests.Integration.Database.Dump;

/// <summary>
/// The plainest replay there can be, to judge a dump by: every chunk into memory, then the oplog entry by entry over it. It knows what these tests
/// write (whole documents, fields at the top level) and throws on anything else.
/// </summary>
internal sealed class ReplayedBackup
{
    private readonly string _database;
    private readonly Dictionary<string, ReplayedCollection> _byUuid = new(StringComparer.Ordinal);
    private readonly HashSet<string> _passed;
    private readonly Dictionary<string, List<BsonDocument>> _open = new(StringComparer.Ordinal);

    private ReplayedBackup(BackupReader reader)
    {
        _database = reader.Index.Database;
        _passed = [.. reader.Index.Discarded];
    }

    public long Entries { get; private set; }

    /// <summary>Name to order-free hash and count, like <see cref="DumpRig.SourceStateAsync"/>.</summary>
    public IReadOnlyDictionary<string, string> State => new SortedDictionary<string, string>(
        _byUuid.Values.Where(c => c.Name != Marks.CanaryCollection).ToDictionary(c => c.Name, c => c.ToString()), StringComparer.Ordinal);

    public ReplayedCollection Collection(string name) => _byUuid.Values.Single(c => c.Name == name);

    /// <param name="withOplog">False: the fuzzy copy alone, which must not be consistent.</param>
    public static async Task<ReplayedBackup> ReadAsync(BackupReader reader, bool withOplog = true)
    {
        var replayed = new ReplayedBackup(reader);
        foreach (var collection in reader.Index.Collections.Where(c => c.Collection.Type != "view"))
        {
            var into = replayed._byUuid[collection.Collection.Uuid!] = new ReplayedCollection(collection.Collection.Name);
            foreach (var chunk in reader.ChunksOf(collection))
            {
                using var raw = await reader.ReadChunkAsync(chunk, CancellationToken.None);
                foreach (var document in raw.Documents)
                {
                    into.Put(document.ToArray());
                }
            }
        }

        if (withOplog)
        {
            await foreach (var part in reader.ReadOplogAsync(CancellationToken.None))
            {
                using (part)
                {
                    foreach (var entry in part.Entries)
                    {
                        replayed.Entries++;
                        replayed.Apply(BsonSerializer.Deserialize<BsonDocument>(entry.ToArray()));
                    }
                }
            }
        }

        return replayed;
    }

    private void Apply(BsonDocument entry)
    {
        var op = entry["op"].AsString;
        if (op == "n" || !(entry["ns"].AsString.StartsWith(_database + ".", StringComparison.Ordinal) || op == "c"))
        {
            return;
        }

        var uuid = entry.GetValue("ui", BsonNull.Value).ToUuidText();
        if (op == "c")
        {
            Command(entry, uuid);
            return;
        }

        if (uuid is null || !_byUuid.TryGetValue(uuid, out var collection))
        {
            Assert.True(uuid is not null && _passed.Contains(uuid), $"an entry of a collection that nobody knows: {entry}");
            return;
        }

        switch (op)
        {
            case "i":
                collection.Put(entry["o"].AsBsonDocument.ToBson());
                break;
            case "d":
                collection.Remove(entry["o"]["_id"]);
                break;
            case "u":
                collection.Update(entry["o2"]["_id"], entry["o"].AsBsonDocument);
                break;
            default:
                throw new NotSupportedException(op);
        }
    }

    private void Command(BsonDocument entry, string? uuid)
    {
        var o = entry["o"].AsBsonDocument;
        switch (o.GetElement(0).Name)
        {
            case "create":
                if (uuid is not null && !_byUuid.ContainsKey(uuid) && !_passed.Contains(uuid) && !o.Contains("viewOn"))
                {
                    _byUuid[uuid] = new ReplayedCollection(o["create"].AsString);
                }

                break;
            case "drop":
                _byUuid.Remove(uuid ?? "");
                break;
            case "renameCollection":
                if (o.GetValue("dropTarget", BsonNull.Value).ToUuidText() is { } target)
                {
                    _byUuid.Remove(target);
                }

                if (uuid is not null && _byUuid.TryGetValue(uuid, out var renamed))
                {
                    renamed.Name = o["to"].AsString[(_database.Length + 1)..];
                }

                break;
            case "applyOps":
                Transaction(entry, o);
                break;
            case "createIndexes" or "commitIndexBuild" or "startIndexBuild" or "collMod" or "dropIndexes":
                break;
            default:
                throw new NotSupportedException(o.ToString());
        }
    }

    private void Transaction(BsonDocument entry, BsonDocument o)
    {
        var key = entry.Contains("lsid") ? $"{entry["lsid"]}/{entry["txnNumber"]}" : "";
        if (!_open.TryGetValue(key, out var operations))
        {
            _open[key] = operations = [];
        }

        operations.AddRange(o["applyOps"].AsBsonArray.Select(p => p.AsBsonDocument));
        if (!o.GetValue("partialTxn", false).ToBoolean() && !o.GetValue("prepare", false).ToBoolean())
        {
            _open.Remove(key);
            operations.ForEach(Apply);
        }
    }
}

/// <summary>Documents by <c>_id</c>.</summary>
internal sealed class ReplayedCollection(string name)
{
    private readonly Dictionary<string, byte[]> _documents = new(StringComparer.Ordinal);

    public string Name { get; set; } = name;

    public int Count => _documents.Count;

    public IEnumerable<BsonDocument> Documents => _documents.Values.Select(d => BsonSerializer.Deserialize<BsonDocument>(d));

    public void Put(byte[] document) => _documents[Key(new RawBsonDocument(document)["_id"])] = document;

    public void Remove(BsonValue id) => _documents.Remove(Key(id));

    public void Update(BsonValue id, BsonDocument change)
    {
        if (!change.Contains("$v"))
        {
            Put(change.ToBson());
            return;
        }

        if (!_documents.TryGetValue(Key(id), out var old))
        {
            return;
        }

        var document = BsonSerializer.Deserialize<BsonDocument>(old);
        foreach (var part in change["diff"].AsBsonDocument)
        {
            switch (part.Name)
            {
                case "updatedFields" or "u" or "i":
                    foreach (var field in part.Value.AsBsonDocument)
                    {
                        document[field.Name] = field.Value;
                    }

                    break;
                case "removedFields":
                    foreach (var field in part.Value.AsBsonArray)
                    {
                        document.Remove(field.AsString);
                    }

                    break;
                case "d":
                    foreach (var field in part.Value.AsBsonDocument)
                    {
                        document.Remove(field.Name);
                    }

                    break;
                case "truncatedArrays" when part.Value.AsBsonArray.Count == 0:
                    break;
                default:
                    throw new NotSupportedException(change.ToString());
            }
        }

        Put(document.ToBson());
    }

    /// <summary>Count and order-free hash.</summary>
    public override string ToString()
    {
        var hash = new OrderFreeHash();
        foreach (var document in _documents.Values)
        {
            hash.Add(document);
        }

        return $"{hash.Documents} {hash}";
    }

    private static string Key(BsonValue id) => new BsonDocument("_id", id).ToJson();
}
