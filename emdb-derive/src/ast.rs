//! First stage: the item as this crate sees it, a list of fields.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, Index, Member, Type, Visibility};

use crate::errors::Errors;

/// A struct that wants to be a record.
pub(crate) struct Input<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) attrs: &'a [Attribute],
    pub(crate) generics: &'a Generics,
    pub(crate) fields: Vec<Field<'a>>,
}

/// One of its fields.
pub(crate) struct Field<'a> {
    pub(crate) vis: &'a Visibility,
    pub(crate) attrs: &'a [Attribute],
    /// How the field is reached: `self.#member`.
    pub(crate) member: Member,
    /// Its name in the schema: the one without `r#`, or the position in a tuple struct.
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
}

impl<'a> Input<'a> {
    /// Reads the item. An enum or a union can't be a record at all: it leaves a mistake and no fields.
    pub(crate) fn read(input: &'a DeriveInput, errors: &Errors) -> Self {
        let fields = match &input.data {
            Data::Struct(data) => {
                if data.fields.is_empty() {
                    errors.at(
                        &input.ident,
                        "a record needs at least one field: add one, and mark it with `#[emdb(key)]`",
                    );
                }
                read_fields(&data.fields)
            }
            Data::Enum(data) => {
                errors.at(
                    data.enum_token,
                    "an enum can't be a record: only structs have the fields that a table needs; \
                     put the enum into a field of a struct",
                );
                Vec::new()
            }
            Data::Union(data) => {
                errors.at(
                    data.union_token,
                    "a union can't be a record: use a struct with an enum in one of its fields",
                );
                Vec::new()
            }
        };
        for lifetime in input.generics.lifetimes() {
            errors.at(
                &lifetime.lifetime,
                "a record owns its data, so it can't have lifetime parameters: \
                 use owned types such as `String` and `Vec<u8>`",
            );
        }
        Input {
            ident: &input.ident,
            vis: &input.vis,
            attrs: &input.attrs,
            generics: &input.generics,
            fields,
        }
    }
}

impl Field<'_> {
    /// The tokens that a mistake is reported on: the name, or in a tuple struct the type.
    pub(crate) fn label(&self) -> TokenStream {
        match &self.member {
            Member::Named(ident) => ident.to_token_stream(),
            Member::Unnamed(_) => self.ty.to_token_stream(),
        }
    }
}

/// The fields of a struct.
pub(crate) fn read_fields(fields: &Fields) -> Vec<Field<'_>> {
    fields.iter().enumerate().map(|(position, field)| read_field(position, field)).collect()
}

fn read_field(position: usize, field: &syn::Field) -> Field<'_> {
    let (member, name) = match &field.ident {
        Some(ident) => (Member::Named(ident.clone()), ident.unraw().to_string()),
        None => (Member::Unnamed(Index::from(position)), position.to_string()),
    };
    Field { vis: &field.vis, attrs: &field.attrs, member, name, ty: &field.ty }
}
