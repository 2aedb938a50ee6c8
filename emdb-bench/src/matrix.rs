//! How the engine's costs grow: with threads, with the length of values, with the number of records.
//!
//! `cargo run --release -p emdb-bench -- --matrix [--long | --smoke] [--out FILE]`
//!
//! `--long` goes up to 20 M records, which takes a quarter of an hour and 15 GiB of disk. The tables go
//! to `docs/benchmarks/matrix.md`, which `docs/benchmarks.md` takes over; each gives the growth from its
//! first column, and the last one beside the growth of the logarithm.

use std::fmt::Write as _;
use std::path::PathBuf;

use emdb::{Emdb, Error, FlushPolicy};

use crate::workload::{KEY, Random, SEED, VALUE, time};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const THREADS: [usize; 3] = [1, 2, 4];
const VALUES: [usize; 6] = [16, 150, 1 << 10, 16 << 10, 256 << 10, 1 << 20];
/// How many bytes of values of each length are written, at most.
const BYTES: usize = 256 << 20;
const DURABLE: usize = 400;

struct Options {
    records: Vec<usize>,
    out: PathBuf,
}

/// A row of a table: its name, and a figure a column.
type Row = (&'static str, Vec<f64>);

/// Runs what the arguments ask for.
pub fn run(args: &[String]) -> Outcome<()> {
    let options = parse(args)?;
    let least = options.records[0];
    let mut text = String::from("## How costs grow\n\n");
    text += "Ours alone, with its keys in order too; written by `just matrix`. Nanoseconds an \
             operation, of all threads together, unless the line says something else.\n";
    text += &table(&format!("Threads, {least} records"), &THREADS, &by_threads(least)?);
    let bytes = BYTES.min(least * VALUE);
    text += &table("Bytes of a value", &VALUES, &by_column(&VALUES, |n| values(n, bytes))?);
    let logarithms = options.records.iter().map(|n| (*n as f64).log2()).collect();
    let mut rows = by_column(&options.records, records)?;
    rows.push(("the logarithm", logarithms));
    text += &table("Records", &options.records, &rows);
    print!("{text}");
    options.out.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    Ok(std::fs::write(&options.out, text)?)
}

fn parse(args: &[String]) -> Outcome<Options> {
    let out = PathBuf::from("docs/benchmarks/matrix.md");
    let mut options = Options { records: vec![1_000_000, 5_000_000], out };
    let mut args = args.iter().filter(|arg| *arg != "--matrix");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--long" => options.records.push(20_000_000),
            "--smoke" => options.records = vec![20_000, 50_000],
            "--out" => options.out = args.next().ok_or("--out needs a file")?.into(),
            _ => return Err("usage: emdb-bench --matrix [--long | --smoke] [--out FILE]".into()),
        }
    }
    Ok(options)
}

/// The rows of which each column is measured by itself.
fn by_column(
    columns: &[usize],
    measure: impl Fn(usize) -> Outcome<Vec<(&'static str, f64)>>,
) -> Outcome<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for &column in columns {
        eprintln!("{column}");
        for (name, value) in measure(column)? {
            match rows.iter_mut().find(|(row, _)| *row == name) {
                Some((_, values)) => values.push(value),
                None => rows.push((name, vec![value])),
            }
        }
    }
    Ok(rows)
}

fn table(title: &str, columns: &[usize], rows: &[Row]) -> String {
    let mut text = format!("\n### {title}\n\n| ");
    columns.iter().for_each(|column| text += &format!("| {column} "));
    columns[1..].iter().for_each(|column| text += &format!("| {column}, growth "));
    text += &format!("|\n|{}\n", " --- |".repeat(2 * columns.len()));
    for (name, values) in rows {
        let _ = write!(text, "| {name} |");
        values.iter().for_each(|value| text += &format!(" {value:.1} |"));
        values[1..].iter().for_each(|value| text += &format!(" {:.2} |", value / values[0]));
        text.push('\n');
    }
    text
}

/// A folder that goes when this does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Folder> {
        let path = std::env::temp_dir().join(format!("emdb-matrix-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(folder: &Folder) -> Outcome<Emdb> {
    let builder = Emdb::builder().path(folder.0.join("emdb")).enable_range_scans(true);
    Ok(builder.flush_policy(FlushPolicy::Group).build()?)
}

/// The key of this number: computed, as 20 M of them would not leave much memory.
fn key(number: usize) -> [u8; KEY] {
    let mut random = Random(number as u64);
    let mut key = [0; KEY];
    key.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_le_bytes()));
    key
}

fn load(db: &Emdb, records: std::ops::Range<usize>, value: &[u8]) -> Result<(), Error> {
    db.insert_many(records.map(|number| (key(number), value)))?;
    db.flush()
}

/// Looks up `count` keys of `of` records, at random.
fn look_up(db: &Emdb, seed: u64, count: usize, of: usize) -> Result<(), Error> {
    let mut random = Random(seed);
    (0..count).try_for_each(|_| {
        let number = (random.next() % of as u64) as usize;
        let found = db.get_zerocopy(key(number))?;
        found.filter(|value| !value.is_empty()).map(drop).ok_or(Error::KeyNotFound)
    })
}

/// `work` in so many threads at once, each with its number; nanoseconds for each of `operations`.
fn in_threads(
    threads: usize,
    operations: usize,
    work: impl Fn(usize) -> Result<(), Error> + Sync,
) -> Outcome<f64> {
    Ok(time(operations, || {
        std::thread::scope(|scope| {
            let work = &work;
            let all: Vec<_> = (0..threads).map(|t| scope.spawn(move || work(t))).collect();
            all.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(Error::Poisoned)))
        })
    })?)
}

fn by_threads(records: usize) -> Outcome<Vec<Row>> {
    by_column(&THREADS, |threads| {
        let folder = Folder::new()?;
        let db = open(&folder)?;
        load(&db, 0..records, &[1; VALUE])?;
        let (reads, writes) = (records / threads, records / 10 / threads);
        let first = |t: usize, count: usize| records + t * count;
        let read = in_threads(threads, reads * threads, |t| {
            look_up(&db, SEED + t as u64, reads, records)
        })?;
        let write = in_threads(threads, writes * threads, |t| {
            let first = first(t, writes);
            (first..first + writes).try_for_each(|number| db.insert(key(number), [1; VALUE]))
        })?;
        let each = DURABLE / threads;
        let durable = in_threads(threads, each * threads, |t| {
            let first = 2 * records + t * each;
            (first..first + each).try_for_each(|number| {
                db.insert(key(number), [1; VALUE])?;
                db.flush()
            })
        })?;
        let beside = in_threads(threads + 1, reads * threads, |t| {
            if t == threads {
                let first = 3 * records;
                return (first..first + writes)
                    .try_for_each(|number| db.insert(key(number), [1; VALUE]));
            }
            look_up(&db, SEED + t as u64, reads, records)
        })?;
        Ok(vec![
            ("read in place", read),
            ("read in place, beside a thread that writes", beside),
            ("write, not synced", write),
            ("write, durable each", durable),
        ])
    })
}

fn values(length: usize, bytes: usize) -> Outcome<Vec<(&'static str, f64)>> {
    let folder = Folder::new()?;
    let db = open(&folder)?;
    let count = (bytes / length).clamp(16, 200_000);
    let value = vec![1; length];
    let bulk = time(count, || load(&db, 0..count, &value))?;
    let single =
        time(count, || (count..2 * count).try_for_each(|number| db.insert(key(number), &value)))?;
    let in_place = time(count, || look_up(&db, SEED, count, 2 * count))?;
    let owned = time(count, || {
        let mut random = Random(SEED);
        (0..count).try_for_each(|_| {
            let found = db.get(key((random.next() % count as u64) as usize))?;
            found.filter(|value| value.len() == length).map(drop).ok_or(Error::KeyNotFound)
        })
    })?;
    let mut scanned = 0;
    let scan = time(2 * count, || -> Result<(), Error> {
        let mut entries = db.range_iter(..)?;
        while let Some((_, value)) = entries.next_entry() {
            scanned += usize::from(value.len() == length);
        }
        entries.status()
    })?;
    let is_whole = scanned == 2 * count;
    is_whole.then_some(()).ok_or("a scan of wrong entries")?;
    let per_kib = |ns: f64| ns / length as f64 * 1024.0;
    Ok(vec![
        ("bulk load", bulk),
        ("write, not synced", single),
        ("read in place", in_place),
        ("read in place, a KiB", per_kib(in_place)),
        ("read, owned", owned),
        ("ordered scan, an item", scan),
        ("ordered scan, a KiB", per_kib(scan)),
    ])
}

fn records(count: usize) -> Outcome<Vec<(&'static str, f64)>> {
    let folder = Folder::new()?;
    let db = open(&folder)?;
    let load = time(count, || load(&db, 0..count, &[1; VALUE]))?;
    let reads = 500_000.min(count);
    look_up(&db, SEED + 1, reads, count)?;
    let in_place = time(reads, || look_up(&db, SEED, reads, count))?;
    let missing = time(reads, || {
        (count..count + reads).try_for_each(|number| {
            let is_there = db.contains_key(key(number))?;
            (!is_there).then_some(()).ok_or(Error::KeyNotFound)
        })
    })?;
    let write = time(reads / 10, || {
        (count..count + reads / 10).try_for_each(|number| db.insert(key(number), [1; VALUE]))
    })?;
    let ranges = time(reads / 10, || ranges(&db, reads / 10, count))?;
    let first = time(count, || scan(&db))?;
    let scanned = time(count, || scan(&db))?;
    let (db, close, reopen) = reopen(db, &folder)?;
    let remove = time(count / 2, || {
        (0..count / 2).try_for_each(|number| db.remove(key(2 * number)).map(drop))?;
        db.flush()
    })?;
    let compaction = time(count / 2, || db.compact())?;
    let compacted = time(count / 2, || scan(&db))?;
    Ok(vec![
        ("bulk load", load),
        ("read in place", in_place),
        ("lookup of a missing key", missing),
        ("write, not synced", write),
        ("range of ten", ranges),
        ("ordered scan, an item, the first", first),
        ("ordered scan, an item", scanned),
        ("close, us", close / 1e3),
        ("clean reopen and a read, us", reopen / 1e3),
        ("removal of half, a key", remove),
        ("compaction, a record that is left", compaction),
        ("ordered scan after it, an item", compacted),
    ])
}

fn ranges(db: &Emdb, count: usize, of: usize) -> Result<(), Error> {
    let mut random = Random(SEED);
    (0..count).try_for_each(|_| {
        let from = key((random.next() % of as u64) as usize);
        let mut entries = db.range_iter(from..)?;
        for _ in 0..10 {
            if entries.next_entry().is_none() {
                break;
            }
        }
        entries.status()
    })
}

fn scan(db: &Emdb) -> Result<(), Error> {
    let mut entries = db.range_iter(..)?;
    while entries.next_entry().is_some() {}
    entries.status()
}

/// The database closed and opened again, and the nanoseconds of both.
fn reopen(db: Emdb, folder: &Folder) -> Outcome<(Emdb, f64, f64)> {
    let close = time(1, || db.close())?;
    let mut opened = None;
    let taken = time(1, || -> Outcome<()> {
        let db = open(folder)?;
        db.get(key(0))?.ok_or("a record is missing")?;
        opened = Some(db);
        Ok(())
    })?;
    Ok((opened.ok_or("no database")?, close, taken))
}
