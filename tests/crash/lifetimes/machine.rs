//! The machine: operations at random, each of them on the database and on the model.

mod rows;
mod transactions;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, Namespace, NamespaceOptions, Table, TableError, Ttl};
use emdb_core::internal::ManualClock;
use emdb_testing::Random;
use emdb_testing::number;

use super::held::Held;
use super::journal::Journal;
use super::keys::{CAN_ENCRYPT, Key};
use super::model::{
    Bytes, Model, NAMES, ROWS, Records, Row, Rows, check, check_table, is_live, key, namespace,
    visible,
};
use crate::common::memory_folder;

/// Bytes from which a record takes another way to the disk.
const LARGE: u64 = 300_000;
/// In the year 2100.
const LATER: u64 = 4_102_444_800_000;

pub(crate) struct World {
    pub(crate) rng: Random,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) files: u32,
    pub(crate) db: Option<Emdb>,
    pub(crate) clock: ManualClock,
    pub(crate) model: Model,
    pub(crate) table: Option<Table<Row>>,
    pub(crate) held: Vec<Held>,
    /// Handles of namespaces that were dropped.
    pub(crate) gone: Vec<Namespace>,
    pub(crate) images: Vec<Bytes>,
    /// The checkpoint is as it was taken.
    pub(crate) sound: bool,
    pub(crate) journal: Journal,
    pub(crate) kind: Kind,
    pub(crate) key: Key,
    pub(crate) trace: VecDeque<String>,
    /// In a callback of a long call.
    pub(crate) within: bool,
}

/// The sort of a life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Compacts by itself; then time stands still, so that it doesn't matter when.
    pub(crate) auto: bool,
    pub(crate) table: bool,
    /// Many keys, so that tables grow.
    pub(crate) wide: bool,
    /// Is encrypted now and then, with one key after the other.
    pub(crate) sealed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    Commit,
    Error,
    Panic,
}

enum Write {
    Insert(Bytes, Bytes),
    InsertWithTtl(Bytes, Bytes, u64),
    Remove(Bytes),
    Clear,
}

fn apply(records: &mut Records, write: &Write, now: u64) -> Option<Bytes> {
    match write {
        Write::Insert(k, v) => drop(records.insert(k.clone(), (v.clone(), None))),
        Write::InsertWithTtl(k, v, at) => {
            drop(records.insert(k.clone(), (v.clone(), Some(*at))));
        }
        Write::Remove(k) => {
            let prior = records.remove(k);
            return prior.filter(|(_, expiry)| is_live(*expiry, now)).map(|(v, _)| v);
        }
        Write::Clear => records.clear(),
    }
    None
}

macro_rules! make {
    ($target:expr, $write:expr) => {
        match $write {
            Write::Insert(k, v) => $target.insert(k, v).map(|()| None),
            Write::InsertWithTtl(k, v, at) => {
                $target.insert_with_ttl(k, v, Ttl::ExpiresAt(*at)).map(|()| None)
            }
            Write::Remove(k) => $target.remove(k),
            Write::Clear => $target.clear().map(|()| None),
        }
    };
}
use make;

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Random(seed);
        let folder = memory_folder();
        let kind = Kind {
            auto: rng.below(4) == 0,
            table: rng.below(3) == 0,
            wide: rng.below(10) == 0,
            sealed: CAN_ENCRYPT && seed % 2 == 1,
        };
        let mut model = Model::new();
        let mut key = Key::default();
        if kind.sealed {
            // Keys are changed by the system's clock, for which nothing has expired then.
            model.now = LATER;
            key = Key::some(&mut rng);
        }
        let mut world = World {
            path: folder.path().join("0"),
            folder,
            rng,
            files: 0,
            db: None,
            clock: ManualClock::new(model.now),
            model,
            table: None,
            held: Vec::new(),
            gone: Vec::new(),
            images: Vec::new(),
            sound: false,
            journal: Journal::default(),
            kind,
            key,
            trace: VecDeque::new(),
            within: false,
        };
        world.open();
        world
    }

    pub(crate) fn db(&self) -> Emdb {
        self.db.clone().unwrap()
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        if self.trace.len() == 60 {
            self.trace.pop_front();
        }
        self.trace.push_back(what.into());
    }

    fn value(&mut self) -> Bytes {
        let len = match self.below(400) {
            0 => LARGE + self.below(9),
            1..8 => self.below(9000),
            _ => self.below(40),
        };
        vec![self.below(256) as u8; len as usize]
    }

    /// A moment that may be past already, but not in a callback: there, what has expired before
    /// and after it began would count in two ways.
    fn expiry(&mut self) -> u64 {
        let least = u64::from(self.within || self.kind.auto);
        self.model.now + least + self.below(60)
    }

    fn write(&mut self) -> Write {
        match self.below(30) {
            0..14 => Write::Insert(key(&mut self.rng), self.value()),
            14..21 => Write::InsertWithTtl(key(&mut self.rng), self.value(), self.expiry()),
            21..29 => Write::Remove(key(&mut self.rng)),
            _ => Write::Clear,
        }
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len() as u64) as usize]
    }

    /// The namespace and its records; it begins if it is not there.
    fn target(&mut self) -> (&'static str, Namespace) {
        let name = self.name();
        let namespace = namespace(&self.db(), name);
        self.model.spaces.entry(name).or_default();
        (name, namespace)
    }

    fn records(&mut self, name: &str) -> &mut Records {
        &mut self.model.spaces.get_mut(name).unwrap().records
    }

    /// Whatever may happen in a callback of a long call as well.
    pub(crate) fn small(&mut self) {
        match self.below(100) {
            0..50 => {
                let (write, (name, namespace)) = (self.write(), self.target());
                let now = self.model.now;
                let prior = apply(self.records(name), &write, now);
                assert_eq!(make!(namespace, &write).unwrap(), prior);
            }
            50..58 => self.insert_many(),
            58..62 => self.persist(),
            62..76 => self.transaction(),
            76..79 => self.drop_namespace(),
            79..81 => self.order(),
            81..84 => self.db().flush().unwrap(),
            84..91 => self.hold(),
            91..94 => drop(self.held.pop()),
            _ => self.look(),
        }
        if self.table.is_some() && self.below(3) == 0 {
            self.on_table();
        }
    }

    fn insert_many(&mut self) {
        let (name, namespace) = self.target();
        let count = match self.below(if self.kind.wide { 6 } else { 120 }) {
            0 if self.kind.wide => 20_000,
            0 => 5000,
            _ => self.below(30),
        };
        let items: Vec<(Bytes, Bytes)> = if count > 100 {
            let from = self.below(50_000);
            let value = vec![7; self.below(30) as usize];
            (from..from + count).map(|n| (format!("n{n:06}").into(), value.clone())).collect()
        } else {
            (0..count).map(|_| (key(&mut self.rng), self.value())).collect()
        };
        self.note(format!("insert_many {name:?} {count}"));
        namespace.insert_many(items.iter().map(|(k, v)| (k, v))).unwrap();
        self.records(name).extend(items.into_iter().map(|(k, v)| (k, (v, None))));
    }

    fn persist(&mut self) {
        let ((name, namespace), key) = (self.target(), key(&mut self.rng));
        let now = self.model.now;
        let live = self.records(name).get_mut(&key).filter(|(_, e)| is_live(*e, now));
        assert_eq!(namespace.persist(&key).unwrap(), live.is_some());
        if let Some((_, expiry)) = live {
            *expiry = None;
        }
    }

    fn drop_namespace(&mut self) {
        let name = if self.below(8) == 0 { ROWS } else { self.name() };
        if name.is_empty() || name == ROWS && self.table.is_none() {
            return;
        }
        self.note(format!("drop {name:?}"));
        let db = self.db();
        if name == ROWS {
            assert!(db.drop_namespace(ROWS).unwrap());
            let old = self.table.take().unwrap();
            assert!(old.iter().is_err());
            // Of the past: the new one is another.
            self.model.rows = Some(Rows::new());
            self.table = Some(Table::open(&db).unwrap());
            return;
        }
        if self.model.spaces.contains_key(name) {
            self.gone.push(db.namespace(name).unwrap());
        }
        let existed = self.model.spaces.remove(name).is_some();
        assert_eq!(db.drop_namespace(name).unwrap(), existed);
    }

    fn order(&mut self) {
        let name = self.name();
        if !name.is_empty() {
            self.note(format!("order {name:?}"));
            let options = NamespaceOptions::new().ordered(true);
            assert!(self.db().namespace_with(name, options).unwrap().is_ordered());
            self.model.spaces.entry(name).or_default().ordered = true;
        }
    }

    fn hold(&mut self) {
        if self.held.len() > 12 {
            let at = self.below(self.held.len() as u64) as usize;
            self.held.swap_remove(at);
        }
        let (name, namespace) = self.target();
        let now = self.model.now;
        let shown = visible(self.records(name), now);
        let ordered = self.model.is_ordered(name);
        let held = match self.below(6) {
            0 | 1 => {
                let mut model = self.model.clone();
                // What was ordered by this open need not be in order for the next one.
                model.all_ordered &= ordered;
                Held::Snapshot(Box::new((self.db().snapshot(), model)))
            }
            2 => Held::Iter(namespace.iter().unwrap(), shown),
            3 if ordered => {
                Held::Range(namespace.range_iter(..).unwrap(), shown.into_iter().collect())
            }
            3 => Held::Keys(namespace.keys().unwrap(), shown),
            4 if self.table.is_some() && self.db.is_some() => {
                // A table keeps the database open: a snapshot of its own time is looked at now.
                let table = self.table.clone().unwrap();
                let mut held = Held::Table(self.db().snapshot(), table, self.model.rows());
                held.look(&mut self.rng);
                held
            }
            _ => {
                let key = key(&mut self.rng);
                let value = namespace.get_zerocopy(&key).unwrap();
                assert_eq!(value.as_deref(), shown.get(&key).map(|v| &v[..]));
                let Some(value) = value else { return };
                Held::Value(value, shown[&key].clone())
            }
        };
        self.held.push(held);
    }

    pub(crate) fn look(&mut self) {
        if !self.held.is_empty() {
            let at = self.below(self.held.len() as u64) as usize;
            if !self.held[at].look(&mut self.rng) {
                self.held.swap_remove(at);
            }
        }
        for gone in &self.gone {
            assert!(matches!(gone.get("a1"), Err(Error::NamespaceDropped)));
            assert!(matches!(gone.insert("a1", "v"), Err(Error::NamespaceDropped)));
        }
    }

    /// One operation of any sort.
    fn step(&mut self) {
        match self.below(200) {
            0..8 if !self.kind.auto => {
                self.model.now += 1 + self.below(30);
                self.clock.set(self.model.now);
                self.note("time goes on");
            }
            8..11 => self.sweep(),
            11..16 => self.checkpoint(),
            16..22 => self.compact(),
            22..25 => self.backup(),
            25..28 => self.verify(),
            28..36 => self.reopen(),
            36..40 => self.killed(),
            40 if self.kind.auto => std::thread::sleep(Duration::from_millis(120)),
            _ => self.small(),
        }
        self.figures();
        let often = if self.kind.wide { 40 } else { 4 };
        if self.below(often) == 0 {
            self.check();
        }
    }

    pub(crate) fn check(&mut self) {
        check(&self.db(), &self.model, &mut self.rng);
        if let Some(table) = &self.table {
            check_table(table, &self.model);
        }
        super::model::check_stats(&self.db(), &self.model);
    }

    fn sweep(&mut self) {
        self.note("sweep");
        let before = self.model.stored();
        let swept = self.model.purge();
        assert_eq!(self.db().sweep_expired(), swept, "of {before}");
    }

    /// The figures are what the file comes to.
    pub(crate) fn figures(&mut self) {
        if !self.key.is_none() {
            // Nobody can read it.
            return;
        }
        for attempt in 0.. {
            let db = self.db();
            let before = db.stats().unwrap();
            let journal = &mut self.journal;
            let mut read = || {
                let account = journal.read(&self.path, before.logical_size_bytes);
                let found = super::journal::Account {
                    records: before.live_records,
                    namespaces: before.namespace_count,
                    dead_bytes: before.dead_bytes,
                };
                assert_eq!(found, account, "what stats say, and what the file says");
            };
            if !self.kind.auto {
                return read();
            }
            // The file may have been exchanged in between.
            match catch_unwind(AssertUnwindSafe(&mut read)) {
                Ok(()) => return,
                Err(_) if attempt < 20 => {
                    self.journal = Journal::default();
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(panic) => resume_unwind(panic),
            }
        }
    }

    pub(crate) fn in_callback(&mut self) -> ControlFlow<()> {
        self.within = true;
        for _ in 0..self.below(12) {
            self.small();
        }
        self.within = false;
        if self.below(20) == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn live(seed: u64) {
    let mut world = World::new(seed);
    let steps = 40 + world.below(400);
    let mut step = 0;
    let lived = catch_unwind(AssertUnwindSafe(|| {
        while step < steps {
            world.step();
            step += 1;
        }
        world.reopen();
        world.check();
        world.verify();
    }));
    if let Err(panic) = lived {
        let trace = std::mem::take(&mut world.trace);
        // Not dropped: that could fail again, or wait.
        let kind = world.kind;
        std::mem::forget(world);
        panic!(
            "EMDB_SEED={seed} EMDB_LIVES=1 repeats it: {kind:?}, step {step} of {steps}: {}\n{trace:#?}",
            text(&*panic)
        );
    }
}

pub(crate) fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().cloned();
    owned.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()
}

#[test]
fn whatever_happens_in_a_long_life_is_what_a_map_would_do() {
    let seed = emdb_testing::seed();
    let lives = number("EMDB_LIVES", u64::MAX);
    let began = Instant::now();
    for life in 0..lives {
        live(seed.wrapping_add(life));
        if lives == u64::MAX && began.elapsed() > Duration::from_secs(12) {
            break;
        }
    }
}
