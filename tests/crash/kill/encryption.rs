//! SIGKILL of a process that changes the key of a database.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use emdb::{
    Cipher, Emdb, EmdbBuilder, EncryptionInput, EncryptionOptions, Error, KdfParams, Namespace,
    NamespaceOptions, Result,
};
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};

use crate::common::sibling;

/// Kills of each test; `EMDB_KILL_ROUNDS` asks for more.
fn rounds() -> u64 {
    number("EMDB_KILL_ROUNDS", 6)
}

/// The text that stands in names, keys and values, and in no file that is encrypted.
const MARKER: &[u8] = b"plain to see";

/// As little work as is allowed.
const QUICK: KdfParams = KdfParams::new(7_168, 5, 1);

/// The key of a database, if it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    None,
    Raw(u8),
    Passphrase(u8),
}

impl Key {
    fn input(self) -> EncryptionInput {
        match self {
            Key::None => panic!("there is none"),
            Key::Raw(byte) => EncryptionInput::RawKey([byte; 32]),
            Key::Passphrase(n) => EncryptionInput::Passphrase(format!("passphrase {n}")),
        }
    }

    fn builder(self, path: &Path) -> EmdbBuilder {
        let builder = Emdb::builder().path(path);
        match self {
            Key::None => builder,
            Key::Raw(byte) => builder.encryption_key([byte; 32]),
            Key::Passphrase(n) => builder.encryption_passphrase(format!("passphrase {n}")),
        }
    }

    /// One letter, and a number of one digit.
    fn parse(text: &str) -> Key {
        let number = text[1..].parse().unwrap();
        match &text[..1] {
            "n" => Key::None,
            "r" => Key::Raw(number),
            _ => Key::Passphrase(number),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::None => f.write_str("n0"),
            Key::Raw(number) => write!(f, "r{number}"),
            Key::Passphrase(number) => write!(f, "p{number}"),
        }
    }
}

/// A call, with what opens the database before and after it.
#[derive(Debug, Clone, Copy)]
struct Change {
    call: Call,
    from: Key,
    to: Key,
    cipher: Cipher,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Enable,
    Disable,
    Rotate,
    ChangePassphrase,
}

impl Change {
    /// A change by this call; most keys are raw ones, since passphrases take their time.
    fn random(call: Call, rng: &mut Random) -> Change {
        let mut key = |number| match rng.below(4) {
            0 => Key::Passphrase(number),
            _ => Key::Raw(number),
        };
        let (from, to) = match call {
            Call::Enable => (Key::None, key(2)),
            Call::Disable => (key(1), Key::None),
            Call::Rotate | Call::ChangePassphrase => (key(1), key(2)),
        };
        let cipher = [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305][rng.below(2) as usize];
        Change { call, from, to, cipher }
    }

    fn apply(self, path: &Path) -> Result<()> {
        let quick = EncryptionOptions::new().kdf_params(QUICK);
        let options = quick.cipher(self.cipher);
        let go_on = |_| ControlFlow::Continue(());
        match self.call {
            Call::Enable => options.enable(path, self.to.input(), go_on),
            Call::Disable => Emdb::disable_encryption(path, self.from.input()),
            Call::Rotate => options.rotate(path, self.from.input(), self.to.input(), go_on),
            Call::ChangePassphrase => {
                // The cipher stays.
                quick.change_passphrase(path, self.from.input(), self.to.input())
            }
        }
    }

    /// For a child's arguments.
    fn text(self) -> String {
        let call = match self.call {
            Call::Enable => "e",
            Call::Disable => "d",
            Call::Rotate => "r",
            Call::ChangePassphrase => "p",
        };
        let cipher = if self.cipher == Cipher::Aes256Gcm { "a" } else { "c" };
        format!("{call} {} {} {cipher}", self.from, self.to)
    }

    fn parse(text: &str) -> Change {
        let [call, from, to, cipher] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let call = match call {
            "e" => Call::Enable,
            "d" => Call::Disable,
            "r" => Call::Rotate,
            _ => Call::ChangePassphrase,
        };
        let cipher = if cipher == "a" { Cipher::Aes256Gcm } else { Cipher::ChaCha20Poly1305 };
        Change { call, from: Key::parse(from), to: Key::parse(to), cipher }
    }
}

/// The child's part: the call, and after it an acknowledgement.
#[test]
fn child_process() {
    let Some([path, change]) = child::arguments() else { return };
    let change = Change::parse(&change);
    victim::ready();
    match change.apply(Path::new(&path)) {
        Ok(()) => victim::acknowledge(0),
        // It was done by the child before, which nobody heard of.
        Err(Error::EncryptionError(_)) if change.call == Call::Disable => victim::acknowledge(0),
        Err(e) => victim::acknowledge(e),
    }
    victim::done();
}

/// Values and expiries by key.
type Records = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;
/// Records by namespace, and whether that is ordered.
type Content = BTreeMap<String, (bool, Records)>;

fn content(db: &Emdb) -> Content {
    let names = db.list_namespaces().unwrap();
    let others = names.into_iter().map(|name| db.namespace(name).unwrap());
    let all = others.chain([(**db).clone()]);
    all.map(|namespace| (namespace.name().to_owned(), records(&namespace))).collect()
}

fn records(namespace: &Namespace) -> (bool, Records) {
    let mut all = Records::new();
    for item in namespace.iter().unwrap().results() {
        let (key, value) = item.unwrap();
        assert_eq!(namespace.get(&key).unwrap().as_ref(), Some(&value));
        let expiry = expiry(namespace, &key);
        all.insert(key, (value, expiry));
    }
    assert_eq!(namespace.len().unwrap(), all.len());
    (namespace.is_ordered(), all)
}

#[cfg(feature = "ttl")]
fn expiry(namespace: &Namespace, key: &[u8]) -> Option<u64> {
    namespace.expires_at(key).unwrap()
}

#[cfg(not(feature = "ttl"))]
fn expiry(_namespace: &Namespace, _key: &[u8]) -> Option<u64> {
    None
}

#[cfg(feature = "ttl")]
fn insert(namespace: &Namespace, n: u64, key: &[u8], value: &[u8]) {
    /// In the year 2100.
    const LATER: u64 = 4_102_444_800_000;
    let ttl = if n.is_multiple_of(3) { emdb::Ttl::ExpiresAt(LATER + n) } else { emdb::Ttl::None };
    namespace.insert_with_ttl(key, value, ttl).unwrap();
}

#[cfg(not(feature = "ttl"))]
fn insert(namespace: &Namespace, _n: u64, key: &[u8], value: &[u8]) {
    namespace.insert(key, value).unwrap();
}

fn marked(what: impl fmt::Display) -> Vec<u8> {
    [MARKER, format!(" {what}").as_bytes()].concat()
}

/// Makes a database that `key` opens, with what can lie beside one, and gives what it holds.
fn make(path: &Path, key: Key, cipher: Cipher, rng: &mut Random) -> Content {
    let builder = key.builder(path);
    let db = match key {
        Key::None => builder,
        _ => builder.cipher(cipher).kdf_params(QUICK),
    }
    .build()
    .unwrap();
    let ordered = NamespaceOptions::new().ordered(true);
    let named = String::from_utf8(marked("ordered")).unwrap();
    let spaces = [
        (*db).clone(),
        db.namespace_with(&named, ordered).unwrap(),
        db.namespace(String::from_utf8(marked("hashed")).unwrap()).unwrap(),
    ];
    db.namespace("empty").unwrap();
    let count = 100 + rng.below(900);
    for n in 0..count {
        let space = &spaces[rng.below(3) as usize];
        let key = marked(rng.below(count));
        let len = if rng.below(200) == 0 { 100_000 } else { rng.below(80) };
        insert(space, n, &key, &marked(n).repeat(1 + len as usize / 16));
        match rng.below(60) {
            0 => drop(space.remove(marked(rng.below(count))).unwrap()),
            1 if rng.below(20) == 0 => db.checkpoint().unwrap(),
            _ => {}
        }
    }
    drop(spaces);
    let all = content(&db);
    if rng.below(2) == 0 {
        db.close().unwrap();
    } else {
        drop(db);
    }
    if key == Key::None {
        fs::write(sibling(path, ".torn"), marked("torn")).unwrap();
        fs::write(sibling(path, ".hot.meta"), marked("hot")).unwrap();
    }
    all
}

/// Whether the file's newer header slot says that it is encrypted, that it took the place of another
/// and was not used since, and that there may be something to tidy.
fn flags(path: &Path) -> (bool, bool, bool) {
    let bytes = fs::read(path).unwrap();
    let slots = [0, 4096].map(|at| {
        let word = |from: usize| u64::from_le_bytes(bytes[at + from..][..8].try_into().unwrap());
        (word(48), word(8) >> 32)
    });
    let (_, flags) = slots.into_iter().max().unwrap();
    (flags & 2 != 0, flags & 4 != 0, flags & 8 != 0)
}

fn shows_marker(path: &Path) -> bool {
    fs::read(path).unwrap().windows(MARKER.len()).any(|part| part == MARKER)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Nothing lies beside a database whose key was changed but its own files.
fn assert_tidy(path: &Path, key: Key, context: &str) {
    let folder = path.parent().unwrap();
    for name in names(folder) {
        let own = ["db", "db.lock", "db.meta", "db.hot.meta"].contains(&&*name);
        assert!(own, "{context}: {name} is left");
        let hides = key == Key::None || !shows_marker(&folder.join(&name));
        assert!(hides, "{context}: {name} shows what was encrypted");
    }
}

/// Which of the two keys opens the database, which holds all. Nothing is written.
fn opens_with(path: &Path, change: Change, all: &Content, context: &str) -> Key {
    let opened =
        [change.from, change.to].map(|key| match key.builder(path).read_only(true).build() {
            Ok(db) => {
                assert!(content(&db) == *all, "{context}, read alone: it holds something else");
                true
            }
            Err(Error::EncryptionError(_)) => false,
            Err(e) => panic!("{context}: {e}"),
        });
    match opened {
        [true, false] => change.from,
        [false, true] => change.to,
        _ => panic!("{context}: opens with the former key, and with the other: {opened:?}"),
    }
}

fn copy(from: &Path, to: &Path) {
    for name in names(from) {
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// Checks the files that a kill left: opens the database, which tidies. Tells whether the change had happened.
fn check_left(path: &Path, change: Change, all: &Content, context: &str) -> bool {
    let (encrypted, ..) = flags(path);
    assert_eq!(encrypted, !shows_marker(path), "{context}: the header says otherwise");
    let key = opens_with(path, change, all, context);
    let db = key.builder(path).build().unwrap_or_else(|e| panic!("{context}: {e}"));
    assert_eq!(db.recovery().unwrap().commits_dropped, 0, "{context}");
    assert!(content(&db) == *all, "{context}: it holds something else");
    assert!(db.verify().unwrap().is_ok(), "{context}");
    let changed = key == change.to;
    if changed && change.call != Call::ChangePassphrase {
        assert_tidy(path, key, context);
    }
    changed
}

/// Makes the call again, to its end, on what a kill left.
fn check_again(path: &Path, change: Change, all: &Content, context: &str) {
    let (encrypted, converted, _) = flags(path);
    match change.apply(path) {
        Ok(()) => {}
        Err(Error::EncryptionError(why)) if change.call == Call::Disable => {
            assert!(!encrypted && !converted, "{context}: it was done just now");
            assert!(why.contains("not encrypted"), "{context}: {why}");
        }
        Err(e) => panic!("{context}, again: {e}"),
    }
    // Before any other open.
    assert_tidy(path, change.to, context);
    assert_eq!(opens_with(path, change, all, context), change.to, "{context}, in the end");
    if change.call == Call::ChangePassphrase {
        check_older_slot(path, change, all, context);
    }
    let db = change.to.builder(path).build().unwrap();
    assert!(content(&db) == *all, "{context}, in the end: it holds something else");
    db.insert("more", "1").unwrap();
    db.close().unwrap();
    assert_tidy(path, change.to, context);
}

/// Where the newer header slot is lost, the older one must not open with the former key, either.
fn check_older_slot(path: &Path, change: Change, all: &Content, context: &str) {
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("db");
    let mut bytes = fs::read(path).unwrap();
    let sequence = |at: usize| u64::from_le_bytes(bytes[at + 48..][..8].try_into().unwrap());
    let newer = if sequence(0) > sequence(4096) { 0 } else { 4096 };
    bytes[newer..newer + 512].fill(0);
    fs::write(&copied, bytes).unwrap();
    assert_eq!(opens_with(&copied, change, all, context), change.to, "{context}: the older slot");
}

/// How long the call takes.
fn duration(change: Change, template: &Path) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    copy(template, folder.path());
    let began = Instant::now();
    change.apply(&folder.path().join("db")).unwrap();
    began.elapsed()
}

/// Tells how far the calls had come.
fn kills(call: Call) -> String {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    let (mut changed, mut unfinished, mut untidy) = (0, 0, 0);
    for round in 0..rounds() {
        let change = Change::random(call, &mut rng);
        let context = &format!("EMDB_SEED={base}, round {round}, {change:?}");
        let template = tempfile::tempdir().unwrap();
        let former = [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305][rng.below(2) as usize];
        let all = make(&template.path().join("db"), change.from, former, &mut rng);
        let takes = duration(change, template.path());
        let folder = tempfile::tempdir().unwrap();
        copy(template.path(), folder.path());
        let path = folder.path().join("db");
        // Some files stay as a kill left them: the next child goes on, and is killed as well.
        for kill in 0..1 + rng.below(3) {
            let context = &format!("{context}, kill {kill}");
            let arguments = [path.to_str().unwrap(), &change.text()];
            // The child is slower than this process was, which has done it before.
            let patience = Duration::from_nanos(rng.below(takes.as_nanos() as u64 * 2));
            let child = Victim::start(child_process, &arguments);
            let told = victim::count(&child.kill(1, patience));
            unfinished += u32::from(sibling(&path, ".compact.tmp").exists());
            untidy += u32::from(flags(&path).2);
            let copied = tempfile::tempdir().unwrap();
            copy(folder.path(), copied.path());
            let is_changed = check_left(&copied.path().join("db"), change, &all, context);
            assert!(is_changed || told == 0, "{context}: it was acknowledged");
            changed += u32::from(is_changed);
            if told > 0 {
                assert_tidy(&path, change.to, context);
            }
            if rng.below(2) == 0 {
                // As the kill left it: what has been used is a database like any other.
                let copied = tempfile::tempdir().unwrap();
                copy(folder.path(), copied.path());
                check_again(&copied.path().join("db"), change, &all, context);
            }
        }
        check_again(&path, change, &all, context);
    }
    format!("{changed} changed, {unfinished} killed in the copying, {untidy} untidy")
}

#[test]
fn a_kill_in_enable_encryption_leaves_it_plain_or_encrypted() {
    eprintln!("{}", kills(Call::Enable));
}

#[test]
fn a_kill_in_disable_encryption_leaves_it_encrypted_or_plain() {
    eprintln!("{}", kills(Call::Disable));
}

#[test]
fn a_kill_in_rotate_encryption_key_leaves_the_former_key_or_the_new_one() {
    eprintln!("{}", kills(Call::Rotate));
}

#[test]
fn a_kill_in_change_passphrase_leaves_the_former_one_or_the_new_one() {
    eprintln!("{}", kills(Call::ChangePassphrase));
}
