//! The least work that could do the job, as one more engine, which has some of the phases.

use std::path::Path;

use super::child::tell;
use super::engine::Outcome;
use super::figure::Figure;
use crate::limit;
use crate::workload::{BATCH, BATCHES, DURABLE_A_THREAD, Phase, THREADS, Workload};

/// Runs the phases that there are.
pub fn run(records: usize, folder: &Path) -> Outcome<()> {
    let workload = Workload::new(records);
    let each = limit::measure(&workload, folder).map_err(|e| e.to_string())?;
    for (phase, ns) in Phase::ALL.into_iter().zip(each) {
        let (figure, value) = match phase {
            Phase::Load => (Figure::Load, ns * records as f64 / 1e6),
            Phase::Durable => (Figure::Durable, ns / 1e3),
            Phase::Batches => (Figure::Batches, ns * (BATCHES * BATCH) as f64 / 1e6),
            Phase::Single => (Figure::Single, ns),
            Phase::DurableThreads => {
                (Figure::Threads, ns * (THREADS * DURABLE_A_THREAD) as f64 / 1e6)
            }
            Phase::Owned => (Figure::Owned, ns),
            Phase::InPlace => (Figure::InPlace, ns),
            Phase::ManyOwned => (Figure::ManyOwned, ns),
            Phase::ManyLent => (Figure::ManyLent, ns),
            Phase::Missing => (Figure::Missing, ns),
            Phase::TwoThreads => (Figure::TwoThreads, ns),
        };
        tell(figure, value);
    }
    Ok(())
}
