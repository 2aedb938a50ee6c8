//! A row of an older version on its way to the present one, by a function of the user that may look into
//! other tables and write to them.
//!
//! The function knows no backend, so the database is behind traits that are dispatched dynamically here.

mod erased;

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::codec::DecodeError;
pub use erased::Migrating;
pub(crate) use erased::{AnyTransaction, TableNames, Within};

/// The database as a function of `migrate` sees it: inside the transaction that its row is migrated in.
///
/// It is named by `#[emdb(version = 2, from = UserV1, migrate = path::to_fn)]`, has the signature
/// `fn(UserV1, &mut Migration) -> Result<Option<User>, E>`, and gives the row as it is from now on, `None` for
/// one that is to be dropped, or an error, which ends the migration. The row may have another key, even of
/// another type. [`Table::open`](crate::Table::open) tells when the function runs.
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Migration, Record, Table, TableError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, emdb::Record)]
/// #[emdb(namespace = "users")]
/// struct UserV1 {
///     #[emdb(key)]
///     id: u64,
///     name: String,
///     street: String,
/// }
///
/// /// Found by its name from now on; the address has a table of its own.
/// #[derive(Debug, PartialEq, Serialize, Deserialize, emdb::Record)]
/// #[emdb(namespace = "users", version = 2, from = UserV1, migrate = User::of)]
/// struct User {
///     #[emdb(key)]
///     name: String,
/// }
///
/// #[derive(Serialize, Deserialize, emdb::Record)]
/// #[emdb(namespace = "addresses")]
/// struct Address {
///     #[emdb(key)]
///     user: String,
///     street: String,
/// }
///
/// impl User {
///     fn of(old: UserV1, migration: &mut Migration<'_>) -> Result<Option<User>, TableError> {
///         if old.name.is_empty() {
///             return Ok(None);
///         }
///         let address = Address { user: old.name.clone(), street: old.street };
///         migration.table::<Address>()?.insert(&address)?;
///         Ok(Some(User { name: old.name }))
///     }
/// }
///
/// let db = Emdb::open_in_memory();
/// let old = |id, name: &str| UserV1 { id, name: name.into(), street: "Main Street".into() };
/// Table::<UserV1>::open(&db)?.insert_many([old(1, "ada"), old(2, "")])?;
///
/// let addresses = Table::<Address>::open(&db)?; // before the table whose migration writes to it
/// let users = Table::<User>::open(&db)?;
/// assert_eq!(users.get("ada")?, Some(User { name: "ada".into() }));
/// assert_eq!((users.len()?, addresses.len()?), (1, 1));
/// # Ok::<(), TableError>(())
/// ```
pub struct Migration<'m> {
    pub(crate) transaction: &'m dyn AnyTransaction,
    pub(crate) known: &'m RefCell<KnownTypes>,
}

/// The definitions of other tables that were looked at.
pub(crate) type KnownTypes = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl fmt::Debug for Migration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migration").finish_non_exhaustive()
    }
}

/// Why a row of an older version has not become one of the present one.
#[derive(Debug)]
pub enum MigrateFailure {
    /// No type has its version.
    Unknown,
    /// It can't be read.
    Decode(DecodeError),
    /// The function refused.
    Refused(Box<dyn Error + Send + Sync>),
}
