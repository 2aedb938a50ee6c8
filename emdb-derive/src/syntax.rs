//! The grammar of an attribute: a list of items, each a word and what follows it.
//!
//! A mistake in one item is noted and the item skipped, so that its neighbours are still read.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{
    Attribute, Error, Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Member, Meta, Path,
    Result, Token, Type,
};

use crate::errors::Errors;
use crate::words;

/// Calls `read` with each item of every `#[name(...)]`; it consumes what follows the word.
pub(crate) fn for_each_item(
    attrs: &[Attribute],
    name: &str,
    errors: &Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        match &attr.meta {
            Meta::List(list) => for_each_in(list.tokens.clone(), errors, &mut read),
            meta => errors.at(meta, format!("expected a list in brackets: `#[{name}(...)]`")),
        }
    }
}

/// Calls `read` with each item between a pair of brackets.
pub(crate) fn for_each_in(
    tokens: TokenStream,
    errors: &Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) {
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
        tokens,
    );
    if let Err(error) = parsed {
        errors.push(error);
    }
}

fn read_item(
    input: ParseStream<'_>,
    read: &mut impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) -> Result<()> {
    let word = Ident::parse_any(input)?;
    read(&word, input)?;
    if at_end(input) {
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

fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// Keeps the value of a word that stands for the first time.
pub(crate) fn set<T>(slot: &mut Option<T>, word: &Ident, value: T) -> Result<()> {
    let twice = slot.is_some();
    slot.get_or_insert(value);
    once(word, twice)
}

/// The mistake of a word that stands for the second time.
pub(crate) fn once(word: &Ident, twice: bool) -> Result<()> {
    if twice { Err(Error::new_spanned(word, words::duplicate(word))) } else { Ok(()) }
}

/// A word that stands alone.
pub(crate) fn flag(slot: &mut Option<Ident>, word: &Ident, input: ParseStream<'_>) -> Result<()> {
    let twice = slot.is_some();
    slot.get_or_insert_with(|| word.clone());
    if !at_end(input) {
        return Err(input.error(format!("`{word}` takes no value here: write `{word}` alone")));
    }
    once(word, twice)
}

/// `(...)`, if it is there.
pub(crate) fn brackets(input: ParseStream<'_>) -> Result<Option<Group>> {
    if input.peek(Paren) { input.parse().map(Some) } else { Ok(None) }
}

/// `(org, id)`: names of fields, or positions in a tuple struct.
pub(crate) fn members(word: &Ident, input: ParseStream<'_>) -> Result<(Group, Vec<Member>)> {
    let expected = format!("expected a list of fields: `{word}(org, id)`");
    let Some(group) = brackets(input)? else {
        return Err(Error::new(place(word, input), expected));
    };
    let list = |input: ParseStream<'_>| {
        Punctuated::<Member, Token![,]>::parse_terminated_with(input, member)
    };
    let members =
        list.parse2(group.stream()).map_err(|error| Error::new(error.span(), &expected))?;
    if members.is_empty() {
        return Err(Error::new_spanned(&group, expected));
    }
    Ok((group, members.into_iter().collect()))
}

/// `(address.city, name)`: the same, each with the members on the way into its value.
pub(crate) fn paths(word: &Ident, input: ParseStream<'_>) -> Result<Vec<Vec<Member>>> {
    let expected =
        format!("expected a list of fields: `{word}(org, id)`, or `{word}(address.city)`");
    let Some(group) = brackets(input)? else {
        return Err(Error::new(place(word, input), expected));
    };
    let path = |input: ParseStream<'_>| {
        let mut path = vec![member(input)?];
        while let Some(dot) = input.parse::<Option<Token![.]>>()? {
            if at_end(input) {
                return Err(Error::new_spanned(dot, "nothing behind it"));
            }
            path.push(member(input)?);
        }
        Ok(path)
    };
    let list = |input: ParseStream<'_>| {
        Punctuated::<Vec<Member>, Token![,]>::parse_terminated_with(input, path)
    };
    let paths = list.parse2(group.stream()).map_err(|error| Error::new(error.span(), &expected))?;
    if paths.is_empty() {
        return Err(Error::new_spanned(&group, expected));
    }
    Ok(paths.into_iter().collect())
}

/// A name with or without `r#`, for a keyword can mean nothing else here; or a position.
fn member(input: ParseStream<'_>) -> Result<Member> {
    if input.peek(Lit) { input.parse() } else { input.call(Ident::parse_any).map(Member::Named) }
}

/// `= "path"`, behind the word `crate`.
pub(crate) fn crate_path(word: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let path = string(word, input, "path::to::emdb")?;
    path.parse_with(Path::parse_mod_style).map_err(|_| {
        Error::new_spanned(&path, "expected the path of a module: `crate = \"::emdb\"`")
    })
}

/// `= "..."`
pub(crate) fn string(word: &Ident, input: ParseStream<'_>, example: &str) -> Result<LitStr> {
    let expected = format!("expected a string literal: `{word} = \"{example}\"`");
    match value(word, input, &expected)? {
        Expr::Lit(ExprLit { lit: Lit::Str(string), .. }) => Ok(string),
        other => Err(Error::new_spanned(other, expected)),
    }
}

/// `= 2`
pub(crate) fn integer(word: &Ident, input: ParseStream<'_>) -> Result<LitInt> {
    let expected = format!("expected an integer literal: `{word} = 2`");
    match value(word, input, &expected)? {
        Expr::Lit(ExprLit { lit: Lit::Int(integer), .. }) => Ok(integer),
        other => Err(Error::new_spanned(other, expected)),
    }
}

/// `= path::to_fn`
pub(crate) fn function(word: &Ident, input: ParseStream<'_>) -> Result<ExprPath> {
    let expected = format!("expected the path of a function: `{word} = path::to_fn`");
    match value(word, input, &expected)? {
        Expr::Path(path) => Ok(path),
        other => Err(Error::new_spanned(other, expected)),
    }
}

/// `= UserV1`
pub(crate) fn ty(word: &Ident, input: ParseStream<'_>, example: &str) -> Result<Type> {
    let expected = format!("expected a type: `{word} = {example}`");
    equals(word, input, &expected)?;
    parse_or(input, &expected)
}

fn value(word: &Ident, input: ParseStream<'_>, expected: &str) -> Result<Expr> {
    equals(word, input, expected)?;
    let mut value = parse_or::<Expr>(input, expected)?;
    // A literal that comes through a `macro_rules!` fragment sits in an invisible group.
    while let Expr::Group(group) = value {
        value = *group.expr;
    }
    Ok(value)
}

/// The sign, and something behind it.
fn equals(word: &Ident, input: ParseStream<'_>, expected: &str) -> Result<()> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), expected));
    }
    let equals = input.parse::<Token![=]>()?;
    if at_end(input) {
        return Err(Error::new_spanned(equals.into_token_stream(), expected));
    }
    Ok(())
}

/// Syn's message about tokens that are no value names its own grammar; this one names ours.
fn parse_or<T: Parse>(input: ParseStream<'_>, expected: &str) -> Result<T> {
    input.parse().map_err(|error| Error::new(error.span(), expected))
}

/// Where something is missing: at what stands there instead, or at the word.
fn place(word: &Ident, input: ParseStream<'_>) -> proc_macro2::Span {
    if at_end(input) { word.span() } else { input.span() }
}
