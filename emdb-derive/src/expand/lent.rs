//! The struct that lends a row, and how it is read.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Member};

use crate::lent::LentField;
use crate::tokens::{private, spanned, this};
use crate::types::mentions;
use crate::valid::Record;

pub(super) struct Expanded {
    /// The struct; none if the record stands for itself.
    pub(super) item: Option<TokenStream>,
    /// `type Ref<'row>`.
    pub(super) ty: TokenStream,
    /// The body of `lend`.
    pub(super) lend: TokenStream,
}

pub(super) fn expand(input: &DeriveInput, record: &Record<'_>) -> Expanded {
    let private = private(record);
    let Some(fields) = &record.lent else {
        let this = this(record);
        let lend = quote!(#private::lend_whole::<#this>(__fields));
        return Expanded { item: None, ty: quote!(Self), lend };
    };
    let name = name(input);
    let reads = fields.iter().map(|field| read(field, &private));
    let members = fields.iter().map(|field| &field.field.member);
    // A struct expression evaluates its fields in the order in which they are written here.
    let lend = quote!(::core::result::Result::Ok(#name { #(#members: #reads),* }));
    Expanded { item: Some(item(record, &name, fields)), ty: quote!(#name<'row>), lend }
}

/// `UserRef`, or the like if the struct mentions a type of that name.
fn name(input: &DeriveInput) -> Ident {
    let mut name = format_ident!("{}Ref", input.ident.unraw());
    while mentions(input.to_token_stream(), &|ident| *ident == name) {
        name = format_ident!("{name}_");
    }
    name
}

fn item(record: &Record<'_>, name: &Ident, fields: &[LentField<'_>]) -> TokenStream {
    let (vis, private) = (record.vis, private(record));
    let doc = format!("A `{}` whose strings and bytes are lent.", record.ident.unraw());
    let declared = fields.iter().map(|LentField { field, lent }| {
        let doc = format!("The field `{}`.", field.name);
        let (vis, ty) = (field.vis, field.ty);
        let ty = lent.as_ref().map_or_else(|| ty.to_token_stream(), |lent| lent.ty(&private));
        match &field.member {
            Member::Named(ident) => quote!(#[doc = #doc] #vis #ident: #ty),
            Member::Unnamed(_) => quote!(#[doc = #doc] #vis #ty),
        }
    });
    let named = matches!(fields, [LentField { field, .. }, ..]
        if matches!(field.member, Member::Named(_)));
    let body = if named { quote!({ #(#declared),* }) } else { quote!((#(#declared),*);) };
    quote! {
        #[doc = #doc]
        #[allow(
            dead_code,
            deprecated,
            missing_copy_implementations,
            missing_debug_implementations,
            non_camel_case_types,
            non_snake_case,
            private_interfaces,
            unreachable_pub
        )]
        #vis struct #name<'row> #body
    }
}

fn read(field: &LentField<'_>, private: &TokenStream) -> TokenStream {
    let ty = field.field.ty;
    match &field.lent {
        Some(lent) => {
            let lent = lent.ty(private);
            spanned(ty.span(), quote!(__fields.lent::<#ty, #lent>()?))
        }
        None => quote!(__fields.owned::<#ty>()?),
    }
}
