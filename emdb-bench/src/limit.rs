//! The least work that could do the job, written by hand: an open-addressing table of 8-byte
//! slots over a flat log in memory, `memcpy` into a mapped file that is there already, and one
//! `fdatasync`. It has no checksums, no recovery, no concurrency and no deletion.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::path::Path;

use memmap2::MmapMut;

use crate::workload::{BATCH, DURABLE_A_THREAD, KEY, Record, THREADS, VALUE, Workload, time};

/// The length of a record.
const RECORD: usize = KEY + VALUE;

struct Table {
    slots: Vec<u64>,
    mask: usize,
}

fn hash(key: &[u8]) -> u64 {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&key[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let mixed = (word(0) ^ word(8).rotate_left(21) ^ word(16).rotate_left(42))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}

impl Table {
    fn new(keys: usize) -> Table {
        let len = (keys * 3 / 2).next_power_of_two();
        Table { slots: vec![0; len], mask: len - 1 }
    }

    fn insert(&mut self, key: &[u8], position: usize) {
        let hash = hash(key);
        let mut at = hash as usize & self.mask;
        while self.slots[at] != 0 {
            at = (at + 1) & self.mask;
        }
        self.slots[at] = hash >> 44 << 44 | (position as u64 + 1);
    }

    fn get<'a>(&self, log: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
        let hash = hash(key);
        let mut at = hash as usize & self.mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if (slot ^ hash) >> 44 == 0 {
                let position = (slot & ((1 << 44) - 1)) as usize - 1;
                if log[position..position + KEY] == *key {
                    return Some(&log[position + KEY..position + RECORD]);
                }
            }
            at = (at + 1) & self.mask;
        }
    }
}

/// A file of zeros that are on the disk, mapped.
fn prepared(path: &Path, len: usize) -> std::io::Result<(File, MmapMut)> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    // In pages: in larger pieces each sync writes a large folio for one record.
    let zeros = [0; 4096];
    for _ in 0..len.div_ceil(zeros.len()) {
        std::io::Write::write_all(&mut &file, &zeros)?;
    }
    file.sync_all()?;
    // SAFETY: nobody else has the file.
    let map = unsafe { MmapMut::map_mut(&file)? };
    Ok((file, map))
}

fn put(out: &mut [u8], key: &[u8; KEY], value: &[u8; VALUE]) {
    out[..KEY].copy_from_slice(key);
    out[KEY..RECORD].copy_from_slice(value);
}

pub fn measure(workload: &Workload, folder: &Path) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let records = &workload.records;
    let (file, mut map) = prepared(&folder.join("limit-load"), records.len() * RECORD)?;
    let mut table = Table::new(records.len());
    let mut figures = vec![load(records, &file, &mut map, &mut table)?];
    figures.extend(writes(workload, folder)?);
    figures.extend(reads(workload, &map, &table)?);
    Ok(figures)
}

/// The load: index, copy, one sync, into a file that is there already.
fn load(
    records: &[Record],
    file: &File,
    map: &mut MmapMut,
    table: &mut Table,
) -> std::io::Result<f64> {
    time(records.len(), || {
        for (i, (key, value)) in records.iter().enumerate() {
            put(&mut map[i * RECORD..], key, value);
            table.insert(key, i * RECORD);
        }
        file.sync_data()
    })
}

/// The small writes: durable, in batches, single, and durable of all threads.
fn writes(workload: &Workload, folder: &Path) -> std::io::Result<[f64; 4]> {
    let (file, mut small) = prepared(&folder.join("limit-small"), workload.extra.len() * RECORD)?;
    let mut at = 0;
    let mut append = |(key, value): &Record| {
        put(&mut small[at..], key, value);
        at += RECORD;
    };
    let [durable, batches, single, threads] = workload.parts();
    let durable = time(durable.len(), || {
        durable.iter().try_for_each(|record| {
            append(record);
            file.sync_data()
        })
    })?;
    let batches = time(batches.len(), || {
        batches.chunks(BATCH).try_for_each(|batch| {
            batch.iter().for_each(&mut append);
            file.sync_data()
        })
    })?;
    let single = time::<std::io::Error>(single.len(), || {
        single.iter().for_each(&mut append);
        Ok(())
    })?;
    file.sync_data()?;
    // Perfect sharing: one sync for a write of each thread.
    let threads = time(threads.len(), || {
        (0..DURABLE_A_THREAD).try_for_each(|i| {
            (0..THREADS).for_each(|t| append(&threads[t * DURABLE_A_THREAD + i]));
            file.sync_data()
        })
    })?;
    Ok([durable, batches, single, threads])
}

/// The reads: owned, in place, of keys that are missing, and in place by two threads.
fn reads(workload: &Workload, log: &[u8], table: &Table) -> std::io::Result<[f64; 6]> {
    let Workload { records, order, missing, .. } = workload;
    let owned = time::<std::io::Error>(order.len(), || {
        for &i in order {
            black_box(table.get(log, &records[i as usize].0).map(<[u8]>::to_vec));
        }
        Ok(())
    })?;
    let look = |order: &[u32]| {
        for &i in order {
            black_box(table.get(log, &records[i as usize].0).map(|v| v[0]));
        }
    };
    let in_place = time::<std::io::Error>(order.len(), || {
        look(order);
        Ok(())
    })?;
    let missing = time::<std::io::Error>(missing.len(), || {
        for key in missing {
            black_box(table.get(log, key));
        }
        Ok(())
    })?;
    let two_threads = time::<std::io::Error>(2 * order.len(), || {
        std::thread::scope(|scope| {
            scope.spawn(|| look(order));
            look(order);
        });
        Ok(())
    })?;
    // Nothing is between two reads but the loop: the processor begins the next ones by itself.
    Ok([owned, in_place, owned, in_place, missing, two_threads])
}
