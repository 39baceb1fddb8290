namespace LuxHedge.Activities.Plans;

/// <summary>
/// Everything that a plan can say: the whole strategy, what later versions will run included. runbooks/plan.schema.json is written from it.
/// </summary>
internal static class PlanShape
{
    /// <summary>Classes that need no definition, and how long the strategy keeps them.</summary>
    public static readonly IReadOnlyDictionary<string, string> KnownClasses = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["financial"] = "7y",
        ["audit"] = "3y",
    };

    private static readonly ReferenceShape Person = new("person", "people");
    private static readonly ReferenceShape PersonOrGroup = new("person or group", "people", "groups");
    private static readonly ReferenceShape Store = new("store", "stores");
    private static readonly ReferenceShape Cluster = new("cluster", "clusters");
    private static readonly ReferenceShape Policy = new("policy", "policies");
    private static readonly ReferenceShape Asset = new("asset", "assets");
    private static readonly ReferenceShape Tier = new("tier", "tiers");
    private static readonly ReferenceShape Contact = new("contact", "contacts");

    /// <summary>Of a policy's hours where it names none.</summary>
    public static readonly IReadOnlyList<DayOfWeek> WorkingDays =
        [DayOfWeek.Monday, DayOfWeek.Tuesday, DayOfWeek.Wednesday, DayOfWeek.Thursday, DayOfWeek.Friday];

    private static readonly ScalarShape Weekday = Scalars.OneOf("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday");

    private static readonly RecordShape When = new(
        new Field("daily", Scalars.Time, "Each day at this time of the plan's time zone."),
        new Field("weekly", Weekday, "Each week on this day; `at` says when."),
        new Field("monthly", Scalars.Number(1, 28), "Each month on this day; `at` says when."),
        new Field("quarterly", Scalars.Number(1, 28), "On this day of January, April, July and October; `at` says when."),
        new Field("yearly", Scalars.DayOfYear, "Each year on this day (MM-DD); `at` says when."),
        new Field("every", Scalars.Duration, "Again and again, this long from start to start."),
        new Field("on", Scalars.OneOf("change", "release"), "On an event instead of a time."),
        new Field("at", Scalars.Time, "Time of day, with weekly, monthly, quarterly and yearly."))
    {
        Name = "when",
        OneOf = ["daily", "weekly", "monthly", "quarterly", "yearly", "every", "on"],
    };

    private static readonly RecordShape Targets = new(
        new Field("rto", Scalars.Duration, "Recovery time objective: from the declaration until the checks are green."),
        new Field("rpo", Scalars.Duration, "Recovery point objective: how much may be lost; 0 only for what is kept on every change."))
    {
        Name = "targets",
    };

    private static readonly RecordShape Retention = new(
        new Field("last", Scalars.Number(1, 1000), "The newest so many, whenever they were made."),
        new Field("daily", Scalars.Number(1, 3660), "One of each of so many days."),
        new Field("weekly", Scalars.Number(1, 520), "One of each of so many ISO weeks."),
        new Field("monthly", Scalars.Number(1, 240), "One of each of so many months."),
        new Field("yearly", Scalars.Number(1, 100), "One of each of so many years."),
        new Field("oldest", Scalars.Flag, "Keep the oldest too."),
        new Field("withRelease", Scalars.Flag, "As long as the release it belongs to."),
        new Field("forever", Scalars.Flag, "Nothing is ever deleted."))
    {
        Name = "retention",
    };

    private static readonly RecordShape ObjectLock = new(
        new Field("mode", Scalars.OneOf("compliance", "governance"), "compliance: nobody can shorten it. governance: nobody may (no role of ours can).", Required: true),
        new Field("keep", Scalars.Period, "How long every object is locked from the moment it is written.", Required: true))
    {
        Name = "objectLock",
    };

    private static readonly ScalarShape Residency = Scalars.Text;

    public static readonly RecordShape Root = new(
        new Field("version", Scalars.Number(1, 1), "Version of this form; 1.", Required: true),
        new Field("organisation", Scalars.Text, "Whose plan it is."),
        new Field("owner", Scalars.Text, "Who keeps the plan true."),
        new Field("timezone", Scalars.TimeZone, "IANA zone of schedules and of retention's days; UTC unless said."),
        new Field("runbooks", Scalars.Text, "Folder of the runbooks, relative to this file's; runbooks/ beside it or upward unless said."),
        new Field("temporal", Temporal(), "The Temporal cluster that runs the workflows.", Required: true),
        new Field("writer", Writer(), "Who signs manifests, records and key objects.", Required: true),
        new Field("keys", new MapShape("key", Keys()), "What wraps the data keys.", Required: true),
        new Field("recoveryKeys", new MapShape("recovery key", RecoveryKey()), "Wrap every data key once more; their private halves are offline."),
        new Field("stores", new MapShape("store", Stores(), AtLeast: 1), "Where backups are kept.", Required: true),
        new Field("clusters", new MapShape("cluster", ClusterShape()), "MongoDB deployments: those protected, and those drilled on."),
        new Field("classes", new MapShape("class", Class()), "What law and strategy ask of kinds of data. financial (7y) and audit (3y) are known."),
        new Field("tiers", new MapShape("tier", TierShape()), "Targets by tier."),
        new Field("assets", new MapShape("asset", Assets(), AtLeast: 1), "What is protected.", Required: true),
        new Field("people", new MapShape("person", PersonShape()), "Everyone who starts, decides or is told."),
        new Field("groups", new MapShape("group", new ListShape(Person)), "People who decide together."),
        new Field("policies", new MapShape("policy", PolicyShape()), "Who must approve what."),
        new Field("deletion", Deletion(), "How retention deletes."),
        new Field("exports", Exports(), "Data that leaves the stores and the assets' own clusters."),
        new Field("drills", new MapShape("drill", Drill()), "Runbooks run as drills."),
        new Field("alerts", Alerts(), "Who is told of what goes wrong."),
        new Field("deadMan", Scalars.SecretUrl, "Address that each cycle of Watch calls (GET): its silence alerts from outside, as at healthchecks.io."),
        new Field("slack", Slack(), "The Slack app through which people decide and are told."),
        new Field("audit", Audit(), "The hash-chained log of privileged acts."),
        new Field("security", Security(), "What the strategy asks of transport, storage and access."),
        new Field("contacts", new MapShape("contact", ContactShape()), "Who to call."),
        new Field("vendors", new MapShape("vendor", Vendor()), "Whose support to call."),
        new Field("reviews", new MapShape("review", Review()), "When which part of the plan is looked at again."),
        new Field("roadmap", new ListShape(Scalars.Text), "Later in the strategy; only for people."));

    private static RecordShape Temporal() => new(
        new Field("address", Scalars.HostAndPort, "host:port of the frontend.", Required: true),
        new Field("namespace", Scalars.Text, "default unless said."),
        new Field("taskQueue", Scalars.Text, "luxhedge unless said; lanes run on {taskQueue}-lanes."),
        new Field("ui", Scalars.Url, "Address of the web UI, to show links."),
        new Field("tls", Scalars.Flag, "Encrypt the connection."),
        new Field("apiKey", Scalars.Secret, "API key of Temporal Cloud."));

    private static RecordShape Writer() => new(
        new Field("name", Scalars.Id, "Name of this writer; its public key is below.", Required: true),
        new Field("privateKey", Scalars.Secret, "PKCS#8 PEM of an ECDSA P-256 key; absent where this machine only reads."),
        new Field("publicKeys", new MapShape("writer", Scalars.P256PublicKey, AtLeast: 1), "Every writer's public key, former ones too.", Required: true));

    private static VariantShape Keys() => new("kind", "key", new Dictionary<string, RecordShape>(StringComparer.Ordinal)
    {
        ["kms"] = new(
            new Field("kind", Scalars.OneOf("kms"), "AWS KMS.", Required: true),
            new Field("keyId", Scalars.Text, "Key id or ARN; an ARN names the region too.", Required: true),
            new Field("region", Scalars.Text, "Region, such as eu-central-1."),
            new Field("endpoint", Scalars.Url, "Another server than AWS's."),
            new Field("accessKey", Scalars.Secret, "Without it the usual chain of credentials is used."),
            new Field("secretKey", Scalars.Secret, "Goes with accessKey."),
            new Field("rotation", Scalars.Period, "How often KMS rotates the key.")),
        ["local"] = new(
            new Field("kind", Scalars.OneOf("local"), "A key file of this machine.", Required: true),
            new Field("file", Scalars.Text, "Path of the key file, mode 0600, relative to the plan's folder.", Required: true),
            new Field("rotation", Scalars.Period, "How often a new one is made.")),
    });

    private static RecordShape RecoveryKey() => new(
        new Field("publicKey", Scalars.RsaPublicKey, "Public half: base64 of its SubjectPublicKeyInfo, or ${file:path} of it or its PEM.", Required: true),
        new Field("keptBy", new ListShape(PersonOrGroup), "Who holds the private half."),
        new Field("keptAt", Scalars.Text, "Where it lies, in words."),
        new Field("openedEvery", Scalars.Period, "How often a person opens the newest key object with it; 92d unless said."));

    private static VariantShape Stores() => new("kind", "store", new Dictionary<string, RecordShape>(StringComparer.Ordinal)
    {
        ["s3"] = new(
            new Field("kind", Scalars.OneOf("s3"), "Amazon S3 or a server that speaks it.", Required: true),
            new Field("title", Scalars.Text, "What it is for."),
            new Field("bucket", Scalars.Text, "Bucket; it must exist.", Required: true),
            new Field("prefix", Scalars.TextOrEmpty, "Before every object name."),
            new Field("region", Scalars.Text, "Region of the bucket."),
            new Field("endpoint", Scalars.Url, "Another server than AWS's."),
            new Field("accessKey", Scalars.Secret, "Without it the usual chain of credentials is used."),
            new Field("secretKey", Scalars.Secret, "Goes with accessKey."),
            new Field("residency", Residency, "Where the data lies, to compare with the assets' residency."),
            new Field("versioning", Scalars.Flag, "The bucket keeps versions; drift is reported."),
            new Field("objectLock", ObjectLock, "Locks on every object written.")),
        ["gcs"] = new(
            new Field("kind", Scalars.OneOf("gcs"), "Google Cloud Storage.", Required: true),
            new Field("title", Scalars.Text, "What it is for."),
            new Field("bucket", Scalars.Text, "Bucket; it must exist.", Required: true),
            new Field("prefix", Scalars.TextOrEmpty, "Before every object name."),
            new Field("project", Scalars.Text, "Project of the bucket."),
            new Field("endpoint", Scalars.Url, "An emulator's address."),
            new Field("credentials", Scalars.Secret, "Service account's JSON; without it the usual chain is used."),
            new Field("residency", Residency, "Where the data lies, to compare with the assets' residency."),
            new Field("objectLock", ObjectLock, "Bucket retention.")),
        ["directory"] = new(
            new Field("kind", Scalars.OneOf("directory"), "A mounted folder, such as a NAS.", Required: true),
            new Field("title", Scalars.Text, "What it is for."),
            new Field("path", Scalars.Text, "Folder, relative to the plan's.", Required: true),
            new Field("residency", Residency, "Where the data lies, to compare with the assets' residency.")),
    });

    private static RecordShape ClusterShape() => new(
        new Field("connection", Scalars.Secret, "MongoDB connection string.", Required: true),
        new Field("title", Scalars.Text, "What it is."),
        new Field("residency", Residency, "Where the data lies."),
        new Field("atlas", Atlas(), "Set where MongoDB Atlas runs it: its snapshots are watched, taken and restored through Atlas."));

    private static RecordShape Atlas() => new(
        new Field("project", Scalars.AtlasId, "Id of the Atlas project, 24 hexadecimal digits.", Required: true),
        new Field("cluster", Scalars.AtlasCluster, "The cluster's name in Atlas.", Required: true),
        new Field("snapshots", Scalars.Flag, "Tell people when the newest snapshot is older than the RPO; true unless said. Own dumps are made all the same."),
        new Field("apiUrl", Scalars.Url, "https://cloud.mongodb.com unless said. Not https only on this machine itself."),
        new Field("publicKey", Scalars.Secret, "Public half of an API key; goes with privateKey."),
        new Field("privateKey", Scalars.Secret, "Private half of it."),
        new Field("clientId", Scalars.Secret, "Service account instead of an API key; goes with clientSecret."),
        new Field("clientSecret", Scalars.Secret, "Its secret."),
        new Field("restoreTo", new RecordShape(
            new Field("project", Scalars.AtlasId, "Its project; the cluster's own unless said."),
            new Field("cluster", Scalars.AtlasCluster, "The other cluster's name in Atlas.", Required: true)),
            "Another cluster, that holds nothing of the plan: Atlas overwrites all of it with a snapshot."));

    private static RecordShape Class() => new(
        new Field("title", Scalars.Text, "What it is."),
        new Field("keep", Scalars.Period, "At least this long must retention reach.", Required: true),
        new Field("encrypted", Scalars.Flag, "Assets of this class must be encrypted."),
        new Field("laws", new ListShape(Scalars.Text), "Laws and rules behind it."));

    private static RecordShape TierShape() => new(
        new Field("title", Scalars.Text, "What belongs to it."),
        new Field("rto", Scalars.Duration, "Recovery time objective of its assets.", Required: true),
        new Field("rpo", Scalars.Duration, "Recovery point objective of its assets.", Required: true));

    private static VariantShape Assets() => new("kind", "asset", new Dictionary<string, RecordShape>(StringComparer.Ordinal)
    {
        ["database"] = AssetShape(
            "database",
            "A MongoDB database.",
            new Field("cluster", Cluster, "Where it runs.", Required: true),
            new Field("database", Scalars.Text, "Name of the database.", Required: true),
            new Field("key", new ReferenceShape("key", "keys"), "Wraps its data keys.", Required: true),
            new Field("lanes", Scalars.Number(1, 64), $"Readers in parallel; {PlanBinder.DefaultLanes} unless said."),
            new Field("compression", Scalars.Number(1, 19), $"zstd level; {PlanBinder.DefaultCompression} unless said."),
            new Field("rangeSize", Scalars.Size, "Large collections are cut into ranges of about this size; 256MiB unless said."),
            new Field("suspectShare", Scalars.Share, "A fall of documents or bytes by more makes a backup suspect; 20% unless said."),
            new Field("canary", Scalars.Flag, "Write a canary document before each end mark; true unless said."),
            new Field("oplog", new RecordShape(
                new Field("capture", Scalars.Flag, "Capture the oplog between backups, for a point in time.", Required: true),
                new Field("slice", Scalars.Duration, "Length of a slice; 60s unless said. It is cut at 64 MiB, too."),
                new Field("keep", Scalars.Period, "How long a point in time can be reached.")), "Point in time between backups."),
            new Field("drill", new RecordShape(
                new Field("cluster", Cluster, "Where drills restore to.", Required: true),
                new Field("sameCluster", Scalars.Flag, "Drills may use production's own cluster, in a database of their own.")), "Target of drills.")),
        ["files"] = AssetShape(
            "files",
            "A set of files.",
            new Field("paths", new ListShape(Scalars.Text), "Folders or buckets.", Required: true),
            new Field("exclude", new ListShape(Scalars.Text), "Patterns of names left out."),
            new Field("key", new ReferenceShape("key", "keys"), "Wraps its data keys."),
            new Field("compression", Scalars.Number(1, 19), "zstd level; 1 unless said.")),
        ["repository"] = AssetShape(
            "repository",
            "Source code.",
            new Field("remotes", new MapShape("remote", Scalars.Text, AtLeast: 1), "Git remotes.", Required: true),
            new Field("protected", new ListShape(Scalars.Text), "Branches that nobody can rewrite."),
            new Field("tags", Scalars.Text, "Pattern of release tags."),
            new Field("key", new ReferenceShape("key", "keys"), "Wraps its data keys.")),
        ["images"] = AssetShape(
            "images",
            "Container images.",
            new Field("registry", Scalars.Text, "host[:port] of the registry.", Required: true),
            new Field("repository", Scalars.Text, "Such as luxhedge/app.", Required: true),
            new Field("tags", new ListShape(Scalars.Text), "Tags, or patterns of them.", Required: true),
            new Field("key", new ReferenceShape("key", "keys"), "Wraps its data keys.")),
        ["configuration"] = AssetShape(
            "configuration",
            "Environment, compose and lock files.",
            new Field("files", new ListShape(new RecordShape(
                new Field("path", Scalars.Text, "Where it is.", Required: true),
                new Field("restoreTo", Scalars.Text, "Where it belongs when it comes back."),
                new Field("secret", Scalars.Flag, "Holds secrets."))), "Each file.", Required: true),
            new Field("key", new ReferenceShape("key", "keys"), "Wraps its data keys.")),
    });

    public static IEnumerable<string> AssetKinds => ((VariantShape)((MapShape)Root.Fields.Single(f => f.Key == "assets").Shape).Value).Variants.Keys;

    private static RecordShape AssetShape(string kind, string what, params Field[] own) => new(
    [
        new Field("kind", Scalars.OneOf(kind), what, Required: true),
        new Field("title", Scalars.Text, "What it is."),
        new Field("importance", Scalars.OneOf("critical", "important", "standard"), "How much hangs on it."),
        new Field("owner", PersonOrGroup, "Who answers for it."),
        .. own,
        new Field("class", new ReferenceShape("class", "classes") { BuiltIn = [.. KnownClasses.Keys] }, "What law and strategy ask of it."),
        new Field("tier", Tier, "Where its targets come from, unless it has its own."),
        new Field("targets", Targets, "Its own targets; never looser than the tier's."),
        new Field("encrypted", Scalars.Flag, "true unless said; its plaintext is nowhere but in memory and in what is restored."),
        new Field("residency", new ListShape(Residency), "Only stores that lie there may hold it."),
        new Field("stores", new ListShape(Store), "The first is written, the others are copied to.", Required: true),
        new Field("recoveryKeys", new ListShape(new ReferenceShape("recovery key", "recoveryKeys"), AtLeast: 0), "Wrap its data keys too."),
        new Field("production", new RecordShape(
            new Field("approval", Policy, "Who must approve a restore over it.", Required: true)), "Set where it is production."),
        new Field("every", Scalars.Duration, "Longest time between two backups before it is overdue; the schedule's unless said."),
        new Field("schedule", new RecordShape(
            new Field("backup", When, "When it is backed up."),
            new Field("verify", When, "When a restore test proves it.")), "When things run."),
        new Field("verification", new RecordShape(
            new Field("parts", Scalars.Number(1, 365), "Each integrity check reads one of so many parts again, and everything new.")), "How much is read back when."),
        new Field("retention", Retention, "What is kept."),
    ]);

    private static RecordShape PersonShape() => new(
        new Field("name", Scalars.Text, "As people say it.", Required: true),
        new Field("role", Scalars.Text, "What the person does."),
        new Field("login", Scalars.Text, "Operating system login: who a command is run by, without --as."),
        new Field("email", Scalars.Email, "For alerts."),
        new Field("publicKey", Scalars.P256PublicKey, "Public half of the person's own key, or ${file:path} of it; `luxhedge people enrol` makes one."),
        new Field("keyExpires", Scalars.Date, "From this day on the key decides nothing."));

    private static RecordShape PolicyShape() => new(
        new Field("title", Scalars.Text, "What is approved by it."),
        new Field("by", new ListShape(PersonOrGroup), "Who may decide.", Required: true),
        new Field("quorum", Scalars.Number(1, 20), "So many must approve; 1 unless said. Who asks never counts."),
        new Field("deny", Scalars.Number(1, 20), "So many denials end it; 1 unless said."),
        new Field("expires", Scalars.Duration, "After this long without a quorum it is denied; 15m unless said."),
        new Field("ownKey", Scalars.Flag, "Only a person's own key decides; a click in Slack does not."),
        new Field("reminders", new ListShape(Scalars.Duration), "Remind so long after the question."),
        new Field("escalate", new ListShape(new RecordShape(
            new Field("after", Scalars.Duration, "So long after the question …", Required: true),
            new Field("to", PersonOrGroup, "… these may decide too.", Required: true))), "Who is asked when nobody answers."),
        new Field("outOfHours", new RecordShape(
            new Field("days", new ListShape(Weekday), "Working days; Monday to Friday unless said."),
            new Field("from", Scalars.Time, "Working hours begin, in the plan's time zone …", Required: true),
            new Field("until", Scalars.Time, "… and end.", Required: true),
            new Field("expires", Scalars.Duration, "A question asked outside them waits this long instead."),
            new Field("to", new ListShape(PersonOrGroup), "These may decide it too, from the beginning.")),
            "What holds for a question that is asked outside the working hours."),
        new Field("breakGlass", new RecordShape(
            new Field("by", new ListShape(PersonOrGroup), "Who may.", Required: true),
            new Field("quorum", Scalars.Number(1, 20), "So many; 1 unless said."),
            new Field("alert", new ListShape(PersonOrGroup), "Who is told at once; everyone unless said.")),
            "In an incident: fewer people, each with their own key and a typed reason, alerted and marked in the evidence."));

    private static RecordShape Deletion() => new(
        new Field("grace", Scalars.Duration, "From the mark `expired` to the deletion."),
        new Field("approveAbove", Scalars.Share, "A run that would delete more of an asset's backups asks first."),
        new Field("approval", Policy, "Whom it asks."));

    private static RecordShape Exports() => new(
        new Field("approval", Policy, "Who must approve an export of an encrypted asset.", Required: true));

    private static RecordShape Drill() => new(
        new Field("title", Scalars.Text, "What is practised."),
        new Field("runbook", Scalars.Id, "Name of the runbook.", Required: true),
        new Field("assets", new ListShape(Asset), "What it restores.", Required: true),
        new Field("scope", Scalars.OneOf("partial", "full", "rebuild"), "How much of the whole.", Required: true),
        new Field("schedule", When, "When.", Required: true),
        new Field("inputs", new MapShape("input", Scalars.Text, Keys: Scalars.InputName), "Inputs of the runbook, by name; a list is written with commas."),
        new Field("approval", Policy, "Who must agree first."),
        new Field("targets", Targets, "Of the whole runbook."));

    private static RecordShape Alerts() => new(
        new Field("to", new ListShape(PersonOrGroup), "Who is told.", Required: true),
        new Field("on", new ListShape(Scalars.OneOf("failed", "not-proven", "suspect", "overdue", "drift", "tampering", "break-glass")), "Of what; everything unless said."),
        new Field("slack", Scalars.Flag, "In the Slack channel too."));

    private static RecordShape Slack() => new(
        new Field("apiUrl", Scalars.Url, "https://slack.com/api unless said. Not https only on this machine itself."),
        new Field("botToken", Scalars.Secret, "xoxb-…", Required: true),
        new Field("appToken", Scalars.Secret, "xapp-… for Socket Mode."),
        new Field("signingSecret", Scalars.Secret, "For the HTTP endpoint."),
        new Field("team", Scalars.Text, "Id of the workspace (T…): clicks from any other are refused."),
        new Field("channel", Scalars.Text, "Channel id (C…), where people are asked and told.", Required: true),
        new Field("endpoint", new RecordShape(
            new Field("name", Scalars.Id, "Name of the key that signs for clicks.", Required: true),
            new Field("privateKey", Scalars.Secret, "PKCS#8 PEM, ECDSA P-256."),
            new Field("publicKey", Scalars.P256PublicKey, "Its public half.", Required: true)), "Signs decisions made by a click, where the policy allows them; the writer's key does unless said."),
        new Field("people", new MapShape("person", Scalars.Text, Keys: Person), "Each person's Slack id; there is no guess by e-mail."));

    private static RecordShape Audit() => new(
        new Field("stores", new ListShape(Store), "Where the log is kept.", Required: true),
        new Field("keep", Scalars.Period, "How long.", Required: true));

    private static RecordShape Security() => new(
        new Field("atRest", Scalars.OneOf("AES-256-GCM"), "How stored bytes are encrypted."),
        new Field("tls", Scalars.OneOf("1.2", "1.3"), "Lowest version in transit."),
        new Field("factors", Scalars.Number(1, 3), "Factors of everyone's sign-in."),
        new Field("accessLog", Scalars.Flag, "Every access is logged."));

    private static RecordShape ContactShape() => new(
        new Field("name", Scalars.Text, "Role or name.", Required: true),
        new Field("people", new ListShape(PersonOrGroup), "Who that is."),
        new Field("email", Scalars.Email, "Address."),
        new Field("phone", Scalars.Text, "Number."),
        new Field("hours", Scalars.Text, "When."),
        new Field("next", Contact, "Whom to call when nobody answers."));

    private static RecordShape Vendor() => new(
        new Field("name", Scalars.Text, "Company.", Required: true),
        new Field("for", Scalars.Text, "What it supplies.", Required: true),
        new Field("support", Scalars.Url, "Where a case is opened."),
        new Field("phone", Scalars.Text, "Number."),
        new Field("email", Scalars.Email, "Address."),
        new Field("contract", Scalars.Text, "Contract or account, no secret."));

    private static RecordShape Review() => new(
        new Field("title", Scalars.Text, "What is looked at."),
        new Field("schedule", When, "When.", Required: true),
        new Field("owner", PersonOrGroup, "Who does it."),
        new Field("covers", new ListShape(Scalars.Text), "What is gone through."));
}
