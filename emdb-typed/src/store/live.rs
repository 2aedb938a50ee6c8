//! A table by itself.

use std::sync::Arc;

use emdb_core::internal::{self, View, WriteLock};

use super::{Part, Result, Spaces, Store, StoreMut};
use crate::batch::Changes;
use crate::error::TableError;

/// How often reads of several parts are tried again when somebody wrote in between.
const ATTEMPTS: usize = 64;

/// A table by itself: every call sees the last committed state, every write is a commit.
#[derive(Debug, Clone)]
pub struct Live {
    pub(crate) spaces: Arc<Spaces>,
}

impl Store for Live {
    #[inline]
    fn entry<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        internal::read(self.spaces.get(part), key, take)
    }

    fn expiry(&self, part: Part, key: &[u8]) -> Result<Option<u64>> {
        internal::expiry(self.spaces.get(part), key)
    }

    fn contains(&self, part: Part, key: &[u8]) -> Result<bool> {
        self.spaces.get(part).contains_key(key)
    }

    fn count(&self, part: Part) -> Result<usize> {
        self.spaces.get(part).len()
    }

    fn view(&self, part: Part) -> Result<View> {
        View::now(self.spaces.get(part))
    }

    fn views(&self, first: Part, second: Part) -> Result<(View, View)> {
        let first = View::now(self.spaces.get(first))?;
        let second = first.beside(self.spaces.get(second));
        Ok((first, second))
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        for _ in 0..ATTEMPTS {
            let before = internal::watermark(&self.spaces.rows);
            let read = read();
            if internal::watermark(&self.spaces.rows) == before {
                return read;
            }
        }
        // Writers are too busy for that: let them wait.
        let _turn = self.begin()?;
        read()
    }
}

impl StoreMut for Live {
    type Turn = WriteLock;

    fn begin(&self) -> Result<WriteLock> {
        WriteLock::begin(&self.spaces.rows)
    }

    fn stored<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        internal::read_stored(self.spaces.get(part), key, take)
    }

    fn apply(&self, turn: WriteLock, changes: &Changes) -> Result<()> {
        turn.commit(self.spaces.writes(changes))
    }

    fn clear(&self, turn: WriteLock, changes: &Changes) -> Result<()> {
        turn.clear_and_commit(std::iter::once(&self.spaces.rows), self.spaces.writes(changes))
    }
}
