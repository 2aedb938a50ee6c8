//! Other tables in a migration.

use std::any::TypeId;
use std::sync::Arc;

use super::handle::Table;
use crate::catalogue::{Definition, index_child};
use crate::error::TableError;
use crate::migration::{Migrating, Migration, TableNames};
use crate::record::Record;
use crate::vocabulary::Error;
use crate::write::auto_key;

impl Migration<'_> {
    /// Another table of the database, with all of its calls. Reads see what the migration wrote; writes are
    /// there when the row that is migrated is, or not at all.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] with [`InvalidConfig`](emdb_core::Error::InvalidConfig) when the table isn't there
    /// as its type has it: open it before the one that is migrated. That is so for the latter itself.
    ///
    /// # Example
    ///
    /// See [`Migration`].
    pub fn table<U: Record>(&self) -> Result<Table<U, Migrating<'_>>, TableError> {
        let definition = self.definition::<U>()?;
        let names = TableNames {
            rows: U::NAMESPACE,
            ordered: definition.ordered,
            indexes: definition.indexes.iter().map(|index| index_child(index.name)).collect(),
            mark: U::AUTO.then_some(auto_key::KEYSPACE),
        };
        let store = Migrating::new(self.transaction.table(&names)?);
        Ok(Table::of_parts(definition, store))
    }

    /// The definition of a table, which is looked at once in a migration.
    fn definition<U: Record>(&self) -> Result<Arc<Definition<U>>, TableError> {
        if let Some(known) = self.known.borrow().get(&TypeId::of::<U>()).cloned()
            && let Ok(known) = known.downcast()
        {
            return Ok(known);
        }
        let entry = self.transaction.catalogue_entry(U::NAMESPACE)?;
        let Some(definition) = Definition::<U>::of_entry(entry.as_deref())? else {
            return Err(TableError::Core(Error::InvalidConfig(format!(
                "a migration asks for the table `{}`, which is not there as its type has it; open that table \
                 before the one that is migrated",
                U::NAMESPACE
            ))));
        };
        let definition = Arc::new(definition);
        self.known.borrow_mut().insert(TypeId::of::<U>(), definition.clone());
        Ok(definition)
    }
}
