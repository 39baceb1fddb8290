using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Approvals;

public sealed class PersonKeyTests : IDisposable
{
    private readonly TestPeople _people = new();

    public void Dispose() => _people.Dispose();

    [Fact]
    public void A_key_beside_the_plan_is_found_and_loaded()
    {
        var plan = _people.CreatePlan();
        var path = PersonKey.Find(plan, "alice", null);

        Assert.Equal(_people.PathOf("people/alice.pem"), path);
        Assert.False(PersonKey.NeedsPassphrase(path));
        using var key = PersonKey.Load(plan, "alice", path, null);
        Assert.Equal(plan.People["alice"].PublicKey, key.PublicKey);
    }

    [Fact]
    public void A_key_under_a_passphrase_opens_with_it_only()
    {
        var path = _people.PathOf("carol.pem");
        PersonKey.Create("carol", path, "correct horse").Dispose();

        Assert.True(PersonKey.NeedsPassphrase(path));
        PersonKey.Load("carol", path, "correct horse").Dispose();
        Assert.Contains("passphrase is wrong", Refused(() => PersonKey.Load("carol", path, "battery")).Message, StringComparison.Ordinal);
        Assert.Contains("under a passphrase", Refused(() => PersonKey.Load("carol", path, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_file_is_the_only_place_that_is_looked_at() =>
        Assert.Contains("nowhere.pem", Refused(() => PersonKey.Find(_people.CreatePlan(), "alice", "nowhere.pem")).Message, StringComparison.Ordinal);

    [Fact]
    public void Where_there_is_no_key_it_says_where_it_looked()
    {
        var error = Refused(() => PersonKey.Find(_people.CreatePlan(), "paul", null));

        Assert.Contains(_people.PathOf("people/paul.pem"), error.Message, StringComparison.Ordinal);
        Assert.Contains(PersonKey.InUserConfiguration("paul"), error.Message, StringComparison.Ordinal);
        Assert.Contains("people enrol paul", error.Report.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Anothers_key_an_unknown_person_and_one_without_a_key_are_refused()
    {
        var plan = _people.CreatePlan();

        Assert.Contains("not the key of 'alice'", Refused(() => Load("alice", "bob")).Message, StringComparison.Ordinal);
        Assert.Contains("no person 'nobody'", Refused(() => Load("nobody", "bob")).Message, StringComparison.Ordinal);
        Assert.Contains("no public key of 'paul'", Refused(() => Load("paul", "bob")).Message, StringComparison.Ordinal);

        PersonKey Load(string person, string file) => PersonKey.Load(plan, person, _people.PathOf($"people/{file}.pem"), null);
    }

    [Fact]
    public void A_key_is_private_from_the_first_byte_and_never_overwritten()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes.");
        var path = _people.PathOf("people/alice.pem");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));

        Refused(() => PersonKey.Create("alice", path, null));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        var error = Assert.Throws<RefusalException>(() => PersonKey.Load("alice", path, null));
        Assert.Equal(ErrorKinds.Plan, error.Report.Kind);
    }

    [Theory]
    [InlineData("../alice")]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("..")]
    public void A_persons_id_is_no_path(string person) =>
        Refused(() => PersonKey.Find(_people.CreatePlan(), person, null));

    private static RefusalException Refused(Func<object> act)
    {
        var error = Assert.Throws<RefusalException>(act);
        Assert.Equal(ErrorKinds.Usage, error.Report.Kind);
        return error;
    }
}
