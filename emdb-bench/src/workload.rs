//! The workload that is measured: the one that redb publishes for comparing engines.

use std::time::Instant;

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
    Missing,
    TwoThreads,
}

impl Phase {
    pub const ALL: [Phase; 9] = [
        Phase::Load,
        Phase::Durable,
        Phase::Batches,
        Phase::Single,
        Phase::DurableThreads,
        Phase::Owned,
        Phase::InPlace,
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
            Phase::Missing => "read of a missing key",
            Phase::TwoThreads => "random read, in place, 2 threads",
        }
    }
}

pub const DURABLE: usize = 1_000;
pub const BATCHES: usize = 100;
pub const BATCH: usize = 1_000;
pub const SINGLE: usize = 50_000;
pub const THREADS: usize = 8;
pub const DURABLE_A_THREAD: usize = 200;

/// Where every run's work begins.
pub const SEED: u64 = 42;

/// SplitMix64, seeded: every run measures the same work.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn fill<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }

    pub fn record(&mut self) -> Record {
        (self.fill(), self.fill())
    }
}

impl Workload {
    pub fn new(records: usize) -> Workload {
        let mut random = Random(SEED);
        let mut some = |n: usize| (0..n).map(|_| random.record()).collect();
        let records: Vec<_> = some(records);
        let extra = some(DURABLE + BATCHES * BATCH + SINGLE + THREADS * DURABLE_A_THREAD);
        let mut order: Vec<u32> = (0..records.len() as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, (random.next() % (i as u64 + 1)) as usize);
        }
        let missing = (0..records.len()).map(|_| random.fill()).collect();
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
