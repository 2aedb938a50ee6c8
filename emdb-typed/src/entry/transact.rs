//! Transactions over typed tables.

use emdb_core::{Emdb, Transaction};

use crate::error::TableError;
use crate::seal::Seal;

/// Transactions whose error is [`TableError`].
///
/// [`Emdb::transaction`] takes a closure with any error that an engine's becomes, so one that ends in
/// `Ok(..)` has to name it. Over typed tables it is nearly always the same.
///
/// # Example
///
/// ```
/// # use emdb::Emdb;
/// use emdb::{Table, TableError, Transact};
///
/// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// # struct Account { #[emdb(key)] owner: String, cents: i64 }
/// # let db = Emdb::open_in_memory();
/// # let accounts = Table::<Account>::open(&db)?;
/// # accounts.insert(&Account { owner: "ada".into(), cents: 500 })?;
/// # accounts.insert(&Account { owner: "bob".into(), cents: 0 })?;
/// db.transact(|tx| {
///     let accounts = accounts.with(tx);
///     accounts.update("ada", |ada| ada.cents -= 200)?;
///     accounts.update("bob", |bob| bob.cents += 200)?;
///     Ok(())
/// })?;
/// assert_eq!(accounts.get("bob")?.map(|bob| bob.cents), Some(200));
/// # Ok::<(), TableError>(())
/// ```
pub trait Transact {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Runs `body` in a transaction, as [`Emdb::transaction`] does.
    ///
    /// # Errors
    ///
    /// The error that `body` returns; [`TableError::Core`] with
    /// [`TransactionActive`](emdb_core::Error::TransactionActive) inside of another transaction of
    /// this thread, with [`LockTimeout`](emdb_core::Error::LockTimeout) when one of another thread
    /// does not end in time, and with any error of the engine.
    fn transact<T>(
        &self,
        body: impl for<'scope> FnOnce(&mut Transaction<'scope>) -> Result<T, TableError>,
    ) -> Result<T, TableError>;
}

impl Transact for Emdb {
    const SEAL: Seal = Seal;

    fn transact<T>(
        &self,
        body: impl for<'scope> FnOnce(&mut Transaction<'scope>) -> Result<T, TableError>,
    ) -> Result<T, TableError> {
        self.transaction(body)
    }
}
