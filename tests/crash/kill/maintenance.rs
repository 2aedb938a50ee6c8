//! SIGKILL of a process that writes, and compacts or backs up again and again beside that.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use emdb::{Emdb, FlushPolicy};
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};

use crate::common::op::Op;
use crate::common::sibling;
use crate::common::state::{State, read_state};

/// Kills of each test; `EMDB_KILL_ROUNDS` asks for more, or fewer.
fn rounds() -> u64 {
    number("EMDB_KILL_ROUNDS", 60)
}

/// The calls of one child, the same for the parent that checks them.
struct Calls(Random);

impl Calls {
    fn key(&mut self) -> Vec<u8> {
        format!("key {}", self.0.below(200)).into_bytes()
    }

    fn value(&mut self) -> Vec<u8> {
        let len = match self.0.below(100) {
            0 => 200_000,
            1..20 => 3000,
            _ => 60,
        };
        vec![self.0.next() as u8; self.0.below(len) as usize]
    }
}

impl Iterator for Calls {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        let log = self.0.below(2) == 0;
        Some(match self.0.below(100) {
            0..35 => Op::Insert(log, self.key(), self.value()),
            35..40 => Op::InsertTimed(log, self.key(), self.value()),
            40..50 => {
                let items = (0..self.0.below(60)).map(|_| (self.key(), self.value()));
                Op::InsertMany(log, items.collect())
            }
            50..75 => {
                let clear = [Some(false), Some(true)].get(self.0.below(30) as usize);
                let clear = clear.copied().flatten();
                let writes = (0..2 + self.0.below(12)).map(|n| {
                    let value = (self.0.below(4) != 0).then(|| self.value());
                    (n % 2 == 0, self.key(), value)
                });
                Op::Transaction { clear, writes: writes.collect() }
            }
            75..92 => Op::Remove(log, self.key()),
            92 => Op::Clear(log),
            93 => Op::DropLog,
            _ => Op::Flush,
        })
    }
}

fn open(path: &Path, seed: u64) -> Emdb {
    let builder = Emdb::builder().path(path).enable_range_scans(seed.is_multiple_of(5));
    let policies = [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough];
    builder.flush_policy(policies[(seed % 3) as usize]).build().unwrap()
}

/// The child's part. Each line tells of a call that has returned: `w` and the number of a write, `m`
/// and how many writes had returned when a compaction or backup began that has returned.
#[test]
fn child_process() {
    let Some([path, seed, target]) = child::arguments() else { return };
    let seed = seed.parse().unwrap();
    let db = open(Path::new(&path), seed);
    let written = AtomicUsize::new(0);
    victim::ready();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (n, call) in Calls(Random(seed)).enumerate() {
                if let Err(e) = call.apply(&db) {
                    victim::acknowledge(format_args!("a write failed: {e}"));
                }
                victim::acknowledge(format_args!("w{n}"));
                written.store(n + 1, Ordering::Release);
            }
        });
        loop {
            let before = written.load(Ordering::Acquire);
            let done = if target.is_empty() { db.compact() } else { db.backup_to(&target) };
            match done {
                Ok(()) => victim::acknowledge(format_args!("m{before}")),
                Err(e) => victim::acknowledge(format_args!("maintenance failed: {e}")),
            }
        }
    });
}

/// The progress that a child told until it was killed.
#[derive(Debug, Default)]
struct Told {
    /// Writes that have returned.
    writes: usize,
    /// Compactions or backups that have returned.
    maintained: usize,
    /// Writes that had returned before the last of those began.
    covered: usize,
}

/// Runs a child, which backs up to the target if there is one, and kills it a while after it has done
/// something.
fn run(path: &Path, seed: u64, target: Option<&Path>, rng: &mut Random, context: &str) -> Told {
    let target = target.map_or("", |target| target.to_str().unwrap());
    let arguments = [path.to_str().unwrap(), &seed.to_string(), target];
    let lines = rng.below(120);
    let patience = Duration::from_micros(rng.below(40_000));
    let mut told = Told::default();
    for line in Victim::start(child_process, &arguments).kill(lines, patience) {
        let (kind, number) = line.split_at(1);
        match (kind, number.parse::<usize>()) {
            ("w", Ok(n)) => {
                assert_eq!(n, told.writes, "{context}");
                told.writes += 1;
            }
            ("m", Ok(n)) => {
                told.maintained += 1;
                told.covered = n;
            }
            _ => panic!("{context}: the child failed: {line}"),
        }
    }
    told
}

/// The contents of the file. No whole commit was dropped, and no unfinished file is left.
fn found(path: &Path, context: &str) -> State {
    let db = Emdb::open(path).unwrap_or_else(|e| panic!("{context}: {e}"));
    let report = db.recovery().unwrap();
    assert_eq!(report.commits_dropped, 0, "{context}: a kill loses no whole commit");
    for end in [".compact.tmp", ".backup.tmp"] {
        assert!(!sibling(path, end).exists(), "{context}: {end} is left");
    }
    read_state(&db).unwrap_or_else(|e| panic!("{context}: {e}"))
}

/// The states after `from` and up to `to` calls of a child, and the one with the call in flight.
fn states(mut state: State, seed: u64, from: usize, to: usize) -> Vec<State> {
    let mut calls = Calls(Random(seed));
    calls.by_ref().take(from).for_each(|call| call.advance(&mut state));
    let mut all = vec![state.clone()];
    for call in calls.by_ref().take(to - from) {
        call.advance(&mut state);
        all.push(state.clone());
    }
    all.extend(calls.next().unwrap().outcomes(&state));
    all
}

fn is_one_of(found: &State, allowed: &[State]) -> bool {
    allowed.iter().any(|state| state == found)
}

#[test]
fn a_kill_beside_compactions_loses_nothing_acknowledged_and_tears_nothing() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    let (mut compactions, mut unfinished) = (0, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victim.emdb");
    let mut state = State::new();
    for round in 0..rounds() {
        let context = &format!("EMDB_SEED={base}, round {round}");
        let seed = rng.next();
        let told = run(&path, seed, None, &mut rng, context);
        compactions += told.maintained;
        unfinished += usize::from(sibling(&path, ".compact.tmp").exists());
        if !path.exists() {
            assert_eq!(told.writes, 0, "{context}: the file is gone");
            continue;
        }
        let now = found(&path, context);
        let allowed = states(state, seed, told.writes, told.writes);
        assert!(is_one_of(&now, &allowed), "{context}: {told:?}: not what was acknowledged");
        state = now;
    }
    eprintln!("{compactions} compactions, {unfinished} killed in their midst");
    assert!(compactions as u64 > rounds() / 10, "the children did something: {compactions}");
}

#[test]
fn a_kill_beside_backups_leaves_the_old_copy_or_a_whole_new_one() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    let (mut backups, mut unfinished) = (0, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victim.emdb");
    let target = folder.path().join("copy.emdb");
    let mut state = State::new();
    let mut old = None;
    for round in 0..rounds() {
        let context = &format!("EMDB_SEED={base}, round {round}");
        let seed = rng.next();
        let told = run(&path, seed, Some(&target), &mut rng, context);
        backups += told.maintained;
        unfinished += usize::from(sibling(&target, ".backup.tmp").exists());
        let allowed = states(state.clone(), seed, told.covered, told.writes);
        let is_old = told.maintained == 0;
        if target.exists() {
            let copy = found(&target, context);
            let right = is_one_of(&copy, &allowed) || is_old && old.as_ref() == Some(&copy);
            assert!(right, "{context}: {told:?}: the copy is of no state that there was");
            old = Some(copy);
        } else {
            assert!(is_old && old.is_none(), "{context}: {told:?}: the copy is gone");
        }
        if path.exists() {
            let now = found(&path, context);
            let allowed = states(state, seed, told.writes, told.writes);
            assert!(is_one_of(&now, &allowed), "{context}: {told:?}: not what was acknowledged");
            state = now;
        }
    }
    eprintln!("{backups} backups, {unfinished} killed in their midst");
    assert!(backups as u64 > rounds() / 2, "the children did something: {backups}");
}
