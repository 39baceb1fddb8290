using System.Security.Cryptography;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class PlanLoaderTests : IDisposable
{
    private readonly PlanFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_plan_of_the_sandbox_is_read_into_records()
    {
        var plan = PlanLoader.Load(folder.Write(SamplePlan.Sandbox));

        Assert.Equal("127.0.0.1:7233", plan.Temporal.Address);
        var asset = plan.Assets["luxhedge_production"];
        Assert.Equal(["s3", "nas"], asset.Stores);
        Assert.Equal(64 << 20, asset.RangeBytes);
        Assert.Equal(0.2, asset.SuspectShare);
        Assert.Equal(TimeSpan.FromHours(2), asset.Rto);
        Assert.Equal(TimeSpan.FromHours(1), asset.Rpo);
        Assert.Equal(TimeSpan.FromDays(1), asset.Every);
        Assert.Equal("financial", asset.Class);
        Assert.Equal(["alice", "bob"], plan.Policies["restore-production"].By);
        Assert.Equal(["alice", "bob"], plan.Groups["incident-commanders"]);
        Assert.Equal(Path.Combine(folder.Path, "nas"), plan.Stores["nas"].Path);
        Assert.Equal("Olive Operator", plan.People["operator"].FullName);
        Assert.Equal("30", plan.Document.GetProperty("assets").GetProperty("luxhedge_production").GetProperty("retention").GetProperty("daily").ToString());
    }

    [Fact]
    public void A_policy_is_read_whole_with_groups_resolved_and_times_in_order()
    {
        var plan = PlanLoader.Load(folder.Write(SamplePlan.With(
            "expires: 15m",
            "expires: 15m, reminders: [8m, 3m], escalate: [{ after: 10m, to: incident-commanders }, { after: 5m, to: operator }], "
            + "breakGlass: { by: [incident-commanders, operator] }, outOfHours: { from: \"08:00\", until: \"18:00\", expires: 1h, to: [operator] }")));
        var policy = plan.Policies["restore-production"];

        Assert.Equal(["incident-commanders"], policy.Named);
        Assert.Equal([TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(8)], policy.Reminders);
        Assert.Equal([(TimeSpan.FromMinutes(5), "operator"), (TimeSpan.FromMinutes(10), "incident-commanders")], policy.Escalate.Select(e => (e.After, e.To)));
        Assert.Equal(["alice", "bob"], policy.Escalate[1].People);
        Assert.Equal(1, policy.BreakGlass!.Quorum);
        Assert.Equal(["alice", "bob", "operator"], policy.BreakGlass.By);
        Assert.Equal(TimeSpan.FromHours(1), policy.OutOfHours!.Expires);
        // Monday within, Monday at the end of the hours, Sunday.
        Assert.Equal(
            [false, true, true],
            new[] { (23, 10), (23, 18), (22, 10) }.Select(t => policy.OutOfHours.Holds(new(2026, 11, t.Item1, t.Item2, 0, 0, TimeSpan.Zero), plan.Zone())));
    }

    [Fact]
    public void A_target_that_only_oplog_capture_meets_is_a_warning()
    {
        var warning = Assert.Single(Read(SamplePlan.Sandbox).Warnings);

        Assert.Contains("assets.luxhedge_production.targets.rpo: 1h is shorter than the 1d between two backups: only `oplog: { capture: true }` meets it", warning.Message);
        Assert.Matches(@"luxhedge\.yaml:35:30$", warning.Where);
    }

    [Fact]
    public void Everything_wrong_is_told_at_once_in_the_order_of_the_file_with_place_and_field()
    {
        var path = folder.Write(SamplePlan.Sandbox
            .Replace("namespace: default", "namspace: default")
            .Replace("rto: 2h", "rto: 2 hours")
            .Replace("stores: [s3, nas]", "stores: [s3, nass]")
            .Replace("quorum: 1,", "quorum: many,"));

        var refusal = Assert.Throws<RefusalException>(() => PlanLoader.Load(path)).Report;

        Assert.Equal(ErrorKinds.Plan, refusal.Kind);
        Assert.Equal("The plan has 4 problems.", refusal.Message);
        Assert.Equal(
            [
                new Problem("temporal.namspace: is not known here; did you mean 'namespace'?", $"{path}:4:40"),
                new Problem("assets.luxhedge_production.stores[1]: there is no store \"nass\" in stores; did you mean 'nas'?", $"{path}:25:18"),
                new Problem("assets.luxhedge_production.targets.rto: \"2 hours\" is no duration; write 90s, 15m, 2h, 1d, 5w or 1h30m", $"{path}:35:21"),
                new Problem("policies.restore-production.quorum: \"many\" must be a whole number from 1 to 20", $"{path}:45:60"),
            ],
            refusal.Problems);
    }

    [Fact]
    public void Two_assets_of_one_id_are_refused_with_both_places()
    {
        var problem = OnlyProblem(SamplePlan.With("people:\n", """
              luxhedge_production:
                kind: files
                paths: [/var/lib/kyc]
                key: main
                recoveryKeys: [offline]
                stores: [s3, nas]
                every: 1d
                targets: { rto: 6h, rpo: 24h }
                retention: { daily: 30 }
            people:

            """));

        Assert.Equal("assets.luxhedge_production: two entries of assets have this id; the first is in line 19", problem.Message);
        Assert.EndsWith(":38:3", problem.Where);
    }

    [Theory]
    [InlineData("main", "cluster main")]
    [InlineData("copy", "clusters main and copy, which have the same connection")]
    public void Two_ids_for_one_database_are_refused_because_the_id_is_the_lock(string cluster, string through)
    {
        var yaml = SamplePlan.With("  main: { connection: ${file:keys/mongodb} }", "  main: { connection: ${file:keys/mongodb} }\n  copy: { connection: ${file:./keys/mongodb} }");

        var problem = OnlyProblem(yaml.Replace("people:\n", SecondDatabase(cluster, "LuxHedge_Production") + "people:\n"));

        Assert.Contains("assets.luxhedge_production and assets.second are the same database", problem.Message);
        Assert.Contains(through, problem.Message);
    }

    [Fact]
    public void Another_database_of_the_same_cluster_is_another_asset()
    {
        var reading = Read(SamplePlan.With("people:\n", SecondDatabase("main", "luxhedge_archive") + "people:\n"));

        Assert.Empty(reading.Problems);
        Assert.Equal("luxhedge_archive", reading.Plan!.Assets["second"].Database);
    }

    [Theory]
    [InlineData("rto: 2h", "rto: 2", "targets.rto: \"2\" has no unit; write 90s")]
    [InlineData("rto: 2h", "rto: 0", "targets.rto: nothing is restored in no time")]
    [InlineData("rpo: 1h", "rpo: 0", "targets.rpo: 0 can't be met")]
    [InlineData("rpo: 1h", "rpo: 1H", "targets.rpo: \"1H\" is no duration")]
    [InlineData("rangeSize: 64MiB", "rangeSize: 64MB", "rangeSize: \"64MB\" counts by 1,000; sizes here count by 1,024")]
    [InlineData("rangeSize: 64MiB", "rangeSize: 64", "rangeSize: \"64\" has no unit")]
    [InlineData("suspectShare: 20%", "suspectShare: 0.2", "suspectShare: \"0.2\" is no share from 0% to 100%")]
    [InlineData("suspectShare: 20%", "suspectShare: 120%", "suspectShare: \"120%\" is no share")]
    [InlineData("daily: \"02:00\"", "daily: \"2:00\"", "schedule.backup.daily: \"2:00\" is no time of day")]
    [InlineData("daily: \"02:00\"", "daily: \"24:00\"", "schedule.backup.daily: \"24:00\" is no time of day")]
    [InlineData("lanes: 2", "lanes: \"2\"", "lanes: \"2\" must be a whole number from 1 to 64")]
    [InlineData("lanes: 2", "lanes: 0", "lanes: \"0\" must be a whole number from 1 to 64")]
    [InlineData("canary: true", "canary: yes", "canary: \"yes\" must be true or false")]
    [InlineData("canary: true", "canary:", "canary: has no value")]
    [InlineData("canary: true", "canary: [true]", "canary: must be one value, not a list")]
    [InlineData("stores: [s3, nas]", "stores: s3", "stores: must be a list, not a single value; write [a, b]")]
    [InlineData("stores: [s3, nas]", "stores: []", "stores: must not be empty")]
    [InlineData("stores: [s3, nas]", "stores: [s3, s3]", "stores: names s3 twice")]
    [InlineData("timezone: UTC", "timezone: Mars/Base", "timezone: \"Mars/Base\" is no time zone known here")]
    [InlineData("version: 1", "version: 2", "version: \"2\" must be a whole number from 1 to 1")]
    [InlineData("version: 1\n", "", "version: is missing")]
    [InlineData("kind: database", "kind: datbase", "kind: \"datbase\" must be database, files, repository, images or configuration; did you mean 'database'?")]
    [InlineData("    kind: database\n", "", "kind: is missing; it must be database, files")]
    [InlineData("weekly: sunday, at: \"04:00\"", "weekly: sunday", "schedule.verify: `weekly` needs `at`")]
    [InlineData("weekly: sunday, at: \"04:00\"", "weekly: sunday, daily: \"04:00\"", "schedule.verify: must hold exactly one of daily, weekly")]
    [InlineData("daily: \"02:00\"", "on: change", "schedule.backup.on: a database is never done changing")]
    [InlineData("every: 1d", "every: 12h", "every: the schedule makes a backup each 1d, so it is overdue")]
    [InlineData("cluster: main", "cluster: mian", "cluster: there is no cluster \"mian\" in clusters; did you mean 'main'?")]
    [InlineData("key: main", "key: other", "key: there is no key \"other\" in keys")]
    [InlineData("recoveryKeys: [offline]", "recoveryKeys: [online]", "recoveryKeys[0]: there is no recovery key \"online\" in recoveryKeys; did you mean 'offline'?")]
    [InlineData("approval: restore-production", "approval: restore", "production.approval: there is no policy \"restore\" in policies")]
    [InlineData("incident-commanders: [alice, bob]", "incident-commanders: [alice, rob]", "groups.incident-commanders[1]: there is no person \"rob\" in people; did you mean 'bob'?")]
    [InlineData("by: [incident-commanders]", "by: [commanders]", "by[0]: there is no person or group \"commanders\" in people or groups")]
    [InlineData("class: financial", "class: fiscal", "class: there is no class \"fiscal\" in classes")]
    [InlineData("database: luxhedge_production\n    encrypted", "database: admin\n    encrypted", "database: \"admin\" is the server's own")]
    [InlineData("database: luxhedge_production\n    encrypted", "database: a.b\n    encrypted", "database: \"a.b\" holds a character that MongoDB takes in no database name")]
    [InlineData("database: luxhedge_production\n    encrypted", "database: luxhedge_scratch_1\n    encrypted", "is of the names that runs make and drop by themselves")]
    [InlineData("  luxhedge_production:\n", "  runs:\n", "assets.runs: 'runs' is a folder of its own in every store")]
    [InlineData("  luxhedge_production:\n", "  luxhedge-check:\n", "assets.luxhedge-check: 'luxhedge-check' is a folder of its own in every store")]
    [InlineData("  luxhedge_production:\n", "  Lux/Hedge:\n", "assets: \"Lux/Hedge\" is no id")]
    [InlineData("name: sandbox-writer", "name: writer", "writer.name: there is no public key of \"writer\" in writer.publicKeys")]
    [InlineData("retention: { daily: 30, weekly: 12, monthly: 12, yearly: 7 }", "retention: { daily: 30 }", "retention: reaches back 30 days, and class financial is kept 7y")]
    [InlineData("retention: { daily: 30, weekly: 12, monthly: 12, yearly: 7 }", "retention: {}", "retention: says nothing: with no rule everything would go")]
    [InlineData("  nas: { kind: directory, path: nas }", "  nas: { kind: directory, path: keys }\n  lan: { kind: directory, path: ./keys/ }", "stores.nas and stores.lan are the same place")]
    [InlineData("address: \"127.0.0.1:7233\"", "address: 127.0.0.1", "temporal.address: is no host:port")]
    [InlineData("expires: 15m", "expires: 15m, reminders: [20m]", "reminders[0]: 20m is not before it expires (15m)")]
    [InlineData("expires: 15m", "expires: 15m, outOfHours: { from: \"18:00\", until: \"08:00\", expires: 1h }", "outOfHours.until: is not after `from`")]
    [InlineData("expires: 15m", "expires: 15m, outOfHours: { from: \"08:00\", until: \"18:00\" }", "outOfHours: changes nothing")]
    [InlineData("deny: 1", "deny: 3", "deny: 3 denials end it, but only 2 may decide")]
    [InlineData("quorum: 1", "quorum: 3", "quorum: 3 must approve, but only 2 can decide")]
    [InlineData("incident-commanders: [alice, bob]", "alice: [alice, bob]\n  incident-commanders: [alice, bob]", "groups.alice: a person has this name too")]
    [InlineData("login: root", "login: root, shoe: 42", "people.operator.shoe: is not known here")]
    public void What_is_wrong_is_refused_by_field_and_reason(string text, string by, string expected)
    {
        var problem = OnlyProblem(SamplePlan.With(text, by));

        Assert.Contains(expected, problem.Message);
        Assert.Matches(@"luxhedge\.yaml:\d+:\d+$", problem.Where);
    }

    [Fact]
    public void A_quorum_of_everyone_is_refused_where_nobody_else_could_ask()
    {
        var problem = OnlyProblem(SamplePlan.With("by: [incident-commanders], quorum: 1", "by: [incident-commanders, operator], quorum: 3"));

        Assert.Contains("quorum: 3 must approve, and only 3 can decide; when one of them asks, 2 are left", problem.Message);
    }

    [Fact]
    public void A_quorum_of_everyone_is_a_warning_where_somebody_else_can_ask()
    {
        var reading = Read(SamplePlan.With("quorum: 1", "quorum: 2"));

        Assert.Empty(reading.Problems);
        Assert.Contains(reading.Warnings, w => w.Message.Contains("when one of them asks, 1 is left", StringComparison.Ordinal));
    }

    [Fact]
    public void Who_has_no_key_counts_for_no_quorum_of_own_keys()
    {
        var problem = OnlyProblem(SamplePlan.With($", publicKey: \"{SamplePlan.Bob}\"", "").Replace("quorum: 1", "quorum: 2"));

        Assert.Contains("only 1 can decide (bob has no public key)", problem.Message);
    }

    [Fact]
    public void A_target_that_nothing_can_meet_is_refused()
    {
        var noCapture = OnlyProblem(SamplePlan.With("canary: true", "oplog: { capture: false }"));
        Assert.Contains("rpo: 1h can't be met: a backup is made each 1d, and oplog.capture is false", noCapture.Message);

        var longSlices = OnlyProblem(SamplePlan.With("canary: true", "oplog: { capture: true, slice: 2h }"));
        Assert.Contains("rpo: 1h can't be met: a slice of the oplog is 2h long", longSlices.Message);
    }

    [Fact]
    public void Targets_come_from_the_tier_and_are_never_looser()
    {
        var tiers = SamplePlan.With("assets:\n", "tiers:\n  gold: { rto: 1h, rpo: 30m }\nassets:\n");

        var inherited = Read(tiers.Replace("targets: { rto: 2h, rpo: 1h }", "tier: gold")).Plan!.Assets["luxhedge_production"];
        Assert.Equal((TimeSpan.FromHours(1), TimeSpan.FromMinutes(30)), (inherited.Rto, inherited.Rpo));

        var looser = OnlyProblem(tiers.Replace("targets: { rto: 2h, rpo: 1h }", "tier: gold\n    targets: { rto: 2h }"));
        Assert.Contains("targets.rto: 2h is looser than the 1h of tier gold", looser.Message);
    }

    [Fact]
    public void An_asset_may_lie_only_where_its_residency_allows()
    {
        var problem = OnlyProblem(SamplePlan.With("path: nas }", "path: nas, residency: us }")
            .Replace("s3: { kind: s3,", "s3: { kind: s3, residency: eu,")
            .Replace("lanes: 2", "residency: [eu]"));

        Assert.Contains("stores: store nas lies in us, and the asset may lie only in eu", problem.Message);
    }

    [Theory]
    [InlineData("privateKey: ${file:keys/writer.pem}", "privateKey: keys/writer.pem")]
    [InlineData("connection: ${file:keys/mongodb}", "connection: \"mongodb://root:hunter2@db/\"")]
    [InlineData("accessKey: ${file:keys/s3-access}", "accessKey: AKIAHUNTER2")]
    [InlineData("namespace: default", "apiKey: hunter2")]
    public void A_secret_in_plain_is_refused_and_not_repeated(string text, string by)
    {
        var problem = OnlyProblem(SamplePlan.With(text, by));

        Assert.Contains("is a secret and must not stand in the plan; write ${env:NAME} or ${file:path}", problem.Message);
        Assert.DoesNotContain("hunter2", problem.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_password_in_an_address_is_refused_and_not_repeated()
    {
        var problem = OnlyProblem(SamplePlan.With("ui: \"http://127", "ui: \"http://admin:hunter2@127"));

        Assert.Equal("temporal.ui: must not carry a user or password", problem.Message);
    }

    [Fact]
    public void Loading_resolves_no_secret()
    {
        var plan = PlanLoader.Load(folder.Write(SamplePlan.Sandbox));

        Assert.Equal("${file:keys/mongodb}", plan.Clusters["main"].Connection.ToString());
        Assert.Throws<RefusalException>(() => plan.Clusters["main"].Connection.Resolve());
        folder.Write("mongodb://somewhere/\n", "keys/mongodb");
        Assert.Equal("mongodb://somewhere/", plan.Clusters["main"].Connection.Resolve());
    }

    [Fact]
    public void Public_keys_must_be_of_the_right_kind_and_strength()
    {
        Assert.Contains("is no public key of ECDSA P-256", OnlyProblem(SamplePlan.With(SamplePlan.Alice, "bm90IGEga2V5")).Message);
        Assert.Contains("is no public key of ECDSA P-256", OnlyProblem(SamplePlan.With(SamplePlan.Alice, SamplePlan.Alice[..^4] + "A")).Message);
        Assert.Contains("is no public key of ECDSA P-256", OnlyProblem(SamplePlan.With(SamplePlan.Alice, SamplePlan.Rsa3072)).Message);
        Assert.Contains("but not of ECDSA P-256", OnlyProblem(SamplePlan.With(SamplePlan.Alice, SamplePlan.Ecdsa(ECCurve.NamedCurves.nistP384))).Message);
        Assert.Contains("is an RSA key of 2048 bits; at least 3072", OnlyProblem(SamplePlan.With(SamplePlan.Rsa3072, SamplePlan.Rsa(2048))).Message);
        Assert.Contains("is no public RSA key", OnlyProblem(SamplePlan.With(SamplePlan.Rsa3072, SamplePlan.Ecdsa(ECCurve.NamedCurves.nistP256))).Message);
    }

    [Fact]
    public void One_public_key_is_one_signer()
    {
        Assert.Contains("people.alice and people.bob have the same public key: one person could decide as the other", OnlyProblem(SamplePlan.With(SamplePlan.Bob, SamplePlan.Alice)).Message);
        Assert.Contains("have the same public key", OnlyProblem(SamplePlan.With(SamplePlan.Bob, SamplePlan.Writer)).Message);
    }

    [Fact]
    public void A_public_key_in_a_file_is_read_on_use_as_base64_or_pem()
    {
        var plan = Read(SamplePlan.With($"\"{SamplePlan.Alice}\"", "${file:people/alice.pub}").Replace($"\"{SamplePlan.Rsa3072}\"", "${file:recovery.pem}")).Plan!;

        Assert.Null(plan.People["alice"].PublicKey);
        Assert.Throws<RefusalException>(() => plan.RecoveryKeys["offline"].PublicKey);

        folder.Write(SamplePlan.Alice + "\n", "people/alice.pub");
        folder.Write(PemEncoding.WriteString("PUBLIC KEY", Convert.FromBase64String(SamplePlan.Rsa3072)), "recovery.pem");
        Assert.Equal(SamplePlan.Alice, plan.People["alice"].PublicKey);
        Assert.Equal(SamplePlan.Rsa3072, plan.RecoveryKeys["offline"].PublicKey);
    }

    [Fact]
    public void An_expired_key_decides_nothing()
    {
        var bob = Read(SamplePlan.With("name: Bob,", "name: Bob, keyExpires: 2026-06-01,")).Plan!.People["bob"];

        Assert.Equal(SamplePlan.Bob, bob.PublicKeyAt(new DateTimeOffset(2026, 5, 31, 23, 59, 59, TimeSpan.Zero)));
        Assert.Null(bob.PublicKeyAt(new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero)));
    }

    [Fact]
    public void A_plan_that_is_not_there_is_refused_with_its_path()
    {
        var refusal = Assert.Throws<RefusalException>(() => PlanLoader.Load(Path.Combine(folder.Path, "none.yaml"))).Report;

        Assert.Equal(ErrorKinds.Plan, refusal.Kind);
        Assert.EndsWith("none.yaml", refusal.Where);
    }

    private static string SecondDatabase(string cluster, string database) => $$"""
          second:
            kind: database
            cluster: {{cluster}}
            database: {{database}}
            stores: [s3, nas]
            key: main
            recoveryKeys: [offline]
            production: { approval: restore-production }
            every: 1d
            targets: { rto: 2h, rpo: 1d }
            retention: { daily: 30 }

        """;

    private Problem OnlyProblem(string yaml)
    {
        var reading = Read(yaml);
        Assert.Null(reading.Plan);
        Assert.True(reading.Problems.Count == 1, string.Join("\n", reading.Problems));
        return reading.Problems[0];
    }

    private PlanReading Read(string yaml) => PlanLoader.Read(folder.Write(yaml));
}
