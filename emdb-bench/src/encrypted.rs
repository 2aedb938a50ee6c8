//! The cost of encryption: the same work on a plain database and on encrypted ones, beside what the
//! ciphers alone take for the same bytes.

use std::path::Path;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use chacha20poly1305::ChaCha20Poly1305;
use emdb::{Cipher, Emdb, EmdbBuilder, Error};

use crate::workload::{KEY, SINGLE, VALUE, Workload, time};
use crate::{ROUNDS, median};

const PHASES: [&str; 8] = [
    "bulk load, then durable",
    "single write, not synced",
    "random read, owned",
    "random read, in place",
    "contains_key",
    "read of a missing key",
    "full scan, owned",
    "reopen and one read, us",
];

/// Bytes that a record's seal covers, and those that it vouches for beside them.
const TEXT: usize = KEY + VALUE + 6;
const BOUND: usize = 78;

pub fn run(records: usize) -> Result<(), Box<dyn std::error::Error>> {
    let workload = Workload::new(records);
    let ciphers = [None, Some(Cipher::Aes256Gcm), Some(Cipher::ChaCha20Poly1305)];
    let mut figures = vec![vec![Vec::new(); ciphers.len()]; PHASES.len()];
    let mut alone = vec![Vec::new(); 4];
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        for (which, cipher) in ciphers.into_iter().enumerate() {
            let folder = std::env::temp_dir().join(format!("emdb-bench-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            let measured = measure(&workload, &folder.join("emdb"), cipher);
            std::fs::remove_dir_all(&folder)?;
            for (phase, figure) in measured?.into_iter().enumerate() {
                figures[phase][which].push(figure);
            }
        }
        let (aes, chacha) =
            (Aes256Gcm::new(&KEY_BYTES.into()), ChaCha20Poly1305::new(&KEY_BYTES.into()));
        for (which, figure) in
            cipher_alone(&aes)?.into_iter().chain(cipher_alone(&chacha)?).enumerate()
        {
            alone[which].push(figure);
        }
    }
    println!("{records} records, 24-byte keys, 150-byte values");
    println!(
        "{:<28} {:>10} {:>12} {:>20}",
        "ns an operation", "plain", "AES-256-GCM", "ChaCha20-Poly1305"
    );
    for (name, of) in PHASES.iter().zip(&mut figures) {
        let [plain, aes, chacha] = [0, 1, 2].map(|which| median(&mut of[which]));
        println!("{name:<28} {plain:>10.1} {aes:>12.1} {chacha:>20.1}");
    }
    for (name, at) in [("the cipher alone, sealing", 0), ("the cipher alone, opening", 1)] {
        let [aes, chacha] = [at, at + 2].map(|which| median(&mut alone[which]));
        println!("{name:<28} {:>10} {aes:>12.1} {chacha:>20.1}", "");
    }
    Ok(())
}

const KEY_BYTES: [u8; 32] = [7; 32];

fn builder(path: &Path, cipher: Option<Cipher>) -> EmdbBuilder {
    let builder = Emdb::builder().path(path);
    match cipher {
        Some(cipher) => builder.encryption_key(KEY_BYTES).cipher(cipher),
        None => builder,
    }
}

fn measure(
    workload: &Workload,
    path: &Path,
    cipher: Option<Cipher>,
) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let db = builder(path, cipher).build()?;
    let Workload { records, order, missing, .. } = workload;
    let [_, _, single, _] = workload.parts();
    let mut figures = Vec::new();
    figures.push(time(records.len(), || {
        db.insert_many(records.iter().map(|(k, v)| (k, v)))?;
        db.flush()
    })?);
    figures.push(time(SINGLE, || single.iter().try_for_each(|(k, v)| db.insert(k, v)))?);
    db.flush()?;
    figures.push(time(order.len(), || {
        order.iter().try_for_each(|&i| {
            let (key, value) = &records[i as usize];
            check(db.get(key)?.as_deref() == Some(&value[..]))
        })
    })?);
    figures.push(time(order.len(), || {
        order.iter().try_for_each(|&i| {
            let (key, value) = &records[i as usize];
            check(db.get_zerocopy(key)?.is_some_and(|v| v[..8] == value[..8]))
        })
    })?);
    figures.push(time(order.len(), || {
        order.iter().try_for_each(|&i| check(db.contains_key(records[i as usize].0)?))
    })?);
    figures.push(time(missing.len(), || {
        missing.iter().try_for_each(|key| check(db.get_zerocopy(key)?.is_none()))
    })?);
    let all = records.len() + single.len();
    figures.push(time(all, || check(db.iter()?.count() == all))?);
    db.close()?;
    figures.push(time(1000, || {
        let db = builder(path, cipher).build()?;
        check(db.get(records[0].0)?.is_some())
    })?);
    Ok(figures)
}

/// Nanoseconds that sealing and opening a record's bytes take.
fn cipher_alone<C: AeadInOut>(cipher: &C) -> Result<[f64; 2], Box<dyn std::error::Error>> {
    const TIMES: usize = 200_000;
    let (mut text, mut tags) = ([1; TEXT], Vec::with_capacity(TIMES));
    let nonce = |n: usize| {
        let mut nonce = Nonce::<C>::default();
        nonce[..8].copy_from_slice(&(n as u64).to_le_bytes());
        nonce
    };
    let failed = |_| Error::EncryptionError("the cipher alone failed".to_owned());
    let seal = time(TIMES, || {
        (0..TIMES).try_for_each(|n| {
            text = [1; TEXT];
            let sealed =
                cipher.encrypt_inout_detached(&nonce(n), &[3; BOUND], (&mut text[..]).into());
            tags.push((sealed.map_err(failed)?, text));
            Ok::<_, Error>(())
        })
    })?;
    let open = time(TIMES, || {
        tags.iter_mut().enumerate().try_for_each(|(n, (tag, text))| {
            let text = (&mut text[..]).into();
            cipher.decrypt_inout_detached(&nonce(n), &[3; BOUND], text, tag).map_err(failed)
        })
    })?;
    Ok([seal, open])
}

fn check(right: bool) -> Result<(), Error> {
    if right { Ok(()) } else { Err(Error::KeyNotFound) }
}
