//! Secondary indexes: one for each word on a field, and one for each list on the struct.

use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{ExprPath, Ident, Member, Path, Type, parse_quote};

use super::column::{self, Column};
use super::part::Part;
use crate::attr::{FieldIndex, StructAttrs, StructIndex};
use crate::errors::Errors;
use crate::names;

pub(crate) struct Index<'a> {
    pub(crate) name: String,
    /// The constant that stands for it.
    pub(crate) constant: Ident,
    /// At least one, but for a computed index.
    pub(crate) fields: Vec<Part<'a>>,
    pub(crate) computed: Option<Computed>,
    pub(crate) unique: bool,
    pub(crate) entries: Entries,
    pub(crate) filter: Option<ExprPath>,
}

/// The function whose values a computed index is over, in place of fields.
pub(crate) struct Computed {
    pub(crate) function: ExprPath,
    /// The type of what it gives; with `sparse` or `each`, of one of that.
    pub(crate) ty: Type,
}

/// The entries that a row has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entries {
    /// One.
    One,
    /// One for each element of the field.
    Each,
    /// One, or none for `None`.
    Sparse,
}

impl Entries {
    fn of(each: Option<&Ident>, sparse: Option<&Ident>) -> Self {
        match (each, sparse) {
            (Some(_), _) => Entries::Each,
            (None, Some(_)) => Entries::Sparse,
            (None, None) => Entries::One,
        }
    }
}

impl Index<'_> {
    /// The type that is indexed: that of the one field, the tuple of all, or the element of a
    /// collection; of a computed index the one that it says.
    pub(crate) fn ty(&self, krate: &Path) -> Type {
        if let Some(computed) = &self.computed {
            return computed.ty.clone();
        }
        let private = quote!(#krate::__private);
        let types: Vec<Type> = self.fields.iter().map(|part| part.ty(&private)).collect();
        match (types.as_slice(), self.entries) {
            ([ty], Entries::Each) => parse_quote!(<#ty as #private::Each>::Item),
            ([ty], _) => ty.clone(),
            _ => parse_quote!((#(#types),*)),
        }
    }
}

/// The indexes that can be read, those of the fields first.
pub(super) fn check<'a>(
    attrs: &StructAttrs,
    columns: &[Column<'a>],
    errors: &Errors,
) -> Vec<Index<'a>> {
    let mut indexes = Vec::new();
    for column in columns {
        if let Some(index) = &column.attrs.index {
            add(of_field(column, index, errors), column.field.label(), &mut indexes, errors);
        }
    }
    for index in &attrs.indexes {
        if let Some((index, label)) = of_struct(index, columns, errors) {
            add(index, label, &mut indexes, errors);
        }
    }
    indexes
}

fn of_field<'a>(column: &Column<'a>, index: &FieldIndex, errors: &Errors) -> Index<'a> {
    let field = column.field;
    if let Some(skip) = &column.serde.skip {
        errors.at(skip, column::skipped(&field.name, "an index"));
    }
    let entries = Entries::of(index.each.as_ref(), index.sparse.as_ref());
    // A position is no name for a constant.
    let constant = match &field.member {
        Member::Named(_) => names::screaming_case(&field.name),
        Member::Unnamed(index) => format!("FIELD_{}", index.index),
    };
    Index {
        name: field.name.clone(),
        constant: identifier(&constant, &field.label()),
        fields: vec![Part { field, nested: Vec::new() }],
        computed: None,
        unique: index.word == "unique",
        entries,
        filter: None,
    }
}

fn of_struct<'a>(
    index: &StructIndex,
    columns: &[Column<'a>],
    errors: &Errors,
) -> Option<(Index<'a>, impl ToTokens + use<>)> {
    let fields = index.fields.as_ref();
    let fields = fields.map(|paths| column::find_parts(paths, columns, "an index", errors));
    let literal = index.name.clone()?;
    let name = literal.value();
    if let Some(mistake) = names::index_mistake(&name) {
        errors.at(&literal, mistake);
        return None;
    }
    let computed = index.with.clone().map(|(function, ty)| Computed { function, ty });
    let (fields, entries) = match &computed {
        Some(_) => (Vec::new(), Entries::of(index.each.as_ref(), index.sparse.as_ref())),
        None => (fields.filter(|fields| !fields.is_empty())?, Entries::One),
    };
    let index = Index {
        constant: identifier(&names::screaming_case(&name), &literal),
        name,
        fields,
        computed,
        unique: index.unique.is_some(),
        entries,
        filter: index.filter.clone(),
    };
    Some((index, literal))
}

/// At the place of what named it, but resolved as generated code is.
fn identifier(constant: &str, label: &impl ToTokens) -> Ident {
    let span = label.to_token_stream().span().resolved_at(proc_macro2::Span::call_site());
    // What is no identifier is refused in a moment.
    syn::parse_str::<Ident>(constant)
        .map_or_else(|_| Ident::new("_INVALID", span), |ident| Ident::new(&ident.to_string(), span))
}

/// Keeps an index whose name is its own.
fn add<'a>(index: Index<'a>, label: impl ToTokens, all: &mut Vec<Index<'a>>, errors: &Errors) {
    let Index { name, constant, .. } = &index;
    if all.iter().any(|other| other.name == *name) {
        errors.at(label, format!("a second index with the name `{name}`: choose another name"));
    } else if let Some(other) = all.iter().find(|other| other.constant == *constant) {
        let other = &other.name;
        errors.at(
            label,
            format!("`{name}` and the index `{other}` would both be the constant `{constant}`"),
        );
    } else if let Some(mistake) = field_mistake(&index) {
        errors.at(label, mistake);
    } else {
        all.push(index);
    }
}

fn field_mistake(index: &Index<'_>) -> Option<String> {
    // Positions are no identifiers, and their constants are ours.
    if index.name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mistake = names::index_mistake(&index.name)?;
    let help = "put `index(name = \"...\", fields(...))` on the struct, with another name";
    Some(format!("{mistake}: {help}"))
}
