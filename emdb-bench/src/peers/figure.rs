//! The figures that are measured: the rows of the tables. Less is better in all but those that say so.

macro_rules! figures {
    ($($figure:ident: $name:literal, $unit:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Figure { $($figure),* }

        impl Figure {
            /// In the order of the tables, which is that of the phases.
            pub const ALL: &[Figure] = &[$(Figure::$figure),*];

            pub fn name(self) -> &'static str {
                match self { $(Figure::$figure => $name),* }
            }

            /// The unit of each value.
            pub fn unit(self) -> &'static str {
                match self { $(Figure::$figure => $unit),* }
            }
        }
    };
}

figures! {
    // Of keys and values of bytes.
    Load: "bulk load, then durable", "ms";
    LoadWritten: "written to the device by the load", "MiB";
    Durable: "write, durable each", "us";
    Batches: "100 batches of 1,000, durable each", "ms";
    Single: "single write, not synced", "ns";
    Threads: "8 threads x 200 writes, durable each", "ms";
    Disk: "disk use after the writes, sidecars too", "MiB";
    Owned: "random read, owned", "ns";
    InPlace: "random read, in place", "ns";
    ManyOwned: "1,000 random keys at once, owned (a key)", "ns";
    ManyLent: "1,000 random keys at once, lent (a key)", "ns";
    Missing: "read of a missing key", "ns";
    TwoThreads: "random read, in place, 2 threads", "ns";
    RangesOwned: "range of 10, owned", "ns";
    RangesInPlace: "range of 10, in place", "ns";
    ScanInPlace: "full ordered scan, in place (an item)", "ns";
    ScanOwned: "full ordered scan, owned (an item)", "ns";
    Peak: "peak memory, load to scans", "MiB";
    Anonymous: "anonymous memory after the scans", "MiB";
    Removal: "removal of half, then durable", "ms";
    DiskRemoved: "disk use, half removed", "MiB";
    Compaction: "compaction after that", "ms";
    CompactionPeak: "its peak of anonymous memory, above what was", "MiB";
    RangesCompacted: "range of 10, in place, compacted", "ns";
    ScanCompacted: "full ordered scan, in place, compacted", "ns";
    Close: "close", "ms";
    DiskCompacted: "disk use compacted and closed", "MiB";
    Reopen: "clean reopen + 1 get", "ms";
    ReopenAnonymous: "anonymous memory after that", "MiB";
    Killed: "reopen after SIGKILL + 1 get", "ms";
    KilledAnonymous: "anonymous memory after that reopen", "MiB";
    Kept: "unsynced writes kept, of 1,000 (more is better)", "";
    // Of rows.
    RowsLoad: "bulk insert, ids in random order", "ns a row";
    RowsLoadInOrder: "bulk insert, ids in order", "ns a row";
    RowDurable: "single insert, durable", "us";
    RowOwned: "get by id, owned", "ns";
    RowLent: "get by id, lent", "ns";
    RowsMany: "1,000 ids at once, owned (a row)", "ns";
    RowByEmail: "get by unique email", "ns";
    RowRange: "range of 100 by id", "us";
    RowRangeLent: "range of 100 by id, lent", "us";
    RowRangeInOrder: "range of 100 by id, inserted in order", "us";
    RowRangeLentInOrder: "range of 100 by id, inserted in order, lent", "us";
    RowsByAge: "first 100 by age", "us";
    RowUpdateDurable: "update a field, durable", "us";
    RowsUpdate: "update a field, one transaction (a row)", "ns";
    RowsUpdateIndexed: "update the indexed field, one transaction (a row)", "ns";
    RowsDisk: "disk use before the deletes, sidecars too", "MiB";
    RowsDelete: "delete, one transaction (a row)", "ns";
    RowsClose: "close", "ms";
    RowsReopen: "clean reopen + 1 get", "ms";
}

impl Figure {
    /// The line in which a child process tells a figure.
    pub fn line(self, value: f64) -> String {
        format!("{self:?} {value}")
    }

    pub fn from_line(line: &str) -> Option<(Figure, f64)> {
        let (name, value) = line.split_once(' ')?;
        Some((Figure::named(name)?, value.parse().ok()?))
    }

    /// The one that [`Debug`] writes so.
    pub fn named(name: &str) -> Option<Figure> {
        Figure::ALL.iter().copied().find(|figure| format!("{figure:?}") == name)
    }
}
