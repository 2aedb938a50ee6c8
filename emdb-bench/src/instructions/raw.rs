//! Keys and values of bytes: 24 and 150 of them, in random order.

use std::path::Path;

use emdb::{Emdb, FlushPolicy};

use super::{HotPath, Outcome, check, measured_work};
use crate::workload::{MANY, Random, Record, SEED, record};

pub(super) const PATHS: &[HotPath] = &[
    HotPath { name: "bulk_load", operations: N, rounds: GROWS, run: bulk_load },
    HotPath { name: "bulk_load_ordered", operations: N, rounds: GROWS, run: bulk_load_ordered },
    HotPath { name: "bulk_load_memory", operations: N, rounds: GROWS, run: bulk_load_memory },
    HotPath { name: "insert", operations: N / 2, rounds: GROWS, run: insert },
    HotPath { name: "insert_ordered", operations: N / 2, rounds: GROWS, run: insert_ordered },
    HotPath { name: "insert_memory", operations: N / 2, rounds: GROWS, run: insert_memory },
    HotPath { name: "replace", operations: N / 2, rounds: 5, run: replace },
    HotPath {
        name: "transaction_of_100",
        operations: N / 2,
        rounds: GROWS,
        run: transaction_of_100,
    },
    HotPath { name: "remove", operations: N / 2, rounds: 5, run: remove },
    HotPath { name: "get", operations: N, rounds: 1, run: get },
    HotPath { name: "get_zerocopy", operations: N, rounds: 1, run: get_zerocopy },
    HotPath { name: "get_zerocopy_memory", operations: N, rounds: 1, run: get_zerocopy_memory },
    HotPath { name: "get_snapshot", operations: N, rounds: 1, run: get_snapshot },
    HotPath { name: "get_many", operations: N, rounds: 1, run: get_many },
    HotPath { name: "get_many_with", operations: N, rounds: 1, run: get_many_with },
    HotPath { name: "contains_key", operations: N, rounds: 1, run: contains_key },
    HotPath { name: "missing_key", operations: N, rounds: 1, run: missing_key },
    HotPath { name: "scan", operations: N, rounds: 5, run: scan },
    HotPath { name: "scan_borrowed", operations: N, rounds: 1, run: scan_borrowed },
    HotPath { name: "ordered_scan", operations: N, rounds: 5, run: ordered_scan },
    HotPath { name: "ordered_scan_borrowed", operations: N, rounds: 1, run: ordered_scan_borrowed },
    HotPath { name: "range_of_ten", operations: N / 10, rounds: 1, run: range_of_ten },
];

/// Between two sizes at which segments of the index split, some earlier and some later by chance.
const N: usize = 75_000;

/// How often to count where the index grows, which costs by the seed of the hashes.
const GROWS: usize = 11;

/// Where the database is, and how it keeps its keys.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Ordered,
    Memory,
}

fn open(folder: &Path, kind: Kind) -> Outcome<Emdb> {
    let builder = Emdb::builder().flush_policy(FlushPolicy::OnEachFlush);
    let builder = if kind == Kind::Memory { builder } else { builder.path(folder.join("raw")) };
    Ok(builder.enable_range_scans(kind == Kind::Ordered).build()?)
}

fn records(n: usize) -> Vec<Record> {
    let mut random = Random(SEED);
    (0..n).map(|_| record(&mut random)).collect()
}

fn load(db: &Emdb, records: &[Record]) -> Outcome<()> {
    Ok(db.insert_many(records.iter().map(|(key, value)| (key, value)))?)
}

/// A database of `n` records, and they in another order than they were written in.
fn loaded(folder: &Path, kind: Kind, n: usize) -> Outcome<(Emdb, Vec<Record>)> {
    let mut db = open(folder, kind)?;
    let mut records = records(n);
    load(&db, &records)?;
    let mut random = Random(SEED + 1);
    for i in (1..records.len()).rev() {
        records.swap(i, (random.next() % (i as u64 + 1)) as usize);
    }
    if kind == Kind::Ordered {
        // Of a closed database the order is whole: no thread goes on with it at its own pace.
        db.close()?;
        db = open(folder, kind)?;
        // The first reader has it made.
        check(db.range_iter(..)?.count() == n)?;
    }
    Ok((db, records))
}

fn load_into(folder: &Path, kind: Kind, n: usize) -> Outcome<()> {
    let (db, records) = (open(folder, kind)?, records(n));
    measured_work(|| load(&db, &records))?;
    check(db.len()? == n)
}

fn bulk_load(folder: &Path, n: usize) -> Outcome<()> {
    load_into(folder, Kind::File, n)
}

fn bulk_load_ordered(folder: &Path, n: usize) -> Outcome<()> {
    load_into(folder, Kind::Ordered, n)
}

fn bulk_load_memory(folder: &Path, n: usize) -> Outcome<()> {
    load_into(folder, Kind::Memory, n)
}

/// Single inserts into a database that has as many records.
fn insert_into(folder: &Path, kind: Kind, n: usize) -> Outcome<()> {
    let (db, records) = (open(folder, kind)?, records(2 * n));
    load(&db, &records[..n])?;
    if kind == Kind::Ordered {
        check(db.range_iter(..)?.count() == n)?;
    }
    measured_work(|| records[n..].iter().try_for_each(|(key, value)| db.insert(key, value)))?;
    check(db.len()? == 2 * n)
}

fn insert(folder: &Path, n: usize) -> Outcome<()> {
    insert_into(folder, Kind::File, n)
}

fn insert_ordered(folder: &Path, n: usize) -> Outcome<()> {
    insert_into(folder, Kind::Ordered, n)
}

fn insert_memory(folder: &Path, n: usize) -> Outcome<()> {
    insert_into(folder, Kind::Memory, n)
}

fn replace(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    measured_work(|| records.iter().try_for_each(|(key, value)| db.insert(key, value)))?;
    check(db.len()? == n)
}

fn transaction_of_100(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = (open(folder, Kind::File)?, records(n));
    measured_work(|| {
        records.chunks(100).try_for_each(|part| {
            db.transaction(|tx| part.iter().try_for_each(|(key, value)| tx.insert(key, value)))
        })
    })?;
    check(db.len()? == n)
}

fn remove(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    let removed = measured_work(|| -> Outcome<usize> {
        let mut bytes = 0;
        for (key, _) in &records {
            bytes += db.remove(key)?.map_or(0, |value| value.len());
        }
        Ok(bytes)
    })?;
    check(removed == bytes_of(&records))
}

/// The values' bytes.
fn bytes_of(records: &[Record]) -> usize {
    records.iter().map(|(_, value)| value.len()).sum()
}

/// Looks all keys up with `look`, which gives the value's length.
fn look_up(
    folder: &Path,
    kind: Kind,
    n: usize,
    look: impl Fn(&Emdb, &[u8]) -> emdb::Result<Option<usize>>,
) -> Outcome<()> {
    let (db, records) = loaded(folder, kind, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut bytes = 0;
        for (key, _) in &records {
            bytes += look(&db, key)?.unwrap_or(0);
        }
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn get(folder: &Path, n: usize) -> Outcome<()> {
    look_up(folder, Kind::File, n, |db, key| Ok(db.get(key)?.map(|value| value.len())))
}

fn get_zerocopy(folder: &Path, n: usize) -> Outcome<()> {
    look_up(folder, Kind::File, n, |db, key| Ok(db.get_zerocopy(key)?.map(|value| value.len())))
}

fn get_zerocopy_memory(folder: &Path, n: usize) -> Outcome<()> {
    look_up(folder, Kind::Memory, n, |db, key| Ok(db.get_zerocopy(key)?.map(|value| value.len())))
}

fn get_snapshot(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    let snapshot = db.snapshot();
    let read = measured_work(|| -> Outcome<usize> {
        let mut bytes = 0;
        for (key, _) in &records {
            bytes += snapshot.get(key)?.map_or(0, |value| value.len());
        }
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn get_many(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut bytes = 0;
        for part in records.chunks(MANY) {
            let values = db.get_many(part.iter().map(|(key, _)| key))?;
            bytes += values.iter().flatten().map(Vec::len).sum::<usize>();
        }
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn get_many_with(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut bytes = 0;
        for part in records.chunks(MANY) {
            db.get_many_with(part.iter().map(|(key, _)| key), |_, value| {
                bytes += value.map_or(0, <[u8]>::len);
            })?;
        }
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn contains_key(folder: &Path, n: usize) -> Outcome<()> {
    let value = bytes_of(&records(1));
    look_up(folder, Kind::File, n, |db, key| Ok(db.contains_key(key)?.then_some(value)))
}

fn missing_key(folder: &Path, n: usize) -> Outcome<()> {
    let (db, _) = loaded(folder, Kind::File, n)?;
    let mut random = Random(SEED + 2);
    let missing: Vec<_> = (0..n).map(|_| record(&mut random).0).collect();
    let found = measured_work(|| -> Outcome<usize> {
        let mut found = 0;
        for key in &missing {
            found += usize::from(db.get_zerocopy(key)?.is_some());
        }
        Ok(found)
    })?;
    check(found == 0)
}

fn scan(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut iter = db.iter()?;
        let bytes = iter.by_ref().map(|(_, value)| value.len()).sum();
        iter.status()?;
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn scan_borrowed(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::File, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let (mut iter, mut bytes) = (db.iter()?, 0);
        while let Some((_, value)) = iter.next_entry() {
            bytes += value.len();
        }
        iter.status()?;
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn ordered_scan(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::Ordered, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut iter = db.range_iter(..)?;
        let bytes = iter.by_ref().map(|(_, value)| value.len()).sum();
        iter.status()?;
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn ordered_scan_borrowed(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::Ordered, n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let (mut iter, mut bytes) = (db.range_iter(..)?, 0);
        while let Some((_, value)) = iter.next_entry() {
            bytes += value.len();
        }
        iter.status()?;
        Ok(bytes)
    })?;
    check(read == bytes_of(&records))
}

fn range_of_ten(folder: &Path, n: usize) -> Outcome<()> {
    let (db, records) = loaded(folder, Kind::Ordered, 10 * n)?;
    let read = measured_work(|| -> Outcome<usize> {
        let mut read = 0;
        for (key, _) in &records[..n] {
            read += db.range_iter(key..)?.take(10).count();
        }
        Ok(read)
    })?;
    // The last keys have fewer after them.
    check(read <= 10 * n && read > 9 * n)
}
