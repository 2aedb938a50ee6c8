//! Encrypted databases in bad hands and odd moments: short replays. Most are of somebody who writes
//! to the file and computes its checksums, which need no key.
#![allow(unsafe_code)]

use crate::api::db::Emdb;
use crate::format::JOURNAL_START;
use crate::format::header::Header;
use crate::format::place::Place;
use crate::format::record::Record;
use crate::tests::*;
use std::path::PathBuf;

const KEY: [u8; 32] = [7; 32];

fn builder(path: &Path) -> crate::EmdbBuilder {
    Emdb::builder().path(path).encryption_key(KEY)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

fn place(bytes: &[u8]) -> Place {
    let header = Header::read(bytes).unwrap();
    Place::new(header.file_id, header.generation).sealed()
}

fn at(bytes: &[u8], position: u64) -> Option<Record<'_>> {
    let rest = &bytes[position as usize..];
    // SAFETY: the bytes are there.
    unsafe { Record::read(position, rest.as_ptr(), rest.len()) }
}

/// Positions, verbs, key and total lengths.
fn records(bytes: &[u8]) -> Vec<(u64, Verb, Vec<u8>, usize)> {
    let place = place(bytes);
    let (mut out, mut position) = (Vec::new(), JOURNAL_START);
    while let Some(r) = at(bytes, position).filter(|r| r.verify_head(place)) {
        out.push((position, r.verb(), r.key().to_vec(), r.len()));
        position = r.end();
    }
    out
}

/// Makes the keyless checksums right.
fn fix(bytes: &mut [u8], position: u64) {
    let place = place(bytes);
    let diff = at(bytes, position).unwrap().stored_mix() ^ place.mix(position);
    let p = position as usize;
    for i in 0..8 {
        bytes[p + i] ^= (diff >> (8 * i)) as u8;
    }
    let r = at(bytes, position).unwrap();
    assert!(r.verify_head(place) && r.verify_value(place));
}

fn puts(bytes: &[u8]) -> Vec<u64> {
    records(bytes).into_iter().filter(|r| r.1 == Verb::Put).map(|r| r.0).collect()
}

/// Changes the file at `path`.
fn tamper(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// Flips a bit of the tag of the record at `position`.
fn flip_tag(bytes: &mut [u8], position: u64) {
    let end = at(bytes, position).unwrap().end() as usize;
    bytes[end - 1] ^= 1;
    fix(bytes, position);
}

/// Turns the put at `position` into a removal.
fn to_removal(bytes: &mut [u8], position: u64) {
    let kind = position as usize + 8;
    bytes[kind] = bytes[kind] & !7 | Verb::Remove as u8;
    fix(bytes, position);
}

fn three(path: &Path) {
    let db = builder(path).build().unwrap();
    for k in ["a", "b", "c"] {
        db.insert(k, "value").unwrap();
    }
    db.checkpoint().unwrap();
    db.close().unwrap();
}

#[test]
fn a_put_made_a_removal_is_noticed_by_whoever_reads_or_copies() {
    let (folder, path) = folder();
    three(&path);
    tamper(&path, |bytes| {
        let second = puts(bytes)[1];
        to_removal(bytes, second);
    });
    let db = builder(&path).build().unwrap();
    assert!(db.recovery().unwrap().from_checkpoint.is_some());
    assert!(db.get("b").is_err() && db.contains_key("b").is_err());
    let mut iter = db.iter().unwrap();
    iter.by_ref().for_each(drop);
    assert!(iter.status().is_err());
    assert!(db.backup_to(folder.path().join("copy")).is_err());
    assert!(!db.verify().unwrap().is_ok());
    assert!(db.compact().is_err(), "a record was dropped for good");
}

#[test]
fn a_step_prepared_before_an_in_memory_compaction_is_found_after() {
    let db = Emdb::builder().encryption_key(KEY).build().unwrap();
    let engine = db.engine();
    let target = &engine.default_namespace;
    db.insert("k", "old").unwrap();
    let mut ops = [WriteOp::write(target, Change::put(b"k", b"new", None)).unwrap()];
    db.compact().unwrap();
    engine.commit(&mut ops, Access::Plain).unwrap();
    assert_eq!(db.get("k").unwrap().as_deref(), Some(&b"new"[..]));
    assert_eq!(db.len().unwrap(), 1);
}

#[test]
fn writes_beside_compactions_in_memory_are_found() {
    let db = Emdb::builder().encryption_key(KEY).build().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut lost = 0;
    std::thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                db.compact().unwrap();
            }
        });
        for n in 0..40_000u32 {
            db.insert(n.to_le_bytes(), "v").unwrap();
            lost += u32::from(db.get(n.to_le_bytes()).unwrap().is_none());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(lost, 0, "inserted and not there");
}

#[test]
fn a_rotation_that_did_not_happen_says_so() {
    let (_folder, path) = folder();
    three(&path);
    tamper(&path, |bytes| {
        let second = puts(bytes)[1];
        flip_tag(bytes, second);
    });
    let before = Header::read(&std::fs::read(&path).unwrap()).unwrap();
    let key = || EncryptionInput::RawKey(KEY);
    let options = crate::EncryptionOptions::new().cipher(Cipher::ChaCha20Poly1305);
    let done = options.rotate(&path, key(), key(), |_| ControlFlow::Continue(()));
    let after = Header::read(&std::fs::read(&path).unwrap()).unwrap();
    assert!(done.is_err() || before.envelope != after.envelope);
}

#[cfg(feature = "ttl")]
#[test]
fn an_expiry_is_not_told_from_a_forged_record() {
    let (_folder, path) = folder();
    let db = builder(&path).build().unwrap();
    let soon = crate::os::clock::unix_ms() + 50;
    db.insert_with_ttl("k", "v", crate::Ttl::ExpiresAt(soon)).unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(80));
    tamper(&path, |bytes| {
        let only = puts(bytes)[0];
        // Behind two checksums, the kind and two lengths of one byte there is the expiry.
        let p = only as usize + 11;
        let last = (p..).find(|i| bytes[*i] & 0x80 == 0).unwrap();
        bytes[last] |= 0x40;
        fix(bytes, only);
    });
    let db = builder(&path).build().unwrap();
    assert!(!matches!(db.expires_at("k"), Ok(Some(at)) if at != soon));
}

#[test]
fn a_forged_record_that_the_count_depends_on_is_refused() {
    let (_folder, path) = folder();
    three(&path);
    let db = builder(&path).build().unwrap();
    db.remove("b").unwrap();
    db.insert("c", "other").unwrap();
    drop(db);
    tamper(&path, |bytes| {
        let all = puts(bytes);
        to_removal(bytes, all[1]);
        to_removal(bytes, all[2]);
    });
    // Records behind the checkpoint replace them, and are counted by what they replace.
    assert!(matches!(builder(&path).build(), Err(Error::EncryptionError(_))));
}

fn note(bytes: &[u8]) -> (u64, usize) {
    let found = records(bytes).into_iter().find(|r| r.1 == Verb::Mark && r.2 == b"C").unwrap();
    (found.0, found.3)
}

#[test]
fn a_forged_note_of_a_checkpoint_is_refused() {
    let (_folder, path) = folder();
    three(&path);
    tamper(&path, |bytes| {
        let (position, _) = note(bytes);
        flip_tag(bytes, position);
    });
    assert!(matches!(builder(&path).build(), Err(Error::EncryptionError(_))));
}

#[test]
fn a_counter_at_its_limit_is_refused() {
    let (_folder, path) = folder();
    three(&path);
    tamper(&path, |bytes| {
        let (position, len) = note(bytes);
        let counter = position as usize + len - 20;
        bytes[counter..counter + 4].fill(0xFF);
        fix(bytes, position);
    });
    assert!(matches!(builder(&path).build(), Err(Error::EncryptionError(_))));
}

#[test]
fn salvage_without_key_and_header_makes_nothing_up() {
    let (folder, path) = folder();
    let db = builder(&path).build().unwrap();
    for k in ["a", "b", "c"] {
        db.insert(k, "value").unwrap();
        db.flush().unwrap();
    }
    db.close().unwrap();
    tamper(&path, |bytes| bytes[..JOURNAL_START as usize].fill(0));
    assert!(Emdb::salvage(&path, folder.path().join("target"), None).is_err());
}

#[test]
fn what_cannot_be_tidied_does_not_keep_a_database_shut() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.insert("a", "b").unwrap();
    db.close().unwrap();
    let torn = crate::os::paths::sibling(&path, ".torn");
    std::fs::create_dir(&torn).unwrap();
    let _ = Emdb::enable_encryption(&path, EncryptionInput::RawKey(KEY));
    let plain = Emdb::open(&path).map(drop);
    let sealed = builder(&path).build().map(drop);
    assert!(plain.is_ok() || sealed.is_ok(), "it opens neither way: {plain:?}, {sealed:?}");
}

#[test]
fn a_rotation_to_the_present_key_from_a_wrong_one_is_refused() {
    let (_folder, path) = folder();
    three(&path);
    let before = std::fs::read(&path).unwrap();
    let [wrong, present] = [[1; 32], KEY].map(EncryptionInput::RawKey);
    let done = Emdb::rotate_encryption_key(&path, wrong, present);
    assert!(matches!(done, Err(Error::EncryptionError(_))), "{done:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// A record of another history of the same file, at the same position: bytes of a torn tail that was
/// cut, or of a copy that was written on. Here the latter.
#[test]
fn a_record_of_another_history_is_refused() {
    let (_folder, path) = folder();
    let db = builder(&path).build().unwrap();
    db.insert("a", "b").unwrap();
    let early = std::fs::read(&path).unwrap();
    db.insert("f", vec![0; 52]).unwrap();
    db.insert("x", "1").unwrap();
    drop(db);
    let other = std::fs::read(&path).unwrap();
    std::fs::write(&path, &early).unwrap();
    let _ = std::fs::remove_file(crate::os::paths::sibling(&path, ".meta"));
    let db = builder(&path).build().unwrap();
    db.insert("f", "").unwrap();
    db.insert("k", "1").unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    tamper(&path, |bytes| {
        let p = puts(bytes)[2];
        assert_eq!(p, puts(&other)[2]);
        let len = at(bytes, p).unwrap().len();
        let p = p as usize;
        bytes[p..p + len].copy_from_slice(&other[p..p + len]);
    });
    let db = builder(&path).build().unwrap();
    assert!(db.get("k").is_err(), "a record that was there is told to be absent");
}

#[test]
fn debug_of_an_iterator_shows_no_content() {
    let (_folder, path) = folder();
    let db = builder(&path).enable_range_scans(true);
    let db = db.build().unwrap();
    db.insert("key", "SECRET").unwrap();
    db.insert("key2", "SECRET").unwrap();
    let mut iter = db.range_iter(..).unwrap();
    let _ = iter.next();
    let shown = format!("{iter:?}");
    let secret = format!("{:?}", b"SECRET").replace(['[', ']'], "");
    assert!(!shown.contains(&secret), "{shown}");
}
