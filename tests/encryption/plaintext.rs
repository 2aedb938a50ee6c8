//! Nothing that was stored shows in any file, at any time.

use std::fs;

use emdb::{Cipher, Emdb, NamespaceOptions, Record, Table};
use serde::{Deserialize, Serialize};

use crate::files::{KEY, Place, raw};

const KEY_MARK: &[u8; 24] = b"Kq7#vZ2!hT9$wX4%jR6^mB1&";
const OLD_KEY_MARK: &[u8; 24] = b"Gd5*pL8(cN3)fS0_yU7+eA2~";
const VALUE_MARK: &[u8; 24] = b"Vx4=bM9[rQ1]kW6{tJ8}zD3|";
const NAME_MARK: &str = "Nh2;sF7:gP5<uE0>oY4?iC9/";
const FIELD_MARK: &str = "Fz8,lK3.aH6-vO1`xG5'wI0@";
const TABLE_MARK: &str = "Tb6!dR1#nZ9$qL4%hX2^pV7&";
const LONG_MARK: &[u8; 24] = b"Lm1(tB6)yS8_jC2+uF5=eK9~";

/// Eight bytes in a row of what was stored are enough.
const WINDOW: usize = 8;

fn marks() -> [&'static [u8]; 7] {
    let texts = [NAME_MARK, FIELD_MARK, TABLE_MARK].map(str::as_bytes);
    [KEY_MARK, OLD_KEY_MARK, VALUE_MARK, texts[0], texts[1], texts[2], LONG_MARK]
}

fn shows(bytes: &[u8], part: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| *b == part[0]) {
        if rest[at..].starts_with(part) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Looks for the marks in all files of the folder, and gives the names of the files.
#[track_caller]
fn nothing_shows(place: &Place, step: &str) -> Vec<String> {
    let files = place.all_files();
    for (name, bytes) in &files {
        for mark in marks() {
            for part in mark.windows(WINDOW) {
                let part_text = part.escape_ascii();
                assert!(!shows(bytes, part), "{step}: {part_text} shows in {name}");
            }
        }
    }
    files.into_keys().collect()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "Tb6!dR1#nZ9$qL4%hX2^pV7&")]
struct Row {
    #[emdb(key)]
    id: u64,
    #[emdb(index)]
    text: String,
}

/// Writes all marks, some of them over and over.
fn write(db: &Emdb) {
    let keyed = |n: u32| [&KEY_MARK[..], &n.to_be_bytes()].concat();
    for n in 0..50 {
        db.insert(keyed(n), VALUE_MARK).unwrap();
    }
    db.insert(OLD_KEY_MARK, "gone soon").unwrap();
    db.remove(OLD_KEY_MARK).unwrap();
    db.insert("long", LONG_MARK.repeat(5000)).unwrap();
    let named = db.namespace_with(NAME_MARK, NamespaceOptions::new().ordered(true)).unwrap();
    named.insert_many((0..50).map(|n| (keyed(n), VALUE_MARK))).unwrap();
    named.insert(OLD_KEY_MARK, VALUE_MARK).unwrap();
    #[cfg(feature = "ttl")]
    named.insert_with_ttl(LONG_MARK, VALUE_MARK, emdb::Ttl::ExpiresAt(4_102_444_800_000)).unwrap();
    let committed: emdb::Result<()> = db.transaction(|tx| {
        tx.insert(KEY_MARK, VALUE_MARK)?;
        tx.namespace(&named).insert(KEY_MARK, LONG_MARK)
    });
    committed.unwrap();
    let rows = Table::<Row>::open(db).unwrap();
    for id in 0..20 {
        rows.insert(&Row { id, text: format!("{FIELD_MARK}{}", id % 3) }).unwrap();
    }
}

/// The database is what was written, so that what is searched was there.
#[track_caller]
fn check(db: &Emdb) {
    assert_eq!(db.get(KEY_MARK).unwrap().as_deref(), Some(&VALUE_MARK[..]));
    assert_eq!(db.get("long").unwrap(), Some(LONG_MARK.repeat(5000)));
    let named = db.namespace(NAME_MARK).unwrap();
    assert!(named.range_prefix(KEY_MARK).unwrap().len() == 51);
    let rows = Table::<Row>::open(db).unwrap();
    assert_eq!(rows.get(&7).unwrap().unwrap().text, format!("{FIELD_MARK}1"));
    assert!(rows.verify().unwrap().is_ok());
}

#[test]
fn the_search_finds_what_a_plain_database_shows() {
    let place = Place::new();
    let db = Emdb::builder().path(&place.path).enable_range_scans(true).build().unwrap();
    write(&db);
    db.close().unwrap();
    for mark in marks() {
        assert!(mark.windows(WINDOW).all(|part| shows(&place.bytes(), part)));
    }
}

#[test]
fn nothing_shows_from_the_first_write_to_a_compaction() {
    for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
        let place = Place::new();
        let db = place.builder().cipher(cipher).enable_range_scans(true).build().unwrap();
        write(&db);
        nothing_shows(&place, "written");
        db.flush().unwrap();
        nothing_shows(&place, "flushed");
        db.checkpoint().unwrap();
        assert!(nothing_shows(&place, "checkpoint").contains(&"db.meta".to_owned()));
        write(&db);
        db.close().unwrap();
        nothing_shows(&place, "closed");
        let db = place.open();
        check(&db);
        let copy = Place::new();
        db.backup_to(&copy.path).unwrap();
        nothing_shows(&copy, "backup");
        check(&copy.open());
        db.compact_with(|_| {
            nothing_shows(&place, "while it is compacted");
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        nothing_shows(&place, "compacted");
        db.checkpoint().unwrap();
        nothing_shows(&place, "compacted, with a checkpoint");
        check(&db);
        db.close().unwrap();
        nothing_shows(&place, "closed again");
        let salvaged = Place::new();
        Emdb::salvage(&place.path, &salvaged.path, Some(raw(KEY))).unwrap();
        nothing_shows(&salvaged, "salvaged");
        check(&salvaged.open());
    }
}

#[test]
fn nothing_shows_in_a_torn_tail_that_is_kept_aside() {
    let place = Place::new();
    let db = place.open();
    write(&db);
    db.flush().unwrap();
    let before = place.bytes().iter().rposition(|b| *b != 0).unwrap() + 1;
    db.insert("damaged", VALUE_MARK).unwrap();
    write(&db);
    let copy = place.copy();
    let mut bytes = copy.bytes();
    bytes[before + 60] ^= 1;
    fs::write(&copy.path, &bytes).unwrap();
    let db = copy.open();
    let report = db.recovery().unwrap();
    assert!(report.commits_dropped > 50, "{report:?}");
    assert!(report.torn_file.is_some(), "{report:?}");
    assert!(nothing_shows(&copy, "recovered").contains(&"db.torn".to_owned()));
    check(&db);
}

#[test]
fn nothing_shows_of_a_plain_database_that_was_encrypted() {
    let place = Place::new();
    let db = Emdb::builder().path(&place.path).enable_range_scans(true).build().unwrap();
    write(&db);
    db.checkpoint().unwrap();
    db.close().unwrap();
    let left = [
        ".torn",
        ".torn.emdb-tmp",
        ".meta.emdb-tmp",
        ".hot.meta",
        ".hot.meta.emdb-tmp",
        ".emdb-tmp",
        ".compact.tmp",
        ".backup.tmp",
        ".salvage.tmp",
    ];
    for end in left {
        fs::write(place.beside(end), marks().concat()).unwrap();
    }
    assert!(place.beside(".meta").exists());
    Emdb::enable_encryption(&place.path, raw(KEY)).unwrap();
    assert_eq!(nothing_shows(&place, "encrypted"), ["db", "db.lock"]);
    check(&place.open());
    nothing_shows(&place, "opened");
    Emdb::rotate_encryption_key(&place.path, raw(KEY), raw(KEY)).unwrap();
    nothing_shows(&place, "rotated");
    check(&place.open());
}

#[test]
fn fingerprints_of_a_key_differ_between_namespaces_and_databases() {
    let values_of = |place: &Place| {
        let bytes = place.bytes();
        let frames = crate::forge::Forge::of(&bytes).frames(&bytes);
        frames.into_iter().filter(|f| f.key.len() == 16).map(|f| f.key).collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    for _ in 0..2 {
        let place = Place::new();
        let db = place.open();
        db.insert(KEY_MARK, "1").unwrap();
        db.namespace("other").unwrap().insert(KEY_MARK, "1").unwrap();
        db.close().unwrap();
        all.extend(values_of(&place));
    }
    assert_eq!(all.len(), 4);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);
}
