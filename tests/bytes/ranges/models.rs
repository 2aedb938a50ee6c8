//! Random writes and ranges, compared with a `BTreeMap`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Write(Write),
    /// Keys from a number on, that many, that far from each other.
    InsertMany(u16, u16, u16),
    Transaction(Vec<Write>, Vec<Probe>, bool),
    Look(Probe),
    Hold(Probe),
    LetGo,
    /// The background merges the order meanwhile.
    Wait(u64),
    Reopen,
}

#[derive(Debug, Clone)]
enum Write {
    Insert(Vec<u8>),
    Remove(Point),
    Clear,
}

/// A key that may be there, or one that is there if there is any.
#[derive(Debug, Clone)]
enum Point {
    Any(Vec<u8>),
    Present(Index),
}

/// Two keys for the ends of ranges, and from which end to take each item.
#[derive(Debug, Clone)]
struct Probe(Point, Point, u64);

impl Point {
    fn of(&self, model: &Model) -> Vec<u8> {
        match self {
            Point::Any(key) => key.clone(),
            Point::Present(_) if model.is_empty() => Vec::new(),
            Point::Present(index) => model.keys().nth(index.index(model.len())).unwrap().clone(),
        }
    }
}

/// Keys that share prefixes, are prefixes of each other, and repeat.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let start = select(vec!["", "comm", "common prefix of many:"]);
    let short = vec(select(vec![0, 1, b'a', 0xFE, 0xFF]), 0..5);
    prop_oneof![
        6 => (start, short).prop_map(|(start, end)| [start.as_bytes(), &end].concat()),
        3 => any::<u16>().prop_map(number),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// The keys that `InsertMany` writes: every other one has a long prefix in common.
fn number(n: u16) -> Vec<u8> {
    let start: &[u8] = if n.is_multiple_of(2) { b"" } else { b"common prefix of numbers:" };
    [start, &n.to_be_bytes()].concat()
}

fn point() -> impl Strategy<Value = Point> {
    prop_oneof![
        1 => key().prop_map(Point::Any),
        1 => any::<Index>().prop_map(Point::Present),
    ]
}

fn probe() -> impl Strategy<Value = Probe> {
    (point(), point(), any::<u64>()).prop_map(|(a, b, bits)| Probe(a, b, bits))
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        20 => key().prop_map(Write::Insert),
        10 => point().prop_map(Write::Remove),
        1 => Just(Write::Clear),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let few = prop_oneof![5 => 1..40u16, 1 => 40..6000u16];
    prop_oneof![
        24 => write().prop_map(Step::Write),
        5 => (any::<u16>(), few, 1..9u16).prop_map(|(a, n, far)| Step::InsertMany(a, n, far)),
        6 => (vec(write(), 0..12), vec(probe(), 0..3), any::<bool>())
            .prop_map(|(writes, probes, commits)| Step::Transaction(writes, probes, commits)),
        10 => probe().prop_map(Step::Look),
        3 => probe().prop_map(Step::Hold),
        1 => Just(Step::LetGo),
        2 => (1u64..50).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

/// How the namespace gets its order.
#[derive(Debug, Clone, Copy)]
enum Way {
    RangeScans,
    FromTheStart,
    /// When somebody looks.
    Later,
}

fn way() -> impl Strategy<Value = Way> {
    select(vec![Way::RangeScans, Way::FromTheStart, Way::Later])
}

struct World {
    folder: Option<(TempDir, PathBuf)>,
    way: Way,
    /// None while it is reopened.
    open: Option<(Emdb, Namespace)>,
    model: Model,
    held: Vec<(EmdbRangeIter, u64, Entries)>,
    snapshots: Vec<(SnapshotNamespace, Model, Probe)>,
    writes: u32,
}

impl World {
    fn new(on_disk: bool, way: Way) -> World {
        let mut world = World {
            folder: on_disk.then(folder),
            way,
            open: None,
            model: Model::new(),
            held: Vec::new(),
            snapshots: Vec::new(),
            writes: 0,
        };
        world.reopen();
        world
    }

    fn reopen(&mut self) {
        if let Some((db, namespace)) = self.open.take() {
            if self.folder.is_none() {
                self.open = Some((db, namespace));
                return;
            }
            drop(namespace);
            db.close().unwrap();
        }
        let mut builder = Emdb::builder();
        if let Some((_, path)) = &self.folder {
            builder = builder.path(path);
        }
        let scans = matches!(self.way, Way::RangeScans);
        let db = builder.enable_range_scans(scans).build().unwrap();
        let namespace = match self.way {
            // Stored, after the first time.
            Way::FromTheStart if db.list_namespaces().unwrap().is_empty() => {
                db.namespace_with("n", ORDERED).unwrap()
            }
            _ => db.namespace("n").unwrap(),
        };
        self.open = Some((db, namespace));
    }

    fn put_in_order(&self) -> &Namespace {
        let (db, namespace) = self.open.as_ref().unwrap();
        if matches!(self.way, Way::Later) {
            db.namespace_with("n", ORDERED).unwrap();
        }
        namespace
    }

    fn take(&mut self, step: &Step) {
        let (db, namespace) = self.open.clone().unwrap();
        self.writes += 1;
        let value = self.writes.to_be_bytes();
        match step {
            Step::Write(Write::Insert(key)) => {
                namespace.insert(key, value).unwrap();
                self.model.insert(key.clone(), value.to_vec());
            }
            Step::Write(Write::Remove(point)) => {
                let key = point.of(&self.model);
                assert_eq!(namespace.remove(&key).unwrap(), self.model.remove(&key));
            }
            Step::Write(Write::Clear) => {
                namespace.clear().unwrap();
                self.model.clear();
            }
            Step::InsertMany(from, count, far) => {
                let keys = (0..*count).map(|n| number(from.wrapping_add(n.wrapping_mul(*far))));
                namespace.insert_many(keys.clone().map(|key| (key, value))).unwrap();
                self.model.extend(keys.map(|key| (key, value.to_vec())));
            }
            Step::Transaction(writes, probes, commits) => {
                self.put_in_order();
                let mut model = self.model.clone();
                let ended = commit(&db, |tx| {
                    let part = tx.namespace(&namespace);
                    for write in writes {
                        stage(part, &mut model, write, value);
                    }
                    probes.iter().for_each(|probe| look(part, &model, probe));
                    if *commits { Ok(()) } else { Err(Error::KeyNotFound) }
                });
                assert_eq!(ended.is_ok(), *commits);
                if *commits {
                    self.model = model;
                }
            }
            Step::Look(probe) => look(self.put_in_order(), &self.model, probe),
            Step::Hold(probe) => {
                self.put_in_order();
                let (low, high) = (probe.0.of(&self.model), probe.1.of(&self.model));
                let bounds = (Included(low), Excluded(high));
                let entries = expected(&self.model, &bounds);
                self.held.push((namespace.within(bounds), probe.2, entries));
                let all = (Unbounded, Unbounded);
                let entries = expected(&self.model, &all);
                self.held.push((namespace.within(all), probe.2, entries));
                let snapshot = db.snapshot().namespace("n").unwrap();
                self.snapshots.push((snapshot, self.model.clone(), probe.clone()));
            }
            Step::LetGo => self.let_go(),
            Step::Wait(ms) => std::thread::sleep(Duration::from_millis(*ms)),
            Step::Reopen => {
                drop((db, namespace));
                self.reopen();
            }
        }
    }

    fn let_go(&mut self) {
        for (iter, bits, entries) in self.held.drain(..) {
            assert!(from_ends(iter, bits) == entries);
        }
        for (snapshot, model, probe) in self.snapshots.drain(..) {
            look(&snapshot, &model, &probe);
        }
    }
}

fn stage(part: &mut TransactionNamespace, model: &mut Model, write: &Write, value: [u8; 4]) {
    match write {
        Write::Insert(key) => {
            part.insert(key, value).unwrap();
            model.insert(key.clone(), value.to_vec());
        }
        Write::Remove(point) => {
            let key = point.of(model);
            assert_eq!(part.remove(&key).unwrap(), model.remove(&key));
        }
        Write::Clear => {
            part.clear().unwrap();
            model.clear();
        }
    }
}

fn look(view: &impl View, model: &Model, Probe(low, high, bits): &Probe) {
    let (low, high) = (low.of(model), high.of(model));
    let ends = |key: &Vec<u8>| [Included(key.clone()), Excluded(key.clone()), Unbounded];
    for low in ends(&low) {
        for high in ends(&high) {
            let bounds = (low.clone(), high.clone());
            let entries = expected(model, &bounds);
            for bits in [u64::MAX, 0, *bits] {
                let found = from_ends(view.within(bounds.clone()), bits);
                assert!(found == entries, "{bounds:?}: {found:?} for {entries:?}");
            }
        }
    }
    view.check(model, &low);
}

fn run(steps: &[Step], on_disk: bool, way: Way) {
    let mut world = World::new(on_disk, way);
    for step in steps {
        world.take(step);
    }
    let last = Probe(Point::Any(b"a".to_vec()), Point::Any(b"comm".to_vec()), 0x5A5A);
    world.take(&Step::Look(last.clone()));
    world.take(&Step::Reopen);
    world.take(&Step::Look(last));
    drop(world.open.take());
    world.let_go();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10 * stress().as_secs() as u32,
        max_shrink_iters: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_database_in_a_file_does_as_a_map_does(steps in vec(step(), 1..60), way in way()) {
        run(&steps, true, way);
    }

    #[test]
    fn a_database_in_memory_does_as_a_map_does(steps in vec(step(), 1..60), way in way()) {
        run(&steps, false, way);
    }
}
