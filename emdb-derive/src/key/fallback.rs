//! Fifth stage, for an item with mistakes: the mistakes, and implementations that keep the rest of
//! the program quiet.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Path, parse_quote};

use crate::bounds::parameters;
use crate::tokens::self_type;

pub(crate) fn expand(input: &DeriveInput, krate: &Path, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    // A key can't have lifetimes, so no bound could make this one pass.
    if input.generics.lifetimes().next().is_some() {
        return error;
    }
    let this = self_type(input);
    let (impl_generics, _, where_clause) = input.generics.split_for_impl();
    let parameters = parameters(&input.generics);
    let mut clause = where_clause.cloned().unwrap_or_else(|| parse_quote!(where));
    // Checked where the type is used and not here: see the fallback of `Record`.
    clause.predicates.push(parse_quote!(for<'later> #this: #krate::__private::Owned));

    quote! {
        #error

        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::EncodeKey for #this #clause {
            fn encode_into(&self, _: &mut #krate::__private::Vec<::core::primitive::u8>) {
                ::core::unreachable!()
            }
        }

        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::Key for #this #clause {
            fn decode(
                _: &[::core::primitive::u8],
            ) -> ::core::result::Result<Self, #krate::__private::KeyError> {
                ::core::unreachable!()
            }
        }

        #krate::as_key! { @[] impl[#parameters] #this #clause }
    }
}
