//! SIGKILL of a process in what a typed table does in several steps: writes with index entries, index
//! builds, migrations.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use emdb::{Emdb, Progress, Record, Table, TableError};
use emdb_testing::child;
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};
use serde::{Deserialize, Serialize};

/// Kills of each test; `EMDB_KILL_ROUNDS` asks for more, or fewer.
fn rounds() -> u64 {
    number("EMDB_KILL_ROUNDS", 10)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Plain {
    #[emdb(key)]
    id: u64,
    name: String,
    age: u8,
    tags: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Person {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    name: String,
    #[emdb(index)]
    age: u8,
    #[emdb(index(each))]
    tags: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", version = 2, from = Plain)]
struct Raised {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    title: String,
    #[emdb(index)]
    born: u16,
}

impl From<Plain> for Raised {
    fn from(old: Plain) -> Raised {
        let title = format!("the {}", old.name);
        Raised { id: old.id, title, born: 2000 - u16::from(old.age) }
    }
}

fn plain(id: u64) -> Plain {
    let tags = vec![(id % 3) as u8, (id % 5) as u8];
    Plain { id, name: format!("person {id}"), age: (id % 90) as u8, tags }
}

fn person(id: u64) -> Person {
    let Plain { id, name, age, tags } = plain(id);
    Person { id, name, age, tags }
}

fn entries(person: &Person) -> u64 {
    2 + if person.tags[0] == person.tags[1] { 1 } else { 2 }
}

/// The rows of tables on which long calls are killed: a dozen chunks.
const MANY: u64 = 12_000;
const CHUNK: u64 = 1024;

type State = BTreeMap<u64, Person>;

/// The `n`th call of a child that writes; the same for the parent.
enum Call {
    InsertMany(std::ops::Range<u64>),
    Update(u64),
    Swap(u64, u64),
    Remove(u64),
    Retain(u64),
}

impl Call {
    fn new(n: u64) -> Call {
        // As many rows as there are by then, whatever was removed.
        let (block, random) = (n / 8, Random(n).next());
        let id = random % (2500 * (block + 1));
        match n % 8 {
            0 => Call::InsertMany(2500 * block..2500 * (block + 1)),
            1 | 4 => Call::Update(id),
            2 | 5 | 6 => Call::Swap(id, (random >> 32) % (2500 * (block + 1))),
            3 => Call::Remove(id),
            _ => Call::Retain(random % 50),
        }
    }

    fn apply(&self, n: u64, db: &Emdb, people: &Table<Person>) -> Result<(), TableError> {
        match self {
            Call::InsertMany(ids) => people.insert_many(ids.clone().map(person)).map(drop),
            Call::Update(id) => people.update(id, |row| update(row, n)).map(drop),
            Call::Remove(id) => people.remove(id).map(drop),
            Call::Retain(rest) => people.retain(|row| row.id % 50 != *rest),
            Call::Swap(a, b) => db.transaction(|tx| {
                let people = people.with(tx);
                let (Some(first), Some(second)) = (people.get(a)?, people.get(b)?) else {
                    return Ok(());
                };
                if a != b {
                    people.update(a, |row| row.name = "between".into())?;
                    people.update(b, |row| row.name = first.name)?;
                    people.update(a, |row| row.name = second.name)?;
                }
                Ok(())
            }),
        }
    }

    fn advance(&self, n: u64, state: &mut State) {
        match self {
            Call::InsertMany(ids) => state.extend(ids.clone().map(|id| (id, person(id)))),
            Call::Update(id) => {
                state.entry(*id).and_modify(|row| update(row, n));
            }
            Call::Remove(id) => drop(state.remove(id)),
            Call::Retain(rest) => state.retain(|id, _| id % 50 != *rest),
            Call::Swap(a, b) => {
                let names = (state.get(a).map(|row| row.name.clone()), state.get(b));
                if let (Some(first), Some(second)) = (names.0, names.1.map(|row| row.name.clone()))
                {
                    state.entry(*a).and_modify(|row| row.name = second);
                    state.entry(*b).and_modify(|row| row.name = first);
                }
            }
        }
    }

    /// The states that a kill in this call may leave: a chunk is there as a whole or not at all.
    fn outcomes(&self, n: u64, before: &State) -> Vec<State> {
        let mut outcomes = vec![before.clone()];
        if let Call::InsertMany(ids) = self {
            for end in (ids.start + CHUNK..ids.end).step_by(CHUNK as usize) {
                let mut state = before.clone();
                state.extend((ids.start..end).map(|id| (id, person(id))));
                outcomes.push(state);
            }
        }
        let mut after = before.clone();
        self.advance(n, &mut after);
        outcomes.push(after);
        outcomes
    }
}

fn update(row: &mut Person, n: u64) {
    row.name = format!("changed by {n}");
    row.tags = vec![n as u8, row.id as u8];
    row.age = n as u8;
}

/// The child's part: it acknowledges each step.
#[test]
fn child_process() {
    let Some([path, task]) = child::arguments() else { return };
    let step = |_: Progress| {
        victim::acknowledge("step");
        ControlFlow::Continue(())
    };
    let db = Emdb::open(path).unwrap();
    match &*task {
        "write" => {
            let people = Table::<Person>::open(&db).unwrap();
            for n in 0.. {
                Call::new(n).apply(n, &db, &people).unwrap();
                victim::acknowledge("step");
            }
        }
        "build" => drop(Table::<Person>::open_with(&db, step).unwrap()),
        "migrate" => {
            let people = Table::<Raised>::open_with(&db, step).unwrap();
            people.migrate_with(step).unwrap();
        }
        other => panic!("no task {other}"),
    }
    victim::done();
}

/// Kills a child with this task some time after so many steps, and gives the number of those that
/// were acknowledged.
fn run(path: &Path, task: &str, steps: u64, patience: Duration) -> u64 {
    let child = Victim::start(child_process, &[path.to_str().unwrap(), task]);
    let lines = child.kill(steps, patience);
    assert!(lines.iter().all(|line| line == "step"), "the child failed: {}", lines.join("\n"));
    lines.len() as u64
}

/// A folder with a database of many plain rows, of which each round gets a copy.
struct Prepared(tempfile::TempDir);

impl Prepared {
    fn new() -> Prepared {
        let prepared = Prepared(tempfile::tempdir().unwrap());
        let db = Emdb::open(prepared.original()).unwrap();
        let people = Table::<Plain>::open(&db).unwrap();
        people.insert_many((0..MANY).map(plain)).unwrap();
        drop(people);
        db.close().unwrap();
        prepared
    }

    fn original(&self) -> PathBuf {
        self.0.path().join("original.emdb")
    }

    fn copy(&self, round: u64) -> PathBuf {
        let path = self.0.path().join(format!("{round}.emdb"));
        std::fs::copy(self.original(), &path).unwrap();
        path
    }
}

fn verified<T: Record>(table: &Table<T>, context: &str) -> (u64, u64) {
    let report = table.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
    let first: Vec<_> = report.problems.iter().take(3).collect();
    assert!(report.is_ok(), "{context}: {} problems: {first:?}", report.problems.len());
    (report.rows, report.entries)
}

/// How long the parent waits beyond the last step that it waits for.
fn patience(rng: &mut Random, most_us: u64) -> Duration {
    Duration::from_micros(rng.below(most_us))
}

#[test]
fn a_kill_during_writes_leaves_rows_and_entries_in_step() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    for round in 0..rounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.emdb");
        let steps = rng.below(40);
        // Half of the kills come in a call with several chunks.
        let steps = if rng.below(2) == 0 { steps / 8 * 8 } else { steps };
        let done = run(&path, "write", steps, patience(&mut rng, 20_000));
        let context = format!("EMDB_SEED={base}, round {round}, {done} acknowledged");
        let mut state = State::new();
        (0..done).for_each(|n| Call::new(n).advance(n, &mut state));
        let db = Emdb::open(&path).unwrap_or_else(|error| panic!("{context}: {error}"));
        let people = Table::<Person>::open(&db).unwrap();
        let rows = people.iter().unwrap().map(Result::unwrap);
        let found: State = rows.map(|row| (row.id, row)).collect();
        let outcomes = Call::new(done).outcomes(done, &state);
        assert!(outcomes.contains(&found), "{context}: {} rows", found.len());
        let expected = found.values().map(entries).sum();
        assert_eq!(verified(&people, &context), (found.len() as u64, expected));
        for row in found.values().step_by(97) {
            assert_eq!(people.by(Person::NAME).get(&row.name).unwrap().as_ref(), Some(row));
        }
    }
}

#[test]
fn a_kill_during_a_build_is_finished_by_the_next_open() {
    let (base, prepared) = (emdb_testing::seed(), Prepared::new());
    let mut rng = Random(base);
    let chunks = MANY.div_ceil(CHUNK);
    for round in 0..rounds() {
        let path = prepared.copy(round);
        let mut done = 0;
        // Some builds are killed twice.
        for _ in 0..1 + rng.below(2) {
            let steps = rng.below(chunks + 1 - done.min(chunks));
            done += run(&path, "build", steps, patience(&mut rng, 5000));
        }
        let context = format!("EMDB_SEED={base}, round {round}, {done} chunks");
        let db = Emdb::open(&path).unwrap_or_else(|error| panic!("{context}: {error}"));
        let mut left = 0;
        let people = Table::<Person>::open_with(&db, |_| {
            left += 1;
            ControlFlow::Continue(())
        });
        let people = people.unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(left <= chunks.saturating_sub(done), "{context}: {left} chunks were built again");
        let expected = (0..MANY).map(|id| entries(&person(id))).sum();
        assert_eq!(verified(&people, &context), (MANY, expected));
        assert_eq!(people.by(Person::AGE).count(7).unwrap(), (MANY as usize - 7).div_ceil(90));
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_kill_while_a_build_runs_leaves_the_table_to_the_type_before() {
    let (base, prepared) = (emdb_testing::seed(), Prepared::new());
    let mut rng = Random(base);
    for round in 0..rounds() / 2 {
        let path = prepared.copy(round);
        let steps = rng.below(MANY / CHUNK);
        let done = run(&path, "build", steps, patience(&mut rng, 5000));
        let context = format!("EMDB_SEED={base}, round {round}, {done} chunks");
        let db = Emdb::open(&path).unwrap_or_else(|error| panic!("{context}: {error}"));
        let people = Table::<Plain>::open(&db).unwrap();
        people.update(&7, |row| row.name = "changed".into()).unwrap();
        people.remove(&8).unwrap();
        assert_eq!(verified(&people, &context), (MANY - 1, 0));
        let people = Table::<Person>::open(&db).unwrap();
        assert_eq!(people.by(Person::NAME).get("changed").unwrap().unwrap().id, 7);
        let expected: u64 = (0..MANY).map(|id| entries(&person(id))).sum();
        assert_eq!(verified(&people, &context), (MANY - 1, expected - entries(&person(8))));
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_kill_during_a_raise_or_a_migration_is_finished_afterwards() {
    let (base, prepared) = (emdb_testing::seed(), Prepared::new());
    let mut rng = Random(base);
    let chunks = MANY.div_ceil(CHUNK);
    for round in 0..rounds() {
        let path = prepared.copy(round);
        // In the build of the raise, or in the migration after it.
        let steps = if round % 3 == 0 { rng.below(chunks) } else { chunks + rng.below(chunks) };
        let done = run(&path, "migrate", steps, patience(&mut rng, 5000));
        let context = format!("EMDB_SEED={base}, round {round}, {done} chunks");
        let db = Emdb::open(&path).unwrap_or_else(|error| panic!("{context}: {error}"));
        // The type before may take it back for as long as the build is not finished.
        if round % 2 == 0 {
            match Table::<Plain>::open(&db) {
                Ok(people) => {
                    assert!(done <= chunks, "{context}: the raised table was taken back");
                    assert_eq!(verified(&people, &context), (MANY, 0));
                }
                Err(TableError::SchemaNewer { .. }) => assert!(done >= chunks, "{context}"),
                Err(error) => panic!("{context}: {error}"),
            }
        }
        let people = Table::<Raised>::open(&db).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert_eq!(verified(&people, &context), (MANY, 2 * MANY));
        let report = people.migrate().unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(report.rows, MANY);
        let migrated = MANY.min(done.saturating_sub(chunks) * CHUNK);
        assert!(report.migrated <= MANY - migrated, "{context}: {report:?}");
        assert_eq!(people.migrate().unwrap().migrated, 0);
        assert_eq!(verified(&people, &context), (MANY, 2 * MANY));
        let expected = (0..MANY).map(|id| Raised::from(plain(id)));
        assert!(people.iter().unwrap().map(Result::unwrap).eq(expected), "{context}");
        std::fs::remove_file(path).unwrap();
    }
}
