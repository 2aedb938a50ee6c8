//! Nonces, and answers that are known: those of docs/format.md.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::api::db::Emdb;
use crate::crypto::EncryptionInput;
use crate::crypto::keys::Master;
use crate::crypto::{Cipher, Framing, KdfParams, Sealing, Secret, SessionWriter, Unlocked, Vault};
use crate::format::place::Place;
use crate::format::prepared::Prepared;
use crate::format::record::{Record, Verb};
use crate::os::sync::lock;

/// Bytes that stand for a key, and a nonce.
type Pair = ([u8; 16], [u8; 12]);

/// Every pair that any test of this crate has sealed with.
static SEALED: Mutex<Option<HashSet<Pair>>> = Mutex::new(None);

/// Takes in a pair, which must not have been there.
pub(crate) fn note_nonce(key: [u8; 16], nonce: [u8; 12]) {
    let is_new = lock(&SEALED).get_or_insert_default().insert((key, nonce));
    assert!(is_new, "a nonce came twice under one key");
}

fn open(path: &Path) -> Emdb {
    Emdb::builder().path(path).encryption_key([7; 32]).build().unwrap()
}

/// Copies the files of a database as they are, while it is open: what a kill would leave, or a
/// snapshot of the file system.
fn keep(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[test]
fn a_million_records_are_sealed_with_different_nonces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let (kept, copy) = (folder.path().join("kept"), folder.path().join("copy"));
    let mut written = 0;
    let mut db = open(&path);
    for round in 0..20_u32 {
        let records = (0..50_000_u32).map(|n| ((n % 9000).to_le_bytes(), [round as u8; 8]));
        for chunk in records.collect::<Vec<_>>().chunks(1000) {
            db.insert_many(chunk.iter().copied()).unwrap();
        }
        written += 50_000;
        match round % 5 {
            // Positions come again, with other records, as after a crash that tore the end off.
            0 => {
                db.flush().unwrap();
                keep(&path, &kept);
                db.insert_many((0..500_u32).map(|n| (n.to_le_bytes(), b"lost"))).unwrap();
                db.close().unwrap();
                let torn = std::fs::read(&kept).unwrap();
                std::fs::write(&path, torn).unwrap();
                let _ = std::fs::remove_file(folder.path().join("db.meta"));
                db = open(&path);
            }
            1 => db.compact().unwrap(),
            2 => {
                let _ = std::fs::remove_file(&copy);
                db.backup_to(&copy).unwrap();
                let other = open(&copy);
                other.insert_many((0..500_u32).map(|n| (n.to_le_bytes(), b"copy"))).unwrap();
                other.close().unwrap();
            }
            3 => {
                db.close().unwrap();
                db = open(&path);
            }
            _ => db.checkpoint().unwrap(),
        }
        assert_eq!(db.get(8_u32.to_le_bytes()).unwrap().unwrap(), [round as u8; 8]);
    }
    assert!(written >= 1_000_000);
    let sealed = lock(&SEALED).as_ref().map_or(0, HashSet::len);
    assert!(sealed >= written, "{sealed} seals were recorded for {written} records");
}

#[test]
fn a_session_ends_before_its_key_wears_out() {
    // In tests that is early.
    let db = Emdb::builder().encryption_key([7; 32]).build().unwrap();
    let sessions = || {
        let handle = db.engine().generation(&crossbeam_epoch::pin()).clone();
        handle.generation.journal.vault.as_ref().unwrap().salts(u64::MAX).len()
    };
    for n in 0..12_000_u32 {
        db.insert(n.to_le_bytes(), b"value").unwrap();
    }
    assert_eq!(sessions(), 3);
    // One commit stays in one session.
    db.insert_many((0..4900_u32).map(|n| (n.to_le_bytes(), b"other"))).unwrap();
    assert_eq!(sessions(), 4);
    assert!((0..12_000_u32).all(|n| db.get(n.to_le_bytes()).unwrap().is_some()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn master(cipher: Cipher) -> Arc<Master> {
    let key = (0..32).collect();
    Arc::new(Master::new(cipher, super::primitive::hide(key)))
}

fn sealing(input: EncryptionInput, cipher: Cipher) -> Sealing {
    Sealing { secret: Secret::new(input), cipher, params: KdfParams::new(7168, 5, 1) }
}

/// The lines of docs/format.md that begin so.
fn documented(what: &str) -> String {
    let page = include_str!("../../../docs/format.md");
    let line = page.lines().find(|line| line.starts_with(what));
    line.unwrap_or_default().trim_start_matches(what).trim().to_owned()
}

#[test]
fn a_wrapped_key_is_the_documented_one() {
    let passphrase = || EncryptionInput::Passphrase("correct horse".to_owned());
    let raw = || EncryptionInput::RawKey([0x11; 32]);
    for (what, input, cipher) in [
        ("raw key, AES-256-GCM:", raw as fn() -> EncryptionInput, Cipher::Aes256Gcm),
        ("raw key, ChaCha20-Poly1305:", raw, Cipher::ChaCha20Poly1305),
        ("passphrase, AES-256-GCM:", passphrase, Cipher::Aes256Gcm),
    ] {
        let (master, salt) = (master(cipher), [0x22; 16]);
        let envelope = sealing(input(), cipher).wrap_with(&master, salt).unwrap();
        assert_eq!(hex(&envelope.encode()), documented(what), "{what}");
        let unlocked = Unlocked::open(&Secret::new(input()), &envelope).unwrap();
        assert_eq!(unlocked.master.key(), master.key());
    }
}

#[test]
fn a_sealed_record_is_the_documented_one() {
    for (what, cipher) in [
        ("record, AES-256-GCM:", Cipher::Aes256Gcm),
        ("record, ChaCha20-Poly1305:", Cipher::ChaCha20Poly1305),
    ] {
        let raw = EncryptionInput::RawKey([0x33; 32]);
        let salt = [0x44; 16];
        let envelope = sealing(raw, cipher).wrap_with(&master(cipher), salt).unwrap();
        let unlocked = Unlocked { envelope, master: master(cipher) };
        let vault = Vault::new(&unlocked, [0x55; 16], 1).unwrap();
        let place = Place::new([0x55; 16], 1).sealed();
        let mut writer = SessionWriter::with_salt(&vault, [0x66; 16]).unwrap();
        let mut out = vec![0; 300];
        let begin = writer.begin(&vault, place, 8192, &mut out);
        let fingerprint = vault.keys.fingerprint(0, b"key");
        let prepared =
            Prepared::sealed(Verb::Put, true, (b"key", b"value"), None, Some(fingerprint));
        let at = 8192 + begin as u64;
        let len =
            writer.write((&vault, place), at, &prepared, Framing::default(), &mut out[begin..]);
        assert_eq!(hex(&out[..begin + len]), documented(what), "{what}");
        assert_eq!(len, prepared.len(0));
        let bytes = out[begin..begin + len].to_vec();
        let decrypted = with_record(at, &bytes, |record| vault.decrypt(record)).unwrap();
        assert_eq!(
            (decrypted.key(), decrypted.value(), decrypted.namespace),
            (&b"key"[..], &b"value"[..], 0)
        );
    }
}

/// Shows the record that lies in `bytes`.
#[allow(unsafe_code)]
fn with_record<R>(position: u64, bytes: &[u8], look: impl FnOnce(&Record<'_>) -> R) -> R {
    // SAFETY: the bytes can be read, and nobody writes to them.
    let record = unsafe { Record::read(position, bytes.as_ptr(), bytes.len()) };
    look(&record.unwrap())
}
