//! What all handles of a table have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use emdb_core::Emdb;

use crate::catalogue;
use crate::error::TableError;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::schema::Schema;
use crate::shared::Shared;
use crate::store::Spaces;

/// A type with its table in one database.
pub(crate) struct Definition<T> {
    pub(crate) spaces: Arc<Spaces>,
    pub(crate) indexes: Vec<IndexSpec<T>>,
    pub(crate) schema: Schema,
    pub(crate) ordered: bool,
    db: Emdb,
    shared: Arc<Shared>,
    /// The epoch at which the catalogue was last seen to agree with the type.
    epoch: AtomicU64,
}

/// An epoch that never is.
const NEVER: u64 = u64::MAX;

impl<T: Record> Definition<T> {
    /// For a type that agreed with the catalogue at `epoch`.
    pub(crate) fn new(
        db: &Emdb,
        spaces: Spaces,
        schema: Schema,
        (shared, epoch): (Arc<Shared>, Option<u64>),
    ) -> Definition<T> {
        let description = T::describe();
        Definition {
            spaces: Arc::new(spaces),
            indexes: description.indexes,
            schema,
            ordered: description.ordered,
            db: db.clone_handle(),
            shared,
            epoch: AtomicU64::new(epoch.unwrap_or(NEVER)),
        }
    }

    /// Refuses a handle whose type is no longer that of the table.
    ///
    /// Called by a writer when nobody else can write, and by a reader of several parts of a table
    /// once more after it has read.
    #[inline]
    pub(crate) fn admit(&self) -> Result<(), TableError> {
        let epoch = self.shared.epoch();
        if epoch == Some(self.epoch.load(Ordering::Relaxed)) {
            return Ok(());
        }
        self.admit_again(epoch)
    }

    #[cold]
    fn admit_again(&self, epoch: Option<u64>) -> Result<(), TableError> {
        catalogue::check_unchanged::<T>(&self.db, &self.schema)?;
        self.epoch.store(epoch.unwrap_or(NEVER), Ordering::Relaxed);
        Ok(())
    }
}
