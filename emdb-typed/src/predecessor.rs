//! The version before: what the derive's `from` and `migrate` name, and how its rows are read.
//!
//! Invariant: what these functions demand of the program's types is named by the expansion before it calls
//! them, by a trait whose message speaks of those types. So no message shows a function of ours.

use std::error::Error;

use crate::codec::{self, DecodeError};
use crate::migration::{MigrateFailure, Migration};
use crate::record::Record;
use crate::schema::Schema;

/// A type that the rows of the version before become by themselves: all that are `From` it.
#[diagnostic::on_unimplemented(
    message = "a `{P}` can't become a `{Self}`: `From<{P}>` is missing",
    label = "rows of this type are to become ones of `{Self}`",
    note = "write `impl From<{P}> for {Self}`; or name a function, `migrate = path::to_fn`, which can also refuse \
            a row, drop it, or give it another key"
)]
pub trait FromVersion<P>: Sized {
    /// The row that it becomes.
    fn from_version(row: P) -> Self;
}

#[diagnostic::do_not_recommend]
impl<P, T: From<P>> FromVersion<P> for T {
    fn from_version(row: P) -> Self {
        Self::from(row)
    }
}

/// The key of the version before, where rows stay in their places: it is of the same type.
#[diagnostic::on_unimplemented(
    message = "the version before has a key of type `{Self}`, this one of type `{K}`",
    label = "its rows have another key",
    note = "rows get another key by a function: `migrate = path::to_fn` in place of `From`"
)]
pub trait SameKey<K> {
    /// Asks the compiler.
    fn same() {}
}

impl<K> SameKey<K> for K {}

/// An error of the function that `migrate` names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the error of `migrate`",
    label = "fails with a `{Self}`",
    note = "it can be any error that is `std::error::Error + Send + Sync`, such as `TableError`; or a `String`"
)]
pub trait MigrateError {
    /// The failure that it is.
    fn refused(self) -> MigrateFailure;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>>> MigrateError for E {
    fn refused(self) -> MigrateFailure {
        MigrateFailure::Refused(self.into())
    }
}

/// Refuses versions out of order when the type is compiled.
#[track_caller]
pub const fn in_order<T: Record, P: Record>() {
    assert!(
        P::VERSION < T::VERSION,
        "the type in `from` has to have a lower version: raise `version`"
    );
}

/// For [`Record::upgrade`] of a type whose `from` is `P`.
pub fn upgrade<T, P: Record>(
    version: u32,
    value: &[u8],
    from: fn(P) -> T,
) -> Option<Result<T, DecodeError>> {
    let before = match version == P::VERSION {
        true => Some(codec::decode::<P>(value)),
        false => P::upgrade(version, value),
    };
    before.map(|row| row.map(from))
}

/// For [`Record::older_schema`].
pub fn older_schema<P: Record>(version: u32) -> Option<Schema> {
    if version == P::VERSION { Some(Schema::of::<P>().clone()) } else { P::older_schema(version) }
}

/// For [`Record::migrates`] of a type with `migrate`: all older rows go through its function.
pub fn migrates<P: Record>(version: u32) -> bool {
    older_schema::<P>(version).is_some()
}

/// The same for one without: those that do are older than `P`.
pub fn migrates_before<P: Record>(version: u32) -> bool {
    version != P::VERSION && P::migrates(version)
}

/// For [`Record::migrate`]: makes a row of one of `P`, whichever version wrote it.
pub fn migrate<T, P: Record>(
    version: u32,
    value: &[u8],
    migration: &mut Migration<'_>,
    become_one: impl FnOnce(P, &mut Migration<'_>) -> Result<Option<T>, MigrateFailure>,
) -> Result<Option<T>, MigrateFailure> {
    let before = match version == P::VERSION {
        true => codec::decode(value).map(Some).map_err(MigrateFailure::Decode)?,
        false => P::migrate(version, value, migration)?,
    };
    before.map_or(Ok(None), |row| become_one(row, migration))
}
