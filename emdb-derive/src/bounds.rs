//! Where clauses: what the traits ask of a generic type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics, Ident, Path, Type, WhereClause, WherePredicate, parse_quote};

use crate::types::mentions_parameter;
use crate::valid::{Entries, Index, Lifetime, Record};

/// The struct's own where clause, and for a generic one what the trait asks of it.
///
/// The bound is on the whole type rather than on each parameter, because serde's own derive knows
/// best when `Pair<T>` is serializable. A type without parameters gets none: there the compiler
/// checks the trait's demands itself and points at the struct.
pub(crate) fn where_clause(
    krate: &Path,
    ident: &Ident,
    generics: &Generics,
    more: impl IntoIterator<Item = WherePredicate>,
) -> Option<WhereClause> {
    let mut clause = generics.where_clause.clone();
    if !generics.params.is_empty() {
        let (_, ty_generics, _) = generics.split_for_impl();
        let clause = clause.get_or_insert_with(|| parse_quote!(where));
        clause.predicates.push(parse_quote!(#ident #ty_generics: #krate::__private::Row));
        clause.predicates.extend(more);
    }
    clause
}

/// The demands of the implementation of `Record` on the fields' types that depend on parameters.
pub(crate) fn of_record(record: &Record<'_>) -> Vec<WherePredicate> {
    let Record { krate, generics, .. } = record;
    let keys = record.key.fields.iter().map(|field| field.ty);
    let mut bounds = of_keys(krate, generics, keys);
    bounds.extend(record.indexes.iter().flat_map(|index| of_index(krate, generics, index)));
    if let Some(Lifetime::At(field)) = &record.lifetime {
        let ty = field.ty;
        bounds.extend(
            mentions_parameter(ty, generics)
                .then(|| parse_quote!(#ty: #krate::__private::ExpiryTime)),
        );
    }
    bounds.extend(of_version(record));
    bounds
}

/// The demands on the type of the version before: a function makes rows of another key, and needs no `From`.
fn of_version(record: &Record<'_>) -> Vec<WherePredicate> {
    let Record { krate, generics, key, version, .. } = record;
    let Some(from) = &version.from else { return Vec::new() };
    let depends = mentions_parameter(from, generics);
    if version.migrate.is_some() {
        return depends.then(|| parse_quote!(#from: #krate::Record)).into_iter().collect();
    }
    let key = key.ty();
    let is_record = depends.then(|| parse_quote!(#from: #krate::Record<Key = #key>));
    let becomes_this = parse_quote!(Self: ::core::convert::From<#from>);
    is_record.into_iter().chain([becomes_this]).collect()
}

/// `T: Key` for each of the types that depends on a parameter.
pub(crate) fn of_keys<'a>(
    krate: &Path,
    generics: &Generics,
    types: impl IntoIterator<Item = &'a Type>,
) -> Vec<WherePredicate> {
    let types = types.into_iter().filter(|ty| mentions_parameter(ty, generics));
    types.map(|ty| parse_quote!(#ty: #krate::Key)).collect()
}

/// The demands of an index on its fields' types that depend on parameters.
pub(crate) fn of_index(
    krate: &Path,
    generics: &Generics,
    index: &Index<'_>,
) -> Vec<WherePredicate> {
    if let Some(computed) = &index.computed {
        return of_keys(krate, generics, [&computed.ty]);
    }
    let private = quote!(#krate::__private);
    let types: Vec<Type> = index.fields.iter().map(|part| part.ty(&private)).collect();
    let demand: Path = match index.entries {
        Entries::One => return of_keys(krate, generics, &types),
        Entries::Each => parse_quote!(#krate::__private::Each),
        Entries::Sparse => parse_quote!(#krate::__private::Sparse),
    };
    let types = types.iter().filter(|ty| mentions_parameter(ty, generics));
    types.map(|ty| parse_quote!(#ty: #demand)).collect()
}

/// The parameters as an `impl` declares them, without the angle brackets and defaults.
pub(crate) fn parameters(generics: &Generics) -> TokenStream {
    let parameters = generics.params.iter().cloned().map(|mut parameter| {
        match &mut parameter {
            GenericParam::Type(parameter) => parameter.default = None,
            GenericParam::Const(parameter) => parameter.default = None,
            GenericParam::Lifetime(_) => {}
        }
        parameter
    });
    quote!(#(#parameters),*)
}
