//! The settings of an engine, apart from where it lives.

use std::time::Duration;

use crate::crypto::{Cipher, Sealing};
use crate::journal::durability::FlushPolicy;
use crate::os::clock::ManualClock;

/// The options of a namespace; see [`crate::Emdb::namespace_with`].
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// use emdb::{Emdb, NamespaceOptions};
///
/// let db = Emdb::open_in_memory();
/// let log = db.namespace_with("log", NamespaceOptions::new().ordered(true))?;
/// log.insert("2", "b")?;
/// log.insert("1", "a")?;
/// assert_eq!(log.range(.."2")?, [(b"1".to_vec(), b"a".to_vec())]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "options do nothing before namespace_with()"]
pub struct NamespaceOptions {
    pub(crate) ordered: bool,
}

impl NamespaceOptions {
    /// Nothing beyond what the namespace has already.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # use emdb::{Emdb, NamespaceOptions};
    /// # let db = Emdb::open_in_memory();
    /// db.namespace_with("log", NamespaceOptions::new())?.insert("key", "value")?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn new() -> NamespaceOptions {
        NamespaceOptions { ordered: false }
    }

    /// Whether the keys are kept in order, so that ranges of them can be read. Once stored it
    /// stays: `false` asks for nothing.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # use emdb::{Emdb, NamespaceOptions};
    /// # let db = Emdb::open_in_memory();
    /// let log = db.namespace_with("log", NamespaceOptions::new().ordered(true))?;
    /// assert!(log.range(..)?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub const fn ordered(mut self, ordered: bool) -> NamespaceOptions {
        self.ordered = ordered;
        self
    }
}

/// When the journal is rewritten by itself: the part of it that is dead, and how many bytes that
/// is, both at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AutoCompact {
    pub(crate) ratio: f64,
    pub(crate) min_bytes: u64,
}

impl AutoCompact {
    pub(crate) fn is_due(self, dead: u64, journal: u64) -> bool {
        dead >= self.min_bytes.max(1) && dead as f64 >= self.ratio * journal as f64
    }
}

/// The settings that the options of an open come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) flush_policy: FlushPolicy,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) unverified_reads: bool,
    pub(crate) flush_every: Option<Duration>,
    pub(crate) range_scans: bool,
    pub(crate) auto_compact: Option<AutoCompact>,
    pub(crate) read_only: bool,
    pub(crate) sqpoll_idle_ms: Option<u32>,
    pub(crate) manual_clock: Option<ManualClock>,
    /// The secret that seals a new database and unlocks an existing one.
    pub(crate) sealing: Option<Sealing>,
    /// The file is not opened for use: it stays *converted* if it is.
    pub(crate) offline: bool,
    /// The cipher, if one was asked for.
    pub(crate) cipher: Option<Cipher>,
}
