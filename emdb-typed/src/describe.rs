//! The findings about a record's type, made once in a process.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::codec::Fault;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::schema::{IndexSchema, Schema, Traced};

/// All that is known about a type, and whether it has been seen to read back what it writes.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) schema: Schema,
    /// Why rows of the type can't be read back, if that was found.
    pub(crate) fault: Option<Fault>,
    /// Whether all of the type is known, so that one row tells about all.
    complete: bool,
    /// Whether a row was read back, of a type that is known.
    proven: AtomicBool,
    /// The entry of a catalogue that was last found to be of the type, with its indexes and no others, all of
    /// them complete.
    agreed: RwLock<Option<Vec<u8>>>,
}

/// All types that were looked at. They are as many as the program has, and stay.
static TYPES: RwLock<BTreeMap<TypeId, &'static Findings>> = RwLock::new(BTreeMap::new());

impl Findings {
    /// The findings about `T`.
    pub(crate) fn of<T: Record>() -> &'static Self {
        let id = TypeId::of::<T>();
        let known = TYPES.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        known.unwrap_or_else(|| {
            // Without the lock: user code runs.
            let found = Self::find::<T>();
            let mut types = TYPES.write().unwrap_or_else(PoisonError::into_inner);
            types.entry(id).or_insert_with(|| Box::leak(Box::new(found)))
        })
    }

    fn find<T: Record>() -> Self {
        let description = T::describe();
        let index = |index: &IndexSpec<T>| IndexSchema {
            name: index.name.into(),
            fields: index.fields.iter().map(|&name| name.into()).collect(),
            computed: index.computed(),
            kind: index.kind,
            filter: index.filter.map(Into::into),
        };
        let traced = Traced::of::<T>(T::VERSION, description.key, description.fields);
        let Traced { mut schema, fault, complete } = traced;
        schema.indexes = description.indexes.iter().map(index).collect();
        let (proven, agreed) = (AtomicBool::new(false), RwLock::default());
        Findings { schema, fault, complete, proven, agreed }
    }

    /// Whether rows may be written without looking at each.
    #[inline]
    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Whether all of the type is known.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether an entry is the one that was last found to be of the type, and as it has to be: most are, and need
    /// not be decoded and compared again.
    pub(crate) fn agrees(&self, entry: &[u8]) -> bool {
        let agreed = self.agreed.read().unwrap_or_else(PoisonError::into_inner);
        agreed.as_deref() == Some(entry)
    }

    /// An entry was found to be so.
    pub(crate) fn note_agreement(&self, entry: &[u8]) {
        *self.agreed.write().unwrap_or_else(PoisonError::into_inner) = Some(entry.to_vec());
    }

    /// A row was read back.
    pub(crate) fn prove(&self) {
        self.proven.store(self.complete, Ordering::Relaxed);
    }
}

impl Schema {
    /// The schema of a type.
    pub(crate) fn of<T: Record>() -> &'static Self {
        &Findings::of::<T>().schema
    }
}
