//! The care of a long-lived database, now and then: figures, compaction, checkpoints, a look at
//! every byte, and a way out when some of them are damaged.
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;

use emdb::{Emdb, Error, Result};

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sensors.emdb");
    // Compaction by itself: once half of the file is dead, and that is more than 16 MiB.
    let db = Emdb::builder().path(&path).auto_compact(0.5, 16 << 20).build()?;
    for round in 0..20u32 {
        db.insert_many((0..2_000u32).map(|n| (n.to_be_bytes(), [round as u8; 100])))?;
    }
    db.flush()?;
    let stats = db.stats()?;
    println!(
        "{} records; {} of {} KiB are dead",
        stats.live_records,
        stats.dead_bytes >> 10,
        stats.logical_size_bytes >> 10
    );

    // By hand, with readers and writers going on. What takes long tells how far it is, and stops
    // when it is told to.
    let stopped = db.compact_with(|progress| {
        println!("compacting: {} of {} KiB", progress.done >> 10, progress.total >> 10);
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(Error::Cancelled)));
    db.compact()?;
    println!("after compaction: {} KiB", db.stats()?.logical_size_bytes >> 10);

    // The next open begins here, however much there is before.
    db.checkpoint()?;
    let report = db.verify()?;
    assert!(report.is_ok());
    println!("verified {} KiB", report.bytes >> 10);
    db.close()?;

    // Something flips a bit in the midst of the file.
    let mut bytes = std::fs::read(&path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes)?;
    let db = Emdb::open(&path)?;
    let report = db.verify()?;
    for problem in &report.problems {
        println!("found: {problem:?}");
    }
    db.close()?;

    // The damaged file stays as it is; what is intact goes to a new one.
    let rescued = folder.path().join("rescued.emdb");
    let report = Emdb::salvage(&path, &rescued, None)?;
    println!("{} records are intact, {} bytes are lost", report.records, report.bytes_lost);
    println!("the new file has {}", Emdb::open(&rescued)?.len()?);
    Ok(())
}
