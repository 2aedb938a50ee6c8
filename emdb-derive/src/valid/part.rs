//! The parts of an index: fields, and members of their values.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Member, Type, parse_quote};

use crate::ast::Field;
use crate::names;

/// A field, or with the way into its value a member of that: `address.city`.
#[derive(Clone)]
pub(crate) struct Part<'a> {
    pub(crate) field: &'a Field<'a>,
    /// The members on the way; none of a field itself.
    pub(crate) nested: Vec<Member>,
}

impl Part<'_> {
    /// Its name in the schema, which queries have for it as well.
    pub(crate) fn name(&self) -> String {
        let nested = self.nested.iter().map(|member| format!(".{}", member_name(member)));
        std::iter::once(self.field.name.clone()).chain(nested).collect()
    }

    /// Its type. A macro sees that of the field alone: from there on the library tells the type of a member by
    /// its name.
    pub(crate) fn ty(&self, private: &TokenStream) -> Type {
        self.nested.iter().fold(self.field.ty.clone(), |ty, member| {
            let named = named(&ty, member, private);
            let ty = quote_spanned!(member.span()=> #named::Value);
            parse_quote!(#ty)
        })
    }

    /// A reference to it in `__row`; to one that is nested it goes by the library as well.
    pub(crate) fn reference(&self, private: &TokenStream) -> TokenStream {
        let (field, mut ty) = (&self.field.member, self.field.ty.clone());
        let mut reference = quote!(&__row.#field);
        for member in &self.nested {
            let named = named(&ty, member, private);
            reference = quote_spanned!(member.span()=> #named::__member(#reference));
            ty = parse_quote!(#named::Value);
        }
        reference
    }

    /// Where the compiler tells what is wrong with a member that is nested.
    pub(crate) fn span(&self) -> Option<Span> {
        self.nested.last().map(Spanned::span)
    }
}

/// `<Address as Named<..>>`
fn named(ty: &Type, member: &Member, private: &TokenStream) -> TokenStream {
    let name = names::hash(&member_name(member));
    quote_spanned!(member.span()=> <#ty as #private::Named<#name>>)
}

pub(super) fn member_name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
