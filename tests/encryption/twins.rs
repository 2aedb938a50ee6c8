//! An encrypted database and a plain one, treated alike, stay alike, and hold what a model of them
//! says: through transactions, reopens, kills, compaction and changes of keys.
//!
//! `EMDB_TWINS` is the number of lives to look at, and `EMDB_SEED` the first of them.

mod files;
mod transactions;
mod walks;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::ops::Bound;

use emdb::{
    Cipher, Emdb, EmdbBuilder, EmdbRangeIter, Error, Namespace, NamespaceOptions, Snapshot,
    TransactionNamespace, Ttl,
};
use emdb_testing::{Random, number, seed};
use tempfile::TempDir;

use crate::common::memory_folder;
use crate::common::state::read_state;
use crate::files::{KEY, OTHER_KEY, Place, raw};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
type Records = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;
type Model = BTreeMap<String, Records>;

const NAMES: [&str; 4] = ["", "plain", "sorted", "third"];
const LATER: u64 = 4_102_444_800_000;

/// A walk over a range that is held, with what is left of it.
struct HeldRange {
    walks: [EmdbRangeIter; 2],
    left: VecDeque<(Vec<u8>, Vec<u8>)>,
}

struct Twins {
    rng: Random,
    folder: TempDir,
    place: Place,
    ordered: bool,
    /// Whether much is inserted at once now and then, which takes its time.
    wide: bool,
    cipher: Cipher,
    key: [u8; 32],
    /// The encrypted one first.
    dbs: Vec<Emdb>,
    model: Model,
    snapshots: Vec<([Snapshot; 2], Model)>,
    ranges: Vec<HeldRange>,
}

fn pairs(records: &Records) -> Pairs {
    records.iter().map(|(k, (v, _))| (k.clone(), v.clone())).collect()
}

impl Twins {
    fn new(seed: u64) -> Twins {
        let mut rng = Random(seed);
        let ordered = rng.below(2) == 0;
        let cipher = if rng.below(2) == 0 { Cipher::Aes256Gcm } else { Cipher::ChaCha20Poly1305 };
        let mut twins = Twins {
            rng,
            folder: memory_folder(),
            place: Place::new(),
            ordered,
            wide: std::env::var_os("EMDB_TWINS").is_some(),
            cipher,
            key: KEY,
            dbs: Vec::new(),
            model: Model::from([(String::new(), Records::new())]),
            snapshots: Vec::new(),
            ranges: Vec::new(),
        };
        twins.open();
        twins
    }

    fn builder(&self, place: &Place) -> EmdbBuilder {
        let builder = Emdb::builder().path(&place.path).enable_range_scans(self.ordered);
        builder.encryption_key(self.key).cipher(self.cipher)
    }

    fn open(&mut self) {
        let sealed = self.builder(&self.place).build().unwrap();
        let path = self.folder.path().join("db");
        let plain = Emdb::builder().path(path).enable_range_scans(self.ordered).build().unwrap();
        self.dbs = vec![sealed, plain];
    }

    fn key(&mut self) -> Vec<u8> {
        match self.rng.below(40) {
            0 => Vec::new(),
            1 => vec![b'k'; self.rng.below(300) as usize],
            2 => vec![0xFF; self.rng.below(4) as usize],
            _ => format!("key {:02}", self.rng.below(70)).into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        let len = match self.rng.below(60) {
            0 => 270_000,
            1..4 => self.rng.below(9000),
            _ => self.rng.below(40),
        };
        let byte = self.rng.next() as u8;
        (0..len).map(|n| byte.wrapping_add(n as u8)).collect()
    }

    fn expiry(&mut self) -> Option<u64> {
        match self.rng.below(6) {
            0 => Some(LATER + self.rng.below(100)),
            1 => Some(1 + self.rng.below(1000)),
            _ => None,
        }
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.rng.below(4) as usize]
    }

    fn handles(&mut self, name: &str) -> Vec<Namespace> {
        self.model.entry(name.to_owned()).or_default();
        let ordered = name == "sorted" || self.ordered;
        let options = NamespaceOptions::new().ordered(ordered);
        let open = |db: &Emdb| match name {
            "" => Namespace::clone(db),
            name if ordered => db.namespace_with(name, options).unwrap(),
            name => db.namespace(name).unwrap(),
        };
        self.dbs.iter().map(open).collect()
    }

    fn records(&mut self, name: &str) -> &mut Records {
        self.model.entry(name.to_owned()).or_default()
    }

    /// The effect of an insertion.
    fn put(records: &mut Records, key: &[u8], value: &[u8], expiry: Option<u64>) {
        match expiry {
            // Expired at once.
            Some(at) if at < LATER => drop(records.remove(key)),
            _ => drop(records.insert(key.to_owned(), (value.to_owned(), expiry))),
        }
    }

    fn ttl(expiry: Option<u64>) -> Ttl {
        expiry.map_or(Ttl::None, Ttl::ExpiresAt)
    }

    fn step(&mut self) {
        match self.rng.below(200) {
            0..60 => self.insert(),
            60..80 => self.remove(),
            80..90 => self.look(),
            90..100 => self.insert_many(),
            100..125 => self.transaction(),
            125..128 => self.clear(),
            128..131 => self.drop_namespace(),
            131..143 => self.walk(),
            143..150 => self.hold_range(),
            150..160 => self.go_on_walking(),
            160..166 => self.hold_snapshot(),
            166..170 => self.look_at_snapshots(),
            170..174 => self.sweep(),
            174..178 => self.dbs.iter().for_each(|db| db.checkpoint().unwrap()),
            178..181 => self.dbs.iter().for_each(|db| db.flush().unwrap()),
            181..184 => self.dbs.iter().for_each(|db| db.compact().unwrap()),
            184..187 => self.reopen(),
            187..190 => self.kill(),
            190..192 => self.backup(),
            192..193 => self.change_key(),
            193..194 => self.read_only(),
            194..196 => self.torn(),
            196..197 => self.salvage(),
            _ => self.persist(),
        }
    }

    fn insert(&mut self) {
        let (name, key, value, expiry) = (self.name(), self.key(), self.value(), self.expiry());
        for handle in self.handles(name) {
            handle.insert_with_ttl(&key, &value, Twins::ttl(expiry)).unwrap();
        }
        Twins::put(self.records(name), &key, &value, expiry);
    }

    fn remove(&mut self) {
        let (name, key) = (self.name(), self.key());
        let handles = self.handles(name);
        let prior = self.records(name).remove(&key).map(|(value, _)| value);
        for handle in handles {
            assert_eq!(handle.remove(&key).unwrap(), prior);
        }
    }

    fn look(&mut self) {
        let (name, key) = (self.name(), self.key());
        let handles = self.handles(name);
        let found = self.records(name).get(&key).cloned();
        for handle in handles {
            assert_eq!(handle.get(&key).unwrap(), found.clone().map(|f| f.0));
            assert_eq!(handle.contains_key(&key).unwrap(), found.is_some());
            let expires = handle.expires_at(&key).unwrap().filter(|at| *at >= LATER);
            assert_eq!(expires, found.as_ref().and_then(|f| f.1));
        }
    }

    fn persist(&mut self) {
        let (name, key) = (self.name(), self.key());
        let handles = self.handles(name);
        let found = self.records(name).get_mut(&key);
        let there = found.is_some();
        if let Some(found) = found {
            found.1 = None;
        }
        for handle in handles {
            assert_eq!(handle.persist(&key).unwrap(), there);
        }
    }

    fn insert_many(&mut self) {
        let name = self.name();
        let many = if self.rng.below(60) == 0 && self.wide { 40_000 } else { self.rng.below(50) };
        let from = self.rng.below(3) * 20_000;
        let items: Pairs = match many {
            40_000 => (0..many)
                .map(|n| (format!("key {:06}", (n * 7919 + from) % 60_000).into_bytes(), vec![7]))
                .collect(),
            _ => (0..many).map(|_| (self.key(), self.value())).collect(),
        };
        for handle in self.handles(name) {
            handle.insert_many(items.iter().map(|(k, v)| (k, v))).unwrap();
        }
        for (key, value) in items {
            self.records(name).insert(key, (value, None));
        }
    }

    fn clear(&mut self) {
        let name = self.name();
        for handle in self.handles(name) {
            handle.clear().unwrap();
        }
        self.records(name).clear();
    }

    fn drop_namespace(&mut self) {
        let name = self.name();
        if !name.is_empty() {
            let there = self.model.remove(name).is_some();
            for db in &self.dbs {
                assert_eq!(db.drop_namespace(name).unwrap(), there);
            }
        }
    }

    fn sweep(&mut self) {
        assert_eq!(self.dbs[0].sweep_expired(), self.dbs[1].sweep_expired());
        for name in self.model.keys().cloned().collect::<Vec<_>>() {
            let len = self.records(&name).len();
            for handle in self.handles(&name) {
                assert_eq!(handle.len().unwrap(), len, "{name:?}");
            }
        }
    }

    fn is_as_modelled(&self, db: &Emdb, model: &Model) {
        let names = db.list_namespaces().unwrap();
        assert!(names.iter().eq(model.keys().filter(|name| !name.is_empty())));
        for (name, records) in model {
            let handle = match name.as_str() {
                "" => Namespace::clone(db),
                name => db.namespace(name).unwrap(),
            };
            let mut found: Pairs = handle.iter().unwrap().results().map(Result::unwrap).collect();
            found.sort();
            assert!(found == pairs(records), "{name:?} differs");
            for (key, (value, expiry)) in records.iter().take(200) {
                assert_eq!(handle.get(key).unwrap().as_ref(), Some(value));
                assert_eq!(handle.expires_at(key).unwrap(), *expiry);
            }
            if handle.is_ordered() {
                assert!(handle.range(..).unwrap() == pairs(records));
            }
        }
    }

    fn compare(&self) {
        for db in &self.dbs {
            self.is_as_modelled(db, &self.model);
        }
        let [sealed, plain] = [&self.dbs[0], &self.dbs[1]].map(|db| db.stats().unwrap());
        assert_eq!(sealed.live_records, plain.live_records);
        assert_eq!(sealed.namespace_count, plain.namespace_count);
    }
}

#[test]
fn an_encrypted_database_and_a_plain_one_live_alike() {
    let lives = number("EMDB_TWINS", 3);
    let first = seed();
    for life in 0..lives {
        let seed = first.wrapping_add(life);
        let told = std::panic::catch_unwind(|| {
            let mut twins = Twins::new(seed);
            for _ in 0..150 {
                twins.step();
            }
            twins.look_at_snapshots();
            twins.go_on_walking();
            twins.compare();
            for db in &twins.dbs {
                assert!(db.verify().unwrap().is_ok());
            }
        });
        if let Err(panic) = told {
            eprintln!("EMDB_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
