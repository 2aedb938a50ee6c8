//! serde attributes that a stored row can't carry.
//!
//! Rows are encoded field after field without names (bincode), so an attribute that makes serde
//! ask what comes next, or leave a field out on one side alone, would make rows that can't be read
//! back. Better now than when the row is needed.

use syn::{Attribute, Ident};

use crate::errors::Errors;
use crate::syntax::for_each_item;

/// How serde treats a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    /// The word that leaves the field out of the row on both sides, where it stands.
    pub(crate) skip: Option<Ident>,
    /// Whether it is stored as its type says.
    pub(crate) plain: bool,
}

/// Words that leave a struct stored as the sequence of its fields.
const PLAIN_STRUCT: &[&str] =
    &["rename", "rename_all", "deny_unknown_fields", "crate", "bound", "expecting"];

/// Words that leave a field stored as its type stores itself.
const PLAIN_FIELD: &[&str] = &["rename", "alias", "default"];

/// Whether the struct is stored as the sequence of its fields.
pub(crate) fn is_plain_struct(attrs: &[Attribute]) -> bool {
    all_in(&words(attrs), PLAIN_STRUCT)
}

fn all_in(words: &[Ident], allowed: &[&str]) -> bool {
    words.iter().all(|word| allowed.iter().any(|allowed| word == allowed))
}

/// Reports what the struct's own serde attributes say that a row can't carry. Gives whether serde
/// refuses the struct by itself: then its error is the one to show, and ours would repeat it.
pub(crate) fn check_struct(attrs: &[Attribute], errors: &Errors) -> bool {
    let words = words(attrs);
    for word in &words {
        if word == "tag" {
            errors.at(
                word,
                "serde's `tag` needs field names, and stored rows have none: remove it; \
                 the table's schema records the type already",
            );
        }
    }
    words.iter().any(|word| word == "untagged")
}

/// Reports what a field's serde attributes say that a row can't carry.
pub(crate) fn check_field(attrs: &[Attribute], errors: &Errors) -> SerdeField {
    let words = words(attrs);
    let find = |name: &str| words.iter().find(|word| *word == name);
    if let Some(word) = find("flatten") {
        errors.at(
            word,
            "serde's `flatten` needs field names, and stored rows have none: \
             make it a plain field, or list its fields here",
        );
    }
    if let Some(word) = find("skip_serializing_if") {
        errors.at(
            word,
            "serde's `skip_serializing_if` would leave a hole that can't be read back: remove it; \
             `None` takes one byte in a stored row",
        );
    }
    let (write, read) = (find("skip_serializing"), find("skip_deserializing"));
    if let (Some(word), None) | (None, Some(word)) = (write, read) {
        errors.at(
            word,
            format!("serde's `{word}` leaves the field out on one side only: use `skip` for both"),
        );
    }
    SerdeField {
        skip: find("skip").or(write.and(read)).cloned(),
        plain: all_in(&words, PLAIN_FIELD),
    }
}

/// The words of every `#[serde(...)]`. Mistakes in them are serde's to report.
fn words(attrs: &[Attribute]) -> Vec<Ident> {
    let mut words = Vec::new();
    let ignored = Errors::new();
    for_each_item(attrs, "serde", &ignored, |word, _| {
        words.push(word.clone());
        Ok(())
    });
    let _ = ignored.verdict();
    words
}
