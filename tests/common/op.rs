//! Calls that change a database, and what each of them must leave.

use emdb::{Emdb, Namespace, Result};

use crate::common::state::State;

/// The second namespace; the first is the default one.
pub(crate) const LOG: &str = "log";

/// Records that `insert_many` commits at once, where they are small.
const CHUNK: usize = 4096;

/// A key or a value.
pub(crate) type Bytes = Vec<u8>;

/// One call. `bool` tells whether it goes to [`LOG`].
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Insert(bool, Bytes, Bytes),
    /// With an expiry far in the future, where the feature is on.
    InsertTimed(bool, Bytes, Bytes),
    InsertMany(bool, Vec<(Bytes, Bytes)>),
    Remove(bool, Bytes),
    Clear(bool),
    /// Drops [`LOG`]; the next call to it begins it anew.
    DropLog,
    /// Perhaps a clear, then writes and (without a value) removals.
    Transaction {
        clear: Option<bool>,
        writes: Vec<(bool, Bytes, Option<Bytes>)>,
    },
    Flush,
}

impl Op {
    pub(crate) fn apply(&self, db: &Emdb) -> Result<()> {
        match self {
            Op::Insert(log, key, value) => target(db, *log)?.insert(key, value),
            Op::InsertTimed(log, key, value) => insert_timed(&target(db, *log)?, key, value),
            Op::InsertMany(log, items) => {
                target(db, *log)?.insert_many(items.iter().map(|(k, v)| (k, v)))
            }
            Op::Remove(log, key) => target(db, *log)?.remove(key).map(drop),
            Op::Clear(log) => target(db, *log)?.clear(),
            Op::DropLog => db.drop_namespace(LOG).map(drop),
            Op::Transaction { clear, writes } => {
                let log = db.namespace(LOG)?;
                db.transaction(|tx| {
                    let both = |is_log: bool| if is_log { &log } else { &**db };
                    if let Some(is_log) = clear {
                        tx.namespace(both(*is_log)).clear()?;
                    }
                    for (is_log, key, value) in writes {
                        let part = tx.namespace(both(*is_log));
                        match value {
                            Some(value) => part.insert(key, value)?,
                            None => part.remove(key).map(drop)?,
                        }
                    }
                    Ok(())
                })
            }
            Op::Flush => db.flush(),
        }
    }

    /// Does to `state` what the call does to a database.
    pub(crate) fn advance(&self, state: &mut State) {
        match self {
            Op::Insert(log, key, value) | Op::InsertTimed(log, key, value) => {
                state.insert(at(*log, key), value.clone());
            }
            Op::InsertMany(log, items) => {
                state.extend(items.iter().map(|(k, v)| (at(*log, k), v.clone())));
            }
            Op::Remove(log, key) => drop(state.remove(&at(*log, key))),
            Op::Clear(log) => clear(state, *log),
            Op::DropLog => clear(state, true),
            Op::Transaction { clear: cleared, writes } => {
                if let Some(log) = cleared {
                    clear(state, *log);
                }
                for (log, key, value) in writes {
                    match value {
                        Some(value) => drop(state.insert(at(*log, key), value.clone())),
                        None => drop(state.remove(&at(*log, key))),
                    }
                }
            }
            Op::Flush => {}
        }
    }

    /// The states that the call goes through, committed one after the other.
    pub(crate) fn outcomes(&self, before: &State) -> Vec<State> {
        let mut after = before.clone();
        match self {
            Op::InsertMany(log, items) => {
                let chunks = items.chunks(CHUNK);
                let commit = |chunk: &[(Bytes, Bytes)]| {
                    Op::InsertMany(*log, chunk.to_vec()).advance(&mut after);
                    after.clone()
                };
                chunks.map(commit).collect()
            }
            Op::Flush => Vec::new(),
            _ => {
                self.advance(&mut after);
                vec![after]
            }
        }
    }
}

fn target(db: &Emdb, log: bool) -> Result<Namespace> {
    if log { db.namespace(LOG) } else { Ok((**db).clone()) }
}

fn at(log: bool, key: &[u8]) -> (String, Bytes) {
    (if log { LOG } else { "" }.to_owned(), key.to_vec())
}

fn clear(state: &mut State, log: bool) {
    state.retain(|(name, _), _| (name == LOG) != log);
}

#[cfg(feature = "ttl")]
fn insert_timed(namespace: &Namespace, key: &[u8], value: &[u8]) -> Result<()> {
    /// In the year 2100.
    const LATER: u64 = 4_102_444_800_000;
    namespace.insert_with_ttl(key, value, emdb::Ttl::ExpiresAt(LATER))
}

#[cfg(not(feature = "ttl"))]
fn insert_timed(namespace: &Namespace, key: &[u8], value: &[u8]) -> Result<()> {
    namespace.insert(key, value)
}
