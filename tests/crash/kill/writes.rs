//! SIGKILL of a process that writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use emdb::{Emdb, EmdbBuilder};
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};

use crate::common::op::Op;
use crate::common::state::{State, read_state};
use crate::common::{folder, memory_folder};

/// Kills; `EMDB_KILL_ROUNDS` asks for more, or fewer.
fn rounds() -> u64 {
    number("EMDB_KILL_ROUNDS", 100)
}

/// Whether a child writes large commits alone, so that a kill finds one half encoded.
fn is_heavy(seed: u64) -> bool {
    seed >> 8 & 3 == 0
}

/// The calls of one child, the same for the parent that checks them.
struct Calls(Random, bool);

impl Calls {
    fn new(seed: u64) -> Calls {
        Calls(Random(seed), is_heavy(seed))
    }

    /// New values for the same keys, a third of them in the other namespace.
    fn heavy(&mut self) -> Op {
        let value = self.0.next().to_be_bytes().repeat(2 + self.0.below(4) as usize);
        let key = |n: u16| n.to_be_bytes().to_vec();
        if self.0.below(2) == 0 {
            let items = (0..3000).map(|n| (key(n), value.clone()));
            return Op::InsertMany(false, items.collect());
        }
        let writes = (0..1500).map(|n| (n % 3 == 0, key(n), Some(value.clone())));
        Op::Transaction { clear: None, writes: writes.collect() }
    }

    fn key(&mut self) -> Vec<u8> {
        format!("key {}", self.0.below(300)).into_bytes()
    }

    fn value(&mut self) -> Vec<u8> {
        let len = match self.0.below(100) {
            0 => 300_000,
            1..10 => 5000,
            _ => 60,
        };
        vec![self.0.next() as u8; self.0.below(len) as usize]
    }

    fn transaction(&mut self) -> Op {
        let clear = [Some(false), Some(true)].get(self.0.below(24) as usize).copied().flatten();
        let writes = (0..2 + self.0.below(12)).map(|n| {
            let value = (self.0.below(4) != 0).then(|| self.value());
            (n % 2 == 0, self.key(), value)
        });
        Op::Transaction { clear, writes: writes.collect() }
    }

    fn many(&mut self) -> Op {
        // Now and then more than one chunk.
        let len = if self.0.below(25) == 0 { 4300 } else { self.0.below(60) };
        let items = (0..len).map(|n| {
            let key = if len < 100 { self.key() } else { (n as u16).to_be_bytes().to_vec() };
            (key, self.0.next().to_be_bytes()[..(n % 9) as usize].to_vec())
        });
        let items = items.collect();
        Op::InsertMany(self.0.below(2) == 0, items)
    }
}

impl Iterator for Calls {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        if self.1 {
            return Some(self.heavy());
        }
        let log = self.0.below(2) == 0;
        Some(match self.0.below(100) {
            0..35 => Op::Insert(log, self.key(), self.value()),
            35..40 => Op::InsertTimed(log, self.key(), self.value()),
            40..50 => self.many(),
            50..75 => self.transaction(),
            75..90 => Op::Remove(log, self.key()),
            90..92 => Op::Clear(log),
            92 => Op::DropLog,
            _ => Op::Flush,
        })
    }
}

/// The builder that opens the database at `path`, whose name tells whether it is encrypted.
#[cfg(feature = "encrypt")]
fn builder(path: &Path) -> EmdbBuilder {
    let sealed = path.file_name().is_some_and(|name| name.to_str().unwrap().starts_with("sealed"));
    let builder = Emdb::builder().path(path);
    if sealed { builder.encryption_key([7; 32]) } else { builder }
}

/// Nothing is encrypted without the feature.
#[cfg(not(feature = "encrypt"))]
fn builder(path: &Path) -> EmdbBuilder {
    Emdb::builder().path(path)
}

fn open(path: &Path, seed: u64) -> emdb::Result<Emdb> {
    super::durable_in_some_way(builder(path), seed).build()
}

/// The child's part: it acknowledges the number of each call after the call has returned.
#[test]
fn child_process() {
    let Some([path, seed]) = child::arguments() else { return };
    let seed = seed.parse().unwrap();
    let mut db = open(Path::new(&path), seed).unwrap();
    victim::ready();
    for (n, call) in Calls::new(seed).enumerate() {
        call.apply(&db).unwrap();
        victim::acknowledge(n);
        if n % 97 == 96 {
            db.close().unwrap();
            db = open(Path::new(&path), seed).unwrap();
        }
    }
}

/// Starts the child.
fn start(path: &Path, seed: u64) -> Victim {
    Victim::start(child_process, &[path.to_str().unwrap(), &seed.to_string()])
}

/// The states that a kill after `acknowledged` calls may leave.
fn allowed(mut before: State, seed: u64, acknowledged: usize) -> Vec<State> {
    let mut calls = Calls::new(seed);
    for call in calls.by_ref().take(acknowledged) {
        call.advance(&mut before);
    }
    let in_flight = calls.next().unwrap().outcomes(&before);
    std::iter::once(before).chain(in_flight).collect()
}

fn check(path: &Path, allowed: &[State], context: &str) -> State {
    assert!(Emdb::lock_holder(path).unwrap().is_none(), "{context}: somebody holds the lock");
    Emdb::break_lock(path).unwrap();
    let db = builder(path).build().unwrap_or_else(|e| panic!("{context}: {e}"));
    let report = db.recovery().unwrap_or_else(|| panic!("{context}: no report"));
    assert_eq!(report.commits_dropped, 0, "{context}: a kill loses no whole commit");
    let found = read_state(&db).unwrap_or_else(|e| panic!("{context}: {e}"));
    if !allowed.contains(&found) {
        panic!("{context}: {}", differences(&allowed[0], &found));
    }
    found
}

fn differences(expected: &State, found: &State) -> String {
    let mut lines =
        vec!["neither what was acknowledged nor that and the call in flight".to_owned()];
    for (at, value) in expected.iter().filter(|(at, value)| found.get(at) != Some(value)) {
        let now = found.get(at).map(Vec::len);
        lines.push(format!("{at:?}: {} bytes acknowledged, {now:?} found", value.len()));
    }
    for (at, value) in found.iter().filter(|(at, _)| !expected.contains_key(at)) {
        lines.push(format!("{at:?}: absent as acknowledged, {} bytes found", value.len()));
    }
    lines.truncate(12);
    lines.join("\n")
}

/// Where a run of rounds goes on in one file.
struct Run {
    folder: tempfile::TempDir,
    path: PathBuf,
    state: State,
}

impl Run {
    /// On a disk, or in memory, where a child makes many more calls.
    fn new(rng: &mut Random) -> Run {
        let folder = if rng.below(2) == 0 { folder().0 } else { memory_folder() };
        let sealed = rng.below(2) == 0;
        let path = folder.path().join(if sealed { "sealed.emdb" } else { "victim.emdb" });
        Run { folder, path, state: State::new() }
    }
}

#[test]
fn a_kill_loses_nothing_acknowledged_and_tears_nothing() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    let mut run = Run::new(&mut rng);
    let mut acknowledged_in_all = 0_u64;
    for round in 0..rounds() {
        if rng.below(12) == 0 {
            run = Run::new(&mut rng);
        }
        let seed = rng.next();
        // Some are killed while they open or recover.
        let (calls, patience) = match rng.below(6) {
            0 => (0, 12_000),
            _ if is_heavy(seed) => (1 + rng.below(3), 40_000),
            _ => (1 + rng.below(120), 1500),
        };
        let patience = Duration::from_micros(rng.below(patience));
        let acknowledged = victim::count(&start(&run.path, seed).kill(calls, patience));
        acknowledged_in_all += acknowledged as u64;
        let context = format!("EMDB_SEED={base}, round {round}, {acknowledged} acknowledged");
        let states = allowed(run.state.clone(), seed, acknowledged);
        // Half of the files stay as the kill left them: the next child recovers them.
        if run.path.exists() && rng.below(2) == 0 {
            // With the key that the name tells.
            let name = run.path.file_name().unwrap().to_str().unwrap();
            let copy = run.folder.path().join(format!("{name}.copy"));
            std::fs::copy(&run.path, &copy).unwrap();
            let found = check(&copy, &states, &context);
            run.state = found;
        } else {
            run.state = check(&run.path, &states, &context);
        }
    }
    assert!(
        acknowledged_in_all > 5 * rounds(),
        "the children did something: {acknowledged_in_all}"
    );
}

#[test]
fn namespaces_begun_by_several_threads_are_there_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("threads.emdb");
    let db = Emdb::open(&path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let db = &db;
            scope.spawn(move || {
                for n in 0..100 {
                    let namespace = db.namespace(format!("{thread} {n}")).unwrap();
                    namespace.insert("key", "value").unwrap();
                }
            });
        }
    });
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.list_namespaces().unwrap().len(), 400);
    assert_eq!(read_state(&db).unwrap().len(), 400);
}
