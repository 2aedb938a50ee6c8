//! The figures that are measured: the rows of the table.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Load,
    Durable,
    Batches,
    Single,
    Threads,
    DiskWritten,
    MetaWritten,
    Owned,
    InPlace,
    Missing,
    TwoThreads,
    RangesOwned,
    RangesInPlace,
    ScanInPlace,
    ScanOwned,
    Peak,
    Anonymous,
    Removal,
    DiskRemoved,
    Compaction,
    DiskCompacted,
    RangesCompacted,
    ScanCompacted,
    Reopen,
    ReopenAnonymous,
    Killed,
    Kept,
}

impl Figure {
    /// In the order of the table, which is that of the phases.
    pub const ALL: [Figure; 27] = [
        Figure::Load,
        Figure::Durable,
        Figure::Batches,
        Figure::Single,
        Figure::Threads,
        Figure::DiskWritten,
        Figure::MetaWritten,
        Figure::Owned,
        Figure::InPlace,
        Figure::Missing,
        Figure::TwoThreads,
        Figure::RangesOwned,
        Figure::RangesInPlace,
        Figure::ScanInPlace,
        Figure::ScanOwned,
        Figure::Peak,
        Figure::Anonymous,
        Figure::Removal,
        Figure::DiskRemoved,
        Figure::Compaction,
        Figure::DiskCompacted,
        Figure::RangesCompacted,
        Figure::ScanCompacted,
        Figure::Reopen,
        Figure::ReopenAnonymous,
        Figure::Killed,
        Figure::Kept,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Figure::Load => "bulk load, then durable",
            Figure::Durable => "write, durable each",
            Figure::Batches => "100 batches of 1,000, durable each",
            Figure::Single => "single write, not synced",
            Figure::Threads => "8 threads x 200 writes, durable each",
            Figure::DiskWritten => "disk use after the writes, open",
            Figure::MetaWritten => "  .meta files, not counted there",
            Figure::Owned => "random read, owned",
            Figure::InPlace => "random read, in place",
            Figure::Missing => "read of a missing key",
            Figure::TwoThreads => "random read, in place, 2 threads",
            Figure::RangesOwned => "range of 10, owned",
            Figure::RangesInPlace => "range of 10, in place",
            Figure::ScanInPlace => "full ordered scan, borrowed (an item)",
            Figure::ScanOwned => "full ordered scan, owned (an item)",
            Figure::Peak => "peak memory, load to scans",
            Figure::Anonymous => "anonymous memory after the scans",
            Figure::Removal => "removal of half, then durable",
            Figure::DiskRemoved => "disk use, half removed",
            Figure::Compaction => "compaction then",
            Figure::DiskCompacted => "disk use after that, closed",
            Figure::RangesCompacted => "range of 10, in place, then",
            Figure::ScanCompacted => "full ordered scan, borrowed, then",
            Figure::Reopen => "clean reopen + 1 get",
            Figure::ReopenAnonymous => "anonymous memory after that",
            Figure::Killed => "reopen after SIGKILL + 1 get",
            Figure::Kept => "unsynced writes kept, of 1,000",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Figure::Load | Figure::Batches | Figure::Threads | Figure::Removal => "ms",
            Figure::Reopen | Figure::Killed | Figure::Compaction => "ms",
            Figure::Durable => "us",
            Figure::DiskWritten | Figure::MetaWritten => "MiB",
            Figure::DiskRemoved | Figure::DiskCompacted => "MiB",
            Figure::Peak | Figure::Anonymous | Figure::ReopenAnonymous => "MiB",
            Figure::Kept => "",
            _ => "ns",
        }
    }

    /// The line in which a child process tells a figure.
    pub fn line(self, value: f64) -> String {
        format!("{self:?} {value}")
    }

    pub fn from_line(line: &str) -> Option<(Figure, f64)> {
        let (name, value) = line.split_once(' ')?;
        let figure = Figure::ALL.into_iter().find(|figure| format!("{figure:?}") == name)?;
        Some((figure, value.parse().ok()?))
    }
}
