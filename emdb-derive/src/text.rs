//! A type as text, for the schema that is stored in the database.
//!
//! Invariant: the same tokens give the same text under every compiler and however the source is
//! laid out. `TokenStream::to_string` does not promise that, and a stored schema is compared
//! with today's, so the spacing is ours.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// The type as it is written, with canonical spacing: `HashMap<String, [u8; 4]>`.
pub(crate) fn of_type(ty: &Type) -> String {
    of_tokens(ty)
}

/// Any tokens, such as the path of a function.
pub(crate) fn of_tokens(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => write_group(group.delimiter(), group.stream(), text),
            TokenTree::Ident(ident) => write_word(&ident.to_string(), text),
            TokenTree::Literal(literal) => write_word(&literal.to_string(), text),
            // A comma before a closing bracket says nothing: `Vec<u8,>` is `Vec<u8>`.
            TokenTree::Punct(punct) if punct.as_char() == ',' && closes(tokens.peek()) => {}
            TokenTree::Punct(punct) => write_punct(punct.as_char(), text),
        }
    }
}

fn closes(next: Option<&TokenTree>) -> bool {
    matches!(next, Some(TokenTree::Punct(punct)) if punct.as_char() == '>')
}

fn write_group(delimiter: Delimiter, inner: TokenStream, text: &mut String) {
    // An invisible group comes from a `macro_rules!` fragment and means its content.
    let (open, close) = match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    };
    text.push_str(open);
    write(inner, text);
    text.push_str(close);
}

fn write_word(word: &str, text: &mut String) {
    if text.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '>' | ')' | ']')) {
        text.push(' ');
    }
    text.push_str(word);
}

fn write_punct(punct: char, text: &mut String) {
    match punct {
        ',' | ';' => {
            text.push(punct);
            text.push(' ');
        }
        '+' | '=' => {
            text.push(' ');
            text.push(punct);
            text.push(' ');
        }
        // A lifetime's tick belongs to the word after it.
        '\'' => write_word("'", text),
        _ => text.push(punct),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_does_not_depend_on_the_source() {
        for (written, expected) in [
            ("u64", "u64"),
            ("Option < Vec<u8 , > >", "Option<Vec<u8>>"),
            ("HashMap<String,Vec < u8 >>", "HashMap<String, Vec<u8>>"),
            ("[ u8;32 ]", "[u8; 32]"),
            ("::std::string::String", "::std::string::String"),
            ("(u8,String)", "(u8, String)"),
            ("Box<dyn Fn(u8)+Send>", "Box<dyn Fn(u8) + Send>"),
            ("&'static   str", "&'static str"),
            ("<T as Trait>::Out", "<T as Trait>::Out"),
            ("Matrix<{ N*2 }>", "Matrix<{N*2}>"),
        ] {
            let ty: Type = syn::parse_str(written).unwrap();
            assert_eq!(of_type(&ty), expected);
        }
    }
}
