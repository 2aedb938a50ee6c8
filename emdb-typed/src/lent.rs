//! Rows that are read without copying their strings and bytes.

use std::any::TypeId;

use serde::Deserialize;

use crate::codec::{DecodeError, RowReader};

/// Reads the fields of a row one after the other, in the order in which they are stored.
#[derive(Debug)]
pub struct Fields<'a> {
    reader: RowReader<'a>,
}

impl<'a> Fields<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Fields { reader: RowReader::new(value) }
    }

    /// The next field, as its type reads itself.
    #[inline]
    pub fn owned<V: Deserialize<'a>>(&mut self) -> Result<V, DecodeError> {
        self.reader.next()
    }

    /// The next field, which is declared as `F`, lent: `&str` for `String`, and so on.
    ///
    /// The derive knows `String` by its name alone. Where the name means another type, nothing is
    /// lent.
    #[inline]
    pub fn lent<F: 'static, L: Lent + Deserialize<'a>>(&mut self) -> Result<L, DecodeError> {
        if TypeId::of::<F>() != TypeId::of::<L::Of>() {
            return Err(DecodeError::new(format!(
                "a field is declared as `{}`, which is not the one of the standard library; \
                 read the row by `get`",
                std::any::type_name::<F>()
            )));
        }
        self.reader.next()
    }

    /// Nothing may be left.
    #[inline]
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        self.reader.finish()
    }
}

/// The borrowed form of a stored type.
pub trait Lent {
    /// The stored type.
    type Of: 'static;
}

impl Lent for &str {
    type Of = String;
}

impl Lent for &[u8] {
    type Of = Vec<u8>;
}

impl<L: Lent> Lent for Option<L> {
    type Of = Option<L::Of>;
}

impl<L: Lent> Lent for Vec<L> {
    type Of = Vec<L::Of>;
}
