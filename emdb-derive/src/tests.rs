//! The macro over token streams: what it accepts, and each mistake it reports. Where on the line
//! a message lands is what the compile tests of the workspace look at.

mod attributes;
mod expansion;
mod record;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error};

use crate::ast::Input;
use crate::errors::Errors;
use crate::expand;
use crate::valid;

fn mistakes(item: TokenStream) -> Vec<String> {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let errors = Errors::new();
    let read = Input::read(&input, &errors);
    match valid::check(&read, errors) {
        Ok(_) => Vec::new(),
        Err((_, error)) => {
            error.into_iter().flatten().map(|error: Error| error.to_string()).collect()
        }
    }
}

#[track_caller]
fn assert_mistakes(item: TokenStream, expected: &[&str]) {
    let found = mistakes(item);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found:?} doesn't mention {expected:?}");
    }
}

fn expanded(item: TokenStream) -> String {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let tokens = expand::derive(&input);
    let file: syn::File = syn::parse2(tokens.clone()).unwrap();
    assert!(!file.items.is_empty(), "{tokens}");
    tokens.to_string().replace(' ', "")
}

#[track_caller]
fn assert_expands(item: TokenStream, expected: &[&str]) {
    let text = expanded(item);
    for expected in expected {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
}

/// A struct with a key, with this in front of it, and this in front of its other field.
fn user(on_struct: &TokenStream, on_field: &TokenStream) -> TokenStream {
    quote!(
        #on_struct
        struct User {
            #[emdb(key)]
            id: u64,
            #on_field
            email: String,
        }
    )
}

#[track_caller]
fn assert_struct_mistakes(attribute: TokenStream, expected: &[&str]) {
    assert_mistakes(user(&quote!(#[emdb(#attribute)]), &quote!()), expected);
}

#[track_caller]
fn assert_field_mistakes(attribute: TokenStream, expected: &[&str]) {
    assert_mistakes(user(&quote!(), &quote!(#[emdb(#attribute)])), expected);
}
