//! Fourth stage: the implementation.
//!
//! Invariant: the output names nothing by a path that the surrounding code could shadow. The
//! standard library is reached through `::core`, ours through the one path that `crate = "..."`
//! sets, and everything but the trait itself through `__private`.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, Generics, Ident, Path, Type, WhereClause, parse_quote};

use crate::ast::Input;
use crate::errors::Errors;
use crate::fallback;
use crate::valid::{self, Record};

/// Runs all stages.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let read = Input::read(input, &errors);
    match valid::check(&read, errors) {
        Ok(record) => expand(&record),
        Err((outline, error)) => fallback::expand(input, &outline, error),
    }
}

fn expand(record: &Record<'_>) -> TokenStream {
    let Record { krate, ident, generics, namespace, key, fields } = record;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let where_clause = where_clause(krate, ident, generics, key.ty);
    let (member, key_ty, key_name) = (&key.member, key.ty, &key.name);
    let names = fields.iter().map(|field| &field.name);
    let types = fields.iter().map(|field| &field.ty);
    // With the span of the struct's name: if the type isn't serializable, the compiler finds
    // that in the head of the impl and here, and reports one place once.
    let this = quote_spanned!(ident.span()=> Self);

    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::Record for #ident #ty_generics #where_clause {
            type Key = #key_ty;
            const NAMESPACE: &'static ::core::primitive::str = #namespace;
            const VERSION: ::core::primitive::u32 = 1;

            fn key(&self) -> #key_ty {
                #krate::__private::clone_key::<#this>(&self.#member)
            }

            fn describe() -> #krate::__private::Schema {
                #krate::__private::Schema::new(
                    1,
                    &[#key_name],
                    &[#((#names, #types)),*],
                )
            }
        }
    }
}

/// The struct's own where clause, and for a generic one what the trait asks of it.
///
/// The bound is on the whole type rather than on each parameter, because serde's own derive knows
/// best when `Pair<T>` is serializable. A type without parameters gets none: there the compiler
/// checks the trait's demands itself and points at the struct.
pub(crate) fn where_clause(
    krate: &Path,
    ident: &Ident,
    generics: &Generics,
    key: &Type,
) -> Option<WhereClause> {
    let mut clause = generics.where_clause.clone();
    if !generics.params.is_empty() {
        let (_, ty_generics, _) = generics.split_for_impl();
        let clause = clause.get_or_insert_with(|| parse_quote!(where));
        clause.predicates.push(parse_quote!(#ident #ty_generics: #krate::__private::Row));
        if mentions_parameter(key, generics) {
            clause.predicates.push(parse_quote!(#key: #krate::Key));
        }
    }
    clause
}

/// Whether the type depends on a type or const parameter.
pub(crate) fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    let types = generics.type_params().map(|parameter| &parameter.ident);
    let consts = generics.const_params().map(|parameter| &parameter.ident);
    let parameters: Vec<&Ident> = types.chain(consts).collect();
    mentions(ty.to_token_stream(), &parameters)
}

fn mentions(tokens: TokenStream, parameters: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => parameters.contains(&&ident),
        TokenTree::Group(group) => mentions(group.stream(), parameters),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// `Name<T>` as the rest of the program writes it.
pub(crate) fn self_type(input: &DeriveInput) -> TokenStream {
    let (ident, (_, ty_generics, _)) = (&input.ident, input.generics.split_for_impl());
    let mut tokens = ident.to_token_stream();
    ty_generics.to_tokens(&mut tokens);
    tokens
}
