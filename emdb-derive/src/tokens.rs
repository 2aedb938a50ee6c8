//! Pieces of the output that several files write, and the places where the compiler reports what is
//! wrong with them.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, Ident};

use crate::valid::Record;

/// The items that only expansions name.
pub(crate) fn private(record: &Record<'_>) -> TokenStream {
    let krate = &record.krate;
    quote!(#krate::__private)
}

/// `Self`, with the span of the struct's name: if the type isn't serializable, the compiler finds
/// that in the head of the impl and here, and reports one place once.
pub(crate) fn this(record: &Record<'_>) -> TokenStream {
    quote_spanned!(record.ident.span()=> Self)
}

/// `Name<T>` as the rest of the program writes it.
pub(crate) fn self_type(input: &DeriveInput) -> TokenStream {
    let (ident, (_, ty_generics, _)) = (&input.ident, input.generics.split_for_impl());
    let mut tokens = ident.to_token_stream();
    ty_generics.to_tokens(&mut tokens);
    tokens
}

/// The tokens with another span: what the compiler has to say about them, it says there, and the same
/// once.
pub(crate) fn spanned(span: Span, tokens: TokenStream) -> TokenStream {
    let spanned = tokens.into_iter().map(|mut token| {
        let hygienic = matches!(&token, TokenTree::Ident(ident) if is_hygienic(ident));
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), spanned(span, group.stream())).into();
        }
        // A number of ours would be linted as one that the user wrote there.
        if !matches!(token, TokenTree::Literal(_)) {
            token.set_span(if hygienic { token.span().located_at(span) } else { span });
        }
        token
    });
    spanned.collect()
}

/// Whether the name means something else in another `macro_rules!`: a local one, or `$crate`.
fn is_hygienic(ident: &Ident) -> bool {
    let name = ident.to_string();
    name == "self" || name == "$crate" || name.starts_with("__")
}
