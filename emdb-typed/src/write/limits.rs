//! Writes that the engine refuses for their size, in the words of the table.

use crate::backend::{Changes, Keyspace};
use crate::error::TableError;
use crate::hex::hex;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::vocabulary::{Error, WriteRef};

/// The error of a commit of rows. The engine knows of a length that is over its limit; this tells of what.
#[cold]
pub(super) fn named<T: Record>(
    error: TableError,
    specs: &[IndexSpec<T>],
    changes: &Changes,
) -> TableError {
    let TableError::Core(Error::TooLarge { size, limit, .. }) = error else { return error };
    let is = |bytes: &[u8]| bytes.len() as u64 == size;
    let found =
        changes.writes.iter().find_map(|WriteRef { keyspace, key, value, .. }| match keyspace {
            Keyspace::Rows if is(key) => Some((key_of::<T>(), "give the row a shorter key")),
            Keyspace::Rows if value.is_some_and(is) => Some((
                format!("the row 0x{}", hex(key)),
                "keep a part of it in rows of another table, or in a file",
            )),
            Keyspace::Index(index) if is(key) => Some((
                entry_of(&specs[index]),
                "index a field that is shorter: the beginning, or a hash",
            )),
            _ => None,
        });
    match found {
        Some((item, advice)) => {
            TableError::TooLarge { table: T::NAMESPACE.to_owned(), item, size, limit, advice }
        }
        None => error,
    }
}

fn key_of<T: Record>() -> String {
    format!("the key `{}`", T::describe().key.join("`, `"))
}

fn entry_of<T>(spec: &IndexSpec<T>) -> String {
    let key = if spec.kind.is_unique() { "" } else { " with the row's key" };
    let value = match spec.with {
        Some((function, _)) => function.to_owned(),
        None => spec.fields.join("`, `"),
    };
    format!("the value of `{value}`{key} in the index `{}`", spec.name)
}
