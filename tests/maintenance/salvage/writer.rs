//! Makes a database with a random past.

use super::*;

struct Writer {
    db: Emdb,
    rng: Random,
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

pub(super) fn expiry(namespace: &Namespace, key: &[u8]) -> Option<u64> {
    #[cfg(feature = "ttl")]
    return namespace.expires_at(key).unwrap();
    #[cfg(not(feature = "ttl"))]
    return namespace.get(key).unwrap().and(None);
}

pub(super) fn past(seed: u64, steps: u64) -> Past {
    let folder = memory_folder();
    let path = folder.path().join("whole.emdb");
    let db = Emdb::open(&path).unwrap();
    let rng = Random(seed);
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
