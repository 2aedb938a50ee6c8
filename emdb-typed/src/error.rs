//! The errors of a typed table.

use crate::codec::{DecodeError, EncodeError};
use crate::hex::hex;
use crate::schema::SchemaDifference;
use crate::vocabulary::Error;

/// Why a call on a typed table failed.
///
/// It can be the error type of a transaction's closure, since it is made from the engine's
/// [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The engine refused; its error says why.
    #[error(transparent)]
    Core(Error),
    /// Another row has the value in an index that takes each value once.
    #[error(
        "table `{table}`: another row has this value in the unique index `{index}`, the one with \
         the key 0x{}; change the value, or remove the other row first",
        hex(.other)
    )]
    #[non_exhaustive]
    UniqueViolation {
        /// The table's namespace.
        table: String,
        /// The index.
        index: String,
        /// The bytes of the other row's key.
        other: Vec<u8>,
    },
    /// A row with this key is there already.
    #[error("table `{table}`: a row with this key exists; use `insert` to replace it")]
    #[non_exhaustive]
    Occupied {
        /// The table's namespace.
        table: String,
    },
    /// The row that [`save`](crate::Table::save) was given is not the one that is stored: somebody else wrote or
    /// removed it since it was read. Nothing was written.
    #[error(
        "table `{table}`: the row 0x{} was saved with the revision {revision}, and {}; nothing was written: read \
         the row again, make the change to what it is now, and save that",
        hex(.key),
        stored_revision(*.stored)
    )]
    #[non_exhaustive]
    Conflict {
        /// The table's namespace.
        table: String,
        /// The bytes of the row's key.
        key: Vec<u8>,
        /// The revision of the row that was to be saved.
        revision: u64,
        /// The one that is stored; `None` if there is no row with this key.
        stored: Option<u64>,
    },
    /// A query that wants one row has none, or several.
    #[error(
        "table `{table}`: the query has {} where it wants one; use `first` where there may be none, or \
         `rows` where there may be several",
        if *.several { "several rows" } else { "no row" }
    )]
    #[non_exhaustive]
    NotOne {
        /// The table's namespace.
        table: String,
        /// Whether there are several.
        several: bool,
    },
    /// A sum over the rows of a query doesn't fit into the type of its field.
    #[error(
        "table `{table}`: the sum of `{field}` doesn't fit into its type; take `group_by(..).fold(..)` with a \
         wider one, or fewer rows"
    )]
    #[non_exhaustive]
    Overflow {
        /// The table's namespace.
        table: String,
        /// The field.
        field: String,
    },
    /// A key, a value in an index or a row is longer than the database takes. Nothing was written.
    #[error(
        "table `{table}`: {item} takes {size} bytes, and {limit} is the most; {advice}; nothing was written"
    )]
    #[non_exhaustive]
    TooLarge {
        /// The table's namespace.
        table: String,
        /// The thing that is too large, with its field and its index.
        item: String,
        /// The bytes that it takes.
        size: u64,
        /// The most that there can be.
        limit: u64,
        /// The way out.
        advice: &'static str,
    },
    /// The row was refused before anything was written.
    #[error("table `{table}`: the row is not valid: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// The table's namespace.
        table: String,
        /// The reason.
        reason: String,
    },
    /// The row can't be encoded. Nothing was written.
    #[error(
        "table `{table}`: the row can't be stored: {source}; \
         change the type or the value, nothing was written"
    )]
    #[non_exhaustive]
    Encode {
        /// The table's namespace.
        table: String,
        /// The refusal of serde or of the encoding.
        source: EncodeError,
    },
    /// Rows of this type could not be read back, since what its `Serialize` writes is not what its
    /// `Deserialize` asks for. Nothing was written.
    ///
    /// Opening a table refuses a type of which that is found; otherwise the first row that a process
    /// writes is read back before it is stored, and each one of a type that can't be looked into.
    #[error(
        "table `{table}`: {} could not be read back from a row: {reason}. Nothing was written; \
         a table that has rows keeps the former type as `from` of the next version",
        place(.field)
    )]
    #[non_exhaustive]
    Unreadable {
        /// The table's namespace.
        table: String,
        /// The field, and the way from there: `items.price`. Empty for the record itself.
        field: String,
        /// The reason, and the way out.
        reason: String,
    },
    /// Stored bytes are not what the type says. They may have been written through
    /// [`Table::raw`](crate::Table::raw), or with a type that changed without a new version.
    #[error(
        "table `{table}`: {item} can't be read: {source}; \
         the bytes can be looked at, replaced and removed through `Table::raw`"
    )]
    #[non_exhaustive]
    Decode {
        /// The table's namespace.
        table: String,
        /// The thing that could not be read: a row or a key, with its bytes, or the catalogue's entry.
        item: String,
        /// The fault of the bytes.
        source: DecodeError,
    },
    /// An index disagrees with the rows, and gives no answer rather than a wrong one.
    ///
    /// Either rows were written through [`Table::raw`](crate::Table::raw), which keeps no index. Or
    /// the program changed what the index is made by, without a new version of the type: its filter
    /// decides otherwise, or the bytes of a key are others. Opening the table looks at a sample of
    /// every index, and makes anew what disagrees; what that misses is met by reads and writes.
    #[error(
        "table `{table}`: the index `{index}` disagrees with the rows: {reason}; \
         `rebuild_indexes` makes it anew, nothing was changed"
    )]
    #[non_exhaustive]
    StaleIndex {
        /// The table's namespace.
        table: String,
        /// The index.
        index: String,
        /// How it disagrees, and why that may be.
        reason: String,
    },
    /// The table lacks an index of the type, and the database was opened for reading alone, so that
    /// none can be built. Every other read goes on.
    #[error(
        "table `{table}`: the index `{index}` is not built, and this database is open for reading \
         only; open the table once in a database that can be written, or read the rows by `iter`"
    )]
    #[non_exhaustive]
    IndexMissing {
        /// The table's namespace.
        table: String,
        /// The index.
        index: String,
    },
    /// A row of an older version could not be made one of the present: by what the function says that
    /// `migrate` names, or since another row has its value in a unique index (a
    /// [`UniqueViolation`](TableError::UniqueViolation) is the source then). The batch that it belongs to
    /// is not made; those before it are.
    #[error(
        "table `{table}`: the row 0x{} of an older version can't be migrated: {source}; change the \
         function that `migrate` names, and open the table again: it goes on from this row",
        hex(.row)
    )]
    #[non_exhaustive]
    Migration {
        /// The table's namespace.
        table: String,
        /// The bytes of the row's key, in the older version.
        row: Vec<u8>,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A migration gives two rows one key. Neither is made; batches before are.
    #[error(
        "table `{table}`: the row 0x{} of an older version would get the key 0x{}, which another row has \
         by now; give one of the two another key in the function that `migrate` names, or drop it there, and \
         open the table again",
        hex(.row),
        hex(.other)
    )]
    #[non_exhaustive]
    MigrationCollision {
        /// The table's namespace.
        table: String,
        /// The bytes of the row's key, in the older version.
        row: Vec<u8>,
        /// The bytes of the new key, which is that of the other row.
        other: Vec<u8>,
    },
    /// The table was made with another definition of the type.
    #[error(
        "table `{table}`: the type differs from the one that the table was made with:\n\
         {difference}\n\
         give the type its stored form again, or use another namespace; nothing was changed{}",
        below(.next_version)
    )]
    #[non_exhaustive]
    SchemaMismatch {
        /// The table's namespace.
        table: String,
        /// The differences, field by field.
        difference: SchemaDifference,
        /// The lines of source that make the change a new version of the type, to be copied: the
        /// former struct, and `version` and `from` of the new one. Empty where that is no way, as with
        /// another key.
        next_version: String,
    },
    /// The table was written by a later version of the type.
    #[error(
        "table `{table}`: it has version {stored} of the type, and this program knows version \
         {ours}; update the program, nothing was changed"
    )]
    #[non_exhaustive]
    SchemaNewer {
        /// The table's namespace.
        table: String,
        /// The version that is stored.
        stored: u32,
        /// The version of the program's type.
        ours: u32,
    },
}

fn stored_revision(stored: Option<u64>) -> String {
    match stored {
        Some(stored) => format!("the stored one has {stored} by now"),
        None => "there is no row with this key".to_owned(),
    }
}

fn below(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n{text}") }
}

fn place(field: &str) -> String {
    if field.is_empty() { "the record".to_owned() } else { format!("the field `{field}`") }
}

/// The error of a backend: one that becomes a [`TableError`], and that an [`Error`] becomes.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is no error that becomes a `TableError` by itself",
    label = "not an error of the database",
    note = "`emdb::Error` and `std::io::Error` do; make one of others by `map_err`"
)]
#[doc(hidden)]
pub trait BackendError: std::error::Error + From<Error> + 'static {
    /// The error of a table for it.
    fn into_table_error(self) -> TableError;
}

impl BackendError for Error {
    fn into_table_error(self) -> TableError {
        TableError::Core(self)
    }
}

impl<E: BackendError> From<E> for TableError {
    fn from(error: E) -> Self {
        error.into_table_error()
    }
}

impl From<std::io::Error> for TableError {
    fn from(error: std::io::Error) -> Self {
        TableError::Core(Error::Io(error))
    }
}
