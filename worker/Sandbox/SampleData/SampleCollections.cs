using System.Buffers.Binary;
using System.Globalization;
using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace LuxHedge.Worker.Sandbox.SampleData;

/// <summary>
/// What LuxHedge keeps, in small: people who hold shares of collector cars. Seeded, so every sandbox has the same documents; kept below
/// 150,000 a collection, since SecantusDB builds an index in one transaction in its cache.
/// </summary>
internal static class SampleCollections
{
    private const int Users = 12_000;
    private const int Cars = 2_000;

    /// <summary>When the sample's history begins: a fixed time, or the documents would differ from day to day.</summary>
    private static readonly DateTime Start = new(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Sessions expire then: a TTL index must be in the sample, and must delete nothing while somebody compares.</summary>
    private static readonly DateTime FarAway = new(2099, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private static readonly string[] FirstNames = ["Ada", "Björn", "Chloé", "Dmitri", "Émile", "Fatima", "Grace", "Hiro", "Inés", "Jürgen", "Kofi", "Łucja", "明"];
    private static readonly string[] LastNames = ["Almeida", "Bauer", "Castillo", "Dubois", "Eriksson", "Fischer", "García", "Haddad", "Ivanova", "Jansen", "O'Neill"];
    private static readonly string[] Countries = ["AT", "CH", "DE", "ES", "FR", "GB", "IT", "JP", "NL", "PT", "SE", "US"];
    private static readonly string[] Makes = ["Alfa Romeo", "Aston Martin", "Bugatti", "Citroën", "Ferrari", "Jaguar", "Lancia", "Maserati", "Mercedes-Benz", "Porsche"];
    private static readonly string[] Models = ["Spider", "Coupé", "GT", "Cabriolet", "Berlinetta", "Lusso", "Roadster"];
    private static readonly string[] Topics = ["payment", "verification", "valuation", "withdrawal", "account", "tax"];
    private static readonly string[] Words =
        ["the", "share", "of", "your", "car", "was", "valued", "again", "please", "send", "document", "transfer", "arrived", "we", "checked", "and", "thank", "you"];

    public static IReadOnlyList<SampleCollection> All { get; } =
    [
        new("users", Users, WriteUser)
        {
            Options = BsonDocument.Parse("""
                { validator: { $jsonSchema: { bsonType: "object", required: ["email", "name", "createdAt"], properties: {
                    email: { bsonType: "string", pattern: "^[^@]+@[^@]+$" }, createdAt: { bsonType: "date" }, balance: { bsonType: "decimal" } } } },
                  validationLevel: "moderate", validationAction: "error" }
                """),
            Indexes =
            [
                BsonDocument.Parse("""{ key: { email: 1 }, name: "email_unique", unique: true, collation: { locale: "en", strength: 2 } }"""),
                BsonDocument.Parse("""{ key: { country: 1, createdAt: -1 }, name: "country_createdAt" }"""),
                BsonDocument.Parse("""{ key: { referredBy: 1 }, name: "referredBy_sparse", sparse: true }"""),
                BsonDocument.Parse("""{ key: { balance: -1 }, name: "verified_balance", partialFilterExpression: { verified: true } }"""),
            ],
            OptionalIndexes = [BsonDocument.Parse("""{ key: { "name.last": "text" }, name: "lastName_text" }""")],
        },
        new("kyc", Users, WriteKyc)
        {
            Indexes =
            [
                BsonDocument.Parse("""{ key: { userId: 1 }, name: "userId_unique", unique: true }"""),
                BsonDocument.Parse("""{ key: { "documents.kind": 1, reviewedAt: -1 }, name: "kind_reviewedAt" }"""),
            ],
            OptionalIndexes = [BsonDocument.Parse("""{ key: { "documents.sha256": "hashed" }, name: "sha256_hashed" }""")],
        },
        new("cars", Cars, WriteCar)
        {
            Indexes =
            [
                BsonDocument.Parse("""{ key: { make: 1, year: -1 }, name: "make_year" }"""),
                BsonDocument.Parse("""{ key: { "valuation.amount": -1 }, name: "valuation_desc", hidden: true }"""),
            ],
            OptionalIndexes =
            [
                BsonDocument.Parse("""{ key: { garage: "2dsphere" }, name: "garage_2dsphere" }"""),
                BsonDocument.Parse("""{ key: { "equipment.$**": 1 }, name: "equipment_wildcard" }"""),
            ],
        },
        new("positions", 25_000, WritePosition)
        {
            Indexes =
            [
                BsonDocument.Parse("""{ key: { userId: 1, carId: 1 }, name: "user_car" }"""),
                BsonDocument.Parse("""{ key: { openedAt: -1 }, name: "large_openedAt", partialFilterExpression: { shares: { $gt: 100 } } }"""),
            ],
        },
        new("transactions", 60_000, WriteTransaction)
        {
            Indexes =
            [
                BsonDocument.Parse("""{ key: { reference: 1 }, name: "reference_unique", unique: true }"""),
                BsonDocument.Parse("""{ key: { userId: 1, at: -1 }, name: "user_at" }"""),
            ],
        },
        new("tickets", 8_000, WriteTicket)
        {
            Indexes =
            [
                BsonDocument.Parse("""{ key: { "messages.at": -1 }, name: "messages_at" }"""),
                BsonDocument.Parse("""{ key: { tags: 1, state: 1 }, name: "tags_state" }"""),
            ],
        },
        // Many small documents, and no index but that of their _id: what most of a database is.
        new("notifications", 80_000, WriteNotification),
        new("announcements", 500, WriteAnnouncement)
        {
            Options = BsonDocument.Parse("""{ collation: { locale: "en", strength: 1 } }"""),
            Indexes = [BsonDocument.Parse("""{ key: { slug: 1 }, name: "slug_unique", unique: true, collation: { locale: "simple" } }""")],
        },
        new("sessions", 3_000, WriteSession)
        {
            Indexes = [BsonDocument.Parse("""{ key: { expiresAt: 1 }, name: "expiresAt_ttl", expireAfterSeconds: 0 }""")],
        },
        new("audit_log", 6_000, WriteAuditEntry) { Options = BsonDocument.Parse("""{ capped: true, size: 4194304, max: 5000 }""") },
        new("settings", 200, WriteSetting)
        {
            Options = BsonDocument.Parse("""{ clusteredIndex: { key: { _id: 1 }, unique: true, name: "by id" } }"""),
            Optional = true,
        },
        new("valuations", 5_000, WriteValuation)
        {
            Options = BsonDocument.Parse("""{ timeseries: { timeField: "at", metaField: "carId", granularity: "hours" } }"""),
            Indexes = [BsonDocument.Parse("""{ key: { carId: 1, at: -1 }, name: "car_at" }""")],
            Optional = true,
        },
    ];

    /// <summary>Views, as options of <c>create</c> by name.</summary>
    public static IReadOnlyDictionary<string, BsonDocument> Views { get; } = new Dictionary<string, BsonDocument>
    {
        ["open_positions"] = BsonDocument.Parse("""
            { viewOn: "positions", pipeline: [{ $match: { closedAt: null } }, { $project: { userId: 1, carId: 1, shares: 1, "entry.amount": 1 } }] }
            """),
    };

    private static void WriteUser(BsonWriter to, int i, SampleRandom random)
    {
        var (first, last) = (random.Of<string>(FirstNames), random.Of<string>(LastNames));
        to.WriteName("_id");
        to.WriteObjectId(UserId(i));
        to.WriteString("email", $"user{i.ToString(CultureInfo.InvariantCulture)}@example.org");
        to.WriteStartDocument("name");
        to.WriteString("first", first);
        to.WriteString("last", last);
        to.WriteEndDocument();
        to.WriteString("country", random.Of<string>(Countries));
        WriteTime(to, "createdAt", Start.AddMinutes(random.Below(900_000)));
        WriteMoney(to, "balance", random.Money(0, 250_000));
        to.WriteBoolean("verified", !random.OneIn(5));
        if (random.OneIn(4))
        {
            to.WriteName("referredBy");
            to.WriteObjectId(UserId(random.Below(Users)));
        }

        to.WriteStartArray("roles");
        to.WriteString("investor");
        if (random.OneIn(50))
        {
            to.WriteString("curator");
        }

        to.WriteEndArray();
        to.WriteStartDocument("address");
        to.WriteString("street", $"{random.Of<string>(Words)} street {random.Below(200).ToString(CultureInfo.InvariantCulture)}");
        to.WriteString("postcode", random.Below(99_999).ToString("D5", CultureInfo.InvariantCulture));
        to.WriteNull("region");
        to.WriteEndDocument();
    }

    private static void WriteKyc(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteString("_id", $"kyc-{i.ToString("D6", CultureInfo.InvariantCulture)}");
        to.WriteName("userId");
        to.WriteObjectId(UserId(i));
        to.WriteString("state", random.Of<string>(["accepted", "accepted", "accepted", "pending", "refused"]));
        WriteTime(to, "reviewedAt", Start.AddMinutes(random.Below(900_000)));
        to.WriteStartArray("documents");
        for (var n = random.Below(3); n >= 0; n--)
        {
            to.WriteStartDocument();
            to.WriteString("kind", random.Of<string>(["passport", "identity card", "proof of address", "tax certificate"]));
            to.WriteString("file", $"kyc/{random.Next().ToString("x16", CultureInfo.InvariantCulture)}.pdf");
            to.WriteName("sha256");
            to.WriteBytes(RandomBytes(random, 32));
            to.WriteInt64("size", 40_000 + random.Below(4_000_000));
            to.WriteEndDocument();
        }

        to.WriteEndArray();
    }

    private static void WriteCar(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteInt32("_id", i);
        to.WriteString("make", random.Of<string>(Makes));
        to.WriteString("model", random.Of<string>(Models));
        to.WriteInt32("year", 1930 + random.Below(80));
        to.WriteString("chassis", random.Next().ToString("X16", CultureInfo.InvariantCulture));
        to.WriteStartDocument("valuation");
        WriteMoney(to, "amount", random.Money(20_000, 9_000_000));
        to.WriteString("currency", "EUR");
        to.WriteEndDocument();
        to.WriteInt64("shares", 1_000 * (1 + random.Below(10)));
        to.WriteStartDocument("garage");
        to.WriteString("type", "Point");
        to.WriteStartArray("coordinates");
        to.WriteDouble((random.Below(3_600_000) / 10_000.0) - 180);
        to.WriteDouble((random.Below(1_600_000) / 10_000.0) - 80);
        to.WriteEndArray();
        to.WriteEndDocument();
        to.WriteStartDocument("equipment");
        to.WriteString("gearbox", random.Of<string>(["manual", "automatic"]));
        to.WriteInt32("cylinders", 4 + (2 * random.Below(5)));
        to.WriteEndDocument();
        to.WriteStartArray("images");
        for (var n = random.Below(6); n >= 0; n--)
        {
            to.WriteString($"cars/{i.ToString(CultureInfo.InvariantCulture)}/{n.ToString(CultureInfo.InvariantCulture)}.jpg");
        }

        to.WriteEndArray();
    }

    private static void WritePosition(BsonWriter to, int i, SampleRandom random)
    {
        var opened = Start.AddMinutes(random.Below(900_000));
        to.WriteInt64("_id", 1_000_000_000_000L + i);
        to.WriteName("userId");
        to.WriteObjectId(UserId(random.Below(Users)));
        to.WriteInt32("carId", random.Below(Cars));
        to.WriteInt64("shares", 1 + random.Below(500));
        to.WriteStartDocument("entry");
        WriteMoney(to, "amount", random.Money(10, 50_000));
        WriteMoney(to, "fee", random.Money(0, 50));
        to.WriteEndDocument();
        WriteTime(to, "openedAt", opened);
        if (random.OneIn(3))
        {
            WriteTime(to, "closedAt", opened.AddMinutes(1 + random.Below(200_000)));
        }
        else
        {
            to.WriteNull("closedAt");
        }
    }

    private static void WriteTransaction(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteName("_id");
        to.WriteObjectId(Id(0x7472616e, i));
        to.WriteString("reference", $"TX-{i.ToString("D8", CultureInfo.InvariantCulture)}");
        to.WriteName("userId");
        to.WriteObjectId(UserId(random.Below(Users)));
        to.WriteString("kind", random.Of<string>(["deposit", "withdrawal", "buy", "sell", "dividend", "fee"]));
        WriteMoney(to, "amount", random.Money(-20_000, 20_000));
        to.WriteString("currency", random.Of<string>(["EUR", "EUR", "EUR", "CHF", "GBP", "USD"]));
        WriteTime(to, "at", Start.AddSeconds(random.Below(54_000_000)));
        to.WriteStartDocument("bank");
        to.WriteString("iban", $"XX{random.Below(99).ToString("D2", CultureInfo.InvariantCulture)}{(random.Next() % 10_000_000_000_000_000).ToString("D16", CultureInfo.InvariantCulture)}");
        to.WriteBoolean("settled", !random.OneIn(20));
        to.WriteEndDocument();
        if (random.OneIn(8))
        {
            to.WriteString("note", Text(random, 12));
        }
    }

    private static void WriteTicket(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteName("_id");
        to.WriteBinaryData(new BsonBinaryData(RandomBytes(random, 16), BsonBinarySubType.UuidStandard));
        to.WriteInt32("number", i);
        to.WriteName("userId");
        to.WriteObjectId(UserId(random.Below(Users)));
        to.WriteString("subject", Text(random, 6));
        to.WriteString("state", random.Of<string>(["open", "waiting", "closed", "closed", "closed"]));
        to.WriteStartArray("tags");
        to.WriteString(random.Of<string>(Topics));
        to.WriteString(random.Of<string>(Topics));
        to.WriteEndArray();
        to.WriteStartArray("messages");
        for (var n = random.Below(4); n >= 0; n--)
        {
            to.WriteStartDocument();
            to.WriteString("from", n % 2 == 0 ? "user" : "support");
            WriteTime(to, "at", Start.AddSeconds(random.Below(54_000_000)));
            to.WriteString("text", Text(random, 10 + random.Below(30)));
            to.WriteStartArray("attachments");
            if (random.OneIn(3))
            {
                to.WriteStartArray();
                to.WriteString($"support/{random.Next().ToString("x16", CultureInfo.InvariantCulture)}.png");
                to.WriteInt64(random.Below(2_000_000));
                to.WriteEndArray();
            }

            to.WriteEndArray();
            to.WriteEndDocument();
        }

        to.WriteEndArray();
    }

    private static void WriteNotification(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteInt32("_id", i);
        to.WriteName("userId");
        to.WriteObjectId(UserId(random.Below(Users)));
        to.WriteString("about", random.Of<string>(Topics));
        WriteTime(to, "at", Start.AddSeconds(random.Below(54_000_000)));
        to.WriteBoolean("read", !random.OneIn(3));
    }

    private static void WriteAnnouncement(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteInt32("_id", i);
        to.WriteString("slug", $"{random.Of<string>(Topics)}-{i.ToString(CultureInfo.InvariantCulture)}");
        to.WriteString("title", Text(random, 8));
        to.WriteString("body", Text(random, 150));
        WriteTime(to, "publishedAt", Start.AddMinutes(random.Below(900_000)));
        to.WriteRegularExpression("audience", new BsonRegularExpression("^(investor|curator)$", "i"));
    }

    private static void WriteSession(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteString("_id", random.Next().ToString("x16", CultureInfo.InvariantCulture) + i.ToString("x4", CultureInfo.InvariantCulture));
        to.WriteName("userId");
        to.WriteObjectId(UserId(random.Below(Users)));
        WriteTime(to, "expiresAt", FarAway.AddMinutes(random.Below(100_000)));
        to.WriteString("agent", Text(random, 5));
    }

    private static void WriteAuditEntry(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteInt32("_id", i);
        WriteTime(to, "at", Start.AddSeconds(60.0 * i));
        to.WriteString("who", $"user{random.Below(Users).ToString(CultureInfo.InvariantCulture)}");
        to.WriteString("what", random.Of<string>(["login", "logout", "password", "withdrawal", "export"]));
        to.WriteString("detail", Text(random, 6));
    }

    private static void WriteSetting(BsonWriter to, int i, SampleRandom random)
    {
        to.WriteString("_id", $"setting.{i.ToString("D3", CultureInfo.InvariantCulture)}");
        to.WriteDouble("value", random.Below(1_000_000) / 1_000.0);
        to.WriteBoolean("enabled", random.OneIn(2));
    }

    private static void WriteValuation(BsonWriter to, int i, SampleRandom random)
    {
        WriteTime(to, "at", Start.AddHours(i / 50));
        to.WriteInt32("carId", i % 50);
        to.WriteName("_id");
        to.WriteObjectId(Id(0x76616c75, i));
        WriteMoney(to, "amount", random.Money(20_000, 9_000_000));
    }

    private static ObjectId UserId(int i) => Id(0x75736572, i);

    /// <summary>The first four bytes say what it is the id of; the rest is its number, so that ids sort as they were made.</summary>
    private static ObjectId Id(int kind, int number)
    {
        Span<byte> bytes = stackalloc byte[12];
        BinaryPrimitives.WriteInt32BigEndian(bytes, kind);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], number);
        return new ObjectId(bytes.ToArray());
    }

    private static void WriteTime(BsonWriter to, string name, DateTime time) =>
        to.WriteDateTime(name, BsonUtils.ToMillisecondsSinceEpoch(time));

    private static void WriteMoney(BsonWriter to, string name, decimal amount)
    {
        to.WriteName(name);
        to.WriteDecimal128(new Decimal128(amount));
    }

    private static byte[] RandomBytes(SampleRandom random, int count)
    {
        var bytes = new byte[count];
        random.Fill(bytes);
        return bytes;
    }

    private static string Text(SampleRandom random, int words) =>
        string.Join(' ', Enumerable.Range(0, words).Select(_ => random.Of<string>(Words)));
}
