//! The methods of `Record` that a struct has only if an attribute asks for them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{ExprPath, Type};

use crate::tokens::{private, spanned};
use crate::valid::{Lifetime, Record};

pub(super) fn expand(record: &Record<'_>) -> TokenStream {
    let upgrade = record.version.from.as_ref().map(|from| match &record.version.migrate {
        None => upgrade(record, from),
        Some(path) => migrate(record, from, path),
    });
    let check = check(record);
    let lifetime = record.lifetime.as_ref().map(|lifetime| self::lifetime(record, lifetime));
    quote!(#upgrade #check #lifetime)
}

fn upgrade(record: &Record<'_>, from: &Type) -> TokenStream {
    let private = private(record);
    let older = older(record, from, quote!(Self));
    quote! {
        fn upgrade(
            __version: ::core::primitive::u32,
            __value: &[::core::primitive::u8],
        ) -> ::core::option::Option<::core::result::Result<Self, #private::DecodeError>> {
            (#older.upgrade)(__version, __value)
        }

        fn older_schema(
            __version: ::core::primitive::u32,
        ) -> ::core::option::Option<#private::Schema> {
            (#older.schema)(__version)
        }

        fn migrates(__version: ::core::primitive::u32) -> ::core::primitive::bool {
            (#older.migrates)(__version)
        }

        fn migrate(
            __version: ::core::primitive::u32,
            __value: &[::core::primitive::u8],
            __migration: &mut #private::Migration<'_>,
        ) -> ::core::result::Result<::core::option::Option<Self>, #private::MigrateFailure> {
            (#older.migrate)(__version, __value, __migration)
        }
    }
}

/// Rows of the version before are not read: a function makes new ones of them.
fn migrate(record: &Record<'_>, from: &Type, path: &ExprPath) -> TokenStream {
    let private = private(record);
    let schema = spanned(from.span(), quote!(#private::older_schema::<#from>));
    let migrates = spanned(from.span(), quote!(#private::migrates::<#from>));
    let migrate = quote!(#private::migrate::<Self, #from, _>);
    // What is wrong with the function is told where it is named.
    let migrate = spanned(path.span(), quote!(#migrate(__version, __value, __migration, #path)));
    quote! {
        fn older_schema(
            __version: ::core::primitive::u32,
        ) -> ::core::option::Option<#private::Schema> {
            #schema(__version)
        }

        fn migrates(__version: ::core::primitive::u32) -> ::core::primitive::bool {
            #migrates(__version)
        }

        fn migrate(
            __version: ::core::primitive::u32,
            __value: &[::core::primitive::u8],
            __migration: &mut #private::Migration<'_>,
        ) -> ::core::result::Result<::core::option::Option<Self>, #private::MigrateFailure> {
            #migrate
        }
    }
}

/// The version before, all of it with the span of its type: the same mistake at the same place is
/// reported once, however often it is found.
fn older(record: &Record<'_>, from: &Type, this: TokenStream) -> TokenStream {
    let private = private(record);
    spanned(from.span(), quote!(#private::older::<#this, #from>()))
}

/// Versions out of order are found when the type is compiled, not when a row is read.
pub(super) fn version_check(record: &Record<'_>) -> Option<TokenStream> {
    let from = record.version.from.as_ref()?;
    if !record.generics.params.is_empty() {
        return None;
    }
    let this = record.ident.to_token_stream();
    let older = match &record.version.migrate {
        None => older(record, from, this),
        Some(_) => {
            let private = private(record);
            spanned(from.span(), quote!(#private::in_order::<#this, #from>()))
        }
    };
    Some(quote! {
        #[allow(deprecated)]
        const _: () = { let _ = #older; };
    })
}

fn check(record: &Record<'_>) -> Option<TokenStream> {
    let path = record.validate.as_ref()?;
    let private = private(record);
    let validate = spanned(path.span(), quote!(#private::validate(self, #path)));
    Some(quote! {
        fn check(&self) -> ::core::result::Result<(), #private::String> {
            #validate
        }
    })
}

fn lifetime(record: &Record<'_>, lifetime: &Lifetime<'_>) -> TokenStream {
    let private = private(record);
    let lifetime = match lifetime {
        Lifetime::After(milliseconds) => quote!(#private::Lifetime::After(#milliseconds)),
        Lifetime::At(field) => {
            let (ty, member) = (field.ty, &field.member);
            let at = spanned(ty.span(), quote!(<#ty as #private::Expiry>::at));
            quote!(#private::Lifetime::At(#at(&self.#member)))
        }
    };
    // A feature of the library; without it this is the one error, at the struct's name.
    let expires = spanned(record.ident.span(), quote!(#private::expires::<Self>()));
    quote! {
        fn lifetime(&self) -> #private::Lifetime {
            #expires;
            #lifetime
        }
    }
}
