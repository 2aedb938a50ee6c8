//! A table as it was when a snapshot was taken.

use emdb_core::Error;
use emdb_core::internal::View;

use super::{Part, Result, Store};
use crate::error::TableError;

/// A table on a snapshot: the reads.
#[derive(Debug, Clone)]
pub struct Frozen {
    pub(crate) rows: View,
    /// With the name of one that was not there, or not complete, when the snapshot was taken.
    pub(crate) indexes: Vec<std::result::Result<View, &'static str>>,
    pub(crate) table: &'static str,
    /// What the catalogue has of the table, if the type may not read it.
    pub(crate) other: Option<Other>,
}

/// An entry of the catalogue that is of another type, and what tells how.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) entry: Vec<u8>,
    pub(crate) refuse: fn(&[u8]) -> std::result::Result<(), TableError>,
}

impl Frozen {
    fn part(&self, part: Part) -> Result<&View> {
        match part {
            Part::Rows | Part::Mark | Part::Catalogue => Ok(&self.rows),
            Part::Index(position) => self.indexes[position].as_ref().map_err(|name| {
                Error::InvalidConfig(format!(
                    "the index `{name}` of table `{}` was not complete when the snapshot was \
                     taken; take a new snapshot",
                    self.table
                ))
            }),
        }
    }
}

impl Store for Frozen {
    fn refused(&self) -> std::result::Result<(), TableError> {
        match &self.other {
            Some(Other { entry, refuse }) => refuse(entry),
            None => Ok(()),
        }
    }

    fn ready(&self, index: usize) -> std::result::Result<(), TableError> {
        Ok(self.part(Part::Index(index)).map(|_| ())?)
    }

    fn entry<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        self.part(part)?.entry(key, take)
    }

    fn expiry(&self, part: Part, key: &[u8]) -> Result<Option<u64>> {
        self.part(part)?.expiry(key)
    }

    fn contains(&self, part: Part, key: &[u8]) -> Result<bool> {
        self.part(part)?.contains(key)
    }

    fn count(&self, part: Part) -> Result<usize> {
        self.part(part)?.count()
    }

    fn view(&self, part: Part) -> Result<View> {
        self.part(part).cloned()
    }

    fn views(&self, first: Part, second: Part) -> Result<(View, View)> {
        Ok((self.view(first)?, self.view(second)?))
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        // A snapshot is one state.
        read()
    }
}
