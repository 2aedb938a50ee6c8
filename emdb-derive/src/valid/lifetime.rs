//! When rows expire.

use super::column::{self, Column};
use crate::ast::Field;
use crate::attr::StructAttrs;
use crate::errors::Errors;
use crate::ttl;

pub(crate) enum Lifetime<'a> {
    /// So many milliseconds after they were written.
    After(u64),
    /// When the field says.
    At(&'a Field<'a>),
}

pub(super) fn check<'a>(
    attrs: &StructAttrs,
    columns: &[Column<'a>],
    errors: &Errors,
) -> Option<Lifetime<'a>> {
    let second = |first: &str| {
        format!("a second expiry: the field `{first}` says already when a row expires")
    };
    let at = column::only(columns, |column| column.attrs.expires_at.as_ref(), second, errors);
    let marked = at.and_then(|column| Some((column, column.attrs.expires_at.as_ref()?)));
    if let Some((column, word)) = marked {
        if attrs.ttl_word.is_some() {
            errors.at(
                word,
                "`expires_at` on a field and `ttl` on the struct: a row expires in one way only, \
                 so remove one of the two",
            );
        }
        if let Some(skip) = &column.serde.skip {
            errors.at(skip, column::skipped(&column.field.name, "the expiry"));
        }
    }
    let after = attrs.ttl.as_ref().and_then(|literal| match ttl::milliseconds(&literal.value()) {
        Ok(milliseconds) => Some(Lifetime::After(milliseconds)),
        Err(mistake) => {
            errors.at(literal, mistake);
            None
        }
    });
    after.or(at.map(|column| Lifetime::At(column.field)))
}
