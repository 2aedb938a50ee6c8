//! Second stage: what `#[emdb(...)]` says, item by item.
//!
//! A mistake in one item is noted and the item skipped, so that its neighbours are still read.

use proc_macro2::TokenTree;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Result, Token};

use crate::errors::Errors;
use crate::words::{self, Place};

/// What the struct's attributes say.
#[derive(Default)]
pub(crate) struct StructAttrs {
    pub(crate) namespace: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

/// What a field's attributes say.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// The word `key`, where it stands.
    pub(crate) key: Option<Ident>,
}

impl StructAttrs {
    pub(crate) fn read(attrs: &[Attribute], errors: &Errors) -> Self {
        let mut read = StructAttrs::default();
        let mut crate_seen = false;
        for_each_item(attrs, "emdb", errors, |word, input| match word.to_string().as_str() {
            "namespace" => {
                let twice = read.namespace.is_some();
                let name = string(word, input, "users")?;
                read.namespace.get_or_insert(name);
                once(word, twice)
            }
            "crate" => {
                let twice = std::mem::replace(&mut crate_seen, true);
                read.krate.get_or_insert(crate_path(word, input)?);
                once(word, twice)
            }
            unknown => Err(Error::new_spanned(word, words::refusal(unknown, Place::Struct))),
        });
        read
    }
}

impl FieldAttrs {
    pub(crate) fn read(attrs: &[Attribute], errors: &Errors) -> Self {
        let mut read = FieldAttrs::default();
        for_each_item(attrs, "emdb", errors, |word, input| match word.to_string().as_str() {
            "key" => {
                let twice = read.key.is_some();
                read.key.get_or_insert_with(|| word.clone());
                bare(word, input)?;
                once(word, twice)
            }
            unknown => Err(Error::new_spanned(word, words::refusal(unknown, Place::Field))),
        });
        read
    }
}

/// Calls `read` with each item of every `#[name(...)]`; it consumes what follows the word.
pub(crate) fn for_each_item(
    attrs: &[Attribute],
    name: &str,
    errors: &Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        let Meta::List(list) = &attr.meta else {
            errors.at(&attr.meta, format!("expected a list in brackets: `#[{name}(...)]`"));
            continue;
        };
        let parsed = Parser::parse2(
            |input: ParseStream<'_>| {
                while !input.is_empty() {
                    if let Err(error) = read_item(input, &mut read) {
                        errors.push(error);
                    }
                    skip_item(input)?;
                }
                Ok(())
            },
            list.tokens.clone(),
        );
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
}

fn read_item(
    input: ParseStream<'_>,
    read: &mut impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) -> Result<()> {
    let word = Ident::parse_any(input)?;
    read(&word, input)?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(input.error(format!("nothing more was expected after `{word}`: put a comma in between")))
}

/// Moves past what is left of an item and the comma after it.
fn skip_item(input: ParseStream<'_>) -> Result<()> {
    let mut angles = 0_usize;
    while !input.is_empty() {
        if angles == 0 && input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
            return Ok(());
        }
        // A comma between angle brackets belongs to a path: `from = Old<u8, u8>`.
        if let TokenTree::Punct(punct) = input.parse::<TokenTree>()? {
            match punct.as_char() {
                '<' => angles += 1,
                '>' => angles = angles.saturating_sub(1),
                _ => {}
            }
        }
    }
    Ok(())
}

/// `= "path"`, behind the word `crate`.
pub(crate) fn crate_path(word: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let path = string(word, input, "path::to::emdb")?;
    path.parse_with(Path::parse_mod_style).map_err(|_| {
        Error::new_spanned(&path, "expected the path of a module: `crate = \"::emdb\"`")
    })
}

/// The mistake of a word that stands for the second time.
pub(crate) fn once(word: &Ident, twice: bool) -> Result<()> {
    if twice { Err(Error::new_spanned(word, words::duplicate(word))) } else { Ok(()) }
}

/// The word must stand alone.
fn bare(word: &Ident, input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(input.error(format!("`{word}` takes no value on a field: write `#[emdb({word})]`")))
}

/// `= "..."`
fn string(word: &Ident, input: ParseStream<'_>, example: &str) -> Result<LitStr> {
    let expected = format!("expected a string literal: `{word} = \"{example}\"`");
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), expected));
    }
    let equals = input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(equals.span(), expected));
    }
    let mut value = input.parse::<Expr>()?;
    // A literal that comes through a `macro_rules!` fragment sits in an invisible group.
    while let Expr::Group(group) = value {
        value = *group.expr;
    }
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(string), .. }) => Ok(string),
        other => Err(Error::new_spanned(other, expected)),
    }
}
