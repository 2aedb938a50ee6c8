//! What all handles of a table have in common.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use emdb_core::{Emdb, internal};

use crate::catalogue;
use crate::error::TableError;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::schema::Schema;
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

/// What a database keeps for all types that open one table.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Grows whenever the table's entry in the catalogue is about to change.
    epoch: AtomicU64,
    /// One open at a time.
    pub(crate) opening: Mutex<()>,
}

impl<T: Record> Definition<T> {
    pub(crate) fn new(
        db: &Emdb,
        spaces: Spaces,
        schema: Schema,
        shared: Arc<Shared>,
    ) -> Definition<T> {
        let description = T::describe();
        let epoch = AtomicU64::new(shared.epoch.load(Ordering::Acquire));
        Definition {
            spaces: Arc::new(spaces),
            indexes: description.indexes,
            schema,
            ordered: description.ordered,
            db: db.clone_handle(),
            shared,
            epoch,
        }
    }

    /// Refuses a handle whose type is no longer that of the table.
    #[inline]
    pub(crate) fn admit(&self) -> Result<(), TableError> {
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if epoch == self.epoch.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.admit_again(epoch)
    }

    #[cold]
    fn admit_again(&self, epoch: u64) -> Result<(), TableError> {
        catalogue::check_unchanged::<T>(&self.db, &self.schema)?;
        self.epoch.store(epoch, Ordering::Relaxed);
        Ok(())
    }
}

impl Shared {
    pub(crate) fn of(rows: &emdb_core::Namespace) -> Arc<Shared> {
        internal::attached(rows, Shared::default)
    }

    /// Lets every handle look at the catalogue again.
    pub(crate) fn changed(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
