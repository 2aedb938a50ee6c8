//! Keeping the entries of indexes in step with the rows.
//!
//! Invariant: a unique value is given to a row only if its index has it for no other row (one that has
//! expired goes with that), and taken from one only if the index has it for that one. So an index that the program makes otherwise now is
//! met here at the latest, and accepts no value twice. An entry of another kind has its row's key in
//! it: one that is left over by that can't be taken for another row's, and reads refuse it.

use super::batch::Batch;
use crate::backend::{Cursor, Keyspace, ReadView, Store, WriteGuard};
use crate::error::TableError;
use crate::index::{EntryWriter as Entries, IndexSpec};
use crate::record::Record;
use crate::row;
use crate::stale::{self, Disagreement};

/// The entries of `row`, whose key is `key`, in the indexes that `wanted` names.
pub(crate) fn entries<T: Record>(
    specs: &[IndexSpec<T>],
    row: &T,
    key: &[u8],
    wanted: impl ExactSizeIterator<Item = usize>,
) -> Entries {
    let mut entries = Entries::of(key, wanted.len());
    for index in wanted {
        let spec = &specs[index];
        entries.begin(index, spec.kind);
        (spec.entries)(row, &mut entries);
    }
    entries.finish()
}

/// Those in all indexes.
pub(crate) fn all<T: Record>(specs: &[IndexSpec<T>], row: &T, key: &[u8]) -> Entries {
    entries(specs, row, key, 0..specs.len())
}

/// Stages the removal of the entries that a row has no more. Their values are free from then on.
pub(crate) fn release<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    key: &[u8],
    former: &Entries,
    entries: &Entries,
) -> Result<(), TableError> {
    remove(batch, specs, former, key, |index, entry| !entries.contains(index, entry))
}

/// Stages the entries of a row that is about to replace another one, or none, whose entries are
/// released.
pub(crate) fn claim<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    key: &[u8],
    former: Option<(&Entries, Option<u64>)>,
    (entries, expiry): (&Entries, Option<u64>),
) -> Result<(), TableError> {
    for (index, entry) in entries.iter() {
        match former.filter(|(former, _)| former.contains(index, entry)) {
            Some((_, before)) if before == expiry => continue,
            // What stays as it is was unique before.
            Some(_) => check_owned(batch, specs, index, entry, key)?,
            None if specs[index].kind.is_unique() => {
                make_way(batch, specs, (index, entry), key)?;
            }
            None => {}
        }
        put(batch, specs, index, entry, key, expiry);
    }
    Ok(())
}

/// Stages one entry.
pub(crate) fn put<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    index: usize,
    entry: &[u8],
    key: &[u8],
    expiry: Option<u64>,
) {
    let value = specs[index].kind.entry_value(key);
    batch.put(Keyspace::Index(index), entry, &value, expiry);
}

/// Stages the removal of those entries of a row that `which` names.
pub(crate) fn remove<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    entries: &Entries,
    key: &[u8],
    which: impl Fn(usize, &[u8]) -> bool,
) -> Result<(), TableError> {
    for (index, entry) in entries.iter().filter(|(index, entry)| which(*index, entry)) {
        check_owned(batch, specs, index, entry, key)?;
        batch.remove(Keyspace::Index(index), entry);
    }
    Ok(())
}

/// Refuses to replace a unique entry that the index hasn't for this row.
fn check_owned<T: Record, G: WriteGuard>(
    batch: &Batch<G>,
    specs: &[IndexSpec<T>],
    index: usize,
    entry: &[u8],
    key: &[u8],
) -> Result<(), TableError> {
    if !specs[index].kind.is_unique() {
        return Ok(());
    }
    // It may have expired since the row was read.
    match batch.stored(Keyspace::Index(index), entry, |owner, _, _| owner == key)? {
        Some(true) => Ok(()),
        _ => Err(stale::error(&specs[index], Disagreement::NoEntry(key))),
    }
}

/// The same in one state of the index.
pub(crate) fn check_owned_in<T: Record, V: ReadView>(
    index: &V,
    spec: &IndexSpec<T>,
    entry: &[u8],
    key: &[u8],
) -> Result<(), TableError>
where
    TableError: From<V::Error>,
{
    if !spec.kind.is_unique() || index.read(entry, |owner| owner == key)? == Some(true) {
        return Ok(());
    }
    Err(stale::error(spec, Disagreement::NoEntry(key)))
}

/// Stages the removal of the entries of a row that has expired. Another row may have taken its
/// unique values since.
pub(crate) fn remove_expired<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    entries: &Entries,
    key: &[u8],
) -> Result<(), TableError> {
    for (index, entry) in entries.iter() {
        let keyspace = Keyspace::Index(index);
        let unique = specs[index].kind.is_unique();
        let owned = batch.stored(keyspace, entry, |owner, _, _| !unique || owner == key)?;
        if owned == Some(true) {
            batch.remove(keyspace, entry);
        }
    }
    Ok(())
}

/// Makes way for a unique value of the row with this key: refused if another row has it. If that one has
/// expired, it goes with the commit that takes its value, so that the two never both have it, whatever
/// the clock says later.
pub(crate) fn make_way<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    (index, entry): (usize, &[u8]),
    key: &[u8],
) -> Result<(), TableError> {
    let keyspace = Keyspace::Index(index);
    let owner = batch
        .stored(keyspace, entry, |owner, _, live| (owner != key).then(|| (owner.to_vec(), live)))?;
    match owner.flatten() {
        None => Ok(()),
        Some((other, true)) => taken(batch, &specs[index], keyspace, entry, other),
        Some((other, false)) => remove_owner(batch, specs, (index, entry), other),
    }
}

/// Stages the removal of the row that an expired entry is of, with all of its entries.
#[cold]
fn remove_owner<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    (index, entry): (usize, &[u8]),
    key: Vec<u8>,
) -> Result<(), TableError> {
    let spec = &specs[index];
    let decode = |bytes: &[u8], _, live| (row::decode::<T>(&key, bytes), live);
    match batch.stored(Keyspace::Rows, &key, decode)? {
        // It was swept, and its entries are still to be.
        None => return Ok(()),
        // The clock has gone back just now, or the entry is not in step with the row.
        Some((Ok(row), true)) if !stale::has_entry(spec, &row, entry) => return Ok(()),
        Some((_, true)) => return taken(batch, spec, Keyspace::Index(index), entry, key),
        Some((Ok(row), false)) => remove_expired(batch, specs, &all(specs, &row, &key), &key)?,
        Some((Err(_), false)) => remove_by_key(batch, specs, &key)?,
    }
    batch.remove(Keyspace::Rows, &key);
    Ok(())
}

/// Refuses a value that an index has for another row, with the reason: that row has it, or the index is stale.
#[cold]
fn taken<T: Record, G: WriteGuard>(
    batch: &Batch<G>,
    spec: &IndexSpec<T>,
    keyspace: Keyspace,
    entry: &[u8],
    other: Vec<u8>,
) -> Result<(), TableError> {
    match batch.read(Keyspace::Rows, &other, |bytes| row::decode::<T>(&other, bytes))? {
        Some(Ok(row)) if !stale::has_entry(spec, &row, entry) => {
            Err(stale::error(spec, Disagreement::NotItsEntry(&other)))
        }
        // One that can't be read has its values until it is gone.
        Some(_) => Err(TableError::UniqueViolation {
            table: T::NAMESPACE.to_owned(),
            index: spec.name.to_owned(),
            other,
        }),
        // Both may have expired in between, or the row was swept already.
        None if batch.read(keyspace, entry, |_| ())?.is_none() => Ok(()),
        None if batch.expiry(keyspace, entry)?.is_some() => Ok(()),
        None => Err(stale::error(spec, Disagreement::NoRow(&other))),
    }
}

/// Stages the removal of every entry of a row that can't be read, by looking at all entries.
pub(crate) fn remove_by_key<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    specs: &[IndexSpec<T>],
    key: &[u8],
) -> Result<(), TableError> {
    for (index, spec) in specs.iter().enumerate() {
        let mut scan = batch.reads().view(Keyspace::Index(index))?.scan()?;
        while let Some(entry) = scan.forward() {
            let (entry, value) = entry?;
            if spec.kind.row_key(entry, value) == Some(key) {
                batch.remove(Keyspace::Index(index), entry);
            }
        }
    }
    Ok(())
}
