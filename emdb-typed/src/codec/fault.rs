//! Why values of a type can't be read back from a row.

use std::fmt;

/// A place in a type whose values are written and can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The names of the fields on the way there; empty where there are none.
    pub(crate) path: Vec<&'static str>,
    pub(crate) cause: Cause,
}

/// The fault there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It asks what it is that comes.
    Untyped,
    /// It is written as one thing and read as another.
    Kinds { written: &'static str, read: &'static str },
    /// A field that one side leaves out: whether it is the one that reads.
    OneSided { written: bool },
    /// A variant comes back as another one.
    Variant { name: &'static str },
    /// It is refused, or the bytes don't fit.
    Refused(String),
}

impl Fault {
    /// The field of the record, and the way from there: `items.price`.
    pub(crate) fn field(&self) -> String {
        self.path.join(".")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Untyped => f.write_str(
                "it asks serde what comes next (as `untagged`, `tag`, `flatten` and types like \
                 `serde_json::Value` do), and stored rows don't tell; store it as text by \
                 `#[serde(with = \"emdb::as_text\")]` (it needs `Display` and `FromStr`), or with \
                 the feature `json` by `#[serde(with = \"emdb::as_json\")]` or as `emdb::Json<..>`",
            ),
            Cause::Kinds { written, read } => write!(
                f,
                "it is written as {written} and read as {read}; make the two sides of its serde \
                 code agree (`into` and `from`, `serialize_with` and `deserialize_with`)"
            ),
            Cause::OneSided { written: true } => f.write_str(
                "it is written and not read; use serde's `skip`, which leaves it out of both, or \
                 remove `skip_deserializing`",
            ),
            Cause::OneSided { written: false } => f.write_str(
                "it is read and not written; use serde's `skip`, which leaves it out of both, or \
                 remove `skip_serializing`",
            ),
            Cause::Variant { name } => write!(
                f,
                "its variant `{name}` is not read back as it was written; move the variants with \
                 serde's `skip` behind all others"
            ),
            Cause::Refused(reason) => {
                write!(f, "what was written is refused when it is read: {reason}")
            }
        }
    }
}
