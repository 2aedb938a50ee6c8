//! Salvage: what is copied out of a damaged file is what its whole commits come to, the damaged
//! file stays as it is, and the copy appears whole or not at all.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/rng.rs"]
mod rng;
#[path = "common/state.rs"]
mod state;

use std::collections::BTreeMap;
use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use emdb::{Emdb, EncryptionInput, Error, LostKind, Namespace, NamespaceOptions, SalvageOptions};
use rng::Rng;
use state::{State, read_state};
use tempfile::TempDir;

const HEADER: usize = 8192;

fn folder() -> TempDir {
    let shared = Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    made.unwrap()
}

/// What a record says, with the ids that the engine gives: it counts them.
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

/// What effects come to, with those of unknown namespaces kept apart.
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

struct Writer {
    db: Emdb,
    rng: Rng,
    live: Model,
    next_id: u32,
    commits: Vec<Commit>,
}

const NAMES: [&str; 4] = ["", "a", "b", "ordered"];

impl Writer {
    fn end(&self) -> usize {
        self.db.stats().unwrap().logical_size_bytes as usize
    }

    fn note(&mut self, from: usize, effects: Vec<Effect>) {
        let range = from..self.end();
        if range.is_empty() {
            return;
        }
        effects.iter().for_each(|e| self.live.apply(e));
        self.commits.push(Commit { range, effects });
    }

    fn fresh(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn id_of(&self, name: &str) -> Option<u32> {
        self.live.0.iter().find(|(_, f)| f.name.as_deref() == Some(name)).map(|(id, _)| *id)
    }

    /// Opens the namespace, which may begin it.
    fn open(&mut self, name: &str) -> (Namespace, u32) {
        if name.is_empty() {
            return ((*self.db).clone(), self.id_of("").unwrap());
        }
        let from = self.end();
        let ordered = name == "ordered";
        let options = NamespaceOptions::new().ordered(ordered);
        let namespace = self.db.namespace_with(name, options).unwrap();
        if self.id_of(name).is_none() {
            let id = self.fresh();
            self.note(from, vec![Effect::Create(id, name.to_owned(), ordered)]);
        }
        (namespace, self.id_of(name).unwrap())
    }

    fn key(&mut self) -> Vec<u8> {
        format!("key {}", self.rng.below(40)).into_bytes()
    }

    fn value(&mut self) -> Vec<u8> {
        let len = if self.rng.below(12) == 0 { 2000 } else { 50 };
        vec![self.rng.next() as u8; self.rng.below(len) as usize]
    }

    fn step(&mut self) {
        let name = NAMES[self.rng.below(4) as usize];
        let (namespace, id) = self.open(name);
        let from = self.end();
        match self.rng.below(100) {
            0..50 => {
                let (key, value) = (self.key(), self.value());
                let expiry = (self.rng.below(5) == 0).then_some(4_102_444_800_000 + id as u64);
                let expiry = insert(&namespace, &key, &value, expiry);
                self.note(from, vec![Effect::Put(id, key, value, expiry)]);
            }
            50..65 => {
                let key = self.key();
                namespace.remove(&key).unwrap();
                self.note(from, vec![Effect::Remove(id, key)]);
            }
            65..85 => self.transaction(namespace, id),
            85..90 => {
                namespace.clear().unwrap();
                let fresh = self.fresh();
                self.note(from, vec![Effect::Clear(id, fresh)]);
            }
            90..93 if !name.is_empty() => {
                self.db.drop_namespace(name).unwrap();
                self.note(from, vec![Effect::Drop(id)]);
            }
            _ => self.db.flush().unwrap(),
        }
    }

    fn transaction(&mut self, namespace: Namespace, id: u32) {
        let name = NAMES[self.rng.below(4) as usize];
        let (other, other_id) = self.open(name);
        let from = self.end();
        let clears = self.rng.below(8) == 0;
        let mut effects = Vec::new();
        let target = if clears {
            let fresh = self.fresh();
            effects.push(Effect::Clear(id, fresh));
            fresh
        } else {
            id
        };
        let mut writes = BTreeMap::new();
        for _ in 0..2 + self.rng.below(5) {
            let value = (self.rng.below(4) != 0).then(|| self.value());
            let is_other = self.rng.below(2) == 0 && other_id != id;
            writes.insert((is_other, self.key()), value);
        }
        self.db
            .transaction(|tx| -> emdb::Result<()> {
                if clears {
                    tx.namespace(&namespace).clear()?;
                }
                for ((is_other, key), value) in &writes {
                    let part = tx.namespace(if *is_other { &other } else { &namespace });
                    match value {
                        Some(value) => part.insert(key, value)?,
                        None => part.remove(key).map(drop)?,
                    }
                }
                Ok(())
            })
            .unwrap();
        for ((is_other, key), value) in writes {
            let id = if is_other { other_id } else { target };
            let present = self.live.0.get(&id).is_some_and(|f| f.records.contains_key(&key));
            match value {
                Some(value) => effects.push(Effect::Put(id, key, value, None)),
                None if present => effects.push(Effect::Remove(id, key)),
                None => {}
            }
        }
        self.note(from, effects);
    }
}

/// With an expiry where the feature is on; gives what it was.
fn insert(namespace: &Namespace, key: &[u8], value: &[u8], expiry: Option<u64>) -> Option<u64> {
    #[cfg(feature = "ttl")]
    if let Some(at) = expiry {
        namespace.insert_with_ttl(key, value, emdb::Ttl::ExpiresAt(at)).unwrap();
        return expiry;
    }
    let _ = expiry;
    namespace.insert(key, value).unwrap();
    None
}

fn expiry(namespace: &Namespace, key: &[u8]) -> Option<u64> {
    #[cfg(feature = "ttl")]
    return namespace.expires_at(key).unwrap();
    #[cfg(not(feature = "ttl"))]
    return namespace.get(key).unwrap().and(None);
}

fn past(seed: u64, steps: u64) -> Past {
    let folder = folder();
    let path = folder.path().join("whole.emdb");
    let db = Emdb::open(&path).unwrap();
    let rng = Rng::new(seed);
    let mut writer = Writer { db, rng, live: Model::new(), next_id: 1, commits: Vec::new() };
    for _ in 0..steps {
        writer.step();
    }
    let bytes = match writer.rng.below(3) {
        // As a kill leaves it.
        0 => fs::read(&path).unwrap(),
        _ => {
            let Writer { db, .. } = writer;
            db.close().unwrap();
            fs::read(&path).unwrap()
        }
    };
    Past { folder, commits: writer.commits, bytes }
}

/// Some random damage behind the header.
fn damage(bytes: &mut Vec<u8>, used: usize, rng: &mut Rng) {
    let at = |rng: &mut Rng| HEADER + rng.below((used - HEADER) as u64) as usize;
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

    /// What is left in `damaged`, and how many commits that is.
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
    std::env::var("EMDB_SALVAGE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[test]
fn what_is_salvaged_is_what_the_intact_commits_come_to() {
    let base = rng::seed();
    let mut rng = Rng::new(base);
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
    let mut rng = Rng::new(7);
    for seed in 0..12 {
        let past = past(seed, 60);
        let mut damaged = past.bytes.clone();
        damaged[..HEADER].fill(if seed % 2 == 0 { 0 } else { 0xA5 });
        past.check(&damaged, &format!("seed {seed}, headers lost"));
        damage(&mut damaged, past.used(), &mut rng);
        past.check(&damaged, &format!("seed {seed}, headers and more lost"));
    }
    // Without a single sync, there is no mark to tell it.
    let folder = folder();
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
    let folder = folder();
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
    let folder = folder();
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

/// A file with one transaction of three records between two inserts; the middle one is damaged,
/// either in its key or in its value.
fn broken_transaction(folder: &Path, pattern: &[u8]) -> PathBuf {
    let source = folder.join("source");
    let db = Emdb::open(&source).unwrap();
    db.insert("before", "whole").unwrap();
    let log = db.namespace("log").unwrap();
    db.transaction(|tx| -> emdb::Result<()> {
        tx.namespace(&log).insert("first", "of three")?;
        tx.namespace(&log).insert("second", "the damaged")?;
        tx.namespace(&log).insert("third", "the last")
    })
    .unwrap();
    db.insert("behind", "whole").unwrap();
    drop(log);
    db.close().unwrap();
    let mut bytes = fs::read(&source).unwrap();
    let at = bytes.windows(pattern.len()).position(|w| w == pattern).unwrap();
    bytes[at] ^= 4;
    fs::write(&source, bytes).unwrap();
    source
}

#[test]
fn an_incomplete_commit_is_left_out_and_listed() {
    let folder = folder();
    let target = folder.path().join("target");
    let source = broken_transaction(folder.path(), b"the damaged");
    let report = Emdb::salvage(&source, &target, None).unwrap();
    let lost: Vec<_> = report.lost.iter().map(|l| (l.kind, l.key.clone().unwrap())).collect();
    let expected = [
        (LostKind::IncompleteCommit, b"first".to_vec()),
        (LostKind::Value, b"second".to_vec()),
        (LostKind::IncompleteCommit, b"third".to_vec()),
    ];
    assert_eq!(lost, expected);
    assert!(report.lost.iter().all(|l| l.namespace.as_deref() == Some("log") && l.durable));
    let db = Emdb::open(&target).unwrap();
    assert_eq!(db.len().unwrap(), 2);
    assert!(db.namespace("log").unwrap().is_empty().unwrap());
}

#[test]
fn partial_commits_are_copied_when_asked_for() {
    let folder = folder();
    let target = folder.path().join("target");
    let source = broken_transaction(folder.path(), b"second");
    let options = SalvageOptions::new().partial_commits(true);
    let report = options.run(&source, &target, None, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((report.records, report.lost.len()), (4, 1));
    assert_eq!(report.lost[0].kind, LostKind::Gap);
    let db = Emdb::open(&target).unwrap();
    let log = db.namespace("log").unwrap();
    assert_eq!(log.get("third").unwrap().as_deref(), Some(&b"the last"[..]));
    assert_eq!((log.len().unwrap(), db.len().unwrap()), (2, 2));
}

#[test]
fn records_of_a_namespace_whose_beginning_is_lost_are_kept_together() {
    let folder = folder();
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
    let folder = folder();
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

/// A source that is whole, and a place for the target.
fn small(folder: &Path) -> (PathBuf, PathBuf) {
    let source = folder.join("source");
    let db = Emdb::open(&source).unwrap();
    db.insert_many((0..2000_u32).map(|n| (n.to_be_bytes(), [1; 1500]))).unwrap();
    db.close().unwrap();
    (source, folder.join("target"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    // What belongs to a database beside its data.
    names.retain(|n| !n.ends_with(".lock") && !n.ends_with(".meta"));
    names.sort();
    names
}

#[test]
fn a_cancelled_salvage_leaves_nothing() {
    let folder = folder();
    let (source, target) = small(folder.path());
    let mut reported = Vec::new();
    Emdb::salvage_with(&source, &target, None, |p| {
        reported.push((p.done, p.total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(reported.len() > 4 && reported.is_sorted(), "{reported:?}");
    assert!(reported.iter().all(|(done, total)| done <= total));
    let last = reported.last().unwrap();
    assert_eq!(last.0, last.1);
    fs::remove_file(&target).unwrap();
    for stop in 0..reported.len() {
        let mut calls = 0;
        let cancelled = Emdb::salvage_with(&source, &target, None, |_| {
            calls += 1;
            if calls > stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(cancelled, Err(Error::Cancelled)), "{stop}");
        assert_eq!(names(folder.path()), ["source"]);
    }
}

#[test]
fn neither_the_damaged_file_nor_anything_else_is_written_over() {
    let folder = folder();
    let (source, target) = small(folder.path());
    let bytes = fs::read(&source).unwrap();
    let refused = |target: &Path| {
        let result = Emdb::salvage(&source, target, None);
        assert!(matches!(result, Err(Error::InvalidConfig(_))), "{target:?}: {result:?}");
        assert!(fs::read(&source).unwrap() == bytes);
    };
    refused(&source);
    let link = folder.path().join("link");
    fs::hard_link(&source, &link).unwrap();
    refused(&link);
    #[cfg(unix)]
    {
        let symbolic = folder.path().join("symbolic");
        std::os::unix::fs::symlink(&source, &symbolic).unwrap();
        refused(&symbolic);
    }
    // Names that the target would use by the way.
    for suffix in [".lock", ".salvage.tmp", ".salvage.tmp.emdb-tmp"] {
        fs::rename(&link, folder.path().join(format!("target{suffix}"))).unwrap();
        refused(&target);
        fs::rename(folder.path().join(format!("target{suffix}")), &link).unwrap();
    }
    fs::write(&target, "something else").unwrap();
    refused(&target);
    assert_eq!(fs::read(&target).unwrap(), b"something else");
    // An empty file is no database that could be lost.
    fs::write(&target, "").unwrap();
    assert_eq!(Emdb::salvage(&source, &target, None).unwrap().records, 2000);
}

#[test]
fn what_is_open_is_not_salvaged_and_no_open_target_is_replaced() {
    let folder = folder();
    let (source, target) = small(folder.path());
    let db = Emdb::open(&source).unwrap();
    let result = Emdb::salvage(&source, &target, None);
    assert!(matches!(result, Err(Error::AlreadyLocked)), "{result:?}");
    assert_eq!(names(folder.path()), ["source"]);
    drop(db);
    let db = Emdb::open(&target).unwrap();
    fs::remove_file(&target).unwrap();
    let result = Emdb::salvage(&source, &target, None);
    assert!(matches!(result, Err(Error::AlreadyLocked)), "{result:?}");
    drop(db);
    let missing = Emdb::salvage(folder.path().join("missing"), &target, None);
    assert!(matches!(missing, Err(Error::Io(_))));
    assert!(matches!(Emdb::salvage(folder.path(), &target, None), Err(Error::Io(_))));
}

#[test]
fn a_key_for_a_plaintext_file_is_refused() {
    let folder = folder();
    let (source, target) = small(folder.path());
    let key = EncryptionInput::Passphrase("secret".to_owned());
    assert_eq!(format!("{key:?}"), "Passphrase(..)");
    for key in [key, EncryptionInput::RawKey([7; 32])] {
        let result = Emdb::salvage(&source, &target, Some(key));
        assert!(matches!(result, Err(Error::EncryptionError(_))));
    }
    assert_eq!(names(folder.path()), ["source"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_of_the_target() {
    use std::process::Command;
    let folder = tempfile::tempdir().unwrap();
    let (source, _) = small(folder.path());
    let image = folder.path().join("image");
    fs::File::create(&image).unwrap().set_len(2 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image).status();
    println!("an ext4 image: {made:?}");
    for kind in ["tmpfs", "ext4"] {
        let disk = folder.path().join(kind);
        fs::create_dir(&disk).unwrap();
        let mut mount = Command::new("mount");
        match kind {
            "tmpfs" => mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]),
            _ => mount.args(["-o", "loop"]).arg(&image),
        };
        let mounted = mount.arg(&disk).output();
        if !mounted.as_ref().is_ok_and(|m| m.status.success()) {
            println!("skipped: {kind} can't be mounted: {mounted:?}");
            continue;
        }
        let result = Emdb::salvage(&source, disk.join("target"), None);
        let mut left = names(&disk);
        left.retain(|name| name != "lost+found");
        assert!(Command::new("umount").arg(&disk).status().unwrap().success());
        match result {
            Err(Error::Io(e)) => assert_eq!(e.kind(), std::io::ErrorKind::StorageFull, "{kind}"),
            other => panic!("{kind}: {other:?}"),
        }
        assert_eq!(left, [""; 0], "{kind}");
    }
}

/// Tells a test binary that it is a child which salvages: the folder.
const FOLDER: &str = "EMDB_TEST_SALVAGE_FOLDER";

/// The child's part; nothing in an ordinary run.
#[test]
fn child_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    Emdb::salvage(folder.join("source"), folder.join("target"), None).unwrap();
}

#[cfg(unix)]
#[test]
fn a_kill_leaves_no_target_or_a_whole_one() {
    use std::process::{Command, Stdio};
    use std::time::Duration;
    let folder = folder();
    let (source, target) = small(folder.path());
    let bytes = fs::read(&source).unwrap();
    let state = read_state(&Emdb::open(&source).unwrap()).unwrap();
    let mut rng = Rng::new(rng::seed());
    let (mut absent, mut whole) = (0, 0);
    for _ in 0..60 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_process", "--exact", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(rng.below(15_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(fs::read(&source).unwrap() == bytes);
        if target.exists() {
            whole += 1;
            let db = Emdb::open(&target).unwrap();
            assert!(db.recovery().unwrap().clean);
            assert!(read_state(&db).unwrap() == state);
            drop(db);
            fs::remove_file(&target).unwrap();
        } else {
            absent += 1;
        }
    }
    println!("{absent} absent, {whole} whole");
    // What the last one left is no hindrance.
    assert_eq!(Emdb::salvage(&source, &target, None).unwrap().records, 2000);
    assert_eq!(names(folder.path()), ["source", "target"]);
}
