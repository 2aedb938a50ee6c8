//! Reading everything, to see whether it holds.

use std::ops::ControlFlow;

use crate::api::db::Emdb;
use crate::error::Result;
use crate::maintenance::verify::verify;
use crate::maintenance::verify_report::VerifyReport;
use crate::progress::Progress;

impl Emdb {
    /// Reads everything and compares: header, the checksums of each record, the structure of
    /// commits, sync marks, and index and order in memory against the journal. It judges the state
    /// that is committed when it begins. Readers and writers go on meanwhile.
    ///
    /// Damage is no error here but stands in the report. Losses that come of one hole in the
    /// journal are told once: keys that only the memory still knows are not listed one by one. It
    /// costs the time of an open and, while it runs, the memory of a second index.
    ///
    /// # Errors
    /// Only what keeps it from looking: `TransactionActive` inside a transaction of this thread,
    /// `InvalidConfig` in a child forked after the open.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// let db = emdb::Emdb::open(&path)?;
    /// db.insert("key", "value")?;
    /// let report = db.verify()?;
    /// assert!(report.is_ok(), "{:?}", report.problems);
    /// assert_eq!((report.records, report.live_records), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_with(|_| ControlFlow::Continue(()))
    }

    /// As [`verify`](Emdb::verify). `progress` is told bytes from time to time; comparing, which
    /// comes after reading, counts none.
    ///
    /// # Errors
    /// As [`verify`](Emdb::verify); `Cancelled` if `progress` breaks.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// use std::ops::ControlFlow;
    ///
    /// let db = emdb::Emdb::open_in_memory();
    /// let mut last = 0;
    /// db.verify_with(|progress| {
    ///     last = progress.done;
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert!(db.verify_with(|_| ControlFlow::Break(())).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify_with(
        &self,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<VerifyReport> {
        verify(self.database(), &mut progress)
    }
}
