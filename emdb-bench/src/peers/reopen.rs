//! Opening a database again, in a process that has nothing of it yet.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use super::check::ensure;
use super::child::{READY, tell};
use super::engine::{Engine, Outcome, Reader};
use super::figure::Figure;
use super::resources::Memory;
use crate::workload::{Random, Record, SEED, Workload, record};

/// How many unsynced writes a killed process made last.
const UNSYNCED: usize = 1_000;

/// Opens what was closed, and reads one record.
pub fn clean<E: Engine>(folder: &Path) -> Outcome<()> {
    let memory = Memory::begin()?;
    let engine = open_and_get::<E>(folder, Figure::Reopen)?;
    tell(Figure::ReopenAnonymous, memory.anonymous()?);
    engine.close()
}

/// Loads, writes some records without a sync, and waits for the SIGKILL.
pub fn load_and_wait<E: Engine>(records: usize, folder: &Path) -> Outcome<()> {
    let engine = E::open(folder)?;
    engine.load(&Workload::new(records).records)?;
    engine.write_unsynced(&unsynced())?;
    println!("{READY}");
    // Ends only if the parent ends first.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Err("not killed".into())
}

/// Opens what the killed process left, reads one record, and counts the unsynced ones.
pub fn after_kill<E: Engine>(folder: &Path) -> Outcome<()> {
    let memory = Memory::begin()?;
    let engine = open_and_get::<E>(folder, Figure::Killed)?;
    tell(Figure::KilledAnonymous, memory.anonymous()?);
    let reader = engine.reader()?;
    let mut kept = 0;
    for (key, value) in unsynced() {
        if let Some(found) = reader.get(&key)? {
            ensure(found == value, "a wrong value after the kill")?;
            kept += 1;
        }
    }
    tell(Figure::Kept, f64::from(kept));
    drop(reader);
    engine.close()
}

fn open_and_get<E: Engine>(folder: &Path, figure: Figure) -> Outcome<E> {
    let (key, value) = record(&mut Random(SEED));
    let began = Instant::now();
    let engine = E::open(folder)?;
    let found = engine.reader()?.get(&key)?;
    let taken = began.elapsed();
    ensure(found.as_deref() == Some(&value[..]), "a wrong value after the reopen")?;
    tell(figure, taken.as_secs_f64() * 1e3);
    Ok(engine)
}

/// Records that are in no other phase.
fn unsynced() -> Vec<Record> {
    let mut random = Random(SEED + 1);
    (0..UNSYNCED).map(|_| record(&mut random)).collect()
}
