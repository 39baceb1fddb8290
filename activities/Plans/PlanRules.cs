using System.Buffers;
using System.Globalization;
using System.Text;

namespace LuxHedge.Activities.Plans;

/// <summary>
/// What no single field shows: two ids for one thing, targets that nothing can meet, quorums that nobody can reach. Parts that are malformed
/// in themselves are passed over here; <see cref="ShapeCheck"/> has named them.
/// </summary>
/// <param name="folder">The plan's, for relative paths.</param>
internal sealed class PlanRules(YamlMapping root, string folder)
{
    /// <summary>Top-level folders of a store that belong to no asset.</summary>
    private static readonly string[] ReservedAssets = ["audit", "runs", "luxhedge-check"];

    /// <summary>The server's own databases: nothing is restored into them, so nothing may be planned there.</summary>
    private static readonly string[] ServerDatabases = ["admin", "config", "local"];

    /// <summary>Databases that runs make and drop by themselves.</summary>
    private static readonly string[] OwnDatabases = ["luxhedge_scratch_", "luxhedge_drill_"];

    private static readonly SearchValues<char> NoDatabaseName = SearchValues.Create("/\\. \"$*<>:|?\0");

    private static readonly string[] TargetNames = ["rto", "rpo"];

    private static readonly string[] DayNames = ["weekly", "monthly", "quarterly", "yearly"];

    public List<Finding> Problems { get; } = [];

    public List<Finding> Warnings { get; } = [];

    public void Check()
    {
        CheckWriter();
        CheckPeople();
        CheckPolicies();
        CheckStores();
        foreach (var (asset, path, at) in Records("assets"))
        {
            CheckAsset(asset, path, at);
        }

        CheckSameDatabase();
        CheckDrills();
        CheckAtlas();
        CheckSlack();
        CheckSchedules(root, "");
    }

    private void CheckWriter()
    {
        if (root.Mapping("writer") is { } writer && writer["name"] is YamlScalar name && writer.Mapping("publicKeys") is { } keys && keys[name.Text] is null)
        {
            Problem(name.At, "writer.name", $"there is no public key of {ShapeCheck.Echo(name.Text)} in writer.publicKeys{Suggestion.For(name.Text, keys.Entries.Select(e => e.Key))}");
        }
    }

    private void CheckPeople()
    {
        var holders = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var writer in root.Mapping("writer")?.Children("publicKeys") ?? [])
        {
            NoOtherHas(holders, PublicKey(writer.Value), $"writer.publicKeys.{writer.Key}", writer.Value.At, "have the same public key: each signer needs one of its own");
        }

        var endpoint = root.Mapping("slack")?.Mapping("endpoint")?["publicKey"];
        NoOtherHas(holders, PublicKey(endpoint), "slack.endpoint.publicKey", endpoint?.At, "have the same public key: each signer needs one of its own");
        var logins = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (person, path, _) in Records("people"))
        {
            var key = person["publicKey"];
            NoOtherHas(holders, PublicKey(key), path, key?.At, "have the same public key: one person could decide as the other");
            NoOtherHas(logins, person.Text("login"), path, person["login"]?.At, "have the same login: who gives a command would not be known");
        }

        var slackIds = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in root.Mapping("slack")?.Children("people") ?? [])
        {
            NoOtherHas(slackIds, (entry.Value as YamlScalar)?.Text, $"slack.people.{entry.Key}", entry.Value.At, "have the same Slack id: one click would be two people's");
        }

        foreach (var group in root.Children("groups"))
        {
            if (root.Mapping("people")?[group.Key] is not null)
            {
                Problem(group.KeyAt, $"groups.{group.Key}", "a person has this name too; which of them is meant would not be known");
            }
        }
    }

    private void NoOtherHas(Dictionary<string, string> holders, string? what, string path, Place? at, string why)
    {
        if (what is not null && !holders.TryAdd(what, path))
        {
            Problem(at!.Value, path, $"{holders[what]} and {path} {why}");
        }
    }

    private void CheckSlack()
    {
        if (root.Mapping("slack") is not { } slack)
        {
            return;
        }

        if (slack["apiUrl"] is YamlScalar url && Uri.TryCreate(url.Text, UriKind.Absolute, out var parsed) && parsed.Scheme != Uri.UriSchemeHttps && !parsed.IsLoopback)
        {
            Problem(url.At, "slack.apiUrl", "is not https, so the tokens would travel in the clear");
        }

        if (slack["channel"] is YamlScalar channel && !IsSlackId(channel.Text, "CDG"))
        {
            Warn(channel.At, "slack.channel", $"{ShapeCheck.Echo(channel.Text)} is no channel id (C0123ABCDEF): messages are posted, but after a lost answer nothing can be looked up, so one may be posted twice");
        }

        if (slack["appToken"] is null && slack["signingSecret"] is null)
        {
            Warn(slack.At, "slack", "there is neither an appToken nor a signingSecret: clicks reach nobody, and decisions come from `luxhedge runs approve` only");
        }
    }

    private static bool IsSlackId(string text, string kinds) =>
        text.Length >= 2 && kinds.Contains(text[0], StringComparison.Ordinal) && text.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c));

    private void CheckPolicies()
    {
        foreach (var (policy, path, at) in Records("policies"))
        {
            var ownKey = policy.Text("ownKey") == "true";
            var named = Everyone(policy["by"]);
            var later = (policy["escalate"] as YamlList)?.Items.OfType<YamlMapping>().SelectMany(e => Everyone(e["to"])) ?? [];
            CheckHours(policy.Mapping("outOfHours"), path);
            CheckQuorum(policy, path, at, named, [.. named.Union(later, StringComparer.Ordinal)], ownKey);
            if (Number(policy, "deny") is { } deny && deny > named.Count && named.Count > 0)
            {
                Problem(policy["deny"]!.At, $"{path}.deny", $"{deny} denials end it, but only {named.Count} may decide");
            }

            CheckWaits(policy, path);
            if (policy.Mapping("breakGlass") is { } glass)
            {
                var breakers = Everyone(glass["by"]);
                CheckQuorum(glass, $"{path}.breakGlass", glass.At, breakers, breakers, ownKey: true);
            }
        }
    }

    /// <summary>Who asks never decides: a quorum of all of them can be reached only when somebody else asks.</summary>
    private void CheckQuorum(YamlMapping policy, string path, Place at, List<string> named, List<string> all, bool ownKey)
    {
        var quorum = Number(policy, "quorum") ?? 1;
        var place = policy["quorum"]?.At ?? policy["by"]?.At ?? at;
        var able = all.Where(p => CanDecide(p, ownKey)).ToList();
        if (named.Count == 0)
        {
            return;
        }

        var keys = able.Count == all.Count ? "" : $" ({Scalars.Words([.. all.Except(able, StringComparer.Ordinal)])} {(ownKey ? "has no public key" : "has neither a public key nor a Slack id")})";
        var others = root.Children("people").Any(p => !all.Contains(p.Key, StringComparer.Ordinal));
        if (quorum > able.Count)
        {
            Problem(place, $"{path}.quorum", $"{quorum} must approve, but only {able.Count} can decide{keys}");
        }
        else if (quorum > able.Count - 1)
        {
            var message = $"{quorum} must approve, and only {able.Count} can decide{keys}; when one of them asks, {able.Count - 1} {(able.Count == 2 ? "is" : "are")} left, since nobody approves what they asked for";
            if (others)
            {
                Warn(place, $"{path}.quorum", message);
            }
            else
            {
                Problem(place, $"{path}.quorum", message);
            }
        }
    }

    private bool CanDecide(string person, bool ownKey) =>
        root.Mapping("people")?.Mapping(person)?.Text("publicKey") is not null
        || (!ownKey && root.Mapping("slack")?.Mapping("people")?.Text(person) is not null);

    private void CheckHours(YamlMapping? hours, string path)
    {
        if (hours is null)
        {
            return;
        }

        if (Units.TryTime(hours.Text("from") ?? "", out var from) && Units.TryTime(hours.Text("until") ?? "", out var until) && from >= until)
        {
            Problem(hours["until"]!.At, $"{path}.outOfHours.until", "is not after `from`: working hours lie within one day");
        }

        if (hours["expires"] is null && hours["to"] is null)
        {
            Problem(hours.At, $"{path}.outOfHours", "changes nothing; say `expires`, `to` or both");
        }

        if (Duration(hours, "expires") == TimeSpan.Zero)
        {
            Problem(hours["expires"]!.At, $"{path}.outOfHours.expires", "nobody can decide in no time");
        }
    }

    private void CheckWaits(YamlMapping policy, string path)
    {
        var expires = Duration(policy, "expires") ?? PlanBinder.DefaultExpiry;
        if (expires == TimeSpan.Zero)
        {
            Problem(policy["expires"]!.At, $"{path}.expires", "nobody can decide in no time");
            return;
        }

        var waits = (policy["reminders"] as YamlList)?.Items.Select((item, i) => (item, $"{path}.reminders[{i}]")) ?? [];
        var steps = (policy["escalate"] as YamlList)?.Items.Select((item, i) => ((item as YamlMapping)?["after"], $"{path}.escalate[{i}].after")) ?? [];
        foreach (var (wait, where) in waits.Select(w => ((YamlValue?)w.item, w.Item2)).Concat(steps))
        {
            if (wait is YamlScalar text && Units.TryDuration(text.Text, out var after) && after >= expires)
            {
                Problem(text.At, where, $"{text.Text} is not before it expires ({Units.Write(expires)})");
            }
        }
    }

    private void CheckStores()
    {
        var places = new Dictionary<string, string>(StringComparer.Ordinal);
        var folders = new List<string>();
        foreach (var (store, path, at) in Records("stores"))
        {
            if (store.Text("kind") == "directory" && store.Text("path") is { } own)
            {
                folders.Add(Path.GetFullPath(own, folder).TrimEnd('/') + "/");
            }

            var place = store.Text("kind") switch
            {
                "directory" when store.Text("path") is { } p => Path.GetFullPath(p, folder).TrimEnd('/'),
                "s3" or "gcs" when store.Text("bucket") is { } bucket =>
                    $"{store.Text("kind")} {store.Text("endpoint")} {bucket}/{store.Text("prefix")?.TrimEnd('/')}",
                _ => null,
            };
            NoOtherHas(places, place, path, at, "are the same place: a copy there is no copy");
            if (store.Text("accessKey") is null != store.Text("secretKey") is null)
            {
                Problem(at, path, "accessKey and secretKey go together");
            }
        }

        foreach (var (key, path, at) in Records("keys"))
        {
            if (key["file"] is YamlScalar file && Path.GetFullPath(file.Text, folder) is var full && folders.Exists(f => full.StartsWith(f, StringComparison.Ordinal)))
            {
                Problem(file.At, $"{path}.file", "the key lies in a store, beside what it locks");
            }

            if (key.Text("accessKey") is null != key.Text("secretKey") is null)
            {
                Problem(at, path, "accessKey and secretKey go together");
            }
        }
    }

    private void CheckAsset(YamlMapping asset, string path, Place at)
    {
        var id = path["assets.".Length..];
        if (ReservedAssets.Contains(id, StringComparer.Ordinal))
        {
            Problem(at, path, $"'{id}' is a folder of its own in every store; choose another id");
        }

        CheckDatabaseName(asset, path);
        CheckCopies(asset, path);
        CheckEncryption(asset, path, at);
        CheckTargets(asset, path, at);
        CheckRetention(asset, path, at);
        if (asset.Text("kind") == "database" && asset["production"] is null)
        {
            Warn(at, path, "names no production.approval: a restore over it is refused, since nobody could approve it");
        }
    }

    private void CheckDatabaseName(YamlMapping asset, string path)
    {
        if (asset["database"] is not YamlScalar database)
        {
            return;
        }

        var name = database.Text;
        var wrong = name switch
        {
            _ when ServerDatabases.Contains(name, StringComparer.OrdinalIgnoreCase) => "is the server's own",
            _ when Array.Exists(OwnDatabases, p => name.StartsWith(p, StringComparison.Ordinal)) => "is of the names that runs make and drop by themselves",
            _ when name.AsSpan().IndexOfAny(NoDatabaseName) >= 0 => "holds a character that MongoDB takes in no database name",
            _ when Encoding.UTF8.GetByteCount(name) > 63 => "is longer than MongoDB's 63 bytes",
            _ => null,
        };
        if (wrong is not null)
        {
            Problem(database.At, $"{path}.database", $"{ShapeCheck.Echo(name)} {wrong}");
        }
    }

    private void CheckCopies(YamlMapping asset, string path)
    {
        if (asset["stores"] is not YamlList stores)
        {
            return;
        }

        var names = stores.Items.OfType<YamlScalar>().ToList();
        foreach (var twice in names.Where((s, i) => names.Take(i).Any(t => t.Text == s.Text)))
        {
            Problem(twice.At, $"{path}.stores", $"names {twice.Text} twice");
        }

        if (names.Count == 1)
        {
            Warn(stores.At, $"{path}.stores", "is one store: what is lost there is lost");
        }

        if (asset["residency"] is YamlList residency)
        {
            var allowed = residency.Items.OfType<YamlScalar>().Select(r => r.Text).ToList();
            foreach (var store in names)
            {
                if (root.Mapping("stores")?.Mapping(store.Text) is { } definition && !allowed.Contains(definition.Text("residency") ?? "", StringComparer.Ordinal))
                {
                    var lies = definition.Text("residency") is { } where ? $"lies in {where}" : "does not say where it lies";
                    Problem(store.At, $"{path}.stores", $"store {store.Text} {lies}, and the asset may lie only in {Scalars.Words(allowed)}");
                }
            }
        }
    }

    private void CheckEncryption(YamlMapping asset, string path, Place at)
    {
        var encrypted = asset.Text("encrypted") != "false";
        if (encrypted && asset["key"] is null && asset.Text("kind") is "files" or "configuration")
        {
            Problem(at, path, "is encrypted and names no key");
        }

        if (!encrypted && asset.Text("class") is { } name && root.Mapping("classes")?.Mapping(name)?.Text("encrypted") == "true")
        {
            Problem(asset["encrypted"]!.At, $"{path}.encrypted", $"class {name} must be encrypted");
        }

        if (asset["key"] is not null && encrypted && asset["recoveryKeys"] is not YamlList { Items.Count: > 0 })
        {
            Warn(at, path, "names no recoveryKeys: losing its key loses every backup");
        }
    }

    private void CheckTargets(YamlMapping asset, string path, Place at)
    {
        var tier = asset.Text("tier") is { } name ? root.Mapping("tiers")?.Mapping(name) : null;
        var own = asset.Mapping("targets");
        if (asset["tier"] is null)
        {
            foreach (var target in TargetNames.Where(t => own?[t] is null))
            {
                Problem(own?.At ?? at, $"{path}.targets.{target}", "is missing, and no tier gives it");
            }
        }

        foreach (var target in TargetNames)
        {
            if (own is not null && tier is not null && Duration(own, target) is { } mine && Duration(tier, target) is { } theirs && mine > theirs)
            {
                Problem(own[target]!.At, $"{path}.targets.{target}", $"{Units.Write(mine)} is looser than the {Units.Write(theirs)} of tier {asset.Text("tier")}");
            }
        }

        var (rto, rtoAt) = Target("rto");
        if (rto == TimeSpan.Zero)
        {
            Problem(rtoAt, $"{path}.targets.rto", "nothing is restored in no time");
        }

        var (rpo, rpoAt) = Target("rpo");
        if (rpo is { } loss)
        {
            CheckLoss(asset, path, loss, rpoAt);
        }

        (TimeSpan? Value, Place At) Target(string key) =>
            own is not null && Duration(own, key) is { } value ? (value, own[key]!.At)
            : tier is not null && Duration(tier, key) is { } inherited ? (inherited, asset["tier"]!.At)
            : (null, at);
    }

    private void CheckLoss(YamlMapping asset, string path, TimeSpan rpo, Place at)
    {
        var backup = asset.Mapping("schedule")?.Mapping("backup");
        var scheduled = PlanSchedule.Interval(backup);
        var every = Duration(asset, "every");
        if (scheduled is { } s && every is { } e && s > e)
        {
            Problem(asset["every"]!.At, $"{path}.every", $"the schedule makes a backup each {Units.Write(s)}, so it is overdue before every one of them");
        }

        var kind = asset.Text("kind");
        if (kind is null || !PlanShape.AssetKinds.Contains(kind, StringComparer.Ordinal))
        {
            return;
        }

        var database = kind == "database";
        if (backup?["on"] is { } onEvent)
        {
            if (database)
            {
                Problem(onEvent.At, $"{path}.schedule.backup.on", "a database is never done changing; give it a time");
            }

            return;
        }

        if (scheduled is null && every is null)
        {
            Warn(at, path, "has neither a schedule nor `every`: nothing says when a backup of it is due");
        }

        var interval = scheduled ?? every;
        var capture = asset.Mapping("oplog");
        if (database && rpo == TimeSpan.Zero)
        {
            Problem(at, $"{path}.targets.rpo", "0 can't be met: between a write and its capture there is always a moment");
        }
        else if (database && capture?.Text("capture") == "true" && Duration(capture, "slice") is { } slice && slice > rpo)
        {
            Problem(at, $"{path}.targets.rpo", $"{Units.Write(rpo)} can't be met: a slice of the oplog is {Units.Write(slice)} long");
        }
        else if (interval > rpo && database && capture is null)
        {
            Warn(at, $"{path}.targets.rpo", $"{Units.Write(rpo)} is shorter than the {Units.Write(interval.Value)} between two backups: only `oplog: {{ capture: true }}` meets it");
        }
        else if (interval > rpo && !(database && capture?.Text("capture") == "true"))
        {
            var why = database ? "oplog.capture is false" : "nothing is kept between them";
            Problem(at, $"{path}.targets.rpo", $"{Units.Write(rpo)} can't be met: a backup is made each {Units.Write(interval.Value)}, and {why}");
        }
    }

    private void CheckRetention(YamlMapping asset, string path, Place at)
    {
        var retention = asset.Mapping("retention");
        if (retention is { Entries.Count: 0 })
        {
            Problem(retention.At, $"{path}.retention", "says nothing: with no rule everything would go");
            return;
        }

        var forever = retention?.Text("forever") == "true";
        if (forever && retention!.Entries.Count > 1)
        {
            Problem(retention.At, $"{path}.retention", "keeps everything for ever, and has other rules that would never apply");
        }

        var name = asset.Text("class");
        var keep = name is null ? null : root.Mapping("classes")?.Mapping(name)?.Text("keep") ?? PlanShape.KnownClasses.GetValueOrDefault(name);
        if (retention is null)
        {
            if (keep is not null)
            {
                Problem(at, $"{path}.retention", $"is missing, and class {name} is kept {keep}");
            }
            else
            {
                Warn(at, path, "has no retention: nothing of it is ever deleted");
            }

            return;
        }

        if (keep is null || forever || retention.Text("withRelease") == "true")
        {
            return;
        }

        var reach = new[] { ("daily", 1), ("weekly", 7), ("monthly", 31), ("yearly", 365) }
            .Select(rule => (Number(retention, rule.Item1) ?? 0) * rule.Item2).Max();
        if (keep == "forever" || (Units.TryPeriod(keep, out var wanted) && wanted > TimeSpan.FromDays(reach)))
        {
            Problem(retention.At, $"{path}.retention", $"reaches back {reach} days, and class {name} is kept {keep}");
        }
    }

    /// <summary>Two ids for one database are two locks on it: both could be restored at once. Hosts are compared on use.</summary>
    private void CheckSameDatabase()
    {
        var seen = new Dictionary<string, (string Path, string Cluster)>(StringComparer.Ordinal);
        foreach (var (asset, path, at) in Records("assets"))
        {
            if (asset.Text("kind") != "database" || asset.Text("cluster") is not { } cluster || asset.Text("database") is not { } database)
            {
                continue;
            }

            // MongoDB takes no two databases whose names differ only in case.
            var reach = $"{ConnectionOf(cluster)} {database.ToLowerInvariant()}";
            if (!seen.TryAdd(reach, (path, cluster)))
            {
                var (other, otherCluster) = seen[reach];
                var through = otherCluster == cluster ? $"cluster {cluster}" : $"clusters {otherCluster} and {cluster}, which have the same connection";
                Problem(asset["database"]!.At, $"{path}.database", $"{other} and {path} are the same database, {database} of {through}: it needs one id, because the id is the lock");
            }
        }
    }

    private void CheckDrills()
    {
        foreach (var (asset, path, _) in Records("assets"))
        {
            if (asset.Mapping("drill") is { } drill && drill["cluster"] is YamlScalar target && drill.Text("sameCluster") != "true"
                && asset.Text("cluster") is { } own && ConnectionOf(own) == ConnectionOf(target.Text))
            {
                Problem(target.At, $"{path}.drill.cluster", "is production's own cluster; say sameCluster: true, or name another");
            }
        }
    }

    private void CheckAtlas()
    {
        var places = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var protectedBy = Records("assets").Where(a => a.Value.Text("kind") == "database").ToLookup(a => a.Value.Text("cluster") ?? "", a => a.Path);
        var clusters = Records("clusters").Where(c => c.Value.Mapping("atlas") is not null)
            .Select(c => (Name: c.Path["clusters.".Length..], Path: $"{c.Path}.atlas", Atlas: c.Value.Mapping("atlas")!)).ToList();
        foreach (var (name, path, atlas) in clusters)
        {
            CheckAtlasKeys(atlas, path);
            var place = $"{atlas.Text("project")}/{atlas.Text("cluster")}";
            if (!places.TryAdd(place, path))
            {
                Problem(atlas.At, path, $"is the same cluster of Atlas as {places[place]}");
            }

            if (protectedBy[name].FirstOrDefault() is { } asset)
            {
                foreach (var (_, other, restoring) in clusters)
                {
                    if (restoring.Mapping("restoreTo") is { } to
                        && string.Equals($"{to.Text("project") ?? restoring.Text("project")}/{to.Text("cluster")}", place, StringComparison.OrdinalIgnoreCase))
                    {
                        Problem(to.At, $"{other}.restoreTo", $"is the cluster of {asset}: Atlas would overwrite all of it");
                    }
                }
            }
        }
    }

    private void CheckAtlasKeys(YamlMapping atlas, string path)
    {
        var keys = atlas["publicKey"] is not null || atlas["privateKey"] is not null;
        var account = atlas["clientId"] is not null || atlas["clientSecret"] is not null;
        if (keys == account)
        {
            Problem(atlas.At, path, keys ? "has both an API key and a service account; one of them is enough" : "needs an API key (publicKey and privateKey) or a service account (clientId and clientSecret)");
        }
        else if ((atlas["publicKey"] is null) != (atlas["privateKey"] is null))
        {
            Problem(atlas.At, path, "publicKey and privateKey go together");
        }
        else if ((atlas["clientId"] is null) != (atlas["clientSecret"] is null))
        {
            Problem(atlas.At, path, "clientId and clientSecret go together");
        }

        if (atlas["apiUrl"] is YamlScalar url && Uri.TryCreate(url.Text, UriKind.Absolute, out var parsed) && parsed.Scheme != Uri.UriSchemeHttps && !parsed.IsLoopback)
        {
            Problem(url.At, $"{path}.apiUrl", "is not https, so the keys would travel in the clear");
        }
    }

    private string ConnectionOf(string cluster)
    {
        var text = root.Mapping("clusters")?.Mapping(cluster)?.Text("connection");
        return text switch
        {
            null => cluster,
            _ when text.StartsWith("${file:", StringComparison.Ordinal) && text.EndsWith('}') => Path.GetFullPath(text[7..^1], folder),
            _ => text,
        };
    }

    /// <summary>Every mapping called `schedule`, and what it holds: `at` where, and only where, a day is named.</summary>
    private void CheckSchedules(YamlMapping mapping, string path)
    {
        foreach (var entry in mapping.Entries)
        {
            var below = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            if (entry.Value is not YamlMapping inner)
            {
                continue;
            }

            var day = DayNames.FirstOrDefault(d => inner[d] is not null);
            if (path.EndsWith(".schedule", StringComparison.Ordinal) || entry.Key == "schedule")
            {
                if (inner["at"] is null && day is not null && inner.Entries.Count == 1)
                {
                    Problem(inner.At, below, $"`{day}` needs `at`, the time of day");
                }
                else if (day is null && inner["at"] is { } at)
                {
                    Problem(at.At, $"{below}.at", "goes only with weekly, monthly, quarterly or yearly");
                }

                if (inner["yearly"] is YamlScalar { Text: "02-29" } leap)
                {
                    Problem(leap.At, $"{below}.yearly", "is there only in leap years; take 02-28");
                }

                if (inner["every"] is YamlScalar every && Units.TryDuration(every.Text, out var again) && again < TimeSpan.FromMinutes(1))
                {
                    Problem(every.At, $"{below}.every", "is shorter than a minute");
                }
            }

            CheckSchedules(inner, below);
        }
    }

    private IEnumerable<(YamlMapping Value, string Path, Place At)> Records(string section) =>
        root.Children(section).Where(e => e.Value is YamlMapping).Select(e => ((YamlMapping)e.Value, $"{section}.{e.Key}", e.KeyAt));

    /// <summary>The people that a list of people and groups, or one of them, comes to.</summary>
    private List<string> Everyone(YamlValue? who)
    {
        var names = who switch
        {
            YamlList list => list.Items.OfType<YamlScalar>().Select(s => s.Text),
            YamlScalar one => [one.Text],
            _ => [],
        };
        return [.. names.SelectMany(n => root.Mapping("groups")?[n] is YamlList group ? group.Items.OfType<YamlScalar>().Select(s => s.Text) : [n])
            .Where(p => root.Mapping("people")?[p] is not null)
            .Distinct(StringComparer.Ordinal)];
    }

    private string? PublicKey(YamlValue? value) => value is not YamlScalar { Text: var text } ? null
        : text.StartsWith("${file:", StringComparison.Ordinal) && text.EndsWith('}') ? Path.GetFullPath(text[7..^1], folder)
        : text;

    private static int? Number(YamlMapping mapping, string key) =>
        int.TryParse(mapping.Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static TimeSpan? Duration(YamlMapping mapping, string key) =>
        mapping.Text(key) is { } text && Units.TryDuration(text, out var duration) ? duration : null;

    private void Problem(Place at, string path, string what) => Problems.Add(new Finding(at, path, what));

    private void Warn(Place at, string path, string what) => Warnings.Add(new Finding(at, path, what));
}
