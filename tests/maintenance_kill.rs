//! SIGKILL at any moment of compactions and backups: a child process writes, acknowledges each
//! call, and compacts or backs up again and again; the parent kills it and looks at the files.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[path = "common/op.rs"]
mod op;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/state.rs"]
mod state;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use emdb::{Emdb, FlushPolicy};
use op::Op;
use rng::Rng;
use state::{State, read_state};

/// Kills of each test; `EMDB_KILL_ROUNDS` asks for more, or fewer.
fn rounds() -> u64 {
    std::env::var("EMDB_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

const SIGKILL: i32 = 9;

/// Tells a test binary that it is the child: the path, the seed, and the target of backups.
const PATH: &str = "EMDB_TEST_MAINTENANCE_KILL_PATH";
const SEED: &str = "EMDB_TEST_MAINTENANCE_KILL_SEED";
const TARGET: &str = "EMDB_TEST_MAINTENANCE_KILL_TARGET";

/// The calls of one child, the same for the parent that checks them.
struct Calls(Rng);

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

fn acknowledge(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The child's part; nothing in an ordinary run. Each line on stderr tells of a call that has
/// returned: `w` and the number of a write, `m` and how many writes had returned when a compaction
/// or backup began that has returned.
#[test]
fn child_process() {
    let (Ok(path), Ok(seed)) = (std::env::var(PATH), std::env::var(SEED)) else { return };
    let seed: u64 = seed.parse().unwrap();
    let target = std::env::var(TARGET).ok();
    let db = open(Path::new(&path), seed);
    let written = AtomicUsize::new(0);
    acknowledge("ready\n");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (n, call) in Calls(Rng::new(seed)).enumerate() {
                if let Err(e) = call.apply(&db) {
                    acknowledge(&format!("a write failed: {e}\n"));
                }
                acknowledge(&format!("w{n}\n"));
                written.store(n + 1, Ordering::Release);
            }
        });
        loop {
            let before = written.load(Ordering::Acquire);
            let done = match &target {
                Some(target) => db.backup_to(target),
                None => db.compact(),
            };
            match done {
                Ok(()) => acknowledge(&format!("m{before}\n")),
                Err(e) => acknowledge(&format!("maintenance failed: {e}\n")),
            }
        }
    });
}

/// What a child told until it was killed.
#[derive(Debug, Default)]
struct Told {
    /// Writes that have returned.
    writes: usize,
    /// Compactions or backups that have returned.
    maintained: usize,
    /// Writes that had returned before the last of those began.
    covered: usize,
}

/// Runs a child and kills it a while after it has done something.
fn victim(path: &Path, seed: u64, target: Option<&Path>, rng: &mut Rng, context: &str) -> Told {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .env(SEED, seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(target) = target {
        command.env(TARGET, target);
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = Told::default();
    let mut take = |line: std::io::Result<String>| {
        let line = line.unwrap();
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
            _ => assert_eq!(line, "ready", "{context}: the child failed"),
        }
    };
    let calls = rng.below(120) as usize;
    lines.by_ref().take(calls).for_each(&mut take);
    std::thread::sleep(Duration::from_micros(rng.below(40_000)));
    child.kill().unwrap();
    lines.for_each(&mut take);
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(SIGKILL), "{context}: the child ended by itself");
    told
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// What the file holds. No whole commit was dropped, and no unfinished file is left.
fn found(path: &Path, context: &str) -> State {
    let db = Emdb::open(path).unwrap_or_else(|e| panic!("{context}: {e}"));
    let report = db.recovery().unwrap();
    assert_eq!(report.commits_dropped, 0, "{context}: a kill loses no whole commit");
    for end in [".compact.tmp", ".backup.tmp"] {
        assert!(!with_end(path, end).exists(), "{context}: {end} is left");
    }
    read_state(&db).unwrap_or_else(|e| panic!("{context}: {e}"))
}

/// The states after `from` and up to `to` calls of a child, and the one with the call in flight.
fn states(mut state: State, seed: u64, from: usize, to: usize) -> Vec<State> {
    let mut calls = Calls(Rng::new(seed));
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
    let base = rng::seed();
    let mut rng = Rng::new(base);
    let (mut compactions, mut unfinished) = (0, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victim.emdb");
    let mut state = State::new();
    for round in 0..rounds() {
        let context = &format!("EMDB_SEED={base}, round {round}");
        let seed = rng.next();
        let told = victim(&path, seed, None, &mut rng, context);
        compactions += told.maintained;
        unfinished += usize::from(with_end(&path, ".compact.tmp").exists());
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
    let base = rng::seed();
    let mut rng = Rng::new(base);
    let (mut backups, mut unfinished) = (0, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victim.emdb");
    let target = folder.path().join("copy.emdb");
    let mut state = State::new();
    let mut old = None;
    for round in 0..rounds() {
        let context = &format!("EMDB_SEED={base}, round {round}");
        let seed = rng.next();
        let told = victim(&path, seed, Some(&target), &mut rng, context);
        backups += told.maintained;
        unfinished += usize::from(with_end(&target, ".backup.tmp").exists());
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
