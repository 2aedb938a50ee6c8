//! The stored state.

use std::collections::BTreeMap;
use std::sync::Arc;

use emdb_typed::backend::{Changes, Keyspaces, WriteRef};

/// A value, and when it expires.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) bytes: Vec<u8>,
    pub(crate) expiry: Option<u64>,
}

impl Value {
    pub(crate) fn is_live(&self, now: u64) -> bool {
        self.expiry.is_none_or(|at| at > now)
    }
}

pub(crate) type Map = BTreeMap<Vec<u8>, Value>;

/// One keyspace.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    pub(crate) map: Arc<Map>,
    pub(crate) ordered: bool,
}

/// All keyspaces by their names. A clone shares what neither changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    spaces: BTreeMap<String, Space>,
    /// Grows with each commit.
    pub(crate) version: u64,
}

impl State {
    pub(crate) fn open(&mut self, name: &str, ordered: bool) {
        let map = Arc::default();
        self.spaces.entry(name.to_owned()).or_insert(Space { map, ordered });
    }

    /// The keyspace of this name; an empty one if there is none.
    pub(crate) fn space(&self, name: &str) -> Space {
        let missing = || Space { map: Arc::default(), ordered: true };
        self.spaces.get(name).cloned().unwrap_or_else(missing)
    }

    pub(crate) fn get(&self, name: &str, key: &[u8]) -> Option<&Value> {
        self.spaces.get(name)?.map.get(key)
    }

    pub(crate) fn len(&self, name: &str) -> usize {
        self.spaces.get(name).map_or(0, |space| space.map.len())
    }

    pub(crate) fn spaces(&self) -> impl Iterator<Item = (&String, &Space)> {
        self.spaces.iter()
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, catalogue: &str) {
        let of_it = |name: &String| name == from || name.starts_with(&format!("{from}\0"));
        let names: Vec<_> = self.spaces.keys().filter(|name| of_it(name)).cloned().collect();
        for name in names {
            let Some(space) = self.spaces.remove(&name) else { continue };
            self.spaces.insert(format!("{to}{}", &name[from.len()..]), space);
        }
        if let Some(catalogue) = self.spaces.get_mut(catalogue) {
            let entries = Arc::make_mut(&mut catalogue.map);
            let entry = entries.remove(from.as_bytes());
            entries.extend(entry.map(|entry| (to.as_bytes().to_vec(), entry)));
        }
        self.version += 1;
    }

    pub(crate) fn apply(&mut self, keyspaces: &Keyspaces<String>, changes: &Changes) {
        for keyspace in &changes.cleared {
            if let Some(space) = self.spaces.get_mut(keyspaces.get(*keyspace)) {
                space.map = Arc::default();
            }
        }
        for WriteRef { keyspace, key, value, expiry } in changes.writes.iter() {
            let Some(space) = self.spaces.get_mut(keyspaces.get(keyspace)) else { continue };
            let map = Arc::make_mut(&mut space.map);
            match value {
                Some(bytes) => {
                    map.insert(key.to_vec(), Value { bytes: bytes.to_vec(), expiry });
                }
                None => {
                    map.remove(key);
                }
            }
        }
        self.version += 1;
    }
}
