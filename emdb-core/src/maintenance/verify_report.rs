//! The report of a verification.

/// Problems that a report lists.
const LISTED_MAX_PROBLEMS: usize = 10_000;

/// The report of what a verification read and found; see [`crate::Emdb::verify`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Bytes of the file, or of the journal in memory, that were read.
    pub bytes: u64,
    /// Whole records in the journal, dead ones among them, sync marks not.
    pub records: u64,
    /// Whole commits in the journal.
    pub commits: u64,
    /// Namespaces by the journal, the default one among them and internal ones not.
    pub namespaces: u64,
    /// Live records of those by the journal. Expired ones count until they are swept.
    pub live_records: u64,
    /// The problems found, at most 10,000 of them.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub problems_dropped: u64,
}

impl VerifyReport {
    /// Whether everything holds.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// assert!(db.verify()?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && self.problems_dropped == 0
    }

    pub(crate) fn add(&mut self, kind: ProblemKind, offset: u64, detail: impl Into<String>) {
        if self.problems.len() == LISTED_MAX_PROBLEMS {
            self.problems_dropped += 1;
        } else {
            self.problems.push(Problem { offset, kind, detail: detail.into() });
        }
    }
}

/// Something that does not hold in a database; see [`VerifyReport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The byte of the data file that it is about.
    pub offset: u64,
    /// The kind of problem.
    pub kind: ProblemKind,
    /// The details, for people.
    pub detail: String,
}

/// The kind of a problem; see [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A header slot is damaged.
    Header,
    /// Bytes of the journal are no record.
    Frame,
    /// A value fails its checksum; its key is whole.
    Value,
    /// A record of an encrypted database is whole but not authentic: it was tampered with.
    Seal,
    /// A commit lacks records, or says what can't be.
    Commit,
    /// The index in memory leads elsewhere than the journal says.
    Index,
    /// The order of an ordered namespace lacks keys, or has them in another order.
    Order,
    /// A number of records is not right.
    Count,
}
