//! Fifth stage, for an item with mistakes: the mistakes, and an implementation that keeps the rest
//! of the program quiet.
//!
//! Without it every `Table<User>` would report that `User` is no record, and bury the one error
//! that matters.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Type, WhereClause, parse_quote};

use crate::bounds::{of_keys, where_clause};
use crate::expand::index::{Owner, constants};
use crate::members;
use crate::tokens::self_type;
use crate::valid::Outline;

pub(crate) fn expand(
    input: &DeriveInput,
    outline: &Outline<'_>,
    error: Option<syn::Error>,
) -> TokenStream {
    let error = error.map(syn::Error::into_compile_error).unwrap_or_default();
    // A record can't have lifetimes, so no bound could make this one pass.
    if input.generics.lifetimes().next().is_some() {
        return error;
    }
    let Outline { krate, .. } = outline;
    let key = outline.key.clone().unwrap_or_else(|| likely_key(input));
    let clause = clause(input, outline, &key);
    let record = record(input, outline, &key, &clause);
    let auto = outline.auto.then(|| auto(input, outline, &key, &clause));
    let this = self_type(input);
    let (impl_generics, _, _) = input.generics.split_for_impl();
    let revised = outline.revision.then(|| {
        quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #impl_generics #krate::__private::RevisedRecord for #this #clause {}
        }
    });
    let owner = Owner { krate, ident: &input.ident, vis: &input.vis, generics: &input.generics };
    let constants = constants(&owner, &outline.indexes);

    let members = members(input, krate, &clause);

    quote! {
        #error
        #record

        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::__private::OrderedRecord for #this #clause {}

        #auto
        #revised
        #constants
        #members
    }
}

/// `Fields` and `FIELDS`, of a struct.
fn members(input: &DeriveInput, krate: &syn::Path, clause: &WhereClause) -> Option<TokenStream> {
    let syn::Data::Struct(_) = &input.data else { return None };
    Some(members::of_record(input, krate, Some(clause.clone())))
}

fn clause(input: &DeriveInput, outline: &Outline<'_>, key: &Type) -> WhereClause {
    let Outline { krate, .. } = outline;
    let this = self_type(input);
    let bounds = of_keys(krate, &input.generics, [key]);
    let mut clause = where_clause(krate, &input.ident, &input.generics, bounds)
        .unwrap_or_else(|| parse_quote!(where));
    // The trait's own demands, put so that they are checked where the type is used and not here: a
    // bound under `for<'later>` isn't evaluated early. thiserror's fallback does the same.
    clause.predicates.push(parse_quote!(for<'later> #this: #krate::__private::Row));
    clause
}

fn record(
    input: &DeriveInput,
    outline: &Outline<'_>,
    key: &Type,
    clause: &WhereClause,
) -> TokenStream {
    let Outline { krate, .. } = outline;
    let this = self_type(input);
    let (impl_generics, _, _) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::Record for #this #clause {
            type Key = #key;
            type Ref<'row> = Self;
            const NAMESPACE: &'static ::core::primitive::str = "";
            const VERSION: ::core::primitive::u32 = 1;

            fn key(&self) -> Self::Key {
                ::core::unreachable!()
            }

            fn describe() -> #krate::__private::Description<Self> {
                ::core::unreachable!()
            }

            fn lend<'row>(
                _: &mut #krate::__private::Fields<'row>,
            ) -> ::core::result::Result<Self, #krate::__private::DecodeError> {
                ::core::unreachable!()
            }
        }
    }
}

fn auto(
    input: &DeriveInput,
    outline: &Outline<'_>,
    key: &Type,
    clause: &WhereClause,
) -> TokenStream {
    let Outline { krate, .. } = outline;
    let this = self_type(input);
    let (impl_generics, _, _) = input.generics.split_for_impl();
    let mut clause = clause.clone();
    clause.predicates.push(parse_quote!(for<'later> #key: #krate::__private::AutoKey));
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::__private::AutoRecord for #this #clause {
            fn set_key(&mut self, _: #key) {
                ::core::unreachable!()
            }
        }
    }
}

/// A guess at the key that was meant where none is marked: the first field of a plain key type.
/// With it the lookups elsewhere in the program have the argument that they expect.
fn likely_key(input: &DeriveInput) -> Type {
    let fields = match &input.data {
        syn::Data::Struct(data) => data.fields.iter().collect(),
        _ => Vec::new(),
    };
    let plain = |ty: &&Type| match ty {
        Type::Path(path) => PLAIN.iter().any(|name| path.path.is_ident(name)),
        _ => false,
    };
    let found = fields.iter().map(|field| &field.ty).find(plain);
    found.cloned().unwrap_or_else(|| parse_quote!(::core::primitive::u64))
}

const PLAIN: &[&str] =
    &["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "String"];
