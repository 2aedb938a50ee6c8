//! Rows that count their writes: `#[emdb(revision)]`.

use crate::error::TableError;
use crate::hex::hex;
use crate::record::Record;
use crate::seal::Seal;

/// The revision of a row that was absent.
pub(crate) const FIRST: u64 = 1;

/// A field that counts the writes of its row: `#[emdb(revision)]`.
///
/// This trait is sealed: it is implemented for `u64`.
#[diagnostic::on_unimplemented(
    message = "`revision` can't be a `{Self}`",
    label = "not a `u64`",
    note = "it counts the writes of its row: `#[emdb(revision)] rev: u64`"
)]
pub trait Revision {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The number.
    #[doc(hidden)]
    fn get(&self) -> u64;

    /// Makes it another one.
    #[doc(hidden)]
    fn set(&mut self, to: u64);
}

impl Revision for u64 {
    const SEAL: Seal = Seal;

    fn get(&self) -> u64 {
        *self
    }

    fn set(&mut self, to: u64) {
        *self = to;
    }
}

/// The revision after that of the row that is stored under this key.
pub(crate) fn after<T: Record>(stored: &T, key: &[u8]) -> Result<u64, TableError> {
    stored.revision().checked_add(1).ok_or_else(|| TableError::Invalid {
        table: T::NAMESPACE.to_owned(),
        reason: format!(
            "the row 0x{} has the largest revision there is: remove the row, and insert it again",
            hex(key)
        ),
    })
}
