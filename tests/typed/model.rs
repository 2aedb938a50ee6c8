//! Random calls on two tables that have every kind of index, compared with maps whose indexes are
//! found by looking at all rows.

mod rows;
mod seam;
mod write;

use std::path::PathBuf;

use emdb::{ByIndex, Emdb, Error, Rows, Snapshot, Table, TableError};
use emdb_core::internal::{ManualClock, with_clock};
use emdb_testing::{Random, number};
use tempfile::TempDir;

use rows::{Item, Loose, Modelled, Stored};
use seam::{Reads, Result};
use write::write;

/// Runs; `EMDB_TABLE_ROUNDS` asks for more, or fewer.
fn rounds() -> u64 {
    number("EMDB_TABLE_ROUNDS", 5)
}

/// Both tables, as they have to be.
#[derive(Clone, Default)]
struct Model {
    items: Stored<Item>,
    loose: Stored<Loose>,
}

/// A view that is compared later.
enum Held {
    Snapshot(Snapshot, Model, u64),
    Rows(Rows<Item>, Vec<Item>),
    ByKind(Rows<Item, ByIndex>, Vec<Item>),
}

struct Open {
    db: Emdb,
    items: Table<Item>,
    loose: Table<Loose>,
}

impl Open {
    fn new(path: Option<PathBuf>, clock: &ManualClock) -> Open {
        let builder = match path {
            Some(path) => Emdb::builder().path(path),
            None => Emdb::builder(),
        };
        let db = with_clock(builder, clock.clone()).build().unwrap();
        let (items, loose) = (Table::open(&db).unwrap(), Table::open(&db).unwrap());
        Open { db, items, loose }
    }

    /// Closes all handles, and so the database.
    fn close(self) {
        let Open { db, items, loose } = self;
        drop((items, loose));
        db.close().unwrap();
    }
}

struct World {
    open: Option<Open>,
    folder: Option<TempDir>,
    file: u32,
    clock: ManualClock,
    now: u64,
    model: Model,
    held: Vec<Held>,
}

fn is_live(expiry: Option<u64>, now: u64) -> bool {
    expiry.is_none_or(|at| at > now)
}

fn live<T: Modelled>(stored: &Stored<T>, now: u64) -> Vec<T> {
    let live = stored.values().filter(|(_, expiry)| is_live(*expiry, now));
    live.map(|(row, _)| row.clone()).collect()
}

/// Compares all reads with the model.
fn check<T: Modelled, R: Reads<T>>(
    table: &R,
    stored: &Stored<T>,
    now: u64,
    rng: &mut Random,
) -> Result<()> {
    let live = live(stored, now);
    assert_eq!(table.count()?, stored.len());
    let mut walked = table.walk()?.collect::<Result<Vec<T>>>()?;
    walked.sort_by_key(T::key);
    assert_eq!(walked, live);
    let mut keys = table.walk_keys()?.collect::<Result<Vec<_>>>()?;
    keys.sort();
    assert!(keys.into_iter().eq(live.iter().map(T::key)));
    let probes = (0..6).map(|_| T::random(rng, now).key()).chain(stored.keys().cloned());
    let probes: Vec<T::Key> = probes.collect();
    let expected: Vec<Option<T>> = probes
        .iter()
        .map(|key| stored.get(key).filter(|(_, at)| is_live(*at, now)).map(|(row, _)| row.clone()))
        .collect();
    assert_eq!(table.rows_of(&probes)?, expected);
    for (key, row) in probes.iter().zip(expected) {
        assert_eq!(table.has(key)?, row.is_some());
        assert_eq!(table.row(key)?, row);
        assert_eq!(table.expiry(key)?, stored.get(key).and_then(|(_, at)| *at));
    }
    T::compare(table, &live, rng)
}

fn verify<T: Modelled>(table: &Table<T>, stored: &Stored<T>, now: u64) {
    let live = live(stored, now);
    let entries: usize = live.iter().map(T::entries).sum();
    assert_eq!(crate::verified(table), (live.len() as u64, entries as u64));
}

impl World {
    fn new(on_disk: bool) -> World {
        let mut world = World {
            open: None,
            folder: on_disk.then(|| tempfile::tempdir().unwrap()),
            file: 0,
            clock: ManualClock::new(1000),
            now: 1000,
            model: Model::default(),
            held: Vec::new(),
        };
        world.open = Some(Open::new(world.path(), &world.clock));
        world
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join(self.file.to_string()))
    }

    fn step(&mut self, rng: &mut Random) -> Result<()> {
        let Some(Open { db, items, loose }) = &self.open else { unreachable!() };
        let (model, now) = (&mut self.model, self.now);
        match rng.below(100) {
            0..45 => write(items, &mut model.items, now, rng)?,
            45..60 => write(loose, &mut model.loose, now, rng)?,
            60..76 => self.transaction(rng)?,
            76..82 => {
                self.now += 1 + rng.below(30);
                self.clock.set(self.now);
            }
            82..85 => {
                let before = model.items.len() + model.loose.len();
                model.items.retain(|_, (_, expiry)| is_live(*expiry, now));
                model.loose.retain(|_, (_, expiry)| is_live(*expiry, now));
                let expired = before - model.items.len() - model.loose.len();
                assert_eq!(db.sweep_expired(), expired);
            }
            85..87 => self.held.push(Held::Snapshot(db.snapshot(), model.clone(), now)),
            87..89 => {
                let live = live(&model.items, now);
                let walk = items.by(Item::KIND).range(..)?;
                self.held.push(Held::ByKind(walk, Item::by_kind(live.clone())));
                self.held.push(Held::Rows(items.iter()?, live));
            }
            89..92 => self.let_go(rng)?,
            92..94 => db.flush()?,
            94..97 if self.folder.is_some() => {
                self.open.take().unwrap().close();
                self.open = Some(Open::new(self.path(), &self.clock));
            }
            97.. if self.folder.is_some() => {
                // What a killed process leaves: the file as it is.
                let before = self.path().unwrap();
                self.file += 1;
                std::fs::copy(before, self.path().unwrap()).unwrap();
                self.open = Some(Open::new(self.path(), &self.clock));
            }
            _ => {}
        }
        Ok(())
    }

    fn transaction(&mut self, rng: &mut Random) -> Result<()> {
        let Some(Open { db, items, loose }) = &self.open else { unreachable!() };
        let (mut model, now) = (self.model.clone(), self.now);
        let commits = rng.below(4) > 0;
        let done = db.transaction(|tx| {
            for _ in 0..rng.below(8) {
                if rng.below(3) > 0 {
                    let items = items.with(tx);
                    write(&items, &mut model.items, now, rng)?;
                    if rng.below(4) == 0 {
                        check(&items, &model.items, now, rng)?;
                    }
                } else {
                    write(&loose.with(tx), &mut model.loose, now, rng)?;
                }
            }
            check(&loose.with(tx), &model.loose, now, rng)?;
            check(&items.with(tx), &model.items, now, rng)?;
            if commits { Ok(()) } else { Err(TableError::Core(Error::KeyNotFound)) }
        });
        match done {
            Ok(()) => self.model = model,
            Err(TableError::Core(Error::KeyNotFound)) if !commits => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn let_go(&mut self, rng: &mut Random) -> Result<()> {
        let Some(Open { items, loose, .. }) = &self.open else { unreachable!() };
        for held in self.held.drain(..) {
            match held {
                Held::Rows(rows, expected) => {
                    assert_eq!(rows.collect::<Result<Vec<_>>>()?, expected)
                }
                Held::ByKind(rows, expected) => {
                    let rows = rows.rev().collect::<Result<Vec<_>>>()?;
                    assert!(rows.iter().eq(expected.iter().rev()));
                }
                Held::Snapshot(snapshot, model, now) => {
                    check(&items.at(&snapshot), &model.items, now, rng)?;
                    check(&loose.at(&snapshot), &model.loose, now, rng)?;
                }
            }
        }
        Ok(())
    }

    fn check(&self, rng: &mut Random) -> Result<()> {
        let Some(Open { items, loose, .. }) = &self.open else { unreachable!() };
        verify(items, &self.model.items, self.now);
        verify(loose, &self.model.loose, self.now);
        check(items, &self.model.items, self.now, rng)?;
        check(loose, &self.model.loose, self.now, rng)
    }
}

/// Names the seed and the step when one of them fails.
struct Context(u64, u64, usize);

impl Drop for Context {
    #[allow(clippy::print_stderr)]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("EMDB_SEED={}, round {}, step {}", self.0, self.1, self.2);
        }
    }
}

fn run(on_disk: bool) {
    let base = emdb_testing::seed();
    let mut seeds = Random(base);
    for round in 0..rounds() {
        let mut rng = Random(seeds.next());
        let mut world = World::new(on_disk);
        let mut context = Context(base, round, 0);
        for step in 0..150 {
            context.2 = step;
            world.step(&mut rng).unwrap();
            if rng.below(4) == 0 {
                world.check(&mut rng).unwrap();
            }
        }
        world.let_go(&mut rng).unwrap();
        world.check(&mut rng).unwrap();
    }
}

#[test]
fn tables_in_a_file_do_as_maps_do() {
    run(true);
}

#[test]
fn tables_in_memory_do_as_maps_do() {
    run(false);
}
