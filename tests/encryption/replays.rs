//! Replays: of files that were made to mislead, and of calls at odd moments.
#![allow(unsafe_code)]

use std::fs;
use std::ops::ControlFlow;

use emdb::{Cipher, Emdb, EncryptionOptions, Error, KdfParams};
use emdb_testing::forge::{JOURNAL_START, SLOT_LEN};

use super::files::{KEY, OTHER_KEY, Place, QUICK, passphrase, raw};
use super::forge::change_header;

/// Without a header, records alone have to tell whether the file is encrypted.
#[test]
fn a_plain_file_whose_values_count_is_salvaged_without_its_header() {
    let place = Place::new();
    let db = Emdb::open(&place.path).unwrap();
    let value = |n: u32| [&7u32.to_le_bytes()[..], &n.to_le_bytes(), &[5; 16]].concat();
    let items: Vec<_> = (0..50u32).map(|n| (format!("k{n}"), value(n))).collect();
    db.insert_many(items.iter().map(|(k, v)| (k, v))).unwrap();
    db.close().unwrap();
    let mut bytes = place.bytes();
    bytes[..JOURNAL_START].fill(0);
    let (damaged, target) = (Place::of(&bytes), Place::new());
    let report = Emdb::salvage(&damaged.path, &target.path, None).unwrap();
    assert_eq!(report.records, 50);
    let db = Emdb::open(&target.path).unwrap();
    assert_eq!(db.get("k7").unwrap(), Some(value(7)));
}

#[test]
fn a_cipher_that_the_encrypted_database_does_not_have_is_not_passed_over() {
    let place = Place::new();
    Emdb::open(&place.path).unwrap().close().unwrap();
    Emdb::enable_encryption(&place.path, raw(KEY)).unwrap();
    let before = place.bytes();
    let options = EncryptionOptions::new().cipher(Cipher::ChaCha20Poly1305);
    let go_on = |_| ControlFlow::Continue(());
    let enabled = options.enable(&place.path, raw(KEY), go_on);
    assert!(matches!(enabled, Err(Error::InvalidConfig(_))), "{enabled:?}");
    assert_eq!(place.bytes(), before);
    let rotated = options.rotate(&place.path, raw(OTHER_KEY), raw(KEY), go_on);
    assert!(rotated.is_err(), "{rotated:?}");
    let same = EncryptionOptions::new().cipher(Cipher::Aes256Gcm);
    same.enable(&place.path, raw(KEY), go_on).unwrap();
}

#[test]
fn parameters_that_the_encrypted_database_does_not_have_are_not_passed_over() {
    let place = Place::new();
    Emdb::open(&place.path).unwrap().close().unwrap();
    let go_on = |_| ControlFlow::Continue(());
    let quick = EncryptionOptions::new().kdf_params(QUICK);
    quick.enable(&place.path, passphrase("text"), go_on).unwrap();
    let other = EncryptionOptions::new().kdf_params(KdfParams::new(19_456, 3, 1));
    let enabled = other.enable(&place.path, passphrase("text"), go_on);
    assert!(matches!(enabled, Err(Error::InvalidConfig(_))), "{enabled:?}");
    let wrong_key = other.enable(&place.path, passphrase("other"), go_on);
    assert!(matches!(wrong_key, Err(Error::EncryptionError(_))), "{wrong_key:?}");
    other.change_passphrase(&place.path, passphrase("text"), passphrase("text")).unwrap();
    other.enable(&place.path, passphrase("text"), go_on).unwrap();
}

#[test]
fn parameters_that_only_the_file_names_are_not_blamed_on_the_caller() {
    let place = Place::new();
    let db = Emdb::builder().path(&place.path).encryption_passphrase("text").kdf_params(QUICK);
    db.build().unwrap().close().unwrap();
    let forged = change_header(&place.bytes(), &[0, 1], |slot| {
        slot[84..88].copy_from_slice(&u32::MAX.to_le_bytes());
    });
    let place = Place::of(&forged);
    let (old, new) = (passphrase("text"), passphrase("new"));
    for result in [
        Emdb::change_passphrase(&place.path, old.clone(), new.clone()),
        Emdb::rotate_encryption_key(&place.path, old.clone(), new.clone()),
        Emdb::enable_encryption(&place.path, old.clone()),
        Emdb::disable_encryption(&place.path, old),
    ] {
        assert!(matches!(result, Err(Error::EncryptionError(_))), "{result:?}");
    }
    assert_eq!(fs::read(&place.path).unwrap(), forged);
}

#[test]
fn a_header_with_the_highest_generation_is_damaged() {
    let place = Place::new();
    Emdb::open(&place.path).unwrap().close().unwrap();
    let forged = change_header(&place.bytes(), &[0, 1], |slot| {
        assert_eq!(slot.len(), SLOT_LEN);
        slot[40..48].fill(0xFF);
    });
    let place = Place::of(&forged);
    assert!(matches!(Emdb::open(&place.path), Err(Error::Corrupted { .. })));
    let enabled = Emdb::enable_encryption(&place.path, raw(KEY));
    assert!(matches!(enabled, Err(Error::Corrupted { .. })), "{enabled:?}");
}

/// Puts a pipe beside the database.
#[cfg(unix)]
fn make_pipe(place: &Place, end: &str) {
    let path = place.beside(end);
    let _ = fs::remove_file(&path);
    let name = std::ffi::CString::new(path.into_os_string().into_encoded_bytes()).unwrap();
    // SAFETY: the name ends in a zero byte, and lives as long as the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
}

/// Anything can lie beside a database.
#[cfg(unix)]
#[test]
fn a_checkpoint_that_is_a_pipe_does_not_keep_an_open_waiting() {
    let place = Place::new();
    place.open().close().unwrap();
    for end in [".meta", ".hot.meta"] {
        make_pipe(&place, end);
        let (sender, receiver) = std::sync::mpsc::channel();
        let builder = place.builder();
        std::thread::spawn(move || sender.send(builder.build().map(drop).is_ok()));
        let opened = receiver.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(opened, Ok(true), "{end}");
        fs::remove_file(place.beside(end)).unwrap();
    }
}

/// Keys and values that wait in a transaction are no less secret than those in the file.
#[test]
fn debug_of_a_transaction_shows_no_content() {
    let place = Place::new();
    let db = place.builder().enable_range_scans(true).build().unwrap();
    for n in 0..5000 {
        db.insert(format!("KEYKEYKEY{n}"), "").unwrap();
    }
    assert_eq!(db.range("KEYKEYKEY1".."KEYKEYKEY2").unwrap().len(), 1111);
    let digits = |text: &[u8]| format!("{text:?}").replace(['[', ']'], "");
    db.transaction(|tx| {
        tx.insert("KEYKEYKEY", "VALUEVALUE")?;
        let mut range = tx.range_iter(..)?;
        let shown = format!("{tx:?} {:?} {range:?}", tx.iter()?);
        let _ = range.next();
        let shown = shown + &format!("{range:?}");
        let shown = shown + &format!("{:?}", db.range_iter(..)?);
        for secret in [&b"KEYKEYKEY"[..], b"VALUEVALUE"] {
            let text = String::from_utf8_lossy(secret).into_owned();
            assert!(!shown.contains(&digits(secret)) && !shown.contains(&text), "{shown}");
        }
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[cfg(unix)]
#[test]
fn a_lock_file_that_is_a_pipe_does_not_keep_an_open_waiting() {
    let place = Place::new();
    place.open().close().unwrap();
    make_pipe(&place, ".lock");
    for call in 0..4 {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (builder, path) = (place.builder(), place.path.clone());
        std::thread::spawn(move || {
            match call {
                0 => drop(builder.build()),
                1 => drop(builder.read_only(true).build()),
                2 => drop(Emdb::lock_holder(path)),
                _ => drop(Emdb::break_lock(path)),
            }
            sender.send(())
        });
        let ended = receiver.recv_timeout(std::time::Duration::from_secs(5));
        assert_eq!(ended, Ok(()), "call {call}");
    }
}

/// A key and a value as long as they may be, with the bytes that encryption adds.
#[test]
#[ignore = "it takes gigabytes: cargo test --release --all-features --test encryption -- --ignored"]
fn the_longest_key_and_value_fit() {
    let place = Place::new();
    let db = place.builder().enable_range_scans(true).build().unwrap();
    let (key, value) = (vec![7; 65_535], vec![9; 1 << 30]);
    db.insert(&key, &value).unwrap();
    db.insert("", "").unwrap();
    assert!(db.insert(&key, vec![0; (1 << 30) + 1]).is_err());
    assert!(db.insert(vec![7; 65_536], "").is_err());
    db.checkpoint().unwrap();
    db.close().unwrap();
    let db = place.builder().build().unwrap();
    db.compact().unwrap();
    assert!(db.get(&key).unwrap().unwrap() == value);
    assert!(db.verify().unwrap().is_ok());
    db.close().unwrap();
    let target = Place::new();
    let report = Emdb::salvage(&place.path, &target.path, Some(raw(KEY))).unwrap();
    assert_eq!(report.records, 2);
    Emdb::disable_encryption(&place.path, raw(KEY)).unwrap();
    Emdb::enable_encryption(&place.path, raw(OTHER_KEY)).unwrap();
    let db = Emdb::builder().path(&place.path).encryption_key(OTHER_KEY).build().unwrap();
    assert!(db.get(&key).unwrap().unwrap() == value);
    assert_eq!(db.get("").unwrap().unwrap(), b"");
}

/// A database that was never written has no key yet.
#[test]
fn an_empty_file_is_given_a_key_or_none() {
    for call in 0..4 {
        let place = Place::of(b"");
        let (current, new) = (raw(KEY), raw(OTHER_KEY));
        let (result, expected) = match call {
            0 => (Emdb::enable_encryption(&place.path, new), Some(OTHER_KEY)),
            1 => (Emdb::rotate_encryption_key(&place.path, current, new), Some(OTHER_KEY)),
            2 => (Emdb::change_passphrase(&place.path, current, new), Some(OTHER_KEY)),
            _ => (Emdb::disable_encryption(&place.path, current), None),
        };
        let builder = Emdb::builder().path(&place.path);
        let builder = match expected {
            Some(key) => builder.encryption_key(key),
            None => builder,
        };
        assert!(result.is_ok() && builder.build().is_ok(), "{call}: {result:?}");
    }
}

/// Leftovers that could not be tidied away after a change of the key must not take what is kept
/// aside later.
#[test]
fn what_a_later_life_keeps_aside_is_not_tidied_away() {
    let place = Place::new();
    let db = Emdb::open(&place.path).unwrap();
    db.insert("a", "b").unwrap();
    db.close().unwrap();
    // Can't be unlinked.
    fs::create_dir(place.beside(".backup.tmp")).unwrap();
    let _ = Emdb::enable_encryption(&place.path, raw(KEY));
    let db = place.open();
    for n in 0..20u32 {
        db.insert(n.to_le_bytes(), vec![1; 100]).unwrap();
    }
    let killed = place.copy();
    fs::create_dir(killed.beside(".backup.tmp")).unwrap();
    let mut bytes = killed.bytes();
    let end = bytes.iter().rposition(|b| *b != 0).unwrap();
    bytes[end - 1000] ^= 1;
    fs::write(&killed.path, bytes).unwrap();
    let opened = killed.builder().build();
    let db = opened.unwrap();
    let report = db.recovery().unwrap().clone();
    assert!(report.commits_dropped > 0, "{report:?}");
    assert!(report.torn_file.unwrap().exists());
}
