//! Second and third stage: what `#[emdb(...)]` says. A key knows one word, `crate`, in front of the
//! type; anything else is refused, on fields and variants too.

use syn::{Attribute, Data, DeriveInput, Error, Path, parse_quote};

use crate::errors::Errors;
use crate::syntax::{crate_path, for_each_item, once};
use crate::words::{self, Place};

/// Where the library is. Words that are wrong are noted.
pub(crate) fn read_crate(input: &DeriveInput, errors: &Errors) -> Path {
    let mut found = None;
    let mut seen = false;
    for_each_item(&input.attrs, "emdb", errors, |word, input| {
        if word != "crate" {
            let refusal = words::key_refusal(&word.to_string(), Place::Struct);
            return Err(Error::new_spanned(word, refusal));
        }
        let twice = std::mem::replace(&mut seen, true);
        found.get_or_insert(crate_path(word, input)?);
        once(word, twice)
    });
    match &input.data {
        Data::Struct(data) => data.fields.iter().for_each(|field| refuse(&field.attrs, errors)),
        Data::Union(data) => {
            data.fields.named.iter().for_each(|field| refuse(&field.attrs, errors))
        }
        Data::Enum(data) => {
            for variant in &data.variants {
                refuse(&variant.attrs, errors);
                variant.fields.iter().for_each(|field| refuse(&field.attrs, errors));
            }
        }
    }
    found.unwrap_or_else(|| parse_quote!(::emdb))
}

fn refuse(attrs: &[Attribute], errors: &Errors) {
    for_each_item(attrs, "emdb", errors, |word, _| {
        Err(Error::new_spanned(word, words::key_refusal(&word.to_string(), Place::Field)))
    });
}
