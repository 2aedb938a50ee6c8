//! Compares typed tables with LMDB and index tables that are kept by hand.
//!
//! `cargo run --release -p emdb-bench --features peers -- --typed [--rows N] [--rounds R]`
//!
//! 200,000 rows of seven fields and some 200 bytes: a `u64` key, a unique email, an index on the
//! age, three tags. Each round makes new files for both and runs all phases on the one and then on
//! the other; the table gives medians. All that is read is compared with what was written.

mod lmdb;
mod ours;

use std::path::Path;
use std::time::Instant;

use crate::row::Row;
use crate::workload::{Random, SEED};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const DURABLE: usize = 300;
const READS: usize = 200_000;
const RANGES: usize = 5_000;
const RANGE: usize = 100;

/// A table of [`Row`]s.
trait Engine: Sized {
    fn open(folder: &Path) -> Outcome<Self>;
    /// All in bulk, durable at the end.
    fn insert_many(&self, rows: &[Row]) -> Outcome<()>;
    fn insert_durable(&self, row: &Row) -> Outcome<()>;
    fn get(&self, id: u64) -> Outcome<Option<Row>>;
    /// The length of the name, without copying it.
    fn get_borrowed(&self, id: u64) -> Outcome<Option<usize>>;
    fn by_email(&self, email: &str) -> Outcome<Option<Row>>;
    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>>;
    fn range_borrowed(&self, from: u64, limit: usize) -> Outcome<usize>;
    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>>;
    fn update_durable(&self, id: u64, change: impl Fn(&mut Row)) -> Outcome<()>;
    /// In one transaction, durable at the end.
    fn update_all(&self, ids: &[u64], change: impl Fn(&mut Row)) -> Outcome<()>;
    fn remove_all(&self, ids: &[u64]) -> Outcome<()>;
}

/// A phase, in what it counts, and its nanoseconds for each.
type Figures = Vec<(&'static str, f64)>;

/// Runs what the arguments ask for.
pub fn run(args: &[String]) -> Outcome<()> {
    let (mut rows, mut rounds) = (200_000, 3);
    let mut args = args.iter().map(String::as_str).filter(|arg| *arg != "--typed");
    while let Some(arg) = args.next() {
        let number = args.next().and_then(|n| n.parse::<usize>().ok()).filter(|n| *n > 0);
        match (arg, number) {
            ("--rows", Some(n)) if n >= 10_000 => rows = n,
            ("--rounds", Some(n)) => rounds = n,
            _ => {
                return Err("usage: emdb-bench --typed [--rows N (from 10000)] [--rounds R]".into());
            }
        }
    }
    let rows: Vec<Row> = (0..rows as u64).map(Row::new).collect();
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(round::<ours::Ours>(&rows)?);
        peers.push(round::<lmdb::Lmdb>(&rows)?);
    }
    println!("{:<42} {:>12} {:>12} {:>8}", "", "emdb", "LMDB", "ratio");
    for (at, (name, _)) in ours[0].iter().enumerate() {
        let (ours, peer) = (median(&ours, at), median(&peers, at));
        println!("{name:<42} {ours:>12.0} {peer:>12.0} {:>7.2}x", peer / ours);
    }
    Ok(())
}

fn median(rounds: &[Figures], at: usize) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(|figures| figures[at].1).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn round<E: Engine>(rows: &[Row]) -> Outcome<Figures> {
    let folder = std::env::temp_dir().join(format!("emdb-typed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let figures = phases::<E>(&folder, rows);
    std::fs::remove_dir_all(&folder)?;
    figures
}

fn phases<E: Engine>(folder: &Path, rows: &[Row]) -> Outcome<Figures> {
    let mut figures = Figures::new();
    let mut time = |name, count: usize, work: &mut dyn FnMut() -> Outcome<()>| -> Outcome<()> {
        let began = Instant::now();
        work()?;
        figures.push((name, began.elapsed().as_nanos() as f64 / count as f64));
        Ok(())
    };
    let mut random = Random(SEED);
    let mut some = |n: usize| -> Vec<usize> {
        (0..n).map(|_| (random.next() % rows.len() as u64) as usize).collect()
    };
    let (reads, starts, durable) = (some(READS), some(RANGES), some(DURABLE));
    let mut changed: Vec<u64> = some(rows.len() / 2).iter().map(|at| rows[*at].id).collect();
    changed.sort_unstable();
    changed.dedup();
    for at in (1..changed.len()).rev() {
        changed.swap(at, (random.next() % (at as u64 + 1)) as usize);
    }
    let table = E::open(folder)?;
    time("bulk insert, ns a row", rows.len(), &mut || table.insert_many(rows))?;
    let extra: Vec<Row> = (0..DURABLE as u64).map(|n| Row::new(rows.len() as u64 + n)).collect();
    time("single insert, durable, ns", DURABLE, &mut || {
        extra.iter().try_for_each(|row| table.insert_durable(row))
    })?;
    time("get by id, owned, ns", READS, &mut || {
        reads.iter().try_for_each(|at| check(table.get(rows[*at].id)?.as_ref() == Some(&rows[*at])))
    })?;
    time("get by id, borrowed, ns", READS, &mut || {
        reads.iter().try_for_each(|at| {
            check(table.get_borrowed(rows[*at].id)? == Some(rows[*at].name.len()))
        })
    })?;
    time("get by unique email, ns", READS, &mut || {
        reads.iter().try_for_each(|at| {
            check(table.by_email(&rows[*at].email)?.is_some_and(|row| row.id == rows[*at].id))
        })
    })?;
    time("range of 100 by id, ns a range", RANGES, &mut || {
        starts.iter().try_for_each(|at| check(!table.range(rows[*at].id, RANGE)?.is_empty()))
    })?;
    time("range of 100 by id, borrowed, ns a range", RANGES, &mut || {
        starts.iter().try_for_each(|at| check(table.range_borrowed(rows[*at].id, RANGE)? > 0))
    })?;
    time("first 100 by age, ns a range", RANGES, &mut || {
        starts.iter().try_for_each(|at| check(table.by_age(rows[*at].age, RANGE)?.len() == RANGE))
    })?;
    time("update a field, durable, ns", DURABLE, &mut || {
        durable.iter().try_for_each(|at| table.update_durable(rows[*at].id, |row| row.score += 1.0))
    })?;
    time("update a field, one transaction, ns", changed.len(), &mut || {
        table.update_all(&changed, |row| row.score += 1.0)
    })?;
    time("update the index, one transaction, ns", changed.len(), &mut || {
        table.update_all(&changed, |row| row.age = (row.age + 7) % 100)
    })?;
    let size = disk(folder)? as f64;
    time("delete, one transaction, ns", changed.len(), &mut || table.remove_all(&changed))?;
    check(table.get(changed[0])?.is_none())?;
    figures.push(("disk before the deletes, KiB", size / 1024.0));
    Ok(figures)
}

fn check(holds: bool) -> Outcome<()> {
    if holds { Ok(()) } else { Err("what was read is not what was written".into()) }
}

fn disk(folder: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.blocks() * 512;
    }
    Ok(bytes)
}
