//! The version of the schema, and the type of the version before it.

use syn::{ExprPath, Type};

use crate::attr;
use crate::errors::Errors;

pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) from: Option<Type>,
    /// The function that makes a row of one of that version, where `From` doesn't.
    pub(crate) migrate: Option<ExprPath>,
}

pub(super) fn check(attrs: &attr::Version, errors: &Errors) -> Version {
    let number = match &attrs.number {
        None => 1,
        Some(literal) => match literal.base10_parse() {
            Ok(0) | Err(_) => {
                errors.at(literal, "versions count from 1 to 4294967295: `version = 2`");
                return Version { number: 1, from: None, migrate: None };
            }
            Ok(number) => number,
        },
    };
    // Where there is a function, it is what misses the type.
    let alone = attrs.from_word.is_none() && attrs.migrate_word.is_none();
    if let (Some(literal), true, 2..) = (&attrs.number, alone, number) {
        errors.at(
            literal,
            format!(
                "version {number} needs the type that the version before it had: \
                 `version = {number}, from = UserV{}`",
                number - 1
            ),
        );
    }
    // A version that is there and can't be read has its own mistake.
    let first = number == 1 && (attrs.word.is_none() || attrs.number.is_some());
    if let Some(word) = attrs.from_word.as_ref().filter(|_| first) {
        errors.at(
            word,
            "`from` names the type of the version before this one: add `version = 2`, or higher",
        );
    }
    if let (Some(word), None) = (&attrs.migrate_word, &attrs.from_word) {
        errors.at(
            word,
            "`migrate` makes rows of those of the version before: name the type that they had, \
             `version = 2, from = UserV1, migrate = ...`",
        );
    }
    Version { number, from: attrs.from.clone(), migrate: attrs.migrate.clone() }
}
