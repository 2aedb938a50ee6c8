//! `Emdb::verify`: a healthy database is clean beside writers, and every sort of damage is found
//! with its place.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, FileVerifyReport, NamespaceOptions, ProblemKind};
use emdb_testing::Random;
use tempfile::TempDir;

use crate::common::memory_folder;

const HEADER: usize = 8192;

/// Random calls of every sort, for about this long.
fn write(db: &Emdb, seed: u64, stop: impl Fn() -> bool) {
    let mut rng = Random(seed);
    let mut n = 0_u64;
    while !stop() {
        n += 1;
        let name = ["a", "b", "ordered"][rng.below(3) as usize];
        let options = NamespaceOptions::new().ordered(name == "ordered");
        let Ok(namespace) = db.namespace_with(name, options) else { continue };
        let key = (rng.below(300) as u16).to_be_bytes();
        let value = vec![n as u8; rng.below(200) as usize];
        let done = match rng.below(100) {
            0..40 => namespace.insert(key, value),
            40..60 => namespace.remove(key).map(drop),
            60..70 => namespace.insert_many((0..50_u16).map(|i| (i.to_le_bytes(), [n as u8; 30]))),
            70..90 => db.transaction(|tx| {
                tx.insert(key, &value)?;
                tx.namespace(&namespace).insert(key, &value)?;
                tx.namespace(&namespace).remove(n.to_be_bytes()).map(drop)
            }),
            90..92 => namespace.clear(),
            92 => db.drop_namespace(name).map(drop),
            93 => namespace.range_prefix([1]).map(drop).or(Ok(())),
            _ => db.flush(),
        };
        match done {
            Ok(()) | Err(Error::NamespaceDropped) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

fn is_clean(report: &FileVerifyReport) {
    assert!(report.is_ok(), "{:?}", &report.problems[..report.problems.len().min(5)]);
}

fn healthy_beside_writers(db: &Emdb) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let base = emdb_testing::seed();
        for seed in base..base + 3 {
            scope.spawn({
                let stop = &stop;
                move || write(db, seed, || stop.load(Ordering::Relaxed))
            });
        }
        let began = Instant::now();
        let mut verified = 0;
        while began.elapsed() < Duration::from_millis(1500) || verified < 3 {
            let report = db.verify();
            // The threads end before this panics.
            if report.as_ref().is_ok_and(FileVerifyReport::is_ok) {
                verified += 1;
                continue;
            }
            stop.store(true, Ordering::Relaxed);
            println!("EMDB_SEED={base}");
            is_clean(&report.unwrap());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let report = db.verify().unwrap();
    is_clean(&report);
    let stats = db.stats().unwrap();
    assert_eq!(report.live_records, stats.live_records);
    assert_eq!(report.namespaces, stats.namespace_count);
    assert!(report.records >= report.commits && report.commits > 100);
}

#[test]
fn a_healthy_file_is_clean_beside_writers() {
    let folder = memory_folder();
    let path = folder.path().join("db");
    let db = Emdb::builder().path(&path).flush_every(Duration::from_millis(1)).build().unwrap();
    healthy_beside_writers(&db);
    db.close().unwrap();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    is_clean(&db.verify().unwrap());
    db.range("a".."b").unwrap();
    is_clean(&db.verify().unwrap());
}

#[test]
fn a_healthy_database_in_memory_is_clean_beside_writers() {
    healthy_beside_writers(&Emdb::open_in_memory());
}

#[test]
fn a_journal_in_memory_may_skip_its_borders() {
    let db = Emdb::open_in_memory();
    let mut rng = Random(5);
    for n in 0..3000_u32 {
        let len = if n % 900 == 1 { 3_000_000 } else { rng.below(4000) };
        db.insert(n.to_be_bytes(), vec![7; len as usize]).unwrap();
        if n % 100 == 0 {
            db.insert_many((0..100_u32).map(|i| (i.to_le_bytes(), [1; 700]))).unwrap();
        }
    }
    is_clean(&db.verify().unwrap());
}

/// A small open database whose file can be written to from outside.
struct Open {
    db: Emdb,
    path: PathBuf,
    file: File,
    /// Positions behind each step.
    ends: Vec<u64>,
    _folder: TempDir,
}

impl Open {
    fn new(verify_reads: bool) -> Open {
        let folder = memory_folder();
        let path = folder.path().join("db");
        let db = Emdb::builder().path(&path).verify_reads(verify_reads).build().unwrap();
        let mut ends = vec![HEADER as u64];
        let end = || db.stats().unwrap().logical_size_bytes;
        db.insert("one", "first value").unwrap();
        ends.push(end());
        let log = db.namespace_with("log", NamespaceOptions::new().ordered(true)).unwrap();
        ends.push(end());
        db.transaction(|tx| -> emdb::Result<()> {
            tx.namespace(&log).insert("x", "of the log")?;
            tx.namespace(&log).insert("y", "of the log as well")?;
            tx.insert("two", "second value")
        })
        .unwrap();
        ends.push(end());
        db.flush().unwrap();
        ends.push(end());
        db.insert("one", "replaced").unwrap();
        ends.push(end());
        db.remove("two").unwrap();
        ends.push(end());
        assert_eq!(log.range(..).unwrap().len(), 2);
        db.flush().unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        Open { db, path, file, ends, _folder: folder }
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Writes to the file, and gives what was there.
    fn patch(&mut self, at: u64, bytes: &[u8]) -> Vec<u8> {
        let mut former = vec![0; bytes.len()];
        self.file.seek(SeekFrom::Start(at)).unwrap();
        self.file.read_exact(&mut former).unwrap();
        self.file.seek(SeekFrom::Start(at)).unwrap();
        self.file.write_all(bytes).unwrap();
        former
    }

    /// The problems with these bytes there, as kinds with offsets.
    fn problems(&mut self, at: u64, bytes: &[u8]) -> Vec<(ProblemKind, u64)> {
        let former = self.patch(at, bytes);
        let report = self.db.verify().unwrap();
        self.patch(at, &former);
        assert_eq!(report.is_ok(), report.problems.is_empty());
        report.problems.iter().map(|p| (p.kind, p.offset)).collect()
    }

    fn find(&self, pattern: &[u8]) -> u64 {
        self.bytes().windows(pattern.len()).position(|w| w == pattern).unwrap() as u64
    }
}

fn every_flipped_bit_is_found(verify_reads: bool) {
    let mut open = Open::new(verify_reads);
    is_clean(&open.db.verify().unwrap());
    let bytes = open.bytes();
    let end = open.db.stats().unwrap().logical_size_bytes as usize;
    let is_slot = |at: usize| at % 4096 < 512;
    // Between the header slots one byte is like the others.
    for at in (0..end).filter(|at| *at >= HEADER || is_slot(*at) || at % 397 == 0) {
        for bit in 0..8 {
            let problems = open.problems(at as u64, &[bytes[at] ^ 1 << bit]);
            let context = format!("bit {bit} of byte {at}: {problems:?}");
            let Some((kind, offset)) = problems.first().copied() else { panic!("{context}") };
            if at < HEADER {
                assert_eq!(kind, ProblemKind::Header, "{context}");
                continue;
            }
            assert_ne!(kind, ProblemKind::Header, "{context}");
            // What is told first is about the commit that the bit is in.
            let next = open.ends.iter().position(|e| *e > at as u64).unwrap_or(open.ends.len());
            let from = open.ends[next - 1];
            let to = open.ends.get(next).map_or(end as u64, |e| *e);
            assert!((from..=to).contains(&offset), "{context}, commit {from}..{to}");
        }
    }
    assert!(open.bytes() == bytes);
    is_clean(&open.db.verify().unwrap());
}

#[test]
fn every_flipped_bit_is_found_at_its_place() {
    every_flipped_bit_is_found(true);
}

#[test]
fn unverified_reads_dont_weaken_a_verification() {
    every_flipped_bit_is_found(false);
}

#[test]
fn each_sort_of_damage_is_told_by_its_kind() {
    let mut open = Open::new(true);
    use ProblemKind::{Commit, Frame, Header, Value};
    assert_eq!(open.problems(4096 + 20, &[0xEE; 4]), [(Header, 4096)]);
    assert_eq!(open.problems(0, &[0; 8192]).len(), 2);

    let value = open.find(b"first value");
    assert_eq!(open.problems(value + 3, b"?"), [(Value, value)]);
    let one = open.ends[0];
    assert_eq!(open.problems(one + 2, &[0xAA; 3]), [(Frame, one)]);
    // In the middle of a transaction, it takes the rest of that along.
    let (transaction, second) = (open.ends[2], open.find(b"of the log"));
    let problems = open.problems(second, b"O");
    assert_eq!(problems[..2], [(Commit, transaction), (Value, second)]);
    assert_eq!((problems[2].0, problems.len()), (Commit, 3));
    // A mark is no commit, but a frame.
    let mark = open.ends[3];
    assert_eq!(open.problems(mark, &[0; 4]), [(Frame, mark)]);
    is_clean(&open.db.verify().unwrap());
}

#[test]
fn a_report_says_which_key_is_damaged() {
    let mut open = Open::new(true);
    let at = open.find(b"of the log as well");
    open.patch(at, b"?");
    let report = open.db.verify().unwrap();
    let problem = report.problems.iter().find(|p| p.kind == ProblemKind::Value).unwrap();
    assert!(problem.detail.contains("\"y\"") && problem.detail.contains("log"), "{problem:?}");
}

#[test]
fn a_thousand_fold_damage_is_bounded_and_counted() {
    let folder = memory_folder();
    let path = folder.path().join("db");
    let db = Emdb::open(&path).unwrap();
    for n in 0..12_000_u32 {
        db.insert(n.to_be_bytes(), [3; 20]).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len() - 20).filter(|at| bytes[*at..at + 20] == [3; 20]).collect::<Vec<_>>()
    {
        bytes[at] = 4;
    }
    OpenOptions::new().write(true).open(&path).unwrap().write_all(&bytes).unwrap();
    let report = db.verify().unwrap();
    assert_eq!((report.problems.len(), report.problems_dropped), (10_000, 2000));
    assert!(!report.is_ok());
}

#[test]
fn progress_grows_to_its_total_and_a_break_cancels() {
    let folder = memory_folder();
    let db = Emdb::open(folder.path().join("db")).unwrap();
    db.insert_many((0..5000_u32).map(|n| (n.to_be_bytes(), [0; 1000]))).unwrap();
    let mut told = Vec::new();
    let report = db
        .verify_with(|p| {
            told.push(p.done);
            assert!(p.done <= p.total);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(told.is_sorted() && told.len() > 5);
    assert_eq!(told.last(), Some(&report.bytes));
    let cancelled = db.verify_with(|p| {
        if p.done > 2_000_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    is_clean(&db.verify().unwrap());
}

#[test]
fn a_checkpoint_is_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    let db = Emdb::open(folder.path().join("db")).unwrap();
    db.insert("a", "1").unwrap();
    db.checkpoint().unwrap();
    db.insert("b", "2").unwrap();
    db.checkpoint().unwrap();
    is_clean(&db.verify().unwrap());
}

#[test]
fn it_is_refused_inside_a_transaction_and_works_beside_old_snapshots() {
    let db = Emdb::open_in_memory();
    db.insert("a", "1").unwrap();
    let before = db.snapshot();
    db.clear().unwrap();
    db.transaction(|tx| -> emdb::Result<()> {
        tx.insert("b", "2")?;
        assert!(matches!(db.verify(), Err(Error::TransactionActive)));
        Ok(())
    })
    .unwrap();
    is_clean(&db.verify().unwrap());
    assert_eq!(before.len().unwrap(), 1);
}
