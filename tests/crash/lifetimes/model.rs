//! The contents that a database should have, and how it is asked for them.

use std::collections::BTreeMap;

use emdb::{Emdb, Namespace, Record, Snapshot, Table};
use emdb_testing::Random;
use serde::{Deserialize, Serialize};

pub(crate) type Bytes = Vec<u8>;
/// Value and expiry by key.
pub(crate) type Records = BTreeMap<Bytes, (Bytes, Option<u64>)>;
pub(crate) type Visible = BTreeMap<Bytes, Bytes>;

pub(crate) const NAMES: [&str; 4] = ["", "one", "two", "drei \u{fc}"];
pub(crate) const ROWS: &str = "rows";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "rows")]
pub(crate) struct Row {
    #[emdb(key)]
    pub(crate) id: u64,
    #[emdb(unique)]
    pub(crate) name: String,
    #[emdb(index)]
    pub(crate) age: u8,
    #[emdb(index(each))]
    pub(crate) tags: Vec<u8>,
}

/// Rows with their expiries.
pub(crate) type Rows = BTreeMap<u64, (Row, Option<u64>)>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Space {
    pub(crate) records: Records,
    /// As it is stored; an open can order all of them.
    pub(crate) ordered: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) spaces: BTreeMap<&'static str, Space>,
    /// If there is a table.
    pub(crate) rows: Option<Rows>,
    pub(crate) all_ordered: bool,
}

pub(crate) fn is_live(expiry: Option<u64>, now: u64) -> bool {
    expiry.is_none_or(|at| at > now)
}

pub(crate) fn visible(records: &Records, now: u64) -> Visible {
    let live = records.iter().filter(|(_, (_, expiry))| is_live(*expiry, now));
    live.map(|(k, (v, _))| (k.clone(), v.clone())).collect()
}

impl Model {
    pub(crate) fn new() -> Model {
        let spaces = BTreeMap::from([("", Space::default())]);
        Model { now: 1000, spaces, rows: None, all_ordered: false }
    }

    /// Forgets what has expired, as a sweep or a compaction does.
    pub(crate) fn purge(&mut self) -> usize {
        let now = self.now;
        let before = self.stored();
        for space in self.spaces.values_mut() {
            space.records.retain(|_, (_, expiry)| is_live(*expiry, now));
        }
        if let Some(rows) = &mut self.rows {
            rows.retain(|_, (_, expiry)| is_live(*expiry, now));
        }
        before - self.stored()
    }

    pub(crate) fn stored(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, BTreeMap::len);
        self.spaces.values().map(|space| space.records.len()).sum::<usize>() + rows
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.spaces.keys().copied().filter(|n| !n.is_empty()).collect();
        names.extend(self.rows.is_some().then_some(ROWS));
        names.sort_unstable();
        names
    }

    pub(crate) fn is_ordered(&self, name: &str) -> bool {
        self.all_ordered || self.spaces.get(name).is_some_and(|space| space.ordered)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let rows = self.rows.iter().flatten();
        rows.filter(|(_, (_, e))| is_live(*e, self.now)).map(|(_, (row, _))| row.clone()).collect()
    }
}

/// Compares all calls that read `$view`, whatever it is a view of.
macro_rules! check_view {
    ($view:expr, $records:expr, $now:expr, $ordered:expr, $rng:expr) => {{
        let (view, records, ordered): (_, &Records, bool) = ($view, $records, $ordered);
        let shown = visible(records, $now);
        let name = view.name().to_owned();
        assert_eq!(view.len().unwrap(), records.len(), "len of {name:?}");
        let mut iter = view.iter().unwrap();
        let found: Vec<_> = iter.by_ref().collect();
        iter.status().unwrap();
        assert_eq!(found.len(), shown.len(), "iterated of {name:?}");
        assert!(!ordered || found.is_sorted());
        same(found.into_iter().collect(), &shown, &name);
        let mut keys: Vec<_> = view.keys().unwrap().collect();
        keys.sort();
        assert!(keys.iter().eq(shown.keys()), "keys of {name:?}");
        if ordered {
            assert!(view.range(..).unwrap().into_iter().eq(shown.clone()), "{name:?} in order");
            let backwards = view.range_iter(..).unwrap().rev();
            assert!(backwards.eq(shown.clone().into_iter().rev()), "{name:?} backwards");
            let (a, b) = (key($rng), key($rng));
            let (a, b) = (a.clone().min(b.clone()), a.max(b));
            let part = shown.range(a.clone()..b.clone()).map(|(k, v)| (k.clone(), v.clone()));
            assert!(view.range(a..b).unwrap().into_iter().eq(part), "a range of {name:?}");
        } else {
            assert!(view.range(..).is_err(), "{name:?} is not ordered");
        }
        let known: Vec<_> = records.keys().step_by(1 + records.len() / 40).cloned().collect();
        for key in known.into_iter().chain((0..8).map(|_| key($rng))) {
            let expected = shown.get(&key);
            assert_eq!(view.get(&key).unwrap().as_ref(), expected, "{key:?} in {name:?}");
            let borrowed = view.get_zerocopy(&key).unwrap();
            assert_eq!(borrowed.as_deref(), expected.map(|v| &v[..]));
            assert_eq!(view.contains_key(&key).unwrap(), expected.is_some());
            let expiry = records.get(&key).and_then(|(_, expiry)| *expiry);
            assert_eq!(view.expires_at(&key).unwrap(), expiry, "expiry of {key:?} in {name:?}");
        }
    }};
}

fn same(found: Visible, expected: &Visible, name: &str) {
    if found == *expected {
        return;
    }
    let of = |value: Option<&Bytes>| value.map(|v| (v.first().copied(), v.len()));
    let mut keys: Vec<_> = found.keys().chain(expected.keys()).collect();
    keys.sort();
    keys.dedup();
    let differ = keys.iter().filter(|key| found.get(**key) != expected.get(**key));
    let lines: Vec<_> = differ
        .take(8)
        .map(|key| format!("{key:?}: {:?}, not {:?}", of(found.get(*key)), of(expected.get(*key))))
        .collect();
    panic!("{name:?} holds {lines:#?}");
}

/// Some keys are there often, some seldom, some are odd.
pub(crate) fn key(rng: &mut Random) -> Bytes {
    match rng.below(40) {
        0 => Vec::new(),
        1 => vec![b'x'; 3000],
        2 => vec![255; rng.below(3) as usize + 1],
        3..8 => format!("seldom {}", rng.below(3000)).into_bytes(),
        _ => format!("{}{}", ["a", "b", "common/"][rng.below(3) as usize], rng.below(25)).into(),
    }
}

pub(crate) fn namespace(db: &Emdb, name: &str) -> Namespace {
    if name.is_empty() { (**db).clone() } else { db.namespace(name).unwrap() }
}

/// Compares all that a database gives with what it should.
pub(crate) fn check(db: &Emdb, model: &Model, rng: &mut Random) {
    assert_eq!(db.list_namespaces().unwrap(), model.names());
    for (name, space) in &model.spaces {
        let namespace = namespace(db, name);
        let ordered = model.is_ordered(name);
        assert_eq!(namespace.is_ordered(), ordered, "{name:?}");
        check_view!(&namespace, &space.records, model.now, ordered, rng);
    }
}

pub(crate) fn check_snapshot(snapshot: &Snapshot, model: &Model, rng: &mut Random) {
    for name in NAMES {
        let Some(space) = model.spaces.get(name) else {
            let part = snapshot.namespace(name).unwrap();
            assert_eq!((part.len().unwrap(), part.iter().unwrap().count()), (0, 0), "{name:?}");
            continue;
        };
        let other;
        let part = match name {
            "" => &**snapshot,
            name => {
                other = snapshot.namespace(name).unwrap();
                &other
            }
        };
        let ordered = part.range(..).is_ok();
        assert!(ordered || !model.is_ordered(name), "{name:?} was ordered");
        check_view!(part, &space.records, model.now, ordered, rng);
    }
}

pub(crate) fn check_stats(db: &Emdb, model: &Model) {
    let stats = db.stats().unwrap();
    assert_eq!(stats.namespace_count, 1 + model.names().len() as u64);
    assert_eq!(stats.live_records, model.stored() as u64);
}

/// Compares the table with its rows, and its indexes with both.
pub(crate) fn check_table(table: &Table<Row>, model: &Model) {
    let report = table.verify().unwrap();
    let first: Vec<_> = report.problems.iter().take(3).collect();
    assert!(report.is_ok(), "the table: {first:?}");
    let rows = model.rows();
    let found: Vec<Row> = table.iter().unwrap().map(Result::unwrap).collect();
    assert!(found == rows, "{} rows, not {}", found.len(), rows.len());
    assert_eq!(table.len().unwrap(), model.rows.as_ref().unwrap().len());
    for row in rows.iter().step_by(1 + rows.len() / 20) {
        assert_eq!(table.by(Row::NAME).get(&row.name).unwrap().as_ref(), Some(row));
        let age = rows.iter().filter(|other| other.age == row.age).count();
        assert_eq!(table.by(Row::AGE).count(row.age).unwrap(), age);
    }
}
