//! SIGKILL of a process that gives a table and a namespace other names, perhaps beside compactions.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use emdb::{Emdb, NamespaceOptions, Record, Table};
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};
use serde::{Deserialize, Serialize};

use super::durable_in_some_way;

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", was = "persons")]
struct People {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    name: String,
}

/// The same rows, of a program that calls them otherwise.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "persons", was = "people")]
struct Persons {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    name: String,
}

/// The sizes of the table and of the namespace before anything is renamed.
const ROWS: u64 = 300;
const RECORDS: u64 = 200;

/// A commit of a child.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    RenameTable,
    /// By opening it as the type that names the former one.
    OpenRenamed,
    RenameNamespace,
    InsertRow,
    InsertRecord,
}

impl Step {
    fn new(n: u64) -> Step {
        match n % 8 {
            0 | 2 | 4 => Step::RenameTable,
            1 | 5 => Step::RenameNamespace,
            3 => Step::InsertRow,
            6 => Step::OpenRenamed,
            _ => Step::InsertRecord,
        }
    }
}

/// The database after so many steps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct State(u64);

impl State {
    /// How many of its steps were of these kinds.
    fn count(self, kinds: &[Step]) -> u64 {
        (0..self.0).filter(|n| kinds.contains(&Step::new(*n))).count() as u64
    }

    fn table(self) -> &'static str {
        let renamed = self.count(&[Step::RenameTable, Step::OpenRenamed]);
        ["persons", "people"][(renamed % 2) as usize]
    }

    fn namespace(self) -> &'static str {
        ["plain", "simple"][(self.count(&[Step::RenameNamespace]) % 2) as usize]
    }

    fn rows(self) -> u64 {
        ROWS + self.count(&[Step::InsertRow])
    }

    fn records(self) -> u64 {
        RECORDS + self.count(&[Step::InsertRecord])
    }

    /// Makes the step that comes next.
    fn advance(self, db: &Emdb) {
        let next = State(self.0 + 1);
        let rename = |from, to| assert!(db.rename_namespace(from, to).unwrap());
        match Step::new(self.0) {
            Step::RenameTable => rename(self.table(), next.table()),
            Step::OpenRenamed if next.table() == "people" => {
                drop(Table::<People>::open(db).unwrap());
            }
            Step::OpenRenamed => drop(Table::<Persons>::open(db).unwrap()),
            Step::RenameNamespace => rename(self.namespace(), next.namespace()),
            Step::InsertRow => self.insert_row(db),
            Step::InsertRecord => {
                let records = db.namespace(self.namespace()).unwrap();
                records.insert(key(self.records()), value(self.records())).unwrap();
            }
        }
    }

    fn insert_row(self, db: &Emdb) {
        let id = self.rows();
        if self.table() == "people" {
            Table::<People>::open(db).unwrap().insert(&People { id, name: name(id) }).unwrap();
        } else {
            Table::<Persons>::open(db).unwrap().insert(&Persons { id, name: name(id) }).unwrap();
        }
    }

    /// All that can be seen of it: the names, sorted, and how many rows and records there are.
    fn seen(self) -> (Vec<String>, u64, u64) {
        let mut names = vec![self.table().to_owned(), self.namespace().to_owned()];
        names.sort();
        (names, self.rows(), self.records())
    }
}

fn name(id: u64) -> String {
    format!("person {id}")
}

fn key(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

fn value(n: u64) -> Vec<u8> {
    vec![n as u8; 100]
}

/// The child's part: it acknowledges each step.
#[test]
fn child_process() {
    let Some([path, seed, steps]) = child::arguments() else { return };
    let seed: u64 = seed.parse().unwrap();
    let db = durable_in_some_way(Emdb::builder(), seed).path(path).build().unwrap();
    if seed.is_multiple_of(2) {
        let db = db.clone();
        std::thread::spawn(move || {
            loop {
                db.compact().unwrap();
            }
        });
    }
    victim::ready();
    for n in steps.parse().unwrap().. {
        State(n).advance(&db);
        victim::acknowledge(n);
    }
}

fn prepare(path: &Path) {
    let db = Emdb::open(path).unwrap();
    let rows = (0..ROWS).map(|id| Persons { id, name: name(id) });
    Table::<Persons>::open(&db).unwrap().insert_many(rows).unwrap();
    let plain = db.namespace_with("plain", NamespaceOptions::new().ordered(true)).unwrap();
    (0..RECORDS).for_each(|n| plain.insert(key(n), value(n)).unwrap());
    drop(plain);
    db.close().unwrap();
}

/// Everything of the table, with its index; how many rows there are.
fn rows<T: Record>(db: &Emdb, context: &str, parts: impl Fn(T) -> (u64, String)) -> u64 {
    let table =
        Table::<T>::open_with(db, |_| panic!("{context}: the table came without its entry"));
    let table = table.unwrap_or_else(|error| panic!("{context}: {error}"));
    let report = table.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(report.is_ok(), "{context}: {:?}", report.problems.first());
    assert_eq!(report.entries, report.rows, "{context}");
    let found: BTreeMap<_, _> = table.iter().unwrap().map(|row| parts(row.unwrap())).collect();
    assert!(found.into_iter().eq((0..report.rows).map(|id| (id, name(id)))), "{context}");
    report.rows
}

/// Which state the database is in: that of these steps, or of one more.
fn check(db: &Emdb, steps: u64, context: &str) -> u64 {
    let names = db.list_namespaces().unwrap();
    let count = match names.contains(&"people".to_owned()) {
        true => rows(db, context, |row: People| (row.id, row.name)),
        false => rows(db, context, |row: Persons| (row.id, row.name)),
    };
    let plain = names.iter().find(|name| *name == "plain" || *name == "simple").unwrap();
    let plain = db.namespace(plain).unwrap();
    let records = plain.range(..).unwrap();
    let expected = (0..records.len() as u64).map(|n| (key(n).to_vec(), value(n)));
    assert!(records.iter().cloned().eq(expected), "{context}: records are not whole");
    let seen = (names, count, records.len() as u64);
    let states = [State(steps), State(steps + 1)];
    let state = states.into_iter().find(|state| state.seen() == seen);
    state.unwrap_or_else(|| panic!("{context}: {seen:?}, not one of {states:?}")).0
}

#[test]
fn a_kill_leaves_what_is_renamed_whole_under_one_name() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    for round in 0..number("EMDB_KILL_ROUNDS", 30) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("renamed.emdb");
        prepare(&path);
        let mut steps = 0;
        for _ in 0..1 + rng.below(3) {
            let seed = (base ^ round).to_string();
            let arguments = [path.to_str().unwrap(), &seed, &steps.to_string()];
            let child = Victim::start(child_process, &arguments);
            let patience = Duration::from_micros(rng.below(1_000));
            let acknowledged = child.kill(1 + rng.below(40), patience);
            let expected = (steps..).map(|n| n.to_string()).take(acknowledged.len());
            assert!(acknowledged.iter().cloned().eq(expected), "{}", acknowledged.join("\n"));
            steps += acknowledged.len() as u64;
            let context = format!("EMDB_SEED={base}, round {round}, {steps} steps");
            let db = Emdb::open(&path).unwrap_or_else(|error| panic!("{context}: {error}"));
            steps = check(&db, steps, &context);
            db.close().unwrap();
        }
    }
}
