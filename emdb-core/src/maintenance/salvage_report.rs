//! The report of a salvage.

/// Losses that a report lists.
const LISTED_MAX_LOSSES: usize = 10_000;

/// The report of what a salvage read, copied and could not copy; see
/// [`Emdb::salvage`](crate::Emdb::salvage).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SalvageReport {
    /// Bytes of the damaged file.
    pub bytes_read: u64,
    /// Live records that were copied, but those of internal namespaces. Expired ones are among
    /// them, with their expiry.
    pub records: u64,
    /// Whole commits that were found.
    pub commits: u64,
    /// Namespaces that were copied, the default one among them and internal ones not.
    pub namespaces: u64,
    /// The losses, at most 10,000 of them, in the order of the file.
    pub lost: Vec<Lost>,
    /// Losses beyond those.
    pub lost_dropped: u64,
    /// Bytes of all losses.
    pub bytes_lost: u64,
}

impl SalvageReport {
    pub(crate) fn add(&mut self, lost: Lost) {
        self.bytes_lost += lost.len;
        if self.lost.len() == LISTED_MAX_LOSSES {
            self.lost_dropped += 1;
        } else {
            self.lost.push(lost);
        }
    }
}

/// Something that was lost; see [`SalvageReport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// The offset in the damaged file.
    pub offset: u64,
    /// The number of bytes.
    pub len: u64,
    /// The kind of loss, as far as that can be told.
    pub kind: LostKind,
    /// The name of the namespace that it was in, if that is known; the default one has an empty
    /// name.
    pub namespace: Option<String>,
    /// The key that it was about, if that is known. Records that begin or end a namespace have an
    /// empty one, or its name.
    pub key: Option<Vec<u8>>,
    /// Whether it is known to have been on stable storage. If not, it may be what a crash left of
    /// writes that were never flushed.
    pub durable: bool,
}

/// The kind of a loss; see [`Lost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LostKind {
    /// Bytes in which no record is whole.
    Gap,
    /// A record whose key is whole and whose value is not.
    Value,
    /// A whole record of a commit of which others are missing; see
    /// [`SalvageOptions::partial_commits`](crate::SalvageOptions::partial_commits).
    IncompleteCommit,
    /// The file once went on, and was cut here.
    Cut,
    /// A record of an encrypted database that is whole but not authentic, or whose session is lost.
    NotAuthentic,
    /// A record beyond what a namespace takes.
    TooMany,
}
