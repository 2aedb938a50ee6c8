//! A schema: fields, types and indexes of a table's rows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::shape::{Container, Shape, Text};
use super::text;
use crate::index::{IndexKind, KindProperties};

/// The description of a table's rows: what [`Table::schema`](crate::Table::schema) gives.
///
/// It tells the rows' structure and not only the names of the types, so that rows can be shown
/// without the Rust type. Types are followed through what they ask serde for; a field whose type can't
/// be followed is told as it stands in the source. Where serde aliases hide which
/// names belong together, inside of a nested type, its fields or variants are called by their
/// positions: `#0`, `#1`.
///
/// The `Deserialize` of a record's fields is called with values that are made up, when a table of the
/// type is first opened in a process. One that panics on them is caught, unless the program aborts on panics.
///
/// Its `Display` shows it much like the struct that it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The version of the type.
    pub(crate) version: u32,
    /// The encoding of the rows.
    pub(crate) codec: u32,
    /// The names of the key's fields, in order.
    pub(crate) key: Vec<Text>,
    /// The form that rows have for serde.
    pub(crate) form: Form,
    /// The stored fields, in the order in which they are encoded.
    pub(crate) fields: Vec<Field>,
    /// The structs and enums that the fields name.
    pub(crate) types: Vec<Container>,
    /// The indexes.
    pub(crate) indexes: Vec<IndexSchema>,
}

/// The form of a row for serde. The bytes are the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// A struct with named fields.
    Struct,
    /// A tuple struct.
    Tuple,
    /// Its only field: a newtype, or a record that serde writes as something else.
    Plain,
}

/// One stored field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: Text,
    /// The type as it stands in the source; empty where the source doesn't tell.
    pub(crate) written: Text,
    pub(crate) shape: Shape,
}

/// One index of a [`Schema`], as far as it decides which entries there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredIndex", into = "StoredIndex")]
pub struct IndexSchema {
    pub(crate) name: Text,
    pub(crate) fields: Vec<Text>,
    /// The function that gives what is indexed, in place of fields, as a hash of its name and type.
    pub(crate) computed: Option<u64>,
    pub(crate) kind: IndexKind,
    pub(crate) filter: Option<Text>,
}

/// In the place of fields, in front of the hash of a function: no field has a name with a space.
const WITH: &str = "with ";

/// An [`IndexSchema`] as the catalogue has it.
#[derive(Serialize, Deserialize)]
struct StoredIndex {
    name: Text,
    fields: Vec<Text>,
    unique: bool,
    each: bool,
    sparse: bool,
    filter: Option<Text>,
}

impl From<IndexSchema> for StoredIndex {
    fn from(index: IndexSchema) -> Self {
        let IndexSchema { name, mut fields, computed, kind, filter } = index;
        fields.extend(computed.map(|hash| format!("{WITH}{hash:016x}").into()));
        let KindProperties { unique, each, sparse } = kind.properties();
        StoredIndex { name, fields, unique, each, sparse, filter }
    }
}

impl TryFrom<StoredIndex> for IndexSchema {
    type Error = String;

    fn try_from(index: StoredIndex) -> Result<Self, String> {
        let StoredIndex { name, mut fields, unique, each, sparse, filter } = index;
        let computed = match fields.as_slice() {
            [field] => field.strip_prefix(WITH).map(|hash| u64::from_str_radix(hash, 16)),
            _ => None,
        };
        let computed = computed
            .transpose()
            .map_err(|e| format!("the function of the index `{name}`: {e}"))?
            .inspect(|_| fields.clear());
        let kind = IndexKind::with(KindProperties { unique, each, sparse })
            .ok_or_else(|| format!("the index `{name}` is of a kind that this release hasn't"))?;
        Ok(IndexSchema { name, fields, computed, kind, filter })
    }
}

/// One stored field of a [`Schema`].
#[derive(Clone, Copy)]
pub struct FieldSchema<'a> {
    field: &'a Field,
    types: &'a [Container],
}

impl Schema {
    /// The version of the type: `#[emdb(version = ...)]`.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The names of the fields of the primary key, in order.
    pub fn key(&self) -> impl ExactSizeIterator<Item = &str> {
        self.key.iter().map(|name| &**name)
    }

    /// The stored fields, in the order in which they are stored.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldSchema<'_>> {
        self.fields.iter().map(|field| FieldSchema { field, types: &self.types })
    }

    /// Whether another description of the same type knows more fields than this one, and all that
    /// this one knows.
    pub(crate) fn is_coarser_than(&self, other: &Schema) -> bool {
        let known = |schema: &Schema| -> Vec<bool> {
            schema.fields().map(|field| !field.is_opaque()).collect()
        };
        let (ours, theirs) = (known(self), known(other));
        let pairs = || ours.iter().zip(&theirs);
        ours.len() == theirs.len()
            && pairs().any(|(ours, theirs)| ours < theirs)
            && pairs().all(|(ours, theirs)| ours <= theirs)
    }

    /// The indexes, in the order in which the type has them.
    pub fn indexes(&self) -> impl ExactSizeIterator<Item = &IndexSchema> {
        self.indexes.iter()
    }
}

impl<'a> FieldSchema<'a> {
    /// The name under which serde stores the field.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.field.name
    }

    /// The type as it stands in the source. Empty if serde stores a record as something other than
    /// its fields.
    #[must_use]
    pub fn type_text(&self) -> &'a str {
        &self.field.written
    }

    /// The type's structure as it was found, where structs and enums stand with their names; the
    /// type as it stands in the source if it can't be followed.
    #[must_use]
    pub fn shape(&self) -> impl fmt::Display + use<'a> {
        text::shape(self.types, &self.field.shape)
    }

    /// Whether the type could not be followed.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(self.field.shape, Shape::Opaque(_))
    }
}

impl fmt::Debug for FieldSchema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldSchema")
            .field("name", &self.name())
            .field("type_text", &self.type_text())
            .field("shape", &format_args!("{}", self.shape()))
            .finish()
    }
}

impl IndexSchema {
    /// The index's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the fields that are indexed, in order; none if a function gives what is indexed.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields.iter().map(|name| &**name)
    }

    /// Whether a function of the program gives what is indexed: `#[emdb(index(..., with = path))]`.
    #[must_use]
    pub fn computed(&self) -> bool {
        self.computed.is_some()
    }

    /// Whether it takes each value once.
    #[must_use]
    pub fn unique(&self) -> bool {
        self.kind.is_unique()
    }

    /// Whether it has an entry for each element of the field.
    #[must_use]
    pub fn each(&self) -> bool {
        self.kind.properties().each
    }

    /// Whether it leaves `None` out.
    #[must_use]
    pub fn sparse(&self) -> bool {
        self.kind.properties().sparse
    }

    /// The path, as written, of the function that tells which rows are indexed, if it has one.
    #[must_use]
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "version {}, key ({}) {{", self.version, self.key.join(", "))?;
        for field in &self.fields {
            let shape = text::shape(&self.types, &field.shape);
            writeln!(f, "    {}: {shape},", field.name)?;
        }
        f.write_str("}")?;
        for index in &self.indexes {
            write!(f, "\n{index}")?;
        }
        for container in &self.types {
            write!(f, "\n{}", text::definition(&self.types, container))?;
        }
        Ok(())
    }
}

impl fmt::Display for IndexSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unique = if self.kind.is_unique() { "unique " } else { "" };
        let each = if self.kind.properties().each { "each of " } else { "" };
        let over = if self.computed() { "computed".into() } else { self.fields.join(", ") };
        write!(f, "{unique}index {} ({each}{over})", self.name)?;
        if self.kind.properties().sparse {
            f.write_str(", sparse")?;
        }
        match &self.filter {
            Some(filter) => write!(f, ", where {filter}"),
            None => Ok(()),
        }
    }
}
