//! SIGKILL while the child compacts, takes checkpoints and backs up beside its writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use emdb::Emdb;
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};

use super::keys::{CAN_ENCRYPT, Key};
use crate::common::op::Op;
use crate::common::state::{State, read_state};
use crate::common::{memory_folder, sibling};

/// The names of the files; the second one is encrypted.
const NAMES: [&str; 2] = ["victim", "sealed victim"];

/// The calls of one child, the same for the parent that checks them.
struct Calls(Random);

impl Iterator for Calls {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        let rng = &mut self.0;
        let key = |rng: &mut Random| format!("key {}", rng.below(400)).into_bytes();
        let value = |rng: &mut Random| {
            let most = if rng.below(120) == 0 { 300_000 } else { 900 };
            vec![rng.next() as u8; rng.below(most) as usize]
        };
        let log = rng.below(2) == 0;
        Some(match rng.below(40) {
            0..20 => Op::Insert(log, key(rng), value(rng)),
            20..22 => Op::InsertTimed(log, key(rng), value(rng)),
            22..25 => {
                let count = if rng.below(10) == 0 { 5000 } else { rng.below(60) };
                let short = |n: u64| vec![n as u8; (n % 9) as usize];
                let items = (0..count).map(|n| (n.to_be_bytes()[5..].to_vec(), short(n)));
                Op::InsertMany(log, items.collect())
            }
            25..33 => {
                let clear = [Some(false), Some(true)].get(rng.below(30) as usize).copied();
                let writes = (0..2 + rng.below(12)).map(|n| {
                    let value = (rng.below(4) != 0).then(|| value(rng));
                    (n % 2 == 0, key(rng), value)
                });
                let writes = writes.collect();
                Op::Transaction { clear: clear.flatten(), writes }
            }
            33..37 => Op::Remove(log, key(rng)),
            37 if rng.below(4) == 0 => Op::Clear(log),
            38 if rng.below(4) == 0 => Op::DropLog,
            _ => Op::Flush,
        })
    }
}

fn open(path: &Path, seed: u64) -> emdb::Result<Emdb> {
    let builder = Key::of_name(path).builder(path).auto_compact(0.3, 64 << 10);
    let builder = builder.enable_range_scans(seed & 1 == 0);
    crate::kill::durable_in_some_way(builder, seed).build()
}

/// The child's part: it acknowledges the number of each call after the call has returned.
#[test]
fn child_process() {
    let Some([path, seed]) = child::arguments() else { return };
    let seed = seed.parse().unwrap();
    let path = PathBuf::from(path);
    let db = open(&path, seed).unwrap();
    victim::ready();
    let helper = db.clone();
    std::thread::spawn(move || {
        let mut rng = Random(!seed);
        loop {
            match rng.below(8) {
                0..3 => helper.checkpoint().unwrap(),
                3..6 => helper.compact().unwrap(),
                6 => helper.backup_to(sibling(&path, ".copy")).unwrap(),
                _ => drop(helper.range("a".."b")),
            }
            std::thread::sleep(Duration::from_micros(rng.below(1500)));
        }
    });
    for (n, call) in Calls(Random(seed)).enumerate() {
        call.apply(&db).unwrap();
        victim::acknowledge(n);
    }
}

/// Starts the child.
fn start(path: &Path, seed: u64) -> Victim {
    Victim::start(child_process, &[path.to_str().unwrap(), &seed.to_string()])
}

/// The states that a kill after `acknowledged` calls may leave.
fn allowed(before: &State, seed: u64, acknowledged: usize) -> Vec<State> {
    let mut state = before.clone();
    let mut calls = Calls(Random(seed));
    for call in calls.by_ref().take(acknowledged) {
        call.advance(&mut state);
    }
    let in_flight = calls.next().unwrap().outcomes(&state);
    std::iter::once(state).chain(in_flight).collect()
}

fn check(path: &Path, allowed: &[State], context: &str) -> State {
    let db = Key::of_name(path).builder(path).build();
    let db = db.unwrap_or_else(|e| panic!("{context}: {e}"));
    assert_eq!(db.recovery().unwrap().commits_dropped, 0, "{context}");
    for end in [".compact.tmp", ".meta.emdb-tmp", ".emdb-tmp"] {
        // What is on its way to the checkpoint is replaced by the next one.
        let left = sibling(path, end).exists();
        assert!(!left || end == ".meta.emdb-tmp", "{context}: {end} is left");
    }
    let report = db.verify().unwrap();
    assert!(report.is_ok(), "{context}: {:?}", report.problems);
    let found = read_state(&db).unwrap_or_else(|e| panic!("{context}: {e}"));
    if !allowed.contains(&found) {
        let wrong = |at: &&(String, Vec<u8>)| found.get(*at) != allowed[0].get(*at);
        let keys = found.keys().chain(allowed[0].keys());
        let wrong: Vec<_> = keys.filter(wrong).take(8).collect();
        panic!("{context}: not what was acknowledged, nor that and the call in flight: {wrong:?}");
    }
    found
}

#[test]
fn a_kill_beside_compactions_and_checkpoints_loses_nothing_acknowledged() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    let mut place = memory_folder();
    let mut name = NAMES[0];
    let mut state = State::new();
    let mut acknowledged_in_all = 0;
    let rounds = number("EMDB_KILL_ROUNDS", 40);
    for round in 0..rounds {
        if rng.below(10) == 0 {
            place = memory_folder();
            state.clear();
            name = NAMES[usize::from(CAN_ENCRYPT && rng.below(2) == 0)];
        }
        let path = place.path().join(name);
        let seed = rng.next();
        let (calls, patience) = match rng.below(6) {
            0 => (0, 15_000),
            _ => (1 + rng.below(300), 4000),
        };
        let patience = Duration::from_micros(rng.below(patience));
        let acknowledged = victim::count(&start(&path, seed).kill(calls, patience));
        acknowledged_in_all += acknowledged as u64;
        let context = format!("EMDB_SEED={base}, round {round}, {acknowledged} acknowledged");
        let states = allowed(&state, seed, acknowledged);
        if !path.exists() {
            continue;
        }
        let backup = sibling(&path, ".copy");
        if backup.exists() {
            let db = Key::of_name(&backup).builder(&backup).build();
            let db = db.unwrap_or_else(|e| panic!("{context}, backup: {e}"));
            assert!(db.verify().unwrap().is_ok(), "{context}, backup");
            drop(db);
            std::fs::remove_file(&backup).unwrap();
        }
        // Some files stay as the kill left them: the next child recovers them.
        state = if rng.below(2) == 0 {
            let copy = sibling(&path, " copied");
            for end in ["", ".meta", ".compact.tmp"] {
                let _ = std::fs::remove_file(sibling(&copy, end));
                let _ = std::fs::copy(sibling(&path, end), sibling(&copy, end));
            }
            check(&copy, &states, &context)
        } else {
            check(&path, &states, &context)
        };
        if rng.below(3) == 0 {
            let _ = std::fs::remove_file(sibling(&path, ".meta"));
        }
    }
    assert!(acknowledged_in_all > 5 * rounds, "the children did something: {acknowledged_in_all}");
}
