//! A type with its table.

use std::sync::atomic::{AtomicU64, Ordering};

use super::admission::{self, Admission};
use super::entry::Entry;
use crate::backend::{Keyspace, Store};
use crate::describe::Findings;
use crate::error::TableError;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::schema::Schema;
use crate::stale::{self, Disagreement};

/// All that the handles of a table know about its type, and when the two were last seen to agree.
pub(crate) struct Definition<T> {
    pub(crate) indexes: Vec<IndexSpec<T>>,
    pub(crate) schema: &'static Schema,
    pub(crate) findings: &'static Findings,
    pub(crate) ordered: bool,
    /// The indexes that disagree with the rows, where they can't be made anew. Empty: none.
    stale: Vec<bool>,
    /// Where nothing can be written: which of the indexes the table lacks.
    lacking: Option<Vec<bool>>,
    /// The epoch at which the catalogue was last seen to agree with the type.
    epoch: AtomicU64,
    /// The number of a state in which it did, at that epoch or before. It only grows, and before the epoch.
    since: AtomicU64,
}

/// The epoch and the number of a state in which the catalogue agrees with a type. The entry was looked at after
/// the epoch, and the state is one that came after that epoch as well: for as long as the epoch is this one, all
/// later states have the same entry.
#[derive(Clone, Copy)]
pub(super) struct Agreement {
    epoch: u64,
    since: u64,
}

impl Agreement {
    /// That of now, with the entry of `epoch`.
    pub(super) fn now(store: &impl Store, epoch: Option<u64>) -> Option<Agreement> {
        // Where states have no numbers, none is known to be a later one.
        epoch.map(|epoch| Agreement { epoch, since: store.sequence().unwrap_or(u64::MAX) })
    }
}

/// An epoch that never is.
const NEVER: u64 = u64::MAX;

impl<T: Record> Definition<T> {
    /// For a type that agrees with the catalogue; with when it did, the catalogue need not be looked at again.
    pub(super) fn new(agreement: Option<Agreement>) -> Definition<T> {
        let (description, findings) = (T::describe(), Findings::of::<T>());
        let Agreement { epoch, since } = agreement.unwrap_or(Agreement { epoch: NEVER, since: 0 });
        Definition {
            indexes: description.indexes,
            schema: &findings.schema,
            findings,
            ordered: description.ordered,
            stale: Vec::new(),
            lacking: None,
            epoch: AtomicU64::new(epoch),
            since: AtomicU64::new(since),
        }
    }

    /// For the type of a table with this entry, if the two agree.
    pub(crate) fn of_entry(entry: Option<&[u8]>) -> Result<Option<Self>, TableError> {
        let same = admission::look::<T>(entry)?.admission == Admission::Same;
        Ok(same.then(|| Definition::new(None)))
    }

    /// For a type whose table can't be written, and lacks these of its indexes.
    pub(super) fn to_read(agreement: Option<Agreement>, lacking: Vec<bool>) -> Self {
        Definition { lacking: Some(lacking), ..Definition::new(agreement) }
    }

    /// The same, without answers from these indexes.
    pub(super) fn without(mut self, stale: Vec<bool>) -> Self {
        self.stale = stale;
        self
    }

    /// Whether all indexes give answers.
    pub(super) fn answers_all(&self) -> bool {
        !self.stale.contains(&true)
    }

    /// Whether the table has the index.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.lacking.as_ref().is_none_or(|lacking| !lacking[index])
    }

    /// Refuses an index that gives no answers.
    #[inline]
    pub(crate) fn answers(&self, index: usize) -> Result<&IndexSpec<T>, TableError> {
        let spec = &self.indexes[index];
        if !self.has(index) {
            let (table, index) = (T::NAMESPACE.to_owned(), spec.name.to_owned());
            return Err(TableError::IndexMissing { table, index });
        }
        match self.stale.get(index) {
            Some(true) => Err(stale::error(spec, Disagreement::Sampled)),
            _ => Ok(spec),
        }
    }

    /// Refuses a handle whose type is no longer that of the table.
    ///
    /// Called by a writer when nobody else can write, and by a reader of several keyspaces of a
    /// table once more after it has read.
    #[inline]
    pub(crate) fn admit(&self, store: &impl Store) -> Result<(), TableError> {
        let epoch = store.epoch();
        if epoch == Some(self.epoch.load(Ordering::Relaxed)) {
            return Ok(());
        }
        self.admit_again(store, epoch)
    }

    /// A number from which on states have the entry with which the type agrees, and all of its indexes, if the
    /// table's epoch is still that of the last look.
    pub(crate) fn agrees_since(&self, epoch: Option<u64>) -> Option<u64> {
        let known = self.epoch.load(Ordering::Acquire);
        let holds = epoch == Some(known) && self.lacking.is_none();
        holds.then(|| self.since.load(Ordering::Relaxed))
    }

    #[cold]
    fn admit_again(&self, store: &impl Store, epoch: Option<u64>) -> Result<(), TableError> {
        // What has the table's name may be another one, made after this one was dropped.
        store.contains(Keyspace::Rows, &[])?;
        let stored = store.catalogue_entry(T::NAMESPACE)?;
        match &self.lacking {
            None => admission::check_unchanged::<T>(stored.as_deref(), self.schema)?,
            Some(lacking) => {
                let stored = stored.map(|bytes| Entry::decode(T::NAMESPACE, &bytes)).transpose()?;
                let empty = store.count(Keyspace::Rows)? == 0;
                if admission::lacking::<T>(stored.as_ref(), self.schema, empty)? != *lacking {
                    return Err(admission::opened_by_another::<T>());
                }
            }
        }
        let Agreement { epoch, since } =
            Agreement::now(store, epoch).unwrap_or(Agreement { epoch: NEVER, since: 0 });
        self.since.fetch_max(since, Ordering::Relaxed);
        self.epoch.store(epoch, Ordering::Release);
        Ok(())
    }
}
