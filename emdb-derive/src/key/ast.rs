//! First stage: the item as a key, a list of keys or of variants.

use syn::{Data, DataEnum, DeriveInput, Fields, Generics, Ident, Index, Member, Type};

use crate::errors::Errors;

/// A type that wants to be a key.
pub(crate) struct Input<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) shape: Shape<'a>,
    /// Whether variants have discriminants of their own, by which a derived order goes.
    pub(crate) discriminants: bool,
}

/// The parts that its bytes are made of.
pub(crate) enum Shape<'a> {
    Struct(Vec<Field<'a>>),
    Enum(Vec<&'a Ident>),
}

/// A field of a struct.
pub(crate) struct Field<'a> {
    /// How the field is reached: `self.#member`.
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
    /// Whether it is a `PhantomData`, which is no part of the key: `struct Id<T>(u64,
    /// PhantomData<T>)`.
    pub(crate) phantom: bool,
}

/// More would not fit into two bytes.
const MAX_VARIANTS: usize = 1 << 16;

impl<'a> Input<'a> {
    /// Reads the item. A union can't be a key: it leaves a mistake and an empty shape.
    pub(crate) fn read(input: &'a DeriveInput, errors: &Errors) -> Self {
        let shape = match &input.data {
            Data::Struct(data) => Shape::Struct(read_fields(&data.fields)),
            Data::Enum(data) => Shape::Enum(read_variants(&input.ident, data, errors)),
            Data::Union(data) => {
                errors.at(
                    data.union_token,
                    "a union can't be a key: use a struct of keys, or an enum without fields",
                );
                Shape::Struct(Vec::new())
            }
        };
        for lifetime in input.generics.lifetimes() {
            errors.at(
                &lifetime.lifetime,
                "a key owns its data, so it can't have lifetime parameters: \
                 use owned types such as `String` and `Vec<u8>`",
            );
        }
        let discriminants = match &input.data {
            Data::Enum(data) => data.variants.iter().any(|variant| variant.discriminant.is_some()),
            _ => false,
        };
        Input { ident: &input.ident, generics: &input.generics, shape, discriminants }
    }
}

fn read_fields(fields: &Fields) -> Vec<Field<'_>> {
    fields.iter().enumerate().map(|(position, field)| read_field(position, field)).collect()
}

fn read_field(position: usize, field: &syn::Field) -> Field<'_> {
    let member = match &field.ident {
        Some(ident) => Member::Named(ident.clone()),
        None => Member::Unnamed(Index::from(position)),
    };
    Field { member, ty: &field.ty, phantom: is_phantom(&field.ty) }
}

fn is_phantom(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|segment| segment.ident == "PhantomData")
        }
        // A type that comes through a `macro_rules!` fragment sits in an invisible group.
        Type::Group(group) => is_phantom(&group.elem),
        _ => false,
    }
}

fn read_variants<'a>(ident: &Ident, data: &'a DataEnum, errors: &Errors) -> Vec<&'a Ident> {
    if data.variants.is_empty() {
        errors.at(ident, "an enum without variants has no values, so it can't be a key: add one");
    }
    if data.variants.len() > MAX_VARIANTS {
        errors.at(ident, format!("a key has at most {MAX_VARIANTS} variants: use an integer"));
    }
    for variant in &data.variants {
        if !variant.fields.is_empty() {
            let name = &variant.ident;
            errors.at(
                &variant.fields,
                format!(
                    "an enum with fields can't be a key: leave `{name}` without, and put its data \
                     into a struct of keys, next to the enum"
                ),
            );
        }
    }
    data.variants.iter().map(|variant| &variant.ident).collect()
}
