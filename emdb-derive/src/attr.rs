//! Second stage: what `#[emdb(...)]` says, item by item.

use proc_macro2::Group;
use syn::parse::ParseStream;
use syn::{Attribute, Error, ExprPath, Ident, LitInt, LitStr, Member, Path, Result, Token, Type};

use crate::errors::Errors;
use crate::syntax::{
    brackets, crate_path, flag, for_each_in, for_each_item, function, integer, members, once,
    paths, set, string, ty,
};
use crate::words::{self, Place};

/// The words of the struct's attributes, with their values.
#[derive(Default)]
pub(crate) struct StructAttrs {
    pub(crate) namespace: Option<LitStr>,
    /// The name that the namespace had.
    pub(crate) was: Option<LitStr>,
    pub(crate) krate: Option<Path>,
    pub(crate) version: Version,
    /// The fields of a composite key, and the brackets around them.
    pub(crate) key: Option<(Group, Vec<Member>)>,
    /// The word `key`, which stands there even if its fields can't be read.
    pub(crate) key_word: Option<Ident>,
    pub(crate) indexes: Vec<StructIndex>,
    pub(crate) ttl: Option<LitStr>,
    /// The word `ttl`, even if its value can't be read.
    pub(crate) ttl_word: Option<Ident>,
    pub(crate) validate: Option<ExprPath>,
    pub(crate) unordered: Option<Ident>,
}

/// `version = 2, from = UserV1, migrate = users::up`. The words are there even if their values can't be read.
#[derive(Default)]
pub(crate) struct Version {
    pub(crate) word: Option<Ident>,
    pub(crate) number: Option<LitInt>,
    pub(crate) from_word: Option<Ident>,
    pub(crate) from: Option<Type>,
    pub(crate) migrate_word: Option<Ident>,
    pub(crate) migrate: Option<ExprPath>,
}

/// `index(name = "by_org", fields(org, age))` or `index(name = "lower", with = f, type = String)` in front
/// of the struct.
#[derive(Default)]
pub(crate) struct StructIndex {
    pub(crate) name: Option<LitStr>,
    /// Fields, with the members on the way into their values.
    pub(crate) fields: Option<Vec<Vec<Member>>>,
    /// The function that gives what is indexed, and the type of that.
    pub(crate) with: Option<(ExprPath, Type)>,
    pub(crate) sparse: Option<Ident>,
    pub(crate) each: Option<Ident>,
    pub(crate) unique: Option<Ident>,
    pub(crate) filter: Option<ExprPath>,
}

/// The words of a field's attributes, with their values.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// The word `key`, where it stands.
    pub(crate) key: Option<Ident>,
    pub(crate) auto: Option<Ident>,
    pub(crate) index: Option<FieldIndex>,
    pub(crate) expires_at: Option<Ident>,
    pub(crate) revision: Option<Ident>,
}

/// `unique`, `index`, `index(sparse)` or `index(each)` in front of a field.
pub(crate) struct FieldIndex {
    /// The word `index` or `unique`.
    pub(crate) word: Ident,
    pub(crate) sparse: Option<Ident>,
    pub(crate) each: Option<Ident>,
}

impl StructAttrs {
    pub(crate) fn read(attrs: &[Attribute], errors: &Errors) -> Self {
        let mut read = StructAttrs::default();
        let mut crate_seen = false;
        for_each_item(attrs, "emdb", errors, |word, input| match word.to_string().as_str() {
            "namespace" => set(&mut read.namespace, word, string(word, input, "users")?),
            "was" => set(&mut read.was, word, string(word, input, "persons")?),
            "crate" => {
                let twice = std::mem::replace(&mut crate_seen, true);
                read.krate.get_or_insert(crate_path(word, input)?);
                once(word, twice)
            }
            "version" => {
                set(&mut read.version.word, word, word.clone())?;
                set(&mut read.version.number, word, integer(word, input)?)
            }
            "from" => {
                set(&mut read.version.from_word, word, word.clone())?;
                set(&mut read.version.from, word, ty(word, input, "UserV1")?)
            }
            "migrate" => {
                set(&mut read.version.migrate_word, word, word.clone())?;
                set(&mut read.version.migrate, word, function(word, input)?)
            }
            "key" => {
                set(&mut read.key_word, word, word.clone())?;
                set(&mut read.key, word, members(word, input)?)
            }
            "index" => {
                read.indexes.push(StructIndex::read(word, input, errors)?);
                Ok(())
            }
            "ttl" => {
                set(&mut read.ttl_word, word, word.clone())?;
                set(&mut read.ttl, word, string(word, input, "30d")?)
            }
            "validate" => set(&mut read.validate, word, function(word, input)?),
            "unordered" => flag(&mut read.unordered, word, input),
            unknown => Err(Error::new_spanned(word, words::refusal(unknown, Place::Struct))),
        });
        read
    }
}

impl StructIndex {
    fn read(word: &Ident, input: ParseStream<'_>, errors: &Errors) -> Result<Self> {
        let Some(group) = brackets(input)? else {
            let expected = "on the struct, an index has a name and fields: \
                            `index(name = \"by_org_age\", fields(org, age))`";
            return Err(Error::new_spanned(word, expected));
        };
        let mut read = StructIndex::default();
        let (mut name_seen, mut source) = (None, Source::default());
        let (mut path, mut given) = (None, None);
        for_each_in(group.stream(), errors, |word, input| match word.to_string().as_str() {
            "name" => {
                set(&mut name_seen, word, ())?;
                set(&mut read.name, word, string(word, input, "by_org_age")?)
            }
            "fields" => {
                set(&mut source.fields, word, word.clone())?;
                set(&mut read.fields, word, paths(word, input)?)
            }
            "with" => {
                set(&mut source.with, word, word.clone())?;
                set(&mut path, word, function(word, input)?)
            }
            "type" => {
                set(&mut source.ty, word, word.clone())?;
                set(&mut given, word, ty(word, input, "String")?)
            }
            "sparse" => flag(&mut read.sparse, word, input),
            "each" => flag(&mut read.each, word, input),
            "unique" => flag(&mut read.unique, word, input),
            "filter" => set(&mut read.filter, word, function(word, input)?),
            unknown => Err(Error::new_spanned(word, words::refusal(unknown, Place::StructIndex))),
        });
        if name_seen.is_none() {
            let example = "name = \"by_org_age\"";
            errors.at(word, format!("an index on the struct needs a name: add `{example}`"));
        }
        source.check(word, &read, errors);
        read.with = path.zip(given);
        Ok(read)
    }
}

/// The words that say what an index on the struct is over, even if their values can't be read.
#[derive(Default)]
struct Source {
    fields: Option<Ident>,
    with: Option<Ident>,
    ty: Option<Ident>,
}

impl Source {
    fn check(&self, word: &Ident, index: &StructIndex, errors: &Errors) {
        match (&self.fields, &self.with, &self.ty) {
            (Some(_), Some(with), _) => errors.at(
                with,
                "`fields` and `with` on one index: it is over fields, or over what a function gives; \
                 keep one of the two",
            ),
            (None, Some(with), None) => errors.at(
                with,
                "`with` needs the type of what the function gives: add `type = String`",
            ),
            (_, None, Some(ty)) => errors.at(
                ty,
                "`type` is that of what a function gives: add `with = path::to_fn`, or remove it",
            ),
            (None, None, None) => errors.at(
                word,
                "an index on the struct needs fields: add `fields(org, age)`",
            ),
            _ => {}
        }
        if let (Some(_), Some(each)) = (&index.sparse, &index.each) {
            errors.at(each, SPARSE_AND_EACH);
        }
        for word in [&index.sparse, &index.each].into_iter().flatten() {
            if self.with.is_none() && self.fields.is_some() {
                errors.at(
                    word,
                    format!(
                        "`{word}` is about one value: write `index({word})` on the field, or name a \
                         function by `with = path::to_fn, type = String`"
                    ),
                );
            }
        }
    }
}

const SPARSE_AND_EACH: &str = "`sparse` and `each` on one index: keep `each`, which has no entry for `None` \
                               anyway";

impl FieldAttrs {
    pub(crate) fn read(attrs: &[Attribute], errors: &Errors) -> Self {
        let mut read = FieldAttrs::default();
        for_each_item(attrs, "emdb", errors, |word, input| match word.to_string().as_str() {
            "key" => flag(&mut read.key, word, input),
            "auto" => flag(&mut read.auto, word, input),
            "expires_at" => flag(&mut read.expires_at, word, input),
            "revision" => flag(&mut read.revision, word, input),
            "index" | "unique" => {
                let index = FieldIndex::read(word, input, errors)?;
                match &read.index {
                    Some(first) if first.word != *word => Err(Error::new_spanned(
                        word,
                        "`index` and `unique` on one field: keep one of them; \
                         a unique index is searched like any other",
                    )),
                    _ => set(&mut read.index, word, index),
                }
            }
            unknown => Err(Error::new_spanned(word, words::refusal(unknown, Place::Field))),
        });
        read
    }
}

impl FieldIndex {
    fn read(word: &Ident, input: ParseStream<'_>, errors: &Errors) -> Result<Self> {
        let mut read = FieldIndex { word: word.clone(), sparse: None, each: None };
        let Some(group) = brackets(input)? else {
            if !input.peek(Token![=]) {
                return Ok(read);
            }
            return Err(input.error(format!(
                "`{word}` takes no value here: an index with a name of its own stands on the struct, \
                 `index(name = \"by_org_age\", fields(org, age))`"
            )));
        };
        if group.stream().is_empty() {
            let expected = format!("write `{word}` alone, `{word}(sparse)` or `{word}(each)`");
            return Err(Error::new_spanned(&group, expected));
        }
        for_each_in(group.stream(), errors, |word, input| match word.to_string().as_str() {
            "sparse" => flag(&mut read.sparse, word, input),
            "each" => flag(&mut read.each, word, input),
            unknown => Err(Error::new_spanned(word, words::refusal(unknown, Place::FieldIndex))),
        });
        if let (Some(_), Some(each)) = (&read.sparse, &read.each) {
            errors.at(each, SPARSE_AND_EACH);
        }
        Ok(read)
    }
}
