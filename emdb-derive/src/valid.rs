//! Third stage: what only the whole item tells, and the record it describes.

use syn::ext::IdentExt;
use syn::{Generics, Ident, Member, Path, Type, parse_quote};

use crate::ast::{Field, Input};
use crate::attr::{FieldAttrs, StructAttrs};
use crate::errors::Errors;
use crate::names;
use crate::serde;
use crate::text;

/// A record without mistakes: all that the expansion needs.
pub(crate) struct Record<'a> {
    pub(crate) krate: Path,
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) namespace: String,
    pub(crate) key: Key<'a>,
    pub(crate) fields: Vec<Column>,
}

/// The field that is the primary key.
pub(crate) struct Key<'a> {
    pub(crate) member: Member,
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
}

/// A stored field, as the schema describes it.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
}

/// What the fallback needs, which is known however many mistakes there are.
pub(crate) struct Outline<'a> {
    pub(crate) krate: Path,
    pub(crate) key: Option<&'a Type>,
}

/// The record; or an outline of it and every mistake, if they are ours to report.
pub(crate) fn check<'a>(
    input: &Input<'a>,
    errors: Errors,
) -> Result<Record<'a>, (Outline<'a>, Option<syn::Error>)> {
    let attrs = StructAttrs::read(input.attrs, &errors);
    let krate = attrs.krate.clone().unwrap_or_else(|| parse_quote!(::emdb));
    let namespace = namespace(input.ident, &attrs, &errors);
    let refused = serde::check_struct(input.attrs, &errors);
    let (key, fields) = fields(input, &errors);

    let outline = Outline { krate: krate.clone(), key: key.as_ref().map(|key| key.ty) };
    match (errors.verdict(), key) {
        (Ok(()), Some(key)) if !refused => Ok(Record {
            krate,
            ident: input.ident,
            generics: input.generics,
            namespace,
            key,
            fields,
        }),
        (verdict, _) => Err((outline, verdict.err())),
    }
}

fn namespace(ident: &Ident, attrs: &StructAttrs, errors: &Errors) -> String {
    match &attrs.namespace {
        Some(literal) => {
            let name = literal.value();
            if let Some(mistake) = names::mistake(&name) {
                errors.at(literal, mistake);
            }
            name
        }
        None => {
            let name = names::snake_case(&ident.unraw().to_string());
            if let Some(mistake) = names::mistake(&name) {
                let help = "choose another with `#[emdb(namespace = \"...\")]`";
                errors.at(ident, format!("the default namespace is `{name}`: {mistake}; {help}"));
            }
            name
        }
    }
}

/// The key and the stored fields. More or fewer keys than one are mistakes.
fn fields<'a>(input: &Input<'a>, errors: &Errors) -> (Option<Key<'a>>, Vec<Column>) {
    let mut key: Option<Key<'a>> = None;
    let mut columns = Vec::with_capacity(input.fields.len());
    for field in &input.fields {
        let attrs = FieldAttrs::read(field.attrs, errors);
        let skip = serde::check_field(field.attrs, errors).skip;
        if let Some(word) = &attrs.key {
            match &key {
                Some(first) => errors.at(
                    word,
                    format!(
                        "a second key: the field `{}` is the key already; keep `key` on one of \
                         them",
                        first.name
                    ),
                ),
                None => key = Some(read_key(field)),
            }
            if let Some(skip) = &skip {
                errors.at(skip, "the key can't be skipped by serde: a row read back would lose it");
            }
        }
        if skip.is_none() {
            columns.push(Column { name: field.name.clone(), ty: text::of_type(field.ty) });
        }
    }
    if key.is_none() && !input.fields.is_empty() {
        errors.at(input.ident, "no key: mark the field that identifies a row with `#[emdb(key)]`");
    }
    (key, columns)
}

fn read_key<'a>(field: &Field<'a>) -> Key<'a> {
    Key { member: field.member.clone(), name: field.name.clone(), ty: field.ty }
}
