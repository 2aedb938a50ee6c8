//! The form of a row that is read without copying its strings and bytes.
//!
//! Types are known by their names alone. Where a name means another type than that of the standard
//! library, the library notices when a row is read.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, Type};

use crate::ast::{Field, Input};
use crate::serde;
use crate::types::{is_one_of, mentions, segment};
use crate::valid::Column;

/// A field of the struct that lends.
pub(crate) struct LentField<'a> {
    pub(crate) field: &'a Field<'a>,
    /// The type in the place of its own, if it is another one.
    pub(crate) lent: Option<Lent>,
}

/// A lent type.
pub(crate) enum Lent {
    Str,
    Bytes,
    Option(Box<Lent>),
    Vec(Box<Lent>),
}

impl Lent {
    /// Whether it is one text, or one run of bytes.
    pub(crate) fn is_slice(&self) -> bool {
        matches!(self, Lent::Str | Lent::Bytes)
    }

    /// The type, with the lifetime `'row`.
    pub(crate) fn ty(&self, private: &TokenStream) -> TokenStream {
        match self {
            Lent::Str => quote!(&'row ::core::primitive::str),
            Lent::Bytes => quote!(&'row [::core::primitive::u8]),
            Lent::Option(inner) => {
                let inner = inner.ty(private);
                quote!(::core::option::Option<#inner>)
            }
            Lent::Vec(inner) => {
                let inner = inner.ty(private);
                quote!(#private::Vec<#inner>)
            }
        }
    }
}

/// The fields of the struct that lends; none where the record has to stand for itself, because
/// nothing can be lent, or because the fields alone don't tell how a row is stored.
pub(crate) fn fields<'a>(input: &Input<'_>, columns: &[Column<'a>]) -> Option<Vec<LentField<'a>>> {
    let plain = input.generics.params.is_empty()
        && input.generics.where_clause.is_none()
        && serde::is_plain_struct(input.attrs)
        && columns.iter().all(|column| column.serde.plain && !names_self(column.field.ty));
    if !plain {
        return None;
    }
    let lend = |column: &Column<'a>| LentField { field: column.field, lent: lent(column.field.ty) };
    let fields: Vec<LentField<'a>> = columns.iter().map(lend).collect();
    fields.iter().any(|field| field.lent.is_some()).then_some(fields)
}

/// In the struct that lends, `Self` would be another type.
fn names_self(ty: &Type) -> bool {
    mentions(ty.to_token_stream(), &|ident| ident == "Self")
}

fn lent(ty: &Type) -> Option<Lent> {
    let segment = segment(ty)?;
    let argument = match &segment.arguments {
        PathArguments::None if segment.ident == "String" => return Some(Lent::Str),
        PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => {
            match arguments.args.first() {
                Some(GenericArgument::Type(argument)) => argument,
                _ => return None,
            }
        }
        _ => return None,
    };
    if segment.ident == "Option" {
        lent(argument).map(|inner| Lent::Option(Box::new(inner)))
    } else if segment.ident == "Vec" && is_one_of(argument, &["u8"]) {
        Some(Lent::Bytes)
    } else if segment.ident == "Vec" {
        lent(argument).map(|inner| Lent::Vec(Box::new(inner)))
    } else {
        None
    }
}
