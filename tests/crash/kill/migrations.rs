//! SIGKILL of a process that migrates a table by a function, to other keys and under another name.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use emdb::{Emdb, Migration, Progress, Record, Table, TableError};
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};
use serde::{Deserialize, Serialize};

/// Rows of some batches, each of which is one commit.
const ROWS: u64 = 8_000;
const LETTER_BYTES: usize = 3_000;

/// How far a row's new key is from its former one. Most new keys are those of rows that come later.
const SHIFT: u64 = 3_000;

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "persons")]
struct Former {
    #[emdb(key)]
    id: u64,
    name: String,
    letter: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", was = "persons", version = 2, from = Former, migrate = Person::of)]
struct Person {
    #[emdb(key)]
    number: u64,
    #[emdb(unique)]
    name: String,
}

/// A letter that a row had. A row that is migrated twice leaves two.
#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "letters")]
struct Letter {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(index)]
    person: u64,
}

thread_local! {
    /// How many rows this thread's migrations have asked the function for.
    static MIGRATED: Cell<u64> = const { Cell::new(0) };
}

/// Whether a row goes on, and whether its letter does.
fn kept(id: u64) -> (bool, bool) {
    (!matches!(id % 10, 0 | 1), matches!(id % 10, 1 | 2))
}

impl Person {
    fn of(old: Former, migration: &mut Migration<'_>) -> Result<Option<Person>, TableError> {
        MIGRATED.set(MIGRATED.get() + 1);
        let (goes_on, with_letter) = kept(old.id);
        if with_letter {
            migration.table::<Letter>()?.insert_new(Letter { id: 0, person: old.id })?;
        }
        Ok(goes_on.then(|| person(old.id)))
    }
}

fn former(id: u64) -> Former {
    Former { id, name: format!("person {id}"), letter: "l".repeat(LETTER_BYTES) }
}

fn person(id: u64) -> Person {
    Person { number: id + SHIFT, name: former(id).name }
}

/// The child's part: it says after each commit how many rows it has migrated by then.
#[test]
fn child_process() {
    let Some([path]) = child::arguments() else { return };
    let db = Emdb::open(path).unwrap();
    victim::ready();
    let step = |_: Progress| {
        victim::acknowledge(MIGRATED.get());
        ControlFlow::Continue(())
    };
    drop(Table::<Person>::open_with(&db, step).unwrap());
    victim::done();
}

/// Kills a child some time after so many lines; how many rows it has certainly migrated.
fn run(path: &Path, lines: u64, patience: Duration) -> u64 {
    let child = Victim::start(child_process, &[path.to_str().unwrap()]);
    let lines = child.kill(lines, patience);
    let number = |line: &String| line.parse().unwrap_or_else(|_| panic!("{}", lines.join("\n")));
    lines.iter().map(number).max().unwrap_or(0)
}

fn verified<T: Record>(table: &Table<T>, context: &str) {
    let report = table.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(report.is_ok(), "{context}: {:?}", report.problems.first());
}

fn check(db: &Emdb, context: &str) {
    let people = Table::<Person>::open(db).unwrap_or_else(|e| panic!("{context}: {e}"));
    let letters = Table::<Letter>::open(db).unwrap();
    verified(&people, context);
    verified(&letters, context);
    let rows = people.iter().unwrap().map(Result::unwrap);
    let expected = (0..ROWS).filter(|id| kept(*id).0).map(person);
    assert!(rows.eq(expected), "{context}: rows were lost, or are there twice");
    let mut sent = BTreeMap::new();
    let rows = letters.iter().unwrap().map(Result::unwrap);
    rows.for_each(|letter| *sent.entry(letter.person).or_default() += 1);
    let expected = (0..ROWS).filter(|id| kept(*id).1).map(|id| (id, 1));
    assert!(sent.into_iter().eq(expected), "{context}: letters were lost, or are there twice");
    assert_eq!(db.list_namespaces().unwrap(), ["letters", "people"], "{context}");
}

#[test]
fn a_kill_during_a_migration_by_a_function_leaves_each_row_migrated_once() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original.emdb");
    let db = Emdb::open(&original).unwrap();
    Table::<Former>::open(&db).unwrap().insert_many((0..ROWS).map(former)).unwrap();
    drop(Table::<Letter>::open(&db).unwrap());
    db.close().unwrap();
    for round in 0..number("EMDB_KILL_ROUNDS", 10) {
        let path = folder.path().join(format!("{round}.emdb"));
        std::fs::copy(&original, &path).unwrap();
        let mut migrated = 0;
        // Some migrations are killed twice.
        for _ in 0..1 + rng.below(2) {
            let lines = 1 + rng.below(9);
            migrated += run(&path, lines, Duration::from_micros(rng.below(60_000)));
        }
        let context = format!("EMDB_SEED={base}, round {round}, {migrated} rows migrated");
        let db = Emdb::open(&path).unwrap_or_else(|error| panic!("{context}: {error}"));
        MIGRATED.set(0);
        check(&db, &context);
        assert!(migrated + MIGRATED.get() <= ROWS, "{context}: and {} again", MIGRATED.get());
        std::fs::remove_file(path).unwrap();
    }
}
