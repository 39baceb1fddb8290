using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Approvals;

/// <summary>A person's own key: ECDSA P-256 in a PKCS#8 PEM file of mode 0600, under a passphrase except in the sandbox.</summary>
public sealed class PersonKey : IDisposable
{
    private readonly ECDsa _key;

    private PersonKey(string person, ECDsa key)
    {
        Person = person;
        _key = key;
        PublicKey = Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
    }

    /// <summary>The person's id in the plan.</summary>
    public string Person { get; }

    /// <summary>Base64 SubjectPublicKeyInfo: what goes into the plan's <c>people.{person}.publicKey</c>.</summary>
    public string PublicKey { get; }

    /// <summary>A new key and its file. Throws <see cref="RefusalException"/> (<c>usage</c>) where the file exists: keys are never
    /// overwritten.</summary>
    /// <param name="passphrase">Null: none, for the sandbox only.</param>
    public static PersonKey Create(string person, string path, string? passphrase)
    {
        CheckName(person);
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            PrivateFile.Create(path, PemKey.Export(key, passphrase));
            return new PersonKey(person, key);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The key file: the one given, else <c>people/{person}.pem</c> beside the plan, else <c>luxhedge/people/{person}.pem</c> in the user's
    /// configuration folder. Throws <see cref="RefusalException"/> (<c>usage</c>) naming where it looked.
    /// </summary>
    public static string Find(Plan plan, string person, string? keyFile)
    {
        CheckName(person);
        string[] places = keyFile is not null ? [keyFile] : [BesidePlan(plan, person), InUserConfiguration(person)];
        return Array.Find(places, File.Exists) ?? throw new RefusalException(
            ErrorKinds.Usage,
            $"There is no key of '{person}' on this machine. Looked for: {string.Join(", ", places)}.",
            places[0],
            $"Name it with --key FILE, or make one with: luxhedge people enrol {person}");
    }

    public static string BesidePlan(Plan plan, string person) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(plan.Path)) ?? ".", "people", $"{person}.pem");

    /// <summary>Where <c>people enrol</c> puts a new key.</summary>
    public static string InUserConfiguration(string person) => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "luxhedge",
        "people",
        $"{person}.pem");

    /// <summary>Whether <see cref="Load"/> needs a passphrase for this file.</summary>
    public static bool NeedsPassphrase(string path) => PemKey.IsEncrypted(PrivateFile.Read(path, "a person's key"));

    /// <summary>
    /// Reads the key and checks that it is the person's by the plan. Throws <see cref="RefusalException"/>: <c>usage</c> for a wrong
    /// passphrase, no key, an unknown person or another's key, <c>plan</c> for a file that others may read.
    /// </summary>
    public static PersonKey Load(Plan plan, string person, string path, string? passphrase)
    {
        var known = plan.People.GetValueOrDefault(person) ?? throw new RefusalException(
            ErrorKinds.Usage, $"The plan has no person '{person}'.", plan.Path,
            $"It has: {string.Join(", ", plan.People.Keys.Order(StringComparer.Ordinal))}.");
        var loaded = Load(person, path, passphrase);
        if (loaded.PublicKey == known.PublicKey)
        {
            return loaded;
        }

        loaded.Dispose();
        throw new RefusalException(
            ErrorKinds.Usage,
            known.PublicKey is null
                ? $"The plan has no public key of '{person}': nobody could check the signature."
                : $"This is not the key of '{person}' that the plan has.",
            path,
            $"The plan's people.{person}.publicKey must be {loaded.PublicKey}, if this is the right key.");
    }

    /// <summary>Reads the key without asking the plan.</summary>
    public static PersonKey Load(string person, string path, string? passphrase)
    {
        CheckName(person);
        var key = ECDsa.Create();
        try
        {
            PemKey.Import(key, PrivateFile.Read(path, $"the key of '{person}'"), passphrase, path, $"key of '{person}'");
            return EllipticSignature.IsP256(key.ExportParameters(false))
                ? new PersonKey(person, key)
                : throw new RefusalException(ErrorKinds.Usage, $"The key of '{person}' is no P-256 key.", path);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    public void Dispose() => _key.Dispose();

    public override string ToString() => $"key of {Person}";

    internal string Sign(ReadOnlySpan<byte> data) => EllipticSignature.Sign(_key, data);

    /// <summary>It becomes a file's name.</summary>
    private static void CheckName(string person)
    {
        if (!WriterKey.IsName(person) || person.StartsWith('.'))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"'{person}' can't be a person's id.", null, "Use 1 to 64 ASCII letters, digits, '-', '_' and '.'.");
        }
    }
}
