//! Random operations, compared after each step with maps from the standard library.

mod many_keys;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::Duration;

use emdb::{
    Emdb, EmdbIter, Error, Namespace, NamespaceOptions, Snapshot, TransactionNamespace, Ttl,
    ValueRef,
};
use emdb_core::internal::{ManualClock, with_clock};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

const NAMES: [&str; 3] = ["", "one", "two"];

/// Bytes from which a record takes another way to the disk.
const LARGE: usize = 300_000;

#[derive(Debug, Clone)]
enum Step {
    On(usize, Write),
    InsertMany(usize, Vec<(u8, Value)>),
    Persist(usize, u8),
    Touch(usize, u8, u64),
    Drop(usize),
    Transaction(Vec<(usize, Write)>, Ending),
    Advance(u64),
    Sweep(Option<usize>),
    Flush,
    Reopen,
    Crash,
    HoldIterator(usize),
    HoldSnapshot,
    /// Orders a namespace for good.
    Order(usize),
    HoldValue(usize, u8),
    LetGo,
}

/// A write that a namespace and its part in a transaction can both do.
#[derive(Debug, Clone)]
enum Write {
    Insert(u8, Value),
    InsertWithTtl(u8, Value, u64),
    Remove(u8),
    Clear,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Commit,
    Error,
    Panic,
}

/// A byte and how often it is repeated.
#[derive(Debug, Clone, Copy)]
struct Value(u8, usize);

impl Value {
    fn bytes(self) -> Vec<u8> {
        vec![self.0; self.1]
    }
}

fn key(n: u8) -> Vec<u8> {
    // The empty key, short ones and a long one.
    vec![n; if n == 9 { 3000 } else { usize::from(n % 4) }]
}

fn value() -> impl Strategy<Value = Value> {
    let len = prop_oneof![60 => 0usize..40, 6 => 40usize..5000, 1 => LARGE..LARGE + 9];
    (any::<u8>(), len).prop_map(|(byte, len)| Value(byte, len))
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        6 => (0u8..16, value()).prop_map(|(k, v)| Write::Insert(k, v)),
        4 => (0u8..16, value(), 0u64..60).prop_map(|(k, v, ms)| Write::InsertWithTtl(k, v, ms)),
        4 => (0u8..16).prop_map(Write::Remove),
        1 => Just(Write::Clear),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let namespace = || 0..NAMES.len();
    let ending = prop_oneof![
        4 => Just(Ending::Commit),
        1 => Just(Ending::Error),
        1 => Just(Ending::Panic),
    ];
    prop_oneof![
        20 => (namespace(), write()).prop_map(|(n, w)| Step::On(n, w)),
        3 => (namespace(), vec((0u8..16, value()), 0..12)).prop_map(|(n, i)| Step::InsertMany(n, i)),
        3 => (namespace(), 0u8..16).prop_map(|(n, k)| Step::Persist(n, k)),
        2 => (namespace(), 0u8..16, 0u64..40).prop_map(|(n, k, ms)| Step::Touch(n, k, ms)),
        1 => (1..NAMES.len()).prop_map(Step::Drop),
        6 => (vec((namespace(), write()), 0..10), ending).prop_map(|(w, e)| Step::Transaction(w, e)),
        4 => (1u64..30).prop_map(Step::Advance),
        2 => prop::option::of(namespace()).prop_map(Step::Sweep),
        2 => Just(Step::Flush),
        2 => Just(Step::Reopen),
        2 => Just(Step::Crash),
        2 => namespace().prop_map(Step::HoldIterator),
        2 => Just(Step::HoldSnapshot),
        1 => (1..NAMES.len()).prop_map(Step::Order),
        1 => (namespace(), 0u8..16).prop_map(|(n, k)| Step::HoldValue(n, k)),
        1 => Just(Step::LetGo),
    ]
}

/// Value and expiry by key.
type Records = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;
type Visible = BTreeMap<Vec<u8>, Vec<u8>>;

fn visible(records: &Records, now: u64) -> Visible {
    let live = records.iter().filter(|(_, (_, expiry))| expiry.is_none_or(|at| at > now));
    live.map(|(k, (v, _))| (k.clone(), v.clone())).collect()
}

fn apply(records: &mut Records, write: &Write, now: u64) -> Option<Vec<u8>> {
    match write {
        Write::Insert(k, v) => drop(records.insert(key(*k), (v.bytes(), None))),
        Write::InsertWithTtl(k, v, ms) => {
            records.insert(key(*k), (v.bytes(), Some(now + ms)));
        }
        Write::Remove(k) => {
            let prior = records.remove(&key(*k));
            return prior.filter(|(_, e)| e.is_none_or(|at| at > now)).map(|(v, _)| v);
        }
        Write::Clear => records.clear(),
    }
    None
}

struct World {
    folder: Option<TempDir>,
    file: u32,
    db: Option<Emdb>,
    clock: ManualClock,
    now: u64,
    model: BTreeMap<&'static str, Records>,
    /// Whether the present open orders every namespace; every other one does.
    ordered: bool,
    snapshots: Vec<(Snapshot, BTreeMap<&'static str, Records>, u64)>,
    iterators: Vec<(EmdbIter, Visible)>,
    values: Vec<(ValueRef, Vec<u8>)>,
}

impl World {
    fn new(on_disk: bool) -> World {
        let mut world = World {
            folder: on_disk.then(|| tempfile::tempdir().unwrap()),
            file: 0,
            db: None,
            clock: ManualClock::new(1000),
            now: 1000,
            model: BTreeMap::from([("", Records::new())]),
            ordered: !on_disk,
            snapshots: Vec::new(),
            iterators: Vec::new(),
            values: Vec::new(),
        };
        world.open();
        world
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|f| f.path().join(self.file.to_string()))
    }

    fn open(&mut self) {
        let builder = match self.path() {
            Some(path) => Emdb::builder().path(path),
            None => Emdb::builder(),
        };
        let builder = builder.enable_range_scans(self.ordered);
        self.db = Some(with_clock(builder, self.clock.clone()).build().unwrap());
        self.ordered = !self.ordered;
    }

    fn db(&self) -> &Emdb {
        self.db.as_ref().unwrap()
    }

    /// The namespace, which begins if it is not there.
    fn namespace(&mut self, n: usize) -> (Namespace, &mut Records) {
        let name = NAMES[n];
        let db = self.db();
        let handle = if name.is_empty() { (**db).clone() } else { db.namespace(name).unwrap() };
        (handle, self.model.entry(name).or_default())
    }

    fn take(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::On(n, write) => {
                let (namespace, records) = self.namespace(*n);
                let prior = apply(records, write, now);
                assert_eq!(on_namespace(&namespace, write), prior);
            }
            Step::InsertMany(n, items) => {
                let (namespace, records) = self.namespace(*n);
                namespace.insert_many(items.iter().map(|(k, v)| (key(*k), v.bytes()))).unwrap();
                records.extend(items.iter().map(|(k, v)| (key(*k), (v.bytes(), None))));
            }
            Step::Persist(n, k) => self.touch(*n, *k, None),
            Step::Touch(n, k, ms) => self.touch(*n, *k, Some(*ms)),
            Step::Drop(n) => {
                let existed = self.model.remove(NAMES[*n]).is_some();
                assert_eq!(self.db().drop_namespace(NAMES[*n]).unwrap(), existed);
            }
            Step::Transaction(writes, ending) => self.transaction(writes, *ending),
            Step::Advance(ms) => {
                self.now += ms;
                self.clock.set(self.now);
            }
            Step::Sweep(n) => self.sweep(*n),
            Step::Flush => self.db().flush().unwrap(),
            Step::Reopen => self.reopen(),
            Step::Crash => self.crash(),
            Step::HoldIterator(n) => {
                let (namespace, records) = self.namespace(*n);
                let held = (namespace.iter().unwrap(), visible(records, now));
                self.iterators.push(held);
            }
            Step::HoldSnapshot => {
                self.snapshots.push((self.db().snapshot(), self.model.clone(), now));
            }
            Step::Order(n) => {
                self.model.entry(NAMES[*n]).or_default();
                let options = NamespaceOptions::new().ordered(true);
                assert!(self.db().namespace_with(NAMES[*n], options).unwrap().is_ordered());
            }
            Step::HoldValue(n, k) => {
                let (namespace, records) = self.namespace(*n);
                let expected = visible(records, now).remove(&key(*k));
                let value = namespace.get_zerocopy(key(*k)).unwrap();
                assert_eq!(value.is_some(), expected.is_some());
                self.values.extend(value.zip(expected));
            }
            Step::LetGo => self.let_go(),
        }
    }

    /// Lets a record live so long from now on, or for ever.
    fn touch(&mut self, n: usize, k: u8, ms: Option<u64>) {
        let now = self.now;
        let (namespace, records) = self.namespace(n);
        let live = records.get_mut(&key(k)).filter(|(_, e)| e.is_none_or(|at| at > now));
        let touched = match ms {
            None => namespace.persist(key(k)),
            Some(ms) => namespace.touch(key(k), Ttl::Duration(Duration::from_millis(ms))),
        };
        assert_eq!(touched.unwrap(), live.is_some());
        if let Some((_, expiry)) = live {
            *expiry = ms.map(|ms| now + ms);
        }
    }

    /// Removes the expired records of one namespace, or of all.
    fn sweep(&mut self, n: Option<usize>) {
        let (now, mut expired) = (self.now, 0);
        for (name, records) in &mut self.model {
            if n.is_none_or(|n| NAMES[n] == *name) {
                let before = records.len();
                records.retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now));
                expired += before - records.len();
            }
        }
        let swept = match n {
            Some(n) => self.namespace(n).0.sweep_expired(),
            None => self.db().sweep_expired(),
        };
        assert_eq!(swept, expired);
    }

    fn reopen(&mut self) {
        if self.folder.is_some() {
            self.db.take().unwrap().close().unwrap();
            self.open();
            assert!(self.db().recovery().unwrap().clean);
        }
    }

    /// Goes on with a copy of the file as it is.
    fn crash(&mut self) {
        if let Some(from) = self.path() {
            self.file += 1;
            std::fs::copy(from, self.path().unwrap()).unwrap();
            self.open();
            assert_eq!(self.db().recovery().unwrap().torn_bytes, 0);
        }
    }

    fn transaction(&mut self, writes: &[(usize, Write)], ending: Ending) {
        let handles: Vec<_> = (0..NAMES.len()).map(|n| self.namespace(n).0).collect();
        let now = self.now;
        let mut model = self.model.clone();
        let body = |tx: &mut emdb::Transaction<'_>| {
            for (n, write) in writes {
                let records = model.get_mut(NAMES[*n]).unwrap();
                let part = tx.namespace(&handles[*n]);
                let prior = apply(records, write, now);
                assert_eq!(on_part(part, write), prior);
                let shown = visible(records, now);
                assert_eq!(part.iter()?.collect::<Visible>(), shown);
                if handles[*n].is_ordered() {
                    assert!(part.range(..)?.into_iter().eq(shown.clone()));
                    assert!(part.range_iter(..)?.rev().eq(shown.clone().into_iter().rev()));
                }
                assert_eq!(part.keys()?.count(), shown.len());
                assert_eq!(part.len()?, records.len());
                for k in (0..16).map(key) {
                    assert_eq!(part.get(&k)?.as_ref(), shown.get(&k));
                    assert_eq!(part.contains_key(&k)?, shown.contains_key(&k));
                    assert_eq!(part.expires_at(&k)?, records.get(&k).and_then(|r| r.1));
                }
            }
            match ending {
                Ending::Commit => Ok(()),
                Ending::Error => Err(Error::KeyNotFound),
                Ending::Panic => resume_unwind(Box::new("on purpose")),
            }
        };
        let db = self.db();
        let ended = catch_unwind(AssertUnwindSafe(|| db.transaction(body)));
        match ending {
            Ending::Commit => {
                // A failed assertion comes by as a panic.
                ended.unwrap_or_else(|panic| resume_unwind(panic)).unwrap();
                self.model = model;
            }
            Ending::Error => {
                let result = ended.unwrap_or_else(|panic| resume_unwind(panic));
                assert!(matches!(result, Err(Error::KeyNotFound)));
            }
            Ending::Panic => {
                let panic = ended.unwrap_err();
                if panic.downcast_ref() != Some(&"on purpose") {
                    resume_unwind(panic);
                }
            }
        }
    }

    fn let_go(&mut self) {
        for (mut iterator, expected) in self.iterators.drain(..) {
            assert_eq!(iterator.by_ref().collect::<Visible>(), expected);
            iterator.status().unwrap();
        }
        for (value, expected) in self.values.drain(..) {
            assert_eq!(value, expected);
        }
        for (snapshot, model, now) in self.snapshots.drain(..) {
            check_snapshot(&snapshot, &model, now);
        }
    }

    /// Compares all that can be read with the model.
    fn check(&self) {
        let db = self.db();
        let names: Vec<_> = self.model.keys().filter(|n| !n.is_empty()).collect();
        assert_eq!(db.list_namespaces().unwrap().iter().collect::<Vec<_>>(), names);
        let stats = db.stats().unwrap();
        assert_eq!(stats.namespace_count, self.model.len() as u64);
        let stored: usize = self.model.values().map(BTreeMap::len).sum();
        assert_eq!(stats.live_records, stored as u64);
        for (name, records) in &self.model {
            let other;
            let namespace = if name.is_empty() {
                &**db
            } else {
                other = db.namespace(name).unwrap();
                &other
            };
            let shown = visible(records, self.now);
            assert_eq!(namespace.len().unwrap(), records.len());
            assert_eq!(namespace.iter().unwrap().collect::<Visible>(), shown);
            assert_eq!(namespace.iter().unwrap().count(), shown.len());
            let mut keys: Vec<_> = namespace.keys().unwrap().collect();
            keys.sort();
            assert!(keys.iter().eq(shown.keys()));
            if namespace.is_ordered() {
                assert!(namespace.iter().unwrap().eq(shown.clone()));
                assert!(namespace.range(..).unwrap().into_iter().eq(shown.clone()));
                assert!(
                    namespace.range_iter(..).unwrap().rev().eq(shown.clone().into_iter().rev())
                );
            }
            for k in (0..16).map(key) {
                assert_eq!(namespace.get(&k).unwrap().as_ref(), shown.get(&k));
                assert_eq!(namespace.contains_key(&k).unwrap(), shown.contains_key(&k));
                let expiry = records.get(&k).and_then(|r| r.1);
                assert_eq!(namespace.expires_at(&k).unwrap(), expiry);
                let left = expiry.map(|at| Duration::from_millis(at.saturating_sub(self.now)));
                assert_eq!(namespace.ttl(&k).unwrap(), left);
            }
        }
    }
}

fn check_snapshot(snapshot: &Snapshot, model: &BTreeMap<&'static str, Records>, now: u64) {
    for name in NAMES {
        let other;
        let part = if name.is_empty() {
            &**snapshot
        } else {
            other = snapshot.namespace(name).unwrap();
            &other
        };
        let records = model.get(name).cloned().unwrap_or_default();
        let shown = visible(&records, now);
        assert_eq!(part.len().unwrap(), records.len());
        assert_eq!(part.iter().unwrap().collect::<Visible>(), shown);
        if let Ok(found) = part.range(..) {
            assert!(found.into_iter().eq(shown.clone()));
        }
        for k in (0..16).map(key) {
            assert_eq!(part.get(&k).unwrap().as_ref(), shown.get(&k));
            assert_eq!(part.contains_key(&k).unwrap(), shown.contains_key(&k));
            assert_eq!(part.expires_at(&k).unwrap(), records.get(&k).and_then(|r| r.1));
        }
    }
}

fn on_namespace(namespace: &Namespace, write: &Write) -> Option<Vec<u8>> {
    match write {
        Write::Insert(k, v) => namespace.insert(key(*k), v.bytes()).unwrap(),
        Write::InsertWithTtl(k, v, ms) => {
            let ttl = Ttl::Duration(Duration::from_millis(*ms));
            namespace.insert_with_ttl(key(*k), v.bytes(), ttl).unwrap();
        }
        Write::Remove(k) => return namespace.remove(key(*k)).unwrap(),
        Write::Clear => namespace.clear().unwrap(),
    }
    None
}

fn on_part(part: &mut TransactionNamespace, write: &Write) -> Option<Vec<u8>> {
    match write {
        Write::Insert(k, v) => part.insert(key(*k), v.bytes()).unwrap(),
        Write::InsertWithTtl(k, v, ms) => {
            let ttl = Ttl::Duration(Duration::from_millis(*ms));
            part.insert_with_ttl(key(*k), v.bytes(), ttl).unwrap();
        }
        Write::Remove(k) => return part.remove(key(*k)).unwrap(),
        Write::Clear => part.clear().unwrap(),
    }
    None
}

fn run(steps: &[Step], on_disk: bool) {
    let mut world = World::new(on_disk);
    for step in steps {
        world.take(step);
        world.check();
    }
    world.take(&Step::Reopen);
    world.check();
    drop(world.db.take());
    world.let_go();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: emdb_testing::number("PROPTEST_CASES", 64) as u32,
        max_shrink_iters: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_database_in_a_file_does_as_maps_do(steps in vec(step(), 1..60)) {
        run(&steps, true);
    }

    #[test]
    fn a_database_in_memory_does_as_maps_do(steps in vec(step(), 1..60)) {
        run(&steps, false);
    }
}
