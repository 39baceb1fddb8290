using CsCheck;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Restore;

/// <summary>
/// A source is simulated: random inserts, replacements, diffs, deletions, transactions and index changes. The base is a fuzzy copy of it:
/// each document as it was at a moment of its own. Folding the oplog over that must give the source, byte for byte.
/// </summary>
public sealed class FoldingProperties
{
    [Fact]
    public void Folding_the_oplog_over_any_fuzzy_copy_gives_the_source_byte_for_byte() =>
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[1, 6], Gen.Int[1, 120]).Sample((seed, windowDocuments, count) =>
        {
            var source = CreateSource(seed, count);
            var target = source.CreateFuzzyTarget(seed);

            Replay(source, target, windowDocuments);

            Assert.Equal(source.Text(source.Final), source.Text(target.Documents));
        }, iter: 150);

    [Fact]
    public void Replay_that_is_killed_anywhere_and_run_again_ends_the_same() =>
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[1, 6], Gen.Int[0, 60], Gen.Bool).Sample((seed, windowDocuments, killAt, afterEffect) =>
        {
            var source = CreateSource(seed, 60);
            var target = source.CreateFuzzyTarget(seed);
            (target.KillAt, target.KillAfterEffect) = (killAt, afterEffect);
            try
            {
                Replay(source, target, windowDocuments);
            }
            catch (KilledException)
            {
                // The next attempt goes on.
            }

            target.KillAt = -1;
            Replay(source, target, windowDocuments);

            Replay(source, target, windowDocuments); // And once more after it has ended.

            Assert.Equal(source.Text(source.Final), source.Text(target.Documents));
        }, iter: 150);

    [Fact]
    public void Over_an_exact_copy_every_entry_after_the_end_mark_fits_and_nothing_is_lost() =>
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[1, 6]).Sample((seed, windowDocuments) =>
        {
            var source = CreateSource(seed, 60);
            var target = source.CreateFuzzyTarget(seed);
            foreach (var collection in target.Documents.Values)
                collection.Clear();

            var end = Replay(source, target, windowDocuments, exactAfter: default);

            Assert.Empty(end.Losses);
            Assert.Equal(source.Text(source.Final), source.Text(target.Documents));
        }, iter: 80);

    [Fact]
    public void From_a_fuzzy_base_over_any_slices_to_any_point_the_source_of_that_point_comes_back_exactly() =>
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[1, 6], Gen.Int[-1, 60], Gen.Bool).Sample((seed, windowDocuments, killAt, afterEffect) =>
        {
            var source = CreateSource(seed, 60);
            var random = new Random(seed);
            var (end, cut) = (random.Next(source.Oplog.Entries.Count), random.Next(source.Oplog.Entries.Count));
            cut = Math.Min(cut, end); // The slices may begin earlier than the base ends.
            var point = random.Next(end, source.Oplog.Entries.Count) + 1;
            var target = source.CreateFuzzyTarget(seed, upTo: end);
            var all = source.Oplog.Entries;
            ReplayState ToPoint() => Replay(
                target, windowDocuments, OplogBuilder.Time(end), OplogBuilder.Time(point), new ModelOplog([.. all.Skip(cut)], before: [.. all.Take(cut)]));

            Replay(target, windowDocuments, OplogBuilder.Time(end), OplogBuilder.Time(end), new ModelOplog([.. all.Take(end)]));
            Assert.Equal(source.Text(source.At(end)), source.Text(target.Documents));
            (target.KillAt, target.KillAfterEffect) = (killAt + target.Calls, afterEffect);
            try
            {
                ToPoint();
            }
            catch (KilledException)
            {
                // The next attempt goes on.
            }

            target.KillAt = -1;
            var state = ToPoint();

            Assert.Empty(state.Losses);
            Assert.Equal(source.Text(source.At(point)), source.Text(target.Documents));
            Assert.All(state.Collections, c => Assert.Equal(
                source.At(point)[c.Uuid].Count, source.At(end)[c.Uuid].Count + (c.Since?.Net ?? 0)));
        }, iter: 200);

    private static Source CreateSource(int seed, int count) => new(seed, count);

    private static ReplayState Replay(Source source, ModelTarget target, int windowDocuments, ClusterTime? exactAfter = null)
    {
        var never = OplogBuilder.Time(10_000);
        return Replay(target, windowDocuments, exactAfter ?? never, never, new ModelOplog(source.Oplog.Entries));
    }

    private static ReplayState Replay(ModelTarget target, int windowDocuments, ClusterTime exactAfter, ClusterTime to, ModelOplog oplog)
    {
        var scope = new ReplayScope(OplogBuilder.Database, null, new HashSet<string>(), to, exactAfter);
        var replay = new OplogReplay(scope, target.State, target, new ReplayLimits(windowDocuments, 1 << 20, TransactionBytes: 200) { RepeatableDocuments = windowDocuments });
        return replay.RunAsync(oplog, CancellationToken.None).GetAwaiter().GetResult();
    }

    private sealed class Source
    {
        private static readonly BsonValue[] Ids = [1, 2L, 3.0, "a", "A", new BsonDocument("x", 1), 0.5, new BsonDecimal128(7m)];

        private readonly Random random;
        private readonly List<Dictionary<string, SortedDictionary<string, byte[]>>> history = [];
        private readonly Dictionary<string, SortedDictionary<string, byte[]>> now = new(StringComparer.Ordinal);

        public Source(int seed, int count)
        {
            random = new Random(seed);
            now[OplogBuilder.UuidText(1)] = [];
            now[OplogBuilder.UuidText(2)] = [];
            Remember();
            for (var i = 0; i < count; i++)
            {
                Step();
                while (history.Count <= Oplog.Entries.Count)
                    Remember();
            }
        }

        public OplogBuilder Oplog { get; } = new();

        public Dictionary<string, SortedDictionary<string, byte[]>> Final => now;

        public ReplayState Start() => new(
            default,
            [
                new ReplayedCollection(OplogBuilder.UuidText(1), "orders", "collection", [], [], "b1"),
                new ReplayedCollection(OplogBuilder.UuidText(2), "users", "collection", [], [], "b2"),
            ],
            new Dictionary<string, string>(), [], 0, 0, 0, null);

        /// <summary>As it was after so many entries.</summary>
        public Dictionary<string, SortedDictionary<string, byte[]>> At(int entries) => history[entries];

        /// <param name="upTo">Copied while so many entries were written.</param>
        public ModelTarget CreateFuzzyTarget(int seed, int? upTo = null)
        {
            var copied = upTo is { } count ? history[..(count + 1)] : history;
            var when = new Random(seed);
            var target = new ModelTarget(Start());
            foreach (var collection in now.Keys)
            {
                target.Documents[collection] = [];
                foreach (var key in copied.SelectMany(h => h[collection].Keys).Distinct().Order(StringComparer.Ordinal))
                {
                    if (copied[when.Next(copied.Count)][collection].TryGetValue(key, out var document))
                        target.Documents[collection][key] = document;
                }
            }

            return target;
        }

        public string Text(Dictionary<string, SortedDictionary<string, byte[]>> documents) => string.Join(
            '\n', documents.OrderBy(d => d.Key, StringComparer.Ordinal).SelectMany(d => d.Value.Select(v => $"{d.Key} {v.Key} {Convert.ToHexString(v.Value)}")));

        private void Remember() => history.Add(now.ToDictionary(
            c => c.Key, c => new SortedDictionary<string, byte[]>(c.Value, StringComparer.Ordinal), StringComparer.Ordinal));

        private void Step()
        {
            switch (random.Next(12))
            {
                case 0:
                    Oplog.Add(OplogBuilder.ApplyOps(Many(), null).Add("multiOpType", 1));
                    break;
                case 1:
                    AddTransaction();
                    break;
                case 2:
                    Oplog.Add(OplogBuilder.Command(new BsonDocument { { "createIndexes", "orders" }, { "key", new BsonDocument("a", 1) }, { "name", $"i{random.Next(3)}" } }, 1));
                    break;
                default:
                    Oplog.Add(Operation());
                    break;
            }
        }

        private void AddTransaction()
        {
            // All operations take effect at the last entry; in between, others' entries.
            var before = Remembered();
            var parts = random.Next(1, 4);
            var bodies = Enumerable.Range(0, parts).Select(_ => Many()).ToList();
            var prepared = random.Next(3) == 0;
            var batched = random.Next(4) == 0;
            int? previous = null;
            for (var i = 0; i < parts; i++)
            {
                var last = i == parts - 1;
                var with = last && !prepared ? new BsonDocument("count", 1L) : last ? new BsonDocument("prepare", true) : new BsonDocument("partialTxn", true);
                var entry = OplogBuilder.Follows(OplogBuilder.ApplyOps(bodies[i], with), previous);
                if (batched)
                {
                    entry.Remove("lsid");
                    entry.Remove("txnNumber");
                }

                Oplog.Add(entry);
                previous = Oplog.Entries.Count;
                if (!last || prepared)
                    history.Add(before);
            }

            if (prepared)
                Oplog.Add(OplogBuilder.Follows(OplogBuilder.Command(new BsonDocument("commitTransaction", 1), database: "admin"), previous));
        }

        private Dictionary<string, SortedDictionary<string, byte[]>> Remembered()
        {
            Remember();
            var last = history[^1];
            history.RemoveAt(history.Count - 1);
            return last;
        }

        private List<BsonDocument> Many() => [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => Operation())];

        private BsonDocument Operation()
        {
            var collection = random.Next(1, 3);
            var there = now[OplogBuilder.UuidText(collection)];
            var id = Ids[random.Next(Ids.Length)];
            var element = RawBson.Find(new BsonDocument("_id", id).ToBson(), "_id")!.Value;
            var key = ModelTarget.Key(element);
            if (!there.TryGetValue(key, out var bytes))
            {
                // The same number may come back as another type.
                var inserted = Whole(id.IsInt32 && random.Next(2) == 0 ? new BsonInt64(id.AsInt32) : id);
                there[key] = inserted.ToBson();
                return OplogBuilder.Insert(collection, inserted);
            }

            var document = MongoDB.Bson.Serialization.BsonSerializer.Deserialize<BsonDocument>(bytes);
            id = document["_id"];
            switch (random.Next(4))
            {
                case 0:
                    there.Remove(key);
                    return OplogBuilder.Delete(collection, id);
                case 1:
                    var replacement = Whole(id);
                    there[key] = replacement.ToBson();
                    return OplogBuilder.Update(collection, id, replacement);
                default:
                    var diff = Change(document);
                    there[key] = document.ToBson();
                    return OplogBuilder.Update(collection, id, new BsonDocument { { "$v", 2 }, { "diff", diff } });
            }
        }

        private BsonDocument Whole(BsonValue id)
        {
            var document = new BsonDocument("_id", id);
            foreach (var name in (string[])["a", "b", "n", "l"])
            {
                if (random.Next(3) > 0)
                    document[name] = Value(name);
            }

            return document;
        }

        private BsonValue Value(string name) => name switch
        {
            "n" => new BsonDocument { { "p", random.Next(9) }, { "q", random.Next(9) } },
            "l" => new BsonArray(Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(9))),
            _ => random.Next(9),
        };

        /// <summary>Changes the document as <c>mongod</c> would, and answers the diff that it would log.</summary>
        private BsonDocument Change(BsonDocument document)
        {
            var (d, u, i) = (new BsonDocument(), new BsonDocument(), new BsonDocument());
            var nested = new BsonDocument();
            foreach (var name in (string[])["a", "b", "n", "l", "z"])
            {
                if (random.Next(2) == 0)
                    continue;
                if (!document.TryGetValue(name, out var value))
                {
                    i[name] = Value(name);
                    document[name] = i[name].DeepClone();
                }
                else if (random.Next(4) == 0)
                {
                    d[name] = false;
                    document.Remove(name);
                }
                else if (value is BsonDocument inner && inner.Contains("p") && random.Next(2) == 0)
                {
                    var p = random.Next(9);
                    inner["p"] = p;
                    nested["sn"] = new BsonDocument("u", new BsonDocument("p", p));
                }
                else if (value is BsonArray array && random.Next(2) == 0)
                {
                    var at = random.Next(5);
                    while (array.Count <= at)
                        array.Add(BsonNull.Value);
                    array[at] = random.Next(9);
                    nested["sl"] = new BsonDocument { { "a", true }, { $"u{at}", array[at] } };
                }
                else
                {
                    u[name] = Value(name);
                    document[name] = u[name].DeepClone();
                }
            }

            var diff = new BsonDocument();
            if (d.ElementCount > 0)
                diff["d"] = d;
            if (u.ElementCount > 0)
                diff["u"] = u;
            if (i.ElementCount > 0)
                diff["i"] = i;
            diff.AddRange(nested);
            return diff;
        }
    }
}
