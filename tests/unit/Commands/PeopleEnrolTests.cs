using LuxHedge.Activities.Approvals;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class PeopleEnrolTests
{
    [Fact]
    public async Task The_private_half_is_for_its_owner_alone_and_opens_with_the_passphrase()
    {
        await using var rig = CommandRig.Create();
        rig.Variables["LUXHEDGE_PASSPHRASE"] = "correct horse";
        var file = Path.Combine(rig.Plan.Folder, "carol.pem");
        Assert.Equal(0, await rig.RunAsync("people", "enrol", "carol", "--key", "carol.pem", "--json"));
        Assert.Equal(file, rig.Document.GetProperty("keyFile").GetString());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        using var key = PersonKey.Load("carol", file, "correct horse");
        Assert.Equal(key.PublicKey, rig.Document.GetProperty("publicKey").GetString());
        Assert.DoesNotContain("correct horse", rig.Json + rig.Out.Output + rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_terminal_the_passphrase_is_asked_for_until_it_is_typed_twice_alike()
    {
        await using var rig = CommandRig.Create();
        rig.Interactive = true;
        foreach (var typed in new[] { "one", "two", "three", "three" })
        {
            rig.Out.Input.PushTextWithEnter(typed);
        }

        Assert.Equal(0, await rig.RunAsync("people", "enrol", "carol", "--key", "carol.pem"));
        using var key = PersonKey.Load("carol", Path.Combine(rig.Plan.Folder, "carol.pem"), "three");
        Assert.Contains("They differ.", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains($"    publicKey: \"{key.PublicKey}\"", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_never_overwritten()
    {
        await using var rig = CommandRig.Create();
        rig.Variables["LUXHEDGE_PASSPHRASE"] = "x";
        Assert.Equal(2, await rig.RunAsync("people", "enrol", "alice", "--key", rig.Plan.PersonKeyFile("alice")));
        Assert.Contains("never overwritten", rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_terminal_or_the_variable_there_is_no_passphrase()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunAsync("people", "enrol", "carol", "--key", "carol.pem"));
        Assert.False(File.Exists(Path.Combine(rig.Plan.Folder, "carol.pem")));
    }

    [Fact]
    public async Task A_wrong_passphrase_signs_nothing()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Rows.Add(Samples.Run("waiting"));
        rig.Runs.State = Samples.State(Samples.Ask());
        rig.Variables["LUXHEDGE_PASSPHRASE"] = "right";
        Assert.Equal(0, await rig.RunAsync("people", "enrol", "alice", "--key", "other.pem"));
        rig.Variables["LUXHEDGE_PASSPHRASE"] = "wrong";
        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId, "--as", "alice", "--key", "other.pem"));
        rig.Variables["LUXHEDGE_PASSPHRASE"] = "right";
        Assert.Equal(2, await rig.RunAsync("runs", "approve", Samples.RunId, "--as", "alice", "--key", "other.pem"));
        Assert.Contains("not the key of 'alice' that the plan has", rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Decisions);
    }
}
