//! The engine on a simulated disk, and parts of it that are looked into from several rooms.
//!
//! Here are the disk's database, a model of it and random commits for both. The tests are in:
//!
//! - `power_cuts`: cuts of the power, anywhere in the life of a database;
//! - `failures`: operations of the disk that fail, for want of room or otherwise;
//! - `recovery`: the end that an open finds a journal to have, and torn tails;
//! - `checkpoint`: checkpoints that fail, are damaged or, in `checkpoint::forged`, forged;
//! - `compaction`: compactions that fail, and commits that come meanwhile;
//! - `memory`: indexes that shrink, and what views kept;
//! - `namespaces`: namespaces beside checkpoints, compactions and power cuts, against a model;
//! - `views` and `counts`: states that read views keep, and the number of records in them;
//! - `verify`: differences that a verification finds;
//! - `sweeps`: expired records and forged expiries;
//! - `collisions`: keys whose hashes are alike;
//! - `convert`, `hostile` and `sealed_beside`: encrypted databases, their key's changes, forgeries,
//!   and threads;
//! - `space`: full disks, and the way out of them;
//! - `stress`: all that can go on at once;
//! - `time`: expiries under clocks that go back;
//! - `worker`: worker threads that begin when they are asked for something.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::api::stats::EmdbStats;
use crate::checkpoint::state::CheckpointKind;
use crate::crypto::{Cipher, EncryptionInput, KdfParams, Sealing, Secret};
use crate::engine::append_lock::Access;
use crate::engine::settings::Settings;
use crate::engine::write_op::{Change, WriteOp};
use crate::engine::{Engine, open};
use crate::error::{Error, Result};
use crate::format::record::Verb;
use crate::journal::durability::FlushPolicy;
use crate::maintenance::compact::compact;
use crate::maintenance::database::Database;
use crate::mvcc::namespace::NamespaceState;
use crate::progress::ProgressMeter;
use crate::storage::sim::{Faults, Random, SimDisk};

mod batches;
mod checkpoint;
mod collisions;
mod compaction;
#[cfg(feature = "encrypt")]
mod convert;
mod counts;
mod failures;
#[cfg(feature = "encrypt")]
mod hostile;
mod memory;
mod namespaces;
mod power_cuts;
mod recovery;
#[cfg(feature = "encrypt")]
mod sealed_beside;
mod space;
mod stress;
#[cfg(feature = "ttl")]
mod sweeps;
#[cfg(feature = "ttl")]
mod time;
mod verify;
mod views;
mod worker;

/// The database's engine, for tests that look into both.
impl std::ops::Deref for Database {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

fn stats(database: &Database) -> EmdbStats {
    EmdbStats::of(database)
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const PATH: &str = "db";

/// Some disks have an encrypted database on them, which must not show either.
fn settings(disk: &SimDisk) -> Settings {
    let sealing = || Sealing {
        secret: Secret::new(EncryptionInput::RawKey([7; 32])),
        cipher: Cipher::default(),
        params: KdfParams::default(),
    };
    Settings { sealing: disk.sealed.then(sealing), ..Settings::default() }
}

fn open(disk: &SimDisk, policy: FlushPolicy) -> Result<Arc<Database>> {
    let path = Path::new(PATH);
    if !disk.exists(path) {
        open::create(&settings(disk), disk, path)?;
    }
    // Some lives are ordered; the order must not show in what is read, nor in what is written.
    let range_scans = policy == FlushPolicy::Group;
    let settings = Settings { flush_policy: policy, range_scans, ..settings(disk) };
    Database::on_disk(&settings, Arc::new(disk.clone()), path)
}

fn get(engine: &Engine, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let guard = crossbeam_epoch::pin();
    Ok(engine.get(&engine.default_namespace, key, &guard)?.map(|(entry, _)| entry.into_value()))
}

/// Every record, by way of the index.
fn content(engine: &Engine) -> Model {
    let view = engine.read_view();
    let incarnation = view.incarnation(&engine.default_namespace);
    crate::api::iterators::EmdbIter(crate::cursor::walk::Walk::over(view, incarnation).unwrap())
        .results()
        .collect::<Result<_>>()
        .unwrap()
}

/// A random commit of one to five puts and removals of a few keys.
fn random_commit(random: &mut Random) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let len = if random.below(3) == 0 { 1 + random.below(5) } else { 1 };
    let mut commit = BTreeMap::new();
    for _ in 0..len {
        let key = vec![b'k', random.below(24) as u8];
        let value_len = match random.below(20) {
            0 => 3000,
            1 => 0,
            _ => random.below(120),
        };
        let value = vec![random.next() as u8; value_len as usize];
        commit.insert(key, (random.below(4) != 0).then_some(value));
    }
    commit.into_iter().collect()
}

fn apply(model: &mut Model, commit: &[(Vec<u8>, Option<Vec<u8>>)]) {
    for (key, value) in commit {
        match value {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

fn write(engine: &Engine, commit: &[(Vec<u8>, Option<Vec<u8>>)]) -> Result<()> {
    let mut ops = Vec::new();
    for (i, (key, value)) in commit.iter().enumerate() {
        let change = Change::write(key, value.as_deref(), None);
        let change = change.ending_commit(i + 1 == commit.len());
        ops.push(WriteOp::write(&engine.default_namespace, change)?);
    }
    engine.commit(&mut ops, Access::Plain)
}

/// Puts one record.
fn put(engine: &Engine, key: &[u8], value: &[u8]) {
    put_until(engine, key, value, None);
}

/// Puts one record that expires at `expiry`, in milliseconds of the Unix time, if that is given.
fn put_until(engine: &Engine, key: &[u8], value: &[u8], expiry: Option<u64>) {
    let op = WriteOp::write(&engine.default_namespace, Change::put(key, value, expiry)).unwrap();
    engine.commit(&mut [op], Access::Plain).unwrap();
}

fn seeds() -> u64 {
    std::env::var("EMDB_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20)
}

/// The number of power cuts to make.
fn rounds() -> u64 {
    std::env::var("EMDB_POWER_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}
