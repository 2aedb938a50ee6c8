//! The field that counts the writes of its row.

use super::Key;
use super::column::{self, Column};
use crate::ast::Field;
use crate::errors::Errors;

/// The one field that is the revision, if there is one.
pub(super) fn check<'a>(
    columns: &[Column<'a>],
    key: Option<&Key<'a>>,
    errors: &Errors,
) -> Option<&'a Field<'a>> {
    let second = |first: &str| {
        format!(
            "a second revision: the field `{first}` is the revision already, and a row has one; keep \
             `revision` on one of them"
        )
    };
    let column = column::only(columns, |column| column.attrs.revision.as_ref(), second, errors)?;
    let (field, word) = (column.field, column.attrs.revision.as_ref()?);
    if key.is_some_and(|key| key.fields.iter().any(|part| part.member == field.member)) {
        errors.at(
            word,
            "the key can't be the revision, which changes with every write: give the revision a field \
             of its own, `rev: u64`",
        );
    }
    if column.attrs.expires_at.is_some() {
        errors.at(
            word,
            "`expires_at` and `revision` on one field: give the revision a field of its own, `rev: u64`",
        );
    }
    if let Some(skip) = &column.serde.skip {
        errors.at(skip, column::skipped(&field.name, "the revision"));
    }
    Some(field)
}
