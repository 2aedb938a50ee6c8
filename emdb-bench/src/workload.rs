//! The workload that is measured: the one that redb publishes for comparing engines.

use std::time::Instant;

pub use emdb_testing::Random;

pub const KEY: usize = 24;
pub const VALUE: usize = 150;

/// A key and its value.
pub type Record = ([u8; KEY], [u8; VALUE]);

pub struct Workload {
    pub records: Vec<Record>,
    /// The records' numbers in random order.
    pub order: Vec<u32>,
    /// Keys that no record has.
    pub missing: Vec<[u8; KEY]>,
    /// Records for the single and durable writes.
    pub extra: Vec<Record>,
}

/// The phases, in the order in which they run.
#[derive(Clone, Copy)]
pub enum Phase {
    Load,
    Durable,
    Batches,
    Single,
    DurableThreads,
    Owned,
    InPlace,
    ManyOwned,
    ManyLent,
    Missing,
    TwoThreads,
}

impl Phase {
    pub const ALL: [Phase; 11] = [
        Phase::Load,
        Phase::Durable,
        Phase::Batches,
        Phase::Single,
        Phase::DurableThreads,
        Phase::Owned,
        Phase::InPlace,
        Phase::ManyOwned,
        Phase::ManyLent,
        Phase::Missing,
        Phase::TwoThreads,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Phase::Load => "bulk load, then durable",
            Phase::Durable => "write, durable each",
            Phase::Batches => "batches of 1,000, durable each (a write)",
            Phase::Single => "single write, not synced",
            Phase::DurableThreads => "8 threads, write, durable each",
            Phase::Owned => "random read, owned",
            Phase::InPlace => "random read, in place",
            Phase::ManyOwned => "1,000 random keys at once, owned (a key)",
            Phase::ManyLent => "1,000 random keys at once, lent (a key)",
            Phase::Missing => "read of a missing key",
            Phase::TwoThreads => "random read, in place, 2 threads",
        }
    }
}

pub const DURABLE: usize = 1_000;
pub const BATCHES: usize = 100;
pub const BATCH: usize = 1_000;
/// Keys that are read at once.
pub const MANY: usize = 1_000;
pub const SINGLE: usize = 50_000;
pub const THREADS: usize = 8;
pub const DURABLE_A_THREAD: usize = 200;

/// Where every run's work begins: each measures the same.
pub const SEED: u64 = 42;

fn bytes<const N: usize>(random: &mut Random) -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
    }
    bytes
}

/// The next record of a run's work.
pub fn record(random: &mut Random) -> Record {
    (bytes(random), bytes(random))
}

impl Workload {
    pub fn new(records: usize) -> Workload {
        let mut random = Random(SEED);
        let mut some = |n: usize| (0..n).map(|_| record(&mut random)).collect();
        let records: Vec<_> = some(records);
        let extra = some(DURABLE + BATCHES * BATCH + SINGLE + THREADS * DURABLE_A_THREAD);
        let mut order: Vec<u32> = (0..records.len() as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, (random.next() % (i as u64 + 1)) as usize);
        }
        let missing = (0..records.len()).map(|_| bytes(&mut random)).collect();
        Workload { records, order, missing, extra }
    }

    /// The records of the durable, batch, single and threaded phases.
    pub fn parts(&self) -> [&[Record]; 4] {
        let (durable, rest) = self.extra.split_at(DURABLE);
        let (batches, rest) = rest.split_at(BATCHES * BATCH);
        let (single, threads) = rest.split_at(SINGLE);
        [durable, batches, single, threads]
    }
}

/// Nanoseconds that `work` takes for each of `operations`.
pub fn time<E>(operations: usize, work: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_nanos() as f64 / operations as f64)
}
