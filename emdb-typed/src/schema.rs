//! What a table's rows look like, as the catalogue keeps it and as the program has it.
//!
//! Invariant: two schemas of one version are equal exactly if rows of the one can be read as rows
//! of the other, as far as the descriptions of the fields tell. Fields are stored by position, so
//! their order counts.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::CODEC;

type Text = Cow<'static, str>;

/// The description of a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The version of the type.
    pub(crate) version: u32,
    /// What encoded the rows.
    pub(crate) codec: u32,
    /// The names of the key's fields. One, until composite keys come.
    pub(crate) key: Vec<Text>,
    /// The stored fields, in the order in which they are encoded.
    pub(crate) fields: Vec<Field>,
}

/// One stored field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: Text,
    pub(crate) ty: FieldType,
}

/// A field's type.
///
/// An enum in the stored bytes too, so that types described by their structure can join the ones
/// that are only written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FieldType {
    /// As it stands in the source.
    Written(Text),
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldType::Written(text) => f.write_str(text),
        }
    }
}

impl Schema {
    /// The schema of a type: for the derive, which knows names and types when it runs.
    #[must_use]
    pub fn new(
        version: u32,
        key: &[&'static str],
        fields: &[(&'static str, &'static str)],
    ) -> Self {
        let field = |&(name, ty): &(&'static str, &'static str)| Field {
            name: name.into(),
            ty: FieldType::Written(ty.into()),
        };
        Schema {
            version,
            codec: CODEC,
            key: key.iter().map(|&name| name.into()).collect(),
            fields: fields.iter().map(field).collect(),
        }
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| &*field.name).collect()
    }
}

/// How the stored schema of a table and the one of the program's type differ, field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaDifference {
    lines: Vec<String>,
}

impl SchemaDifference {
    /// What differs; `None` if nothing does.
    pub(crate) fn between(stored: &Schema, ours: &Schema) -> Option<Self> {
        let mut lines = Vec::new();
        if stored.version != ours.version {
            lines.push(format!("version: stored {}, now {}", stored.version, ours.version));
        }
        if stored.codec != ours.codec {
            lines
                .push(format!("encoding of the rows: stored {}, now {}", stored.codec, ours.codec));
        }
        if stored.key != ours.key {
            let (stored, ours) = (stored.key.join(", "), ours.key.join(", "));
            lines.push(format!("key: stored `{stored}`, now `{ours}`"));
        }
        let fields = lines.len();
        compare_fields(stored, ours, &mut lines);
        if lines.len() == fields && stored.names() != ours.names() {
            let (stored, ours) = (stored.names().join(", "), ours.names().join(", "));
            lines.push(format!("order of the fields: stored {stored}; now {ours}"));
        }
        if lines.is_empty() { None } else { Some(SchemaDifference { lines }) }
    }

    /// One line for each difference.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

fn compare_fields(stored: &Schema, ours: &Schema, lines: &mut Vec<String>) {
    for field in &stored.fields {
        match ours.field(&field.name) {
            None => {
                lines.push(format!("field `{}`: stored as `{}`, now gone", field.name, field.ty))
            }
            Some(now) if now.ty != field.ty => lines.push(format!(
                "field `{}`: stored as `{}`, now `{}`",
                field.name, field.ty, now.ty
            )),
            Some(_) => {}
        }
    }
    for field in &ours.fields {
        if stored.field(&field.name).is_none() {
            lines.push(format!("field `{}`: not stored, now `{}`", field.name, field.ty));
        }
    }
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Schema {
        Schema::new(1, &["id"], &[("id", "u64"), ("name", "String")])
    }

    fn difference(stored: &Schema) -> String {
        SchemaDifference::between(stored, &ours()).unwrap().to_string()
    }

    #[test]
    fn equal_schemas_do_not_differ() {
        assert_eq!(SchemaDifference::between(&ours(), &ours()), None);
    }

    #[test]
    fn fields_are_compared_by_name() {
        let stored = Schema::new(1, &["id"], &[("id", "u32"), ("age", "u8")]);
        assert_eq!(
            difference(&stored),
            "field `id`: stored as `u32`, now `u64`\n\
             field `age`: stored as `u8`, now gone\n\
             field `name`: not stored, now `String`"
        );
    }

    #[test]
    fn an_order_that_changed_is_a_difference() {
        let stored = Schema::new(1, &["id"], &[("name", "String"), ("id", "u64")]);
        assert_eq!(difference(&stored), "order of the fields: stored name, id; now id, name");
    }

    #[test]
    fn key_version_and_encoding_are_compared() {
        let mut stored = Schema::new(2, &["name"], &[("id", "u64"), ("name", "String")]);
        stored.codec = 9;
        assert_eq!(
            difference(&stored),
            "version: stored 2, now 1\n\
             encoding of the rows: stored 9, now 1\n\
             key: stored `name`, now `id`"
        );
    }
}
