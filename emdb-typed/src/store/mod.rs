//! The seam to the engine: all that a table asks of what is below it.
//!
//! Invariant: tables reach the engine through [`Store`] and [`StoreMut`] alone. They are dispatched
//! statically, so the plain path costs nothing; and each call of a table is written once, whether
//! it runs by itself ([`Live`]), inside a transaction ([`Staged`]), or on a snapshot ([`Frozen`]).

mod frozen;
mod live;
mod staged;

use emdb_core::internal::{Scan, View, Write, WriteRef};
use emdb_core::{Error, Namespace};

pub use frozen::Frozen;
pub(crate) use frozen::Other;
pub use live::Live;
pub use staged::Staged;

use crate::batch::Changes;
use crate::error::TableError;

type Result<T> = std::result::Result<T, Error>;

/// One of a table's namespaces.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The rows, by their keys.
    Rows,
    /// The entries of the index at this position.
    Index(usize),
    /// One record: the highest key that was ever used.
    Mark,
    /// The entries of all tables, by their names.
    Catalogue,
}

/// The namespaces of a table.
#[derive(Debug)]
pub(crate) struct Spaces {
    pub(crate) rows: Namespace,
    pub(crate) indexes: Vec<Namespace>,
    pub(crate) mark: Option<Namespace>,
    pub(crate) catalogue: Namespace,
}

impl Spaces {
    /// The changes as the engine takes them.
    pub(crate) fn writes<'a>(
        &'a self,
        changes: &'a Changes,
    ) -> impl ExactSizeIterator<Item = Write<'a>> {
        changes.iter().map(|WriteRef { keyspace, key, value, expiry }| Write {
            namespace: self.get(keyspace),
            key,
            value,
            expiry,
        })
    }

    pub(crate) fn get(&self, part: Part) -> &Namespace {
        match part {
            Part::Rows => &self.rows,
            Part::Index(position) => &self.indexes[position],
            // Only tables that have one ask for it.
            Part::Mark => self.mark.as_ref().unwrap_or(&self.rows),
            Part::Catalogue => &self.catalogue,
        }
    }
}

/// The reads.
#[doc(hidden)]
pub trait Store: sealed::Sealed {
    /// Whether an index may be asked; why not, if not.
    fn ready(&self, index: usize) -> std::result::Result<(), TableError> {
        let _ = index;
        Ok(())
    }

    /// Why nothing may be read, if it may not.
    fn refused(&self) -> std::result::Result<(), TableError> {
        Ok(())
    }

    /// The value of a key, lent, and when it expires.
    fn entry<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>>;

    /// The value of a key, lent.
    #[inline]
    fn read<R>(&self, part: Part, key: &[u8], take: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.entry(part, key, |value, _| take(value))
    }

    /// When a key, if it is there, expires.
    fn expiry(&self, part: Part, key: &[u8]) -> Result<Option<u64>>;

    /// Whether a key is there. Its value isn't read.
    fn contains(&self, part: Part, key: &[u8]) -> Result<bool>;

    /// How many records there are.
    fn count(&self, part: Part) -> Result<usize>;

    /// One state of a part, to walk over.
    fn view(&self, part: Part) -> Result<View>;

    /// One state of two parts.
    fn views(&self, first: Part, second: Part) -> Result<(View, View)>;

    /// Runs reads of several parts so that they see one state.
    fn consistent<R>(
        &self,
        read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError>;
}

/// The writes.
#[doc(hidden)]
pub trait StoreMut: Store {
    /// While it lives, nobody else writes.
    type Turn;

    /// Waits for other writers.
    fn begin(&self) -> Result<Self::Turn>;

    /// What is stored under a key, expired or not, and whether it is not.
    fn stored<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>>;

    /// Makes all changes at once, and lets others write.
    fn apply(&self, turn: Self::Turn, changes: &Changes) -> Result<()>;

    /// Empties all parts, and then makes the changes.
    fn clear(&self, turn: Self::Turn, changes: &Changes) -> Result<()>;
}

mod sealed {
    /// Stores are ours: the typed layer may ask more of them in every release.
    pub trait Sealed {}
    impl Sealed for super::Live {}
    impl Sealed for super::Staged<'_> {}
    impl Sealed for super::Frozen {}
}

/// A scan to the first error or the end, calling `each`.
pub(crate) fn for_each(
    mut scan: Scan,
    mut each: impl FnMut(&[u8], &[u8]) -> std::result::Result<(), TableError>,
) -> std::result::Result<(), TableError> {
    while let Some(entry) = scan.forward() {
        let (key, value) = entry?;
        each(key, value)?;
    }
    Ok(())
}
