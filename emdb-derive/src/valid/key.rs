//! The primary key: one field, or several.

use proc_macro2::Span;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Type, parse_quote};

use super::column::{self, Column};
use crate::ast::{Field, Input};
use crate::attr::StructAttrs;
use crate::errors::Errors;
use crate::types::is_one_of;

#[derive(Clone)]
pub(crate) struct Key<'a> {
    /// At least one.
    pub(crate) fields: Vec<&'a Field<'a>>,
    /// Where the fields are listed, or the type of the only one.
    pub(crate) span: Span,
    /// The table can give the key.
    pub(crate) auto: bool,
}

impl Key<'_> {
    /// `type Key`: the type of the one field, or the tuple of all.
    pub(crate) fn ty(&self) -> Type {
        let types = self.fields.iter().map(|field| field.ty);
        match self.fields.as_slice() {
            [field] => field.ty.clone(),
            // With the span of the list: there the compiler says which type of it is no key.
            _ => syn::parse2(quote_spanned!(self.span=> (#(#types),*)))
                .unwrap_or_else(|_| parse_quote!(())),
        }
    }
}

/// The key, unless there is none or it can't be read. More or fewer than one are mistakes.
pub(super) fn check<'a>(
    input: &Input<'_>,
    attrs: &StructAttrs,
    columns: &[Column<'a>],
    errors: &Errors,
) -> Option<Key<'a>> {
    check_auto(attrs, columns, errors);
    let key = match &attrs.key_word {
        Some(_) => composite(attrs, columns, errors),
        None => single(columns, errors),
    };
    let none = attrs.key_word.is_none() && !input.fields.is_empty();
    if key.is_none() && none {
        errors.at(input.ident, "no key: mark the field that identifies a row with `#[emdb(key)]`");
    }
    key
}

fn composite<'a>(attrs: &StructAttrs, columns: &[Column<'a>], errors: &Errors) -> Option<Key<'a>> {
    for column in columns {
        if let Some(word) = &column.attrs.key {
            errors
                .at(word, "a second key: the struct says `key(...)` already; keep one of the two");
        }
    }
    let (list, members) = attrs.key.as_ref()?;
    let fields = column::find(members, columns, "the key", errors);
    (!fields.is_empty()).then(|| Key { fields, span: list.span(), auto: false })
}

fn single<'a>(columns: &[Column<'a>], errors: &Errors) -> Option<Key<'a>> {
    let second = |first: &str| {
        format!(
            "a second key: the field `{first}` is the key already; keep `key` on one of them, or \
             write `key({first}, ...)` on the struct for a key of several fields"
        )
    };
    let column = column::only(columns, |column| column.attrs.key.as_ref(), second, errors)?;
    if let Some(skip) = &column.serde.skip {
        errors.at(skip, "the key can't be skipped by serde: a row read back would lose it");
    }
    if let Some(index) = column.attrs.index.as_ref().filter(|index| index.word == "unique") {
        errors.at(&index.word, "the key is unique already: remove `unique`, `get` finds the row");
    }
    let field = column.field;
    Some(Key { fields: vec![field], span: field.ty.span(), auto: column.attrs.auto.is_some() })
}

fn check_auto(attrs: &StructAttrs, columns: &[Column<'_>], errors: &Errors) {
    for column in columns {
        let Some(word) = &column.attrs.auto else { continue };
        if attrs.key_word.is_some() {
            errors.at(
                word,
                "`auto` counts up a key of one field, and the struct says `key(...)`: \
                 remove one of the two",
            );
        } else if column.attrs.key.is_none() {
            errors.at(word, "`auto` needs `key` next to it: `#[emdb(key, auto)]`");
        } else if is_one_of(column.field.ty, NOT_UNSIGNED) {
            errors.at(
                word,
                "`auto` counts up, so the key has to be a `u8`, `u16`, `u32`, `u64` or `u128`",
            );
        }
    }
}

/// Names of types that no unsigned integer has. Of other names, the trait bound decides.
const NOT_UNSIGNED: &[&str] = &[
    "String", "str", "Box", "Vec", "Option", "bool", "char", "f32", "f64", "i8", "i16", "i32",
    "i64", "i128", "isize", "usize",
];
