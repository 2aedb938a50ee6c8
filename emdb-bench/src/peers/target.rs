//! The targets: how much of a peer's time, of the limit's, or of the data's size ours may take.

use super::contender::Work;
use super::figure::{Figure, Figure::*};
use super::results::{Column, Results};
use crate::workload::{KEY, VALUE, Workload};

/// A line that is to be reached.
pub struct Target {
    pub work: Work,
    /// Which of ours.
    pub ours: &'static str,
    pub figure: Figure,
    against: Against,
    /// The most that the ratio may be.
    pub at_most: f64,
}

/// The base that a figure is divided by.
enum Against {
    /// The best of all peers.
    Best,
    /// The best of these.
    Peers(&'static [&'static str]),
    /// The best of all peers in another figure: they have none in this.
    BestIn(Figure),
    /// The least work that could do the job.
    Limit,
    /// Our own figure.
    Own(Figure),
    /// The MiB of keys and values that were loaded.
    Loaded,
    /// The MiB of keys and values that were written before the reads.
    Written,
    /// The MiB of those that are left after the removal.
    Live,
    /// So many MiB as there are millions of bytes for a byte a key.
    Keys,
    /// One of the figure's unit.
    Unit,
}

use Against::*;

const fn hash(figure: Figure, against: Against, at_most: f64) -> Target {
    Target { work: Work::Raw, ours: "ours-hash", figure, against, at_most }
}

const fn ordered(figure: Figure, against: Against, at_most: f64) -> Target {
    Target { work: Work::Raw, ours: "ours-ordered", figure, against, at_most }
}

const fn rows(figure: Figure, against: Against, at_most: f64) -> Target {
    Target { work: Work::Rows, ours: "ours", figure, against, at_most }
}

const fn few(figure: Figure, at_most: f64) -> Target {
    Target { work: Work::FewRows, ours: "ours", figure, against: Peers(TOASTY), at_most }
}

const EMDB1: &[&str] = &["emdb1-hash"];
const LMDB: &[&str] = &["lmdb"];
const TOASTY: &[&str] = &["toasty"];

pub const TARGETS: &[Target] = &[
    hash(Load, Peers(EMDB1), 0.35),
    ordered(Load, Peers(LMDB), 0.2),
    hash(LoadWritten, Loaded, 1.3),
    ordered(LoadWritten, Loaded, 1.3),
    hash(Durable, Peers(&["rocksdb", "fjall"]), 0.7),
    hash(Durable, Limit, 1.15),
    hash(Batches, Best, 0.4),
    hash(Single, Peers(EMDB1), 0.15),
    ordered(Single, Peers(&["fjall"]), 0.08),
    hash(Single, Limit, 3.0),
    hash(Threads, Peers(&["rocksdb"]), 0.3),
    hash(Disk, Written, 1.15),
    ordered(Disk, Written, 1.15),
    hash(Owned, Best, 0.6),
    hash(InPlace, Best, 0.5),
    hash(InPlace, Unit, 250.0),
    hash(ManyOwned, Limit, 1.25),
    hash(ManyLent, Limit, 1.25),
    hash(Missing, Limit, 1.25),
    hash(TwoThreads, Best, 0.55),
    hash(TwoThreads, Own(InPlace), 1.0 / 1.9),
    ordered(RangesInPlace, Peers(LMDB), 0.75),
    ordered(RangesCompacted, Peers(LMDB), 0.5),
    ordered(ScanInPlace, Peers(LMDB), 1.0),
    ordered(ScanCompacted, Peers(LMDB), 0.67),
    hash(Peak, Unit, 300.0),
    hash(Anonymous, Keys, 20.0),
    ordered(Anonymous, Keys, 44.0),
    hash(Removal, Peers(EMDB1), 0.4),
    ordered(Removal, Peers(LMDB), 0.2),
    hash(Compaction, Peers(LMDB), 0.5),
    ordered(Compaction, Peers(LMDB), 0.6),
    hash(CompactionPeak, Unit, 64.0),
    ordered(CompactionPeak, Unit, 64.0),
    hash(DiskCompacted, Live, 1.15),
    hash(Reopen, Peers(LMDB), 0.5),
    ordered(Reopen, Peers(LMDB), 0.5),
    hash(ReopenAnonymous, Unit, 4.0),
    ordered(ReopenAnonymous, Unit, 4.0),
    hash(Killed, Unit, 30.0),
    ordered(Killed, Unit, 30.0),
    rows(RowsLoadInOrder, Best, 0.5),
    rows(RowDurable, Peers(&["sqlite"]), 0.6),
    rows(RowOwned, Peers(LMDB), 0.6),
    rows(RowLent, BestIn(RowOwned), 0.4),
    rows(RowsMany, BestIn(RowOwned), 0.4),
    rows(RowByEmail, Peers(LMDB), 0.5),
    rows(RowRange, Peers(LMDB), 0.7),
    rows(RowRangeLent, BestIn(RowRange), 0.4),
    rows(RowRangeInOrder, Peers(LMDB), 0.7),
    rows(RowRangeLentInOrder, BestIn(RowRangeInOrder), 0.4),
    rows(RowsByAge, Peers(LMDB), 0.6),
    rows(RowUpdateDurable, Peers(&["sqlite"]), 0.8),
    rows(RowsUpdate, Peers(LMDB), 0.4),
    rows(RowsUpdateIndexed, Peers(LMDB), 0.4),
    rows(RowsDelete, Peers(&["sqlite"]), 0.25),
    rows(RowsClose, Peers(&["redb"]), 2.0),
    rows(RowsReopen, Peers(LMDB), 1.0),
    rows(RowsDisk, Peers(&["redb"]), 1.0),
    few(RowOwned, 0.01),
    few(RowByEmail, 0.015),
    few(RowsLoad, 0.1),
    few(RowDurable, 0.1),
    few(RowsByAge, 0.08),
];

/// A target beside the figures of a run.
pub struct Standing {
    pub ours: f64,
    /// The figure that ours is divided by, and its name.
    pub base: f64,
    pub name: String,
}

impl Standing {
    pub fn ratio(&self) -> f64 {
        self.ours / self.base
    }
}

impl Target {
    /// How the run stands to it; nothing if a figure is missing.
    pub fn standing(&self, results: &Results) -> Option<Standing> {
        let column = results.column(self.work, self.ours)?;
        let ours = column.median(self.figure)?;
        let bytes = |records: usize| (records * (KEY + VALUE)) as f64 / (1 << 20) as f64;
        let (records, extra) = (results.sizes.records, Workload::new(0).extra.len());
        let constant = |value: f64, name: &str| Some((value, name.to_owned()));
        let (base, name) = match self.against {
            Best => best(results, self.work, &[], self.figure),
            Peers(names) => best(results, self.work, names, self.figure),
            BestIn(figure) => best(results, self.work, &[], figure)
                .map(|(base, name)| (base, format!("{name}, {}", figure.name()))),
            Limit => {
                let limit = results.column(self.work, "limit")?.median(self.figure)?;
                constant(limit, "the limit")
            }
            Own(figure) => Some((column.median(figure)?, format!("ours, {}", figure.name()))),
            Loaded => constant(bytes(records), "keys and values"),
            Written => constant(bytes(records + extra), "keys and values"),
            Live => constant(bytes(records - records / 2 + extra), "live keys and values"),
            Keys => constant((records + extra) as f64 / (1 << 20) as f64, "a byte a key"),
            Unit => constant(1.0, self.figure.unit()),
        }?;
        Some(Standing { ours, base, name })
    }
}

/// The best peer of those that are named, or of all, and its name.
fn best(results: &Results, work: Work, names: &[&str], figure: Figure) -> Option<(f64, String)> {
    let is_peer = |c: &&Column| {
        let name = c.contender.name;
        let is_meant = names.is_empty() || names.contains(&name);
        is_meant && !c.contender.is_ours() && name != "limit" && !c.is_lost(figure)
    };
    let figures = results
        .of(work)
        .filter(is_peer)
        .filter_map(|column| Some((column.median(figure)?, column.contender.name.to_owned())));
    figures.min_by(|(a, _), (b, _)| a.total_cmp(b))
}
