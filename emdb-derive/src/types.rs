//! Types as they are written: their names, and the identifiers that they mention.
//!
//! A macro sees no more of a type. Whether a name means what it says is for the compiler and the
//! library to find out.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Generics, Ident, PathSegment, Type};

/// Whether the type is named so, whatever its arguments.
pub(crate) fn is_one_of(ty: &Type, names: &[&str]) -> bool {
    match ty {
        Type::Reference(reference) => is_one_of(&reference.elem, names),
        _ => segment(ty).is_some_and(|segment| names.iter().any(|name| segment.ident == name)),
    }
}

/// The last segment of a path.
pub(crate) fn segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        // A type that comes through a `macro_rules!` fragment sits in an invisible group.
        Type::Group(group) => segment(&group.elem),
        Type::Paren(paren) => segment(&paren.elem),
        _ => None,
    }
}

/// Names of the standard library of which keys are made.
const EVERYBODYS: &[&str] = &[
    "String",
    "Box",
    "Vec",
    "Option",
    "Reverse",
    "bool",
    "char",
    "f32",
    "f64",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "str",
    "std",
    "core",
    "alloc",
    "string",
    "vec",
    "option",
    "primitive",
    "boxed",
    "cmp",
];

/// Whether all names in the type are those of the standard library, so that it is private to nobody.
pub(crate) fn is_everybodys(ty: &Type) -> bool {
    !mentions(ty.to_token_stream(), &|ident| !EVERYBODYS.iter().any(|name| ident == name))
}

/// Whether the type depends on a type or const parameter.
pub(crate) fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    let types = generics.type_params().map(|parameter| &parameter.ident);
    let consts = generics.const_params().map(|parameter| &parameter.ident);
    let parameters: Vec<&Ident> = types.chain(consts).collect();
    mentions(ty.to_token_stream(), &|ident| parameters.contains(&ident))
}

/// Whether one of the identifiers is among the tokens.
pub(crate) fn mentions(tokens: TokenStream, sought: &impl Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => sought(&ident),
        TokenTree::Group(group) => mentions(group.stream(), sought),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
