//! `#[derive(Key)]`, in the stages of the crate: `ast` reads the item, `attr` its attributes and
//! checks it, `expand` writes the implementations, and `fallback` stands in for them when there
//! were mistakes.

mod ast;
mod attr;
mod expand;
mod fallback;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;
use ast::Input;

/// Runs all stages.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let read = Input::read(input, &errors);
    let krate = attr::read_crate(input, &errors);
    match errors.verdict() {
        Ok(()) => expand::expand(&read, &krate),
        Err(error) => fallback::expand(input, &krate, &error),
    }
}
