//! Fourth stage: the implementation.
//!
//! Invariant: the output names nothing by a path that the surrounding code could shadow. The
//! standard library is reached through `::core`, ours through the one path that `crate = "..."`
//! sets, and everything but the trait itself through `__private`.

pub(crate) mod index;
mod lent;
mod methods;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{DeriveInput, WhereClause, parse_quote};

use crate::ast::Input;
use crate::bounds::{self, where_clause};
use crate::errors::Errors;
use crate::fallback;
use crate::members;
use crate::text;
use crate::tokens::{private, spanned, this};
use crate::types::mentions_parameter;
use crate::valid::{self, Record};

/// Runs all stages.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let read = Input::read(input, &errors);
    match valid::check(&read, errors) {
        Ok(record) => expand(input, &record),
        Err((outline, error)) => fallback::expand(input, &outline, error),
    }
}

fn expand(input: &DeriveInput, record: &Record<'_>) -> TokenStream {
    let lent = lent::expand(input, record);
    let record_impl = record_impl(record, &lent);
    // The struct that lends has a name that may be somebody else's outside.
    let record_impl = match &lent.item {
        Some(item) => quote!(const _: () = { #item #record_impl };),
        None => record_impl,
    };
    let ordered = record.ordered.then(|| marker(record, "OrderedRecord"));
    let auto = record.key.auto.then(|| auto(record));
    let revised = record.revision.map(|_| marker(record, "RevisedRecord"));
    let constants = index::constants(&index::Owner::of(record), &record.indexes);
    let version = methods::version_check(record);
    let members = members(input, record);
    quote!(#record_impl #ordered #auto #revised #constants #version #members)
}

/// `Fields` and `FIELDS`.
fn members(input: &DeriveInput, record: &Record<'_>) -> TokenStream {
    let Record { krate, ident, generics, .. } = record;
    let clause = where_clause(krate, ident, generics, bounds::of_record(record));
    members::of_record(input, krate, clause)
}

fn record_impl(record: &Record<'_>, lent: &lent::Expanded) -> TokenStream {
    let Record { krate, ident, generics, namespace, .. } = record;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let where_clause = where_clause(krate, ident, generics, bounds::of_record(record));
    let (key_ty, version) = (record.key.ty(), record.version.number);
    let (key, describe) = (key(record), describe(record));
    let (lent_ty, lend) = (&lent.ty, &lent.lend);
    let methods = methods::expand(record);
    let lent_entries = index::lent_entries(record);
    let auto = record.key.auto.then(|| {
        quote!(
            const AUTO: ::core::primitive::bool = true;
        )
    });

    let was = record.was.as_ref().map(|was| {
        quote!(
            const WAS: ::core::option::Option<&'static ::core::primitive::str> =
                ::core::option::Option::Some(#was);
        )
    });

    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::Record for #ident #ty_generics #where_clause {
            type Key = #key_ty;
            type Ref<'row> = #lent_ty;
            const NAMESPACE: &'static ::core::primitive::str = #namespace;
            const VERSION: ::core::primitive::u32 = #version;
            #was
            #auto

            fn key(&self) -> #key_ty {
                #key
            }

            fn describe() -> #krate::__private::Description<Self> {
                #describe
            }

            fn lend<'row>(
                __fields: &mut #krate::__private::Fields<'row>,
            ) -> ::core::result::Result<#lent_ty, #krate::__private::DecodeError> {
                #lend
            }

            #lent_entries

            #methods
        }
    }
}

fn key(record: &Record<'_>) -> TokenStream {
    let krate = &record.krate;
    match record.key.fields.as_slice() {
        [field] => {
            let member = &field.member;
            let this = this(record);
            quote!(#krate::__private::clone_key::<#this>(&self.#member))
        }
        fields => {
            let clones = fields.iter().map(|field| {
                let member = &field.member;
                spanned(field.ty.span(), quote!(::core::clone::Clone::clone(&self.#member)))
            });
            quote!((#(#clones),*))
        }
    }
}

fn describe(record: &Record<'_>) -> TokenStream {
    let private = private(record);
    let keys = record.key.fields.iter().map(|field| &field.name);
    let names = record.columns.iter().map(|column| &column.field.name);
    let types = record.columns.iter().map(|column| text::of_type(column.field.ty));
    let indexes = record.indexes.iter().map(|index| index::spec(index, &private));
    let (ordered, len) = (record.ordered, record.indexes.len());
    let specs = quote!(#private::IndexSpec<Self>);
    // `Vec::from` would need the trait in scope.
    let vec = quote!(<#private::Vec<#specs> as ::core::convert::From<[#specs; #len]>>::from);
    quote! {
        #private::Description {
            key: &[#(#keys),*],
            fields: &[#((#names, #types)),*],
            indexes: #vec([#(#indexes),*]),
            ordered: #ordered,
        }
    }
}

/// An empty trait of the library, by which it offers calls for this record.
fn marker(record: &Record<'_>, name: &str) -> TokenStream {
    let Record { krate, ident, generics, .. } = record;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let where_clause = subtrait_clause(record);
    let name = format_ident!("{name}");
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::__private::#name
            for #ident #ty_generics #where_clause {}
    }
}

fn auto(record: &Record<'_>) -> TokenStream {
    let Record { krate, ident, generics, key, .. } = record;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let key_ty = key.ty();
    let mut where_clause = subtrait_clause(record);
    if mentions_parameter(&key_ty, generics) {
        where_clause.predicates.push(parse_quote!(#key_ty: #krate::__private::AutoKey));
    }
    let members = key.fields.iter().map(|field| &field.member);
    // With the span of the key's type: there the compiler says that it can't be counted up.
    let auto_record = spanned(key.span, quote!(#krate::__private::AutoRecord));
    let this = spanned(key.span, quote!(#ident));
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #auto_record for #this #ty_generics #where_clause {
            fn set_key(&mut self, __key: #key_ty) {
                #(self.#members = __key;)*
            }
        }
    }
}

/// The where clause of a trait that has `Record` above it.
///
/// The demands of `Record` are checked at its own impl. A bound under `for<'later>` isn't evaluated
/// early, so here they are taken for granted.
fn subtrait_clause(record: &Record<'_>) -> WhereClause {
    let Record { krate, ident, generics, .. } = record;
    let (_, ty_generics, _) = generics.split_for_impl();
    let clause = where_clause(krate, ident, generics, bounds::of_record(record));
    let mut clause = clause.unwrap_or_else(|| parse_quote!(where));
    let later = parse_quote!(for<'later> #ident #ty_generics: #krate::__private::Row);
    clause.predicates.push(later);
    clause
}
