//! Keeping the indexes in step with the rows.

use emdb_core::Error;

use crate::batch::Batch;
use crate::definition::Definition;
use crate::error::TableError;
use crate::record::Record;
use crate::store::{Part, Store, StoreMut};

use super::EntryWriter as Entries;

/// A length that doesn't fit into a byte follows this one.
const LONG: u8 = u8::MAX;

/// The entries of `row`, whose key is `key`, in the indexes that `wanted` names.
pub(crate) fn entries<T: Record>(
    definition: &Definition<T>,
    row: &T,
    key: &[u8],
    wanted: impl ExactSizeIterator<Item = usize>,
) -> Entries {
    let mut entries = Entries::of(key, wanted.len());
    for index in wanted {
        let spec = &definition.indexes[index];
        entries.begin(index, spec.unique);
        (spec.entries)(row, &mut entries);
    }
    entries.finish()
}

/// Those in all indexes.
pub(crate) fn all_entries<T: Record>(definition: &Definition<T>, row: &T, key: &[u8]) -> Entries {
    entries(definition, row, key, 0..definition.indexes.len())
}

/// What an entry has as its value: for a unique index the row's key, otherwise the length of it.
pub(crate) fn entry_value(unique: bool, key: &[u8]) -> Vec<u8> {
    if unique {
        return key.to_vec();
    }
    match u8::try_from(key.len()) {
        Ok(len) if len < LONG => vec![len],
        // Keys have at most 65,535 bytes; a longer one is refused by the engine.
        _ => {
            let [high, low] = (key.len() as u16).to_be_bytes();
            vec![LONG, high, low]
        }
    }
}

/// The key of the row that an entry belongs to; `None` if it is not an entry.
pub(crate) fn row_key<'a>(unique: bool, entry: &'a [u8], value: &'a [u8]) -> Option<&'a [u8]> {
    if unique {
        return Some(value);
    }
    let len = match *value {
        [len] => usize::from(len),
        [LONG, high, low] => usize::from(u16::from_be_bytes([high, low])),
        _ => return None,
    };
    entry.get(entry.len().checked_sub(len)?..)
}

/// Stages the entries of a row that is about to replace another one, or none.
pub(crate) fn replace<T: Record, S: Store>(
    batch: &mut Batch<'_, S>,
    definition: &Definition<T>,
    key: &[u8],
    former: Option<(&Entries, Option<u64>)>,
    (entries, expiry): (&Entries, Option<u64>),
) -> Result<(), TableError> {
    for (index, entry) in entries.iter() {
        // What stays as it is was unique before.
        let kept = former.filter(|(former, _)| former.contains(index, entry));
        if kept.is_none() && definition.indexes[index].unique {
            check_unique(batch, definition, index, entry, key)?;
        }
    }
    if let Some((former, _)) = former {
        remove(batch, former, |index, entry| !entries.contains(index, entry));
    }
    for (index, entry) in entries.iter() {
        let same = former
            .is_some_and(|(former, before)| before == expiry && former.contains(index, entry));
        if !same {
            put(batch, definition, index, entry, key, expiry);
        }
    }
    Ok(())
}

/// Stages one entry.
pub(crate) fn put<T: Record, S: Store>(
    batch: &mut Batch<'_, S>,
    definition: &Definition<T>,
    index: usize,
    entry: &[u8],
    key: &[u8],
    expiry: Option<u64>,
) {
    let value = entry_value(definition.indexes[index].unique, key);
    batch.put(Part::Index(index), entry, &value, expiry);
}

/// Stages the removal of those entries that `which` names.
pub(crate) fn remove<S: Store>(
    batch: &mut Batch<'_, S>,
    entries: &Entries,
    which: impl Fn(usize, &[u8]) -> bool,
) {
    for (index, entry) in entries.iter().filter(|(index, entry)| which(*index, entry)) {
        batch.remove(Part::Index(index), entry);
    }
}

/// Stages the removal of the entries of a row that has expired. Another row may have taken its
/// unique values since.
pub(crate) fn remove_expired<T: Record, S: StoreMut>(
    batch: &mut Batch<'_, S>,
    definition: &Definition<T>,
    entries: &Entries,
    key: &[u8],
) -> Result<(), Error> {
    for (index, entry) in entries.iter() {
        let part = Part::Index(index);
        let unique = definition.indexes[index].unique;
        let owned = batch.stored(part, entry, |owner, _, _| !unique || owner == key)?;
        if owned == Some(true) {
            batch.remove(part, entry);
        }
    }
    Ok(())
}

/// Refuses a value that another row has.
pub(crate) fn check_unique<T: Record, S: Store>(
    batch: &Batch<'_, S>,
    definition: &Definition<T>,
    index: usize,
    entry: &[u8],
    key: &[u8],
) -> Result<(), TableError> {
    let other = batch.read(Part::Index(index), entry, |owner| {
        if owner == key { None } else { Some(owner.to_vec()) }
    })?;
    match other.flatten() {
        None => Ok(()),
        Some(other) => Err(TableError::UniqueViolation {
            table: T::NAMESPACE.to_owned(),
            index: definition.indexes[index].name.to_owned(),
            other,
        }),
    }
}

/// Stages the removal of every entry of a row that can't be read, by looking at all entries.
pub(crate) fn remove_by_key<T: Record, S: Store>(
    batch: &mut Batch<'_, S>,
    store: &S,
    definition: &Definition<T>,
    key: &[u8],
) -> Result<(), Error> {
    for (index, spec) in definition.indexes.iter().enumerate() {
        let mut scan = store.view(Part::Index(index))?.scan()?;
        while let Some(entry) = scan.forward() {
            let (entry, value) = entry?;
            if row_key(spec.unique, entry, value) == Some(key) {
                batch.remove(Part::Index(index), entry);
            }
        }
    }
    Ok(())
}
