//! The fields with what their attributes say.

use syn::{Ident, Member};

use super::part::{Part, member_name};
use crate::ast::{Field, Input};
use crate::attr::FieldAttrs;
use crate::errors::Errors;
use crate::serde::{self, SerdeField};
use crate::words;

/// The longest tuple that is a key, for composite keys and indexes.
const MAX_MEMBERS: usize = 8;

pub(crate) struct Column<'a> {
    pub(crate) field: &'a Field<'a>,
    pub(crate) attrs: FieldAttrs,
    pub(crate) serde: SerdeField,
}

pub(super) fn read<'a>(input: &'a Input<'a>, errors: &Errors) -> Vec<Column<'a>> {
    let read = |field: &'a Field<'a>| Column {
        field,
        attrs: FieldAttrs::read(field.attrs, errors),
        serde: serde::check_field(field.attrs, errors),
    };
    input.fields.iter().map(read).collect()
}

/// The fields that a list names, such as `key(org, id)`; those that are wrong are left out.
pub(super) fn find<'a>(
    members: &[Member],
    columns: &[Column<'a>],
    what: &str,
    errors: &Errors,
) -> Vec<&'a Field<'a>> {
    let paths: Vec<Vec<Member>> = members.iter().map(|member| vec![member.clone()]).collect();
    find_parts(&paths, columns, what, errors).into_iter().map(|part| part.field).collect()
}

/// The same for a list that goes into their values, such as `fields(address.city, name)`.
pub(super) fn find_parts<'a>(
    paths: &[Vec<Member>],
    columns: &[Column<'a>],
    what: &str,
    errors: &Errors,
) -> Vec<Part<'a>> {
    let mut found: Vec<Part<'_>> = Vec::with_capacity(paths.len());
    for path in paths {
        let Some((first, nested)) = path.split_first() else { continue };
        let name = member_name(first);
        let Some(column) = columns.iter().find(|column| column.field.name == name) else {
            errors.at(first, unknown(&name, columns));
            continue;
        };
        let part = Part { field: column.field, nested: nested.to_vec() };
        let name = part.name();
        if found.iter().any(|other| other.name() == name) {
            errors.at(first, format!("`{name}` is there twice: {what} takes each field once"));
            continue;
        }
        if column.serde.skip.is_some() {
            errors.at(first, skipped(&name, what));
        }
        found.push(part);
    }
    if let Some(more) = paths.get(MAX_MEMBERS).and_then(|path| path.first()) {
        errors.at(more, format!("{what} has at most {MAX_MEMBERS} fields: leave some out"));
        found.truncate(MAX_MEMBERS);
    }
    found
}

/// The message about a field that serde skips and that `what` needs.
pub(super) fn skipped(name: &str, what: &str) -> String {
    format!("{what} can't have `{name}`, which serde skips: a row read back would lose it")
}

/// The first one of the words, where several fields say what only one may say.
pub(super) fn only<'c, 'a>(
    columns: &'c [Column<'a>],
    word: impl for<'w> Fn(&'w Column<'a>) -> Option<&'w Ident>,
    mistake: impl Fn(&str) -> String,
    errors: &Errors,
) -> Option<&'c Column<'a>> {
    let mut marked = columns.iter().filter(|column| word(column).is_some());
    let first = marked.next()?;
    for more in marked {
        if let Some(word) = word(more) {
            errors.at(word, mistake(&first.field.name));
        }
    }
    Some(first)
}

fn unknown(name: &str, columns: &[Column<'_>]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.field.name.as_str()).collect();
    match words::nearest(name, names.iter().copied()) {
        Some(near) if names.len() > 1 => {
            format!("no field is called `{name}`: did you mean `{near}`?")
        }
        _ => format!("no field is called `{name}`: there are {}", words::list(&names)),
    }
}
