//! The schema that a record's type has.

use crate::index::IndexSpec;
use crate::record::Record;
use crate::schema::{IndexSchema, Schema};

impl Schema {
    /// The schema of a type.
    pub(crate) fn of<T: Record>() -> Self {
        let description = T::describe();
        let index = |index: &IndexSpec<T>| IndexSchema {
            name: index.name.into(),
            fields: index.fields.iter().map(|&name| name.into()).collect(),
            kind: index.kind,
            filter: index.filter.map(Into::into),
        };
        let mut schema = Schema::trace::<T>(T::VERSION, description.key, description.fields);
        schema.indexes = description.indexes.iter().map(index).collect();
        schema
    }
}
