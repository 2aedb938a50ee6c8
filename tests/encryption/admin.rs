//! Encrypting, decrypting and changing keys: what stays, what goes, and what it takes.

use std::fs;
use std::ops::ControlFlow;

use emdb::{
    Cipher, Emdb, EmdbBuilder, EncryptionInput, EncryptionOptions, Error, NamespaceOptions, Record,
    Result, Table,
};
use emdb_testing::forge::JOURNAL_START;
use serde::{Deserialize, Serialize};

use crate::common::state::{State, read_state};
use crate::files::{KEY, OTHER_KEY, Place, QUICK, passphrase, raw, refused};
use crate::forge::newest_slot;

const TEXT: &str = "a passphrase";

fn go_on(_: emdb::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Person {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    age: u8,
}

fn builder(place: &Place, input: Option<&EncryptionInput>) -> EmdbBuilder {
    let builder = Emdb::builder().path(&place.path);
    match input {
        Some(EncryptionInput::RawKey(key)) => builder.encryption_key(*key),
        Some(EncryptionInput::Passphrase(text)) => builder.encryption_passphrase(&**text),
        _ => builder,
    }
}

/// A database with something of everything.
fn fill(db: &Emdb) {
    db.insert("", "the empty key").unwrap();
    db.insert("nothing", "").unwrap();
    db.insert("large", vec![7; 100_000]).unwrap();
    db.namespace("empty").unwrap();
    let options = NamespaceOptions::new().ordered(true);
    db.namespace_with("empty and sorted", options).unwrap();
    let sorted = db.namespace_with("sorted", options).unwrap();
    sorted.insert_many((0..300u32).map(|n| (n.wrapping_mul(7919).to_be_bytes(), [1; 9]))).unwrap();
    db.namespace("cleared").unwrap().insert("old", "1").unwrap();
    db.namespace("cleared").unwrap().clear().unwrap();
    db.namespace("dropped").unwrap().insert("old", "1").unwrap();
    assert!(db.drop_namespace("dropped").unwrap());
    #[cfg(feature = "ttl")]
    for n in 0..20u64 {
        let at = emdb::Ttl::ExpiresAt(4_102_444_800_000 + n * 1_000_001);
        db.insert_with_ttl([n as u8; 3], "timed", at).unwrap();
        sorted.insert_with_ttl([n as u8; 3], "timed", at).unwrap();
    }
    let people = Table::<Person>::open(db).unwrap();
    for id in 0..50 {
        let person = Person { id, email: format!("{id}@example.org"), age: (id % 7) as u8 };
        people.insert(&person).unwrap();
    }
}

/// Everything that there is to say of a database.
#[derive(Debug, PartialEq)]
struct Everything {
    state: State,
    /// Namespaces, and whether they are ordered.
    names: Vec<(String, bool)>,
    expiries: Vec<(String, Vec<u8>, Option<u64>)>,
    people: Vec<Person>,
}

fn everything(db: &Emdb) -> Everything {
    let state = read_state(db).unwrap();
    let ordered = |name: &String| db.namespace(name).unwrap().is_ordered();
    let names = db.list_namespaces().unwrap().into_iter();
    let names = names.map(|name| (name.clone(), ordered(&name))).collect();
    #[cfg(feature = "ttl")]
    let expiries = state
        .keys()
        .map(|(name, key)| {
            let namespace =
                if name.is_empty() { (**db).clone() } else { db.namespace(name).unwrap() };
            (name.clone(), key.clone(), namespace.expires_at(key).unwrap())
        })
        .collect();
    #[cfg(not(feature = "ttl"))]
    let expiries = Vec::new();
    let table = Table::<Person>::open(db).unwrap();
    let report = table.verify().unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.rows, report.entries), (50, 100));
    let people = table.iter().unwrap().map(|row| row.unwrap()).collect();
    assert!(db.verify().unwrap().is_ok());
    let sorted = db.namespace("sorted").unwrap().range(..).unwrap();
    assert!(sorted.is_sorted() && sorted.len() >= 300);
    Everything { state, names, expiries, people }
}

#[track_caller]
fn names(place: &Place) -> Vec<String> {
    place.all_files().into_keys().collect()
}

fn filled(input: Option<&EncryptionInput>) -> (Place, Everything) {
    let place = Place::new();
    let db = match input {
        Some(EncryptionInput::Passphrase(_)) => builder(&place, input).kdf_params(QUICK),
        _ => builder(&place, input),
    };
    let db = db.build().unwrap();
    fill(&db);
    let expected = everything(&db);
    db.checkpoint().unwrap();
    db.close().unwrap();
    (place, expected)
}

#[test]
fn every_change_keeps_everything_and_leaves_nothing_beside() {
    let (place, expected) = filled(None);
    let path = &place.path;
    let check = |step: &str, input: Option<&EncryptionInput>, cipher: Option<Cipher>| {
        assert_eq!(names(&place), ["db", "db.lock"], "{step}");
        let builder = builder(&place, input);
        let db = match cipher {
            Some(cipher) => builder.cipher(cipher),
            None => builder,
        };
        let db = db.build().unwrap();
        assert_eq!(db.stats().unwrap().encrypted, input.is_some(), "{step}");
        assert_eq!(everything(&db), expected, "{step}");
        db.checkpoint().unwrap();
        db.close().unwrap();
        fs::write(place.beside(".torn"), "what a recovery kept").unwrap();
    };
    let (first, second, text) = (raw(KEY), raw(OTHER_KEY), passphrase(TEXT));
    let (aes, chacha) = (Some(Cipher::Aes256Gcm), Some(Cipher::ChaCha20Poly1305));
    Emdb::enable_encryption(path, first.clone()).unwrap();
    check("enabled", Some(&first), aes);
    Emdb::rotate_encryption_key(path, first.clone(), second.clone()).unwrap();
    check("rotated", Some(&second), aes);
    let options = EncryptionOptions::new().cipher(Cipher::ChaCha20Poly1305).kdf_params(QUICK);
    options.rotate(path, second.clone(), text.clone(), go_on).unwrap();
    check("rotated to a passphrase and the other cipher", Some(&text), chacha);
    Emdb::rotate_encryption_key(path, text.clone(), first.clone()).unwrap();
    check("rotated with the cipher it has", Some(&first), chacha);
    Emdb::disable_encryption(path, first.clone()).unwrap();
    check("disabled", None, None);
    options.enable(path, text.clone(), go_on).unwrap();
    check("enabled with a passphrase", Some(&text), chacha);
    Emdb::disable_encryption(path, text).unwrap();
    check("disabled again", None, None);
}

#[test]
fn a_changed_passphrase_opens_and_the_former_one_does_not() {
    let (place, expected) = filled(Some(&passphrase(TEXT)));
    let steps = [
        (passphrase(TEXT), passphrase("new")),
        (passphrase("new"), raw(KEY)),
        (raw(KEY), raw(OTHER_KEY)),
    ];
    for (former, new) in steps {
        let journal = place.bytes().split_off(JOURNAL_START);
        Emdb::change_passphrase(&place.path, former.clone(), new.clone()).unwrap();
        assert!(place.bytes()[JOURNAL_START..].starts_with(&journal), "only the header is written");
        refused(builder(&place, Some(&former)).build(), "the former one");
        let db = builder(&place, Some(&new)).build().unwrap();
        assert_eq!(everything(&db), expected);
        db.close().unwrap();
    }
}

/// Damages one header slot after the other, so that the other one has to do.
fn with_one_slot(place: &Place, check: impl Fn(&Place)) {
    for slot in [0, 1] {
        let copy = place.copy();
        let mut bytes = copy.bytes();
        bytes[slot * JOURNAL_START / 2 + 300] ^= 1;
        fs::write(&copy.path, bytes).unwrap();
        check(&copy);
    }
}

type Change = fn(&Place, EncryptionInput, EncryptionInput) -> Result<()>;

#[test]
fn no_header_slot_opens_with_a_former_key() {
    let (former, new) = (passphrase(TEXT), passphrase("new"));
    let changes: [Change; 2] = [
        |place, former, new| Emdb::change_passphrase(&place.path, former, new),
        |place, former, new| Emdb::rotate_encryption_key(&place.path, former, new),
    ];
    for change in changes {
        let (place, expected) = filled(Some(&former));
        change(&place, former.clone(), new.clone()).unwrap();
        with_one_slot(&place, |damaged| {
            refused(builder(damaged, Some(&former)).build(), "the former passphrase");
            let db = builder(damaged, Some(&new)).build().unwrap();
            assert_eq!(read_state(&db).unwrap(), expected.state);
        });
    }
}

#[test]
fn a_rotation_makes_the_former_key_useless_but_not_for_backups() {
    let (place, expected) = filled(Some(&raw(KEY)));
    let backup = Place::new();
    place.open().backup_to(&backup.path).unwrap();
    let former = place.bytes();
    Emdb::rotate_encryption_key(&place.path, raw(KEY), raw(OTHER_KEY)).unwrap();
    refused(builder(&place, Some(&raw(KEY))).build(), "the former key");
    // Another data key: the former envelope opens nothing here.
    let mut grafted = place.bytes();
    let slot = newest_slot(&former) * JOURNAL_START / 2;
    for at in [0, JOURNAL_START / 2] {
        grafted[at..at + 512].copy_from_slice(&former[slot..slot + 512]);
    }
    let grafted = Place::of(&grafted);
    assert!(builder(&grafted, Some(&raw(KEY))).build().is_err());
    assert_eq!(everything(&backup.open()), expected);
    // The same key for the user, and another data key all the same.
    let before = place.bytes();
    Emdb::rotate_encryption_key(&place.path, raw(OTHER_KEY), raw(OTHER_KEY)).unwrap();
    assert_ne!(before[80..192], place.bytes()[80..192]);
    assert_eq!(everything(&builder(&place, Some(&raw(OTHER_KEY))).build().unwrap()), expected);
}

#[test]
fn what_is_done_can_be_asked_for_again() {
    let (place, expected) = filled(None);
    let path = &place.path;
    let holds = |input: Option<&EncryptionInput>| {
        let db = builder(&place, input).build().unwrap();
        assert_eq!(everything(&db), expected);
    };
    for _ in 0..3 {
        Emdb::enable_encryption(path, raw(KEY)).unwrap();
        holds(Some(&raw(KEY)));
    }
    refused(Emdb::enable_encryption(path, raw(OTHER_KEY)), "another key");
    for _ in 0..3 {
        Emdb::rotate_encryption_key(path, raw(KEY), raw(OTHER_KEY)).unwrap();
    }
    holds(Some(&raw(OTHER_KEY)));
    // Once it has been used nothing says any more that it was rotated: a wrong key is one.
    let again = Emdb::rotate_encryption_key(path, raw(KEY), raw(OTHER_KEY));
    refused(again, "wrong key");
    for _ in 0..3 {
        Emdb::change_passphrase(path, raw(OTHER_KEY), raw(KEY)).unwrap();
        holds(Some(&raw(KEY)));
    }
    for _ in 0..3 {
        Emdb::disable_encryption(path, raw(KEY)).unwrap();
    }
    holds(None);
    for _ in 0..2 {
        refused(Emdb::disable_encryption(path, raw(KEY)), "a plain database");
        refused(Emdb::rotate_encryption_key(path, raw(KEY), raw(OTHER_KEY)), "a plain database");
        refused(Emdb::change_passphrase(path, raw(KEY), raw(OTHER_KEY)), "a plain database");
        holds(None);
    }
}

/// All calls, for a database that `input` opens.
fn all_calls(
    place: &Place,
    input: Option<&EncryptionInput>,
    progress: &dyn Fn() -> ControlFlow<()>,
) -> Vec<Result<()>> {
    let path = &place.path;
    let tell = |_: emdb::Progress| progress();
    match input {
        None => vec![Emdb::enable_encryption_with(path, raw(KEY), tell)],
        Some(input) => vec![
            Emdb::disable_encryption_with(path, input.clone(), tell),
            Emdb::rotate_encryption_key_with(path, input.clone(), raw(OTHER_KEY), tell),
        ],
    }
}

#[test]
fn an_open_database_is_refused() {
    for input in [None, Some(raw(KEY))] {
        let (place, expected) = filled(input.as_ref());
        for read_only in [false, true] {
            let db = builder(&place, input.as_ref()).read_only(read_only).build().unwrap();
            let mut results = all_calls(&place, input.as_ref(), &|| ControlFlow::Continue(()));
            if let Some(input) = &input {
                results.push(Emdb::change_passphrase(&place.path, input.clone(), raw(OTHER_KEY)));
            }
            for result in results {
                assert!(matches!(result, Err(Error::AlreadyLocked)), "{result:?}");
            }
            assert_eq!(db.len().unwrap(), expected.state.keys().filter(|k| k.0.is_empty()).count());
        }
        assert_eq!(everything(&builder(&place, input.as_ref()).build().unwrap()), expected);
    }
}

#[test]
fn a_cancelled_change_leaves_all_as_it_was() {
    for input in [None, Some(raw(KEY))] {
        let (place, expected) = filled(input.as_ref());
        let before = names(&place);
        for after in 0..2 {
            let left = std::cell::Cell::new(after);
            let mut cancelled = 0;
            for result in all_calls(&place, input.as_ref(), &|| {
                if left.get() == 0 {
                    return ControlFlow::Break(());
                }
                left.set(left.get() - 1);
                ControlFlow::Continue(())
            }) {
                match result {
                    Err(Error::Cancelled) => cancelled += 1,
                    other => panic!("{input:?}, after {after}: {other:?}"),
                }
                left.set(after);
                assert_eq!(names(&place), before, "{input:?}, after {after}");
                let db = builder(&place, input.as_ref()).build().unwrap();
                assert_eq!(everything(&db), expected);
                db.close().unwrap();
            }
            assert!(cancelled > 0);
        }
    }
}

#[test]
fn progress_grows_to_its_total() {
    let (place, _) = filled(None);
    let mut told = Vec::new();
    Emdb::enable_encryption_with(&place.path, raw(KEY), |progress| {
        told.push((progress.done, progress.total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(told.is_sorted() && told.len() > 1, "{told:?}");
    let (done, total) = told[told.len() - 1];
    assert!(done == total && total > 100_000, "{told:?}");
}

#[test]
fn a_damaged_database_is_refused_and_stays_as_it_is() {
    for input in [None, Some(raw(KEY))] {
        let (place, _) = filled(input.as_ref());
        let mut bytes = place.bytes();
        bytes[JOURNAL_START + 70] ^= 1;
        fs::write(&place.path, &bytes).unwrap();
        fs::remove_file(place.beside(".meta")).unwrap();
        let before = place.files();
        for result in all_calls(&place, input.as_ref(), &|| ControlFlow::Continue(())) {
            assert!(matches!(result, Err(Error::Corrupted { .. })), "{result:?}");
            assert!(place.files() == before);
        }
    }
}

/// Records that a checkpoint spares an open are read when they are copied.
#[test]
fn damage_below_a_checkpoint_is_refused_too() {
    for input in [None, Some(raw(KEY))] {
        let (place, _) = filled(input.as_ref());
        let mut bytes = place.bytes();
        // In the value of the large record.
        bytes[JOURNAL_START + 50_000] ^= 1;
        fs::write(&place.path, &bytes).unwrap();
        let before = names(&place);
        for result in all_calls(&place, input.as_ref(), &|| ControlFlow::Continue(())) {
            let told = matches!(result, Err(Error::Corrupted { .. } | Error::EncryptionError(_)));
            assert!(told, "{result:?}");
            assert_eq!(names(&place), before);
            assert!(place.bytes()[JOURNAL_START..].starts_with(&bytes[JOURNAL_START..]));
        }
    }
}

#[cfg(unix)]
#[test]
fn all_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let check = |place: &Place, step: &str| {
        for name in names(place) {
            let path = place.path.with_file_name(&name);
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{step}: {name}");
        }
    };
    let (place, _) = filled(None);
    check(&place, "plain");
    Emdb::enable_encryption(&place.path, raw(KEY)).unwrap();
    check(&place, "enabled");
    let db = place.open();
    db.checkpoint().unwrap();
    check(&place, "open");
    db.compact().unwrap();
    db.close().unwrap();
    check(&place, "compacted");
    Emdb::rotate_encryption_key(&place.path, raw(KEY), raw(OTHER_KEY)).unwrap();
    check(&place, "rotated");
    Emdb::change_passphrase(&place.path, raw(OTHER_KEY), raw(KEY)).unwrap();
    check(&place, "changed");
    let (backup, salvaged) = (Place::new(), Place::new());
    place.open().backup_to(&backup.path).unwrap();
    check(&backup, "backup");
    Emdb::salvage(&place.path, &salvaged.path, Some(raw(KEY))).unwrap();
    check(&salvaged, "salvaged");
    Emdb::disable_encryption(&place.path, raw(KEY)).unwrap();
    check(&place, "disabled");
}

/// The other name would keep what was there before.
#[cfg(unix)]
#[test]
fn a_file_with_two_names_is_refused() {
    let (place, expected) = filled(None);
    let other = place.path.with_file_name("second name");
    fs::hard_link(&place.path, &other).unwrap();
    let result = Emdb::enable_encryption(&place.path, raw(KEY));
    assert!(matches!(result, Err(Error::Io(_))), "{result:?}");
    assert_eq!(everything(&builder(&place, None).build().unwrap()), expected);
    fs::remove_file(other).unwrap();
    Emdb::enable_encryption(&place.path, raw(KEY)).unwrap();
    assert_eq!(everything(&place.open()), expected);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_leads_to_the_file() {
    let (place, expected) = filled(None);
    let elsewhere = Place::new();
    std::os::unix::fs::symlink(&place.path, &elsewhere.path).unwrap();
    Emdb::enable_encryption(&elsewhere.path, raw(KEY)).unwrap();
    assert_eq!(names(&place), ["db", "db.lock"]);
    assert!(fs::symlink_metadata(&elsewhere.path).unwrap().is_symlink());
    assert_eq!(everything(&place.open()), expected);
    assert_eq!(everything(&elsewhere.open()), expected);
}

#[test]
fn an_empty_database_can_be_encrypted_and_decrypted() {
    let place = Place::of(b"");
    Emdb::enable_encryption(&place.path, raw(KEY)).unwrap();
    assert!(place.open().is_empty().unwrap());
    Emdb::rotate_encryption_key(&place.path, raw(KEY), raw(OTHER_KEY)).unwrap();
    Emdb::disable_encryption(&place.path, raw(OTHER_KEY)).unwrap();
    assert!(Emdb::open(&place.path).unwrap().is_empty().unwrap());
}
