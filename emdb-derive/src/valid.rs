//! Third stage: what only the whole item tells, and the record it describes.

mod column;
mod index;
mod key;
mod lifetime;
mod part;
mod revision;
mod version;

use syn::ext::IdentExt;
use syn::{ExprPath, Generics, Ident, Path, Type, Visibility, parse_quote};

use crate::ast::{Field, Input};
use crate::attr::StructAttrs;
use crate::errors::Errors;
use crate::lent::{self, LentField};
use crate::names;
use crate::serde;

pub(crate) use column::Column;
pub(crate) use index::{Computed, Entries, Index};
pub(crate) use key::Key;
pub(crate) use lifetime::Lifetime;
pub(crate) use part::Part;
pub(crate) use version::Version;

/// A record without mistakes: all that the expansion needs.
pub(crate) struct Record<'a> {
    pub(crate) krate: Path,
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) generics: &'a Generics,
    pub(crate) namespace: String,
    /// The name that the namespace had.
    pub(crate) was: Option<String>,
    pub(crate) version: Version,
    pub(crate) key: Key<'a>,
    /// The stored fields.
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) indexes: Vec<Index<'a>>,
    pub(crate) lifetime: Option<Lifetime<'a>>,
    /// The field that counts the writes of its row.
    pub(crate) revision: Option<&'a Field<'a>>,
    pub(crate) validate: Option<ExprPath>,
    pub(crate) ordered: bool,
    /// The fields as the struct that lends them has them; none if the record stands for itself.
    pub(crate) lent: Option<Vec<LentField<'a>>>,
}

/// The parts that the fallback needs, as far as they are known in spite of the mistakes.
pub(crate) struct Outline<'a> {
    pub(crate) krate: Path,
    pub(crate) key: Option<Type>,
    pub(crate) auto: bool,
    pub(crate) revision: bool,
    pub(crate) indexes: Vec<Index<'a>>,
}

/// The record; or an outline of it and every mistake, if they are ours to report.
pub(crate) fn check<'a>(
    input: &'a Input<'a>,
    errors: Errors,
) -> Result<Record<'a>, (Box<Outline<'a>>, Option<syn::Error>)> {
    let attrs = StructAttrs::read(input.attrs, &errors);
    let krate = attrs.krate.clone().unwrap_or_else(|| parse_quote!(::emdb));
    let namespace = namespace(input.ident, &attrs, &errors);
    let was = was(&namespace, &attrs, &errors);
    let version = version::check(&attrs.version, &errors);
    let refused = serde::check_struct(input.attrs, &errors);
    let mut columns = column::read(input, &errors);
    let key = key::check(input, &attrs, &columns, &errors);
    let indexes = index::check(&attrs, &columns, &errors);
    let lifetime = lifetime::check(&attrs, &columns, &errors);
    let revision = revision::check(&columns, key.as_ref(), &errors);

    let verdict = errors.verdict();
    if let (Ok(()), Some(key), false) = (&verdict, &key, refused) {
        let lent = lent::fields(input, &columns);
        columns.retain(|column| column.serde.skip.is_none());
        return Ok(Record {
            krate,
            ident: input.ident,
            vis: input.vis,
            generics: input.generics,
            namespace,
            was,
            version,
            key: key.clone(),
            columns,
            indexes,
            lifetime,
            revision,
            validate: attrs.validate,
            ordered: attrs.unordered.is_none(),
            lent,
        });
    }
    let auto = columns.iter().any(|column| column.attrs.auto.is_some());
    let key = key.map(|key| key.ty());
    let outline = Outline { krate, key, auto, revision: revision.is_some(), indexes };
    Err((Box::new(outline), verdict.err()))
}

fn was(namespace: &str, attrs: &StructAttrs, errors: &Errors) -> Option<String> {
    let literal = attrs.was.as_ref()?;
    let name = literal.value();
    if name == namespace {
        errors.at(
            literal,
            "`was` is the name that the namespace had before: this is the one that it has",
        );
    } else if let Some(mistake) = names::mistake(&name) {
        errors.at(literal, mistake);
    }
    Some(name)
}

fn namespace(ident: &Ident, attrs: &StructAttrs, errors: &Errors) -> String {
    match &attrs.namespace {
        Some(literal) => {
            let name = literal.value();
            if let Some(mistake) = names::mistake(&name) {
                errors.at(literal, mistake);
            }
            name
        }
        None => {
            let name = names::snake_case(&ident.unraw().to_string());
            if let Some(mistake) = names::mistake(&name) {
                let help = "choose another with `#[emdb(namespace = \"...\")]`";
                errors.at(ident, format!("the default namespace is `{name}`: {mistake}; {help}"));
            }
            name
        }
    }
}
