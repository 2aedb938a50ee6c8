//! The methods of `Record` that a struct has only if an attribute asks for them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{ExprPath, Type};

use crate::ast::Field;
use crate::tokens::{private, spanned};
use crate::valid::{Lifetime, Record};

pub(super) fn expand(record: &Record<'_>) -> TokenStream {
    let upgrade = record.version.from.as_ref().map(|from| match &record.version.migrate {
        None => upgrade(record, from),
        Some(path) => migrate(record, from, path),
    });
    let check = check(record);
    let lifetime = record.lifetime.as_ref().map(|lifetime| self::lifetime(record, lifetime));
    let revision = record.revision.map(|field| revision(record, field));
    quote!(#upgrade #check #lifetime #revision)
}

/// Rows of the version before become ones of this by `From`, wherever they are read.
fn upgrade(record: &Record<'_>, from: &Type) -> TokenStream {
    let (krate, private) = (&record.krate, private(record));
    let (asked, older_schema) = (asked(record, from), older_schema(record, from));
    let of_private = |tokens| spanned(from.span(), quote!(#private::#tokens));
    let upgrade = of_private(quote!(upgrade::<Self, #from>));
    let migrates = of_private(quote!(migrates_before::<#from>));
    let migrate = of_private(quote!(migrate::<Self, #from>));
    let become_one = of_private(quote!(FromVersion<#from>));
    let become_one = spanned(from.span(), quote!(<Self as #become_one>::from_version));
    // Rows stay where they are, so their keys are of one type.
    let same_key = spanned(
        from.span(),
        quote! {
            <<#from as #krate::Record>::Key as #private::SameKey<<Self as #krate::Record>::Key>>::same()
        },
    );
    let (result, migrate_result) = (result(&private), migrate_result(&private));
    quote! {
        fn upgrade(
            __version: ::core::primitive::u32,
            __value: &[::core::primitive::u8],
        ) -> ::core::option::Option<#result> {
            #asked
            #same_key;
            #upgrade(__version, __value, #become_one)
        }

        #older_schema

        fn migrates(__version: ::core::primitive::u32) -> ::core::primitive::bool {
            #asked
            #migrates(__version)
        }

        fn migrate(
            __version: ::core::primitive::u32,
            __value: &[::core::primitive::u8],
            __migration: &mut #private::Migration<'_>,
        ) -> #migrate_result {
            #asked
            #migrate(__version, __value, __migration, |__row, _| {
                ::core::result::Result::Ok(::core::option::Option::Some(#become_one(__row)))
            })
        }
    }
}

/// Rows of the version before are not read: a function makes new ones of them.
fn migrate(record: &Record<'_>, from: &Type, path: &ExprPath) -> TokenStream {
    let private = private(record);
    let (asked, older_schema) = (asked(record, from), older_schema(record, from));
    let migrates = spanned(from.span(), quote!(#private::migrates::<#from>));
    let migrate = spanned(from.span(), quote!(#private::migrate::<Self, #from>));
    let migrate_result = migrate_result(&private);
    // The function that is wanted, as one type: what is wrong with the one that is there is told beside it.
    let function = quote! {
        let __migrate: fn(#from, &mut #private::Migration<'_>) -> ::core::result::Result<
            ::core::option::Option<Self>,
            _,
        > = #path;
        let __refused: fn(_) -> #private::MigrateFailure = #private::MigrateError::refused;
    };
    let function = spanned(path.span(), function);
    quote! {
        #older_schema

        fn migrates(__version: ::core::primitive::u32) -> ::core::primitive::bool {
            #asked
            #migrates(__version)
        }

        fn migrate(
            __version: ::core::primitive::u32,
            __value: &[::core::primitive::u8],
            __migration: &mut #private::Migration<'_>,
        ) -> #migrate_result {
            #asked
            #function
            #migrate(__version, __value, __migration, |__row, __migration| {
                __migrate(__row, __migration).map_err(__refused)
            })
        }
    }
}

fn older_schema(record: &Record<'_>, from: &Type) -> TokenStream {
    let (asked, private) = (asked(record, from), private(record));
    let older_schema = spanned(from.span(), quote!(#private::older_schema::<#from>));
    quote! {
        fn older_schema(
            __version: ::core::primitive::u32,
        ) -> ::core::option::Option<#private::Schema> {
            #asked
            #older_schema(__version)
        }
    }
}

/// Asks whether the version before is a record, in front of whatever demands it: the compiler tells of one
/// demand at one place once, and of the first.
fn asked(record: &Record<'_>, from: &Type) -> TokenStream {
    let krate = &record.krate;
    spanned(from.span(), quote!(let _ = <#from as #krate::Record>::VERSION;))
}

fn result(private: &TokenStream) -> TokenStream {
    quote!(::core::result::Result<Self, #private::DecodeError>)
}

fn migrate_result(private: &TokenStream) -> TokenStream {
    quote!(::core::result::Result<::core::option::Option<Self>, #private::MigrateFailure>)
}

/// Versions out of order are found when the type is compiled, not when a row is read.
pub(super) fn version_check(record: &Record<'_>) -> Option<TokenStream> {
    let from = record.version.from.as_ref()?;
    if !record.generics.params.is_empty() {
        return None;
    }
    let (private, this, asked) = (private(record), record.ident, asked(record, from));
    let in_order = spanned(from.span(), quote!(#private::in_order::<#this, #from>()));
    Some(quote! {
        #[allow(deprecated)]
        const _: () = { #asked #in_order };
    })
}

fn check(record: &Record<'_>) -> Option<TokenStream> {
    let path = record.validate.as_ref()?;
    let private = private(record);
    // As for `migrate`: the function that is wanted, as one type.
    let validate = quote! {
        let __validate: fn(&Self) -> ::core::result::Result<(), _> = #path;
        let __reason: fn(_) -> #private::String = #private::ValidateError::reason;
    };
    let validate = spanned(path.span(), validate);
    Some(quote! {
        fn check(&self) -> ::core::result::Result<(), #private::String> {
            #validate
            __validate(self).map_err(__reason)
        }
    })
}

fn lifetime(record: &Record<'_>, lifetime: &Lifetime<'_>) -> TokenStream {
    let private = private(record);
    let lifetime = match lifetime {
        Lifetime::After(milliseconds) => quote!(#private::Lifetime::After(#milliseconds)),
        Lifetime::At(field) => {
            let (ty, member) = (field.ty, &field.member);
            let at = spanned(ty.span(), quote!(<#ty as #private::ExpiryTime>::at));
            quote!(#private::Lifetime::At(#at(&self.#member)))
        }
    };
    // A feature of the library; without it this is the one error, at the struct's name.
    let expires = spanned(record.ident.span(), quote!(<Self as #private::Expires>::expires()));
    quote! {
        fn lifetime(&self) -> #private::Lifetime {
            #expires;
            #lifetime
        }
    }
}

fn revision(record: &Record<'_>, field: &Field<'_>) -> TokenStream {
    let private = private(record);
    let (ty, member) = (field.ty, &field.member);
    let get = spanned(ty.span(), quote!(<#ty as #private::Revision>::get));
    let set = spanned(ty.span(), quote!(<#ty as #private::Revision>::set));
    quote! {
        const REVISED: ::core::primitive::bool = true;

        fn revision(&self) -> ::core::primitive::u64 {
            #get(&self.#member)
        }

        fn set_revision(&mut self, __revision: ::core::primitive::u64) {
            #set(&mut self.#member, __revision);
        }
    }
}
