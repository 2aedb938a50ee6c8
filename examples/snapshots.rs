//! Reports over one consistent state while a thread writes. Makes a file in a temporary folder.
#![allow(clippy::print_stdout)]

use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, Result, Snapshot};

const ACCOUNTS: u32 = 100;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let db = Emdb::open(folder.path().join("bank.emdb"))?;
    db.insert_many((0..ACCOUNTS).map(|n| (n.to_be_bytes(), 1000u32.to_be_bytes())))?;

    let done = AtomicBool::new(false);
    std::thread::scope(|threads| -> Result<()> {
        let writer = threads.spawn(|| transfer(&db, &done));
        for number in 1..=3 {
            // Taking one copies nothing and keeps no writer waiting.
            report(number, &db.snapshot())?;
        }
        done.store(true, Ordering::Relaxed);
        writer.join().expect("the writer doesn't panic")
    })?;

    // A snapshot outlives what it was taken of.
    let last = db.snapshot();
    db.clear()?;
    db.close()?;
    report(4, &last)
}

/// The count and the sum are of the same state, whatever is written between.
fn report(number: u32, bank: &Snapshot) -> Result<()> {
    let sum: u32 = bank.iter()?.map(|(_, value)| balance(&value)).sum();
    println!("report {number}: {} accounts, {sum} in all", bank.len()?);
    Ok(())
}

/// Moves money until told to stop.
fn transfer(db: &Emdb, done: &AtomicBool) -> Result<()> {
    for n in (0..ACCOUNTS).cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
        let (from, to) = (n.to_be_bytes(), ((n + 7) % ACCOUNTS).to_be_bytes());
        db.transaction(|tx| -> Result<()> {
            let (poor, rich) = (tx.get(from)?.unwrap_or_default(), tx.get(to)?.unwrap_or_default());
            if let Some(rest) = balance(&poor).checked_sub(10) {
                tx.insert(from, rest.to_be_bytes())?;
                tx.insert(to, (balance(&rich) + 10).to_be_bytes())?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn balance(value: &[u8]) -> u32 {
    value.try_into().map_or(0, u32::from_be_bytes)
}
