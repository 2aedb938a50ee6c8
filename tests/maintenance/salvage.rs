//! Salvage: what is copied out of a damaged file is what its whole commits come to, the damaged
//! file stays as it is, and the copy appears whole or not at all.

mod calls;
mod partial_commits;
mod writer;

use std::collections::BTreeMap;
use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::Duration;

use emdb::{Emdb, EncryptionInput, Error, LostKind, Namespace, NamespaceOptions, SalvageOptions};
#[cfg(unix)]
use emdb_testing::victim::{self, Victim};
use emdb_testing::{Random, number};
use tempfile::TempDir;

use crate::common::memory_folder;
use crate::common::state::{State, read_state};
use writer::{expiry, past};

const HEADER: usize = 8192;

/// The effect of a record, with the ids that the engine gives: it counts them.
#[derive(Debug, Clone)]
enum Effect {
    Put(u32, Vec<u8>, Vec<u8>, Option<u64>),
    Remove(u32, Vec<u8>),
    Create(u32, String, bool),
    Clear(u32, u32),
    Drop(u32),
}

/// A commit and the bytes of the file that it takes.
struct Commit {
    range: Range<usize>,
    effects: Vec<Effect>,
}

type Records = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Debug, Default, Clone)]
struct Found {
    name: Option<String>,
    ordered: bool,
    records: Records,
}

/// The sum of effects, with those of unknown namespaces kept apart.
#[derive(Debug, Clone)]
struct Model(BTreeMap<u32, Found>);

impl Model {
    fn new() -> Model {
        Model(BTreeMap::from([(0, Found { name: Some(String::new()), ..Found::default() })]))
    }

    fn apply(&mut self, effect: &Effect) {
        match effect.clone() {
            Effect::Put(id, key, value, expiry) => {
                self.0.entry(id).or_default().records.insert(key, (value, expiry));
            }
            Effect::Remove(id, key) => {
                self.0.entry(id).or_default().records.remove(&key);
            }
            Effect::Create(id, name, ordered) => {
                for other in self.0.values_mut().filter(|f| f.name.as_ref() == Some(&name)) {
                    other.name = None;
                }
                let records = Records::new();
                self.0.insert(id, Found { name: Some(name), ordered, records });
            }
            Effect::Clear(id, fresh) => {
                if let Some(former) = self.0.remove(&id) {
                    self.0.insert(fresh, Found { records: Records::new(), ..former });
                }
            }
            Effect::Drop(id) => {
                self.0.remove(&id);
            }
        }
    }

    /// Names with what they hold, as the copy must have them.
    fn named(&self) -> BTreeMap<String, Found> {
        let name = |id: &u32, f: &Found| f.name.clone().unwrap_or(format!("salvaged-{id}"));
        let kept = self.0.iter().filter(|(_, f)| f.name.is_some() || !f.records.is_empty());
        kept.map(|(id, f)| (name(id, f), f.clone())).collect()
    }
}

/// A database with a random past, of which every commit's place is known.
struct Past {
    folder: TempDir,
    commits: Vec<Commit>,
    bytes: Vec<u8>,
}

/// Some random damage behind the header.
fn damage(bytes: &mut Vec<u8>, used: usize, rng: &mut Random) {
    let at = |rng: &mut Random| HEADER + rng.below((used - HEADER) as u64) as usize;
    for _ in 0..1 + rng.below(4) {
        let (a, b) = (at(rng), at(rng));
        let len = 1 + rng.below(700) as usize;
        let end = (a + len).min(bytes.len());
        match rng.below(6) {
            0 | 1 if a < bytes.len() => bytes[a] ^= 1 << rng.below(8),
            2 if a < end => bytes[a..end].fill(0),
            3 if a < end => bytes[a..end].iter_mut().for_each(|b| *b = rng.next() as u8),
            4 if rng.below(4) == 0 => bytes.truncate(a),
            _ => {
                let (a, b) = (a / 512 * 512, b / 512 * 512);
                if a != b && a.max(b) + 512 <= bytes.len() {
                    let one = bytes[a..a + 512].to_vec();
                    bytes.copy_within(b..b + 512, a);
                    bytes[b..b + 512].copy_from_slice(&one);
                }
            }
        }
    }
}

impl Past {
    fn used(&self) -> usize {
        self.commits.last().map_or(HEADER, |c| c.range.end)
    }

    /// The contents that are left in `damaged`, and the number of commits that they come from.
    fn expected(&self, damaged: &[u8]) -> (Model, u64) {
        let (mut model, mut count) = (Model::new(), 0);
        for commit in &self.commits {
            if damaged.get(commit.range.clone()) == Some(&self.bytes[commit.range.clone()]) {
                commit.effects.iter().for_each(|e| model.apply(e));
                count += 1;
            }
        }
        (model, count)
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        let (damaged, target) =
            (self.folder.path().join("damaged.emdb"), self.folder.path().join("target.emdb"));
        let _ = fs::remove_file(&target);
        (damaged, target)
    }

    /// Salvages `damaged` and compares with what is expected.
    fn check(&self, damaged: &[u8], context: &str) {
        let (source, target) = self.paths();
        fs::write(&source, damaged).unwrap();
        let report =
            Emdb::salvage(&source, &target, None).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert!(fs::read(&source).unwrap() == damaged, "{context}: the source has changed");
        let (model, commits) = self.expected(damaged);
        assert_eq!(report.commits, commits, "{context}: {:?}", report.lost);
        // What was lost at the end can look like space that was never used.
        let is_intact =
            |c: &&Commit| damaged.get(c.range.clone()) == Some(&self.bytes[c.range.clone()]);
        let up_to_the_last = self.commits.iter().rev().skip_while(|c| !is_intact(c));
        if up_to_the_last.count() as u64 > commits {
            assert!(!report.lost.is_empty(), "{context}");
        }
        if damaged == self.bytes {
            assert!(report.lost.is_empty(), "{context}: {:?}", report.lost);
        }
        let expected = model.named();
        let db = Emdb::open(&target).unwrap();
        assert!(db.recovery().unwrap().clean, "{context}");
        compare(&db, &expected, context);
        let verified = db.verify().unwrap();
        assert!(verified.is_ok(), "{context}: {:?}", verified.problems);
        let records: usize = expected.values().map(|f| f.records.len()).sum();
        assert_eq!(report.records, records as u64, "{context}");
        assert_eq!(report.namespaces, expected.len() as u64, "{context}");
    }
}

fn compare(db: &Emdb, expected: &BTreeMap<String, Found>, context: &str) {
    let state = read_state(db).unwrap();
    let records = expected.iter().flat_map(|(name, f)| {
        f.records.iter().map(|(k, (v, _))| ((name.clone(), k.clone()), v.clone()))
    });
    assert_eq!(state, records.collect::<State>(), "{context}");
    let names: Vec<_> = expected.keys().filter(|n| !n.is_empty()).cloned().collect();
    assert_eq!(db.list_namespaces().unwrap(), names, "{context}");
    for (name, found) in expected {
        let namespace = if name.is_empty() { (**db).clone() } else { db.namespace(name).unwrap() };
        assert_eq!(namespace.range_prefix("").is_ok(), found.ordered, "{context}: {name:?}");
        for (key, (_, at)) in &found.records {
            assert_eq!(expiry(&namespace, key), *at, "{context}");
        }
    }
}

fn rounds() -> u64 {
    number("EMDB_SALVAGE_ROUNDS", 60)
}

#[test]
fn what_is_salvaged_is_what_the_intact_commits_come_to() {
    let base = emdb_testing::seed();
    let mut rng = Random(base);
    for round in 0..rounds() {
        let past = past(rng.next(), 20 + 4 * (round % 40));
        past.check(&past.bytes, &format!("EMDB_SEED={base}, round {round}, undamaged"));
        for n in 0..8 {
            let mut damaged = past.bytes.clone();
            damage(&mut damaged, past.used(), &mut rng);
            past.check(&damaged, &format!("EMDB_SEED={base}, round {round}, damage {n}"));
        }
    }
}

#[test]
fn without_any_header_the_journal_tells_its_own_place() {
    let mut rng = Random(7);
    for seed in 0..12 {
        let past = past(seed, 60);
        let mut damaged = past.bytes.clone();
        damaged[..HEADER].fill(if seed % 2 == 0 { 0 } else { 0xA5 });
        past.check(&damaged, &format!("seed {seed}, headers lost"));
        damage(&mut damaged, past.used(), &mut rng);
        past.check(&damaged, &format!("seed {seed}, headers and more lost"));
    }
    // Without a single sync, there is no mark to tell it.
    let folder = memory_folder();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let db = Emdb::open(&source).unwrap();
    for n in 0..20_u8 {
        db.insert([n], [n; 30]).unwrap();
    }
    let mut bytes = fs::read(&source).unwrap();
    drop(db);
    bytes[..HEADER + 10].fill(0);
    fs::write(&source, bytes).unwrap();
    assert_eq!(Emdb::salvage(&source, &target, None).unwrap().records, 19);
}

#[test]
fn a_file_cut_anywhere_is_salvaged_or_refused() {
    let past = past(3, 30);
    let (source, target) = past.paths();
    for len in (0..past.bytes.len()).step_by(61).chain([0, 1, 511, 512, 513, 8191, 8192, 8193]) {
        let cut = &past.bytes[..len];
        if len >= HEADER {
            past.check(cut, &format!("cut to {len}"));
            continue;
        }
        fs::write(&source, cut).unwrap();
        let _ = fs::remove_file(&target);
        match Emdb::salvage(&source, &target, None) {
            Ok(report) => assert!(len >= 512 && report.records == 0, "{len}"),
            Err(Error::Corrupted { .. } | Error::MagicMismatch) => assert!(len < 512, "{len}"),
            Err(e) => panic!("{len}: {e}"),
        }
        assert_eq!(fs::read(&source).unwrap(), cut);
    }
}

#[test]
fn a_cut_file_says_how_much_is_missing() {
    let folder = memory_folder();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let db = Emdb::open(&source).unwrap();
    db.insert("a", "1").unwrap();
    let end = db.stats().unwrap().logical_size_bytes;
    db.insert("b", "2").unwrap();
    db.close().unwrap();
    let len = fs::metadata(&source).unwrap().len();
    fs::write(&source, &fs::read(&source).unwrap()[..end as usize]).unwrap();
    let report = Emdb::salvage(&source, &target, None).unwrap();
    assert_eq!((report.records, report.bytes_lost), (1, len - end));
    let lost = &report.lost[0];
    assert_eq!(
        (lost.kind, lost.offset, lost.len, lost.durable),
        (LostKind::Cut, end, len - end, true)
    );
}

#[test]
fn what_was_never_flushed_is_told_from_what_was() {
    let folder = memory_folder();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let db = Emdb::open(&source).unwrap();
    for (key, value) in [("a", "the flushed"), ("b", "the torn"), ("c", "the whole")] {
        db.insert(key, value).unwrap();
        if key == "a" {
            db.flush().unwrap();
        }
    }
    let mut bytes = fs::read(&source).unwrap();
    drop(db);
    for pattern in [&b"the flushed"[..], b"the torn"] {
        let at = bytes.windows(pattern.len()).position(|w| w == pattern).unwrap();
        bytes[at] ^= 1;
    }
    fs::write(&source, bytes).unwrap();
    let report = Emdb::salvage(&source, &target, None).unwrap();
    let durable: Vec<_> = report.lost.iter().map(|l| l.durable).collect();
    assert_eq!((report.records, durable), (1, vec![true, false]));
    assert!(Emdb::open(&target).unwrap().contains_key("c").unwrap());
}

#[test]
fn records_of_a_namespace_whose_beginning_is_lost_are_kept_together() {
    let folder = memory_folder();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let db = Emdb::open(&source).unwrap();
    let users = db.namespace("the users").unwrap();
    users.insert("ada", "1").unwrap();
    users.insert("bob", "2").unwrap();
    db.close().err().unwrap();
    drop(users);
    let mut bytes = fs::read(&source).unwrap();
    let at = bytes.windows(9).position(|w| w == b"the users").unwrap();
    bytes[at] ^= 1;
    fs::write(&source, bytes).unwrap();
    Emdb::salvage(&source, &target, None).unwrap();
    let db = Emdb::open(&target).unwrap();
    assert_eq!(db.list_namespaces().unwrap(), ["salvaged-1"]);
    assert_eq!(db.namespace("salvaged-1").unwrap().len().unwrap(), 2);
}

#[test]
fn a_typed_tables_internal_namespaces_come_along() {
    use serde::{Deserialize, Serialize};
    #[derive(Serialize, Deserialize, emdb::Record)]
    struct User {
        #[emdb(key, auto)]
        id: u64,
        #[emdb(unique)]
        name: String,
    }
    let folder = memory_folder();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let db = Emdb::open(&source).unwrap();
    let users = emdb::Table::<User>::open(&db).unwrap();
    for n in 0..200 {
        users.insert_new(User { id: 0, name: format!("user {n}") }).unwrap();
    }
    drop((users, db));
    let report = Emdb::salvage(&source, &target, None).unwrap();
    assert_eq!(report.records, 200);
    let users = emdb::Table::<User>::open(&Emdb::open(&target).unwrap()).unwrap();
    assert!(users.verify().unwrap().is_ok());
    assert!(users.by(User::NAME).get("user 77").unwrap().is_some());
}
