//! What a row looks like that is read without copying its strings and bytes.
//!
//! Types are known by their names alone. Where a name means another type than that of the standard
//! library, the library notices when a row is read.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, PathSegment, Type};

use crate::ast::{Field, Input};
use crate::bounds;
use crate::serde;
use crate::valid::Column;

/// A field of the struct that lends.
pub(crate) struct LentField<'a> {
    pub(crate) field: &'a Field<'a>,
    /// What stands for its type, if it is another one.
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

/// Whether the type is named so, whatever its arguments.
pub(crate) fn is_one_of(ty: &Type, names: &[&str]) -> bool {
    match ty {
        Type::Reference(reference) => is_one_of(&reference.elem, names),
        _ => segment(ty).is_some_and(|segment| names.iter().any(|name| segment.ident == name)),
    }
}

/// In the struct that lends, `Self` would be another type.
fn names_self(ty: &Type) -> bool {
    bounds::mentions(ty.to_token_stream(), &|ident| ident == "Self")
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

/// The last segment of a path.
fn segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        // A type that comes through a `macro_rules!` fragment sits in an invisible group.
        Type::Group(group) => segment(&group.elem),
        Type::Paren(paren) => segment(&paren.elem),
        _ => None,
    }
}
