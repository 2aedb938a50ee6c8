//! Conditions on text, over the `str` that lies in the row.

use std::borrow::Cow;

use super::expression::{Expr, Leaf};
use super::field::Field;
use super::path::Path;
use super::place::Place;
use super::row_bytes::RowBytes;
use super::wanted::{Access, Form};
use crate::error::TableError;
use crate::key::KeyPrefix;
use crate::record::Record;
use crate::seal::Seal;

/// A field that has text: a `String` or a `Box<str>`, or an `Option` of one.
///
/// This trait is sealed: it is implemented for these types alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no text",
    label = "not a `String`, a `Box<str>` or an `Option` of one",
    note = "`matches` takes a function of any value"
)]
pub trait Text: Send + Sync + 'static {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Whether there can be none.
    #[doc(hidden)]
    const OPTIONAL: bool;

    /// The text.
    #[doc(hidden)]
    fn text(&self) -> Option<&str>;
}

macro_rules! text {
    ($($text:ty)*) => {$(
        impl Text for $text {
            const SEAL: Seal = Seal;
            const OPTIONAL: bool = false;

            fn text(&self) -> Option<&str> {
                Some(self)
            }
        }

        impl Text for Option<$text> {
            const SEAL: Seal = Seal;
            const OPTIONAL: bool = true;

            fn text(&self) -> Option<&str> {
                self.as_deref()
            }
        }
    )*};
}

text!(String Box<str>);

/// The part of the text that is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    End,
    Anywhere,
    WholeIgnoringCase,
}

/// A condition on the text at a path.
struct HasText<R, P: Path<R>> {
    name: Cow<'static, str>,
    place: Place<P::Value>,
    at: At,
    sought: String,
}

impl<R: Record, P: Path<R, Value: Text>> HasText<R, P> {
    fn expr(at: At, sought: &str) -> Expr<R> {
        let (name, place) = (P::name(), Place::of::<R, P>());
        Expr::leaf(HasText::<R, P> { name, place, at, sought: sought.to_owned() })
    }

    fn test(&self, text: Option<&str>) -> bool {
        let Some(text) = text else { return false };
        match self.at {
            At::Start => text.starts_with(&self.sought),
            At::End => text.ends_with(&self.sought),
            At::Anywhere => text.contains(&self.sought),
            At::WholeIgnoringCase => text.eq_ignore_ascii_case(&self.sought),
        }
    }
}

impl<R: Record, P: Path<R, Value: Text>> Leaf<R> for HasText<R, P> {
    fn holds(&self, row: &RowBytes<'_, R>) -> Result<bool, TableError> {
        match row.lend_text(&self.place, P::Value::OPTIONAL) {
            Some(text) => Ok(self.test(text?)),
            None => row.read::<P, _>(&self.place, |value| self.test(value.text())),
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn verb(&self) -> &'static str {
        match self.at {
            At::Start => "starts with",
            At::End => "ends with",
            At::Anywhere => "contains",
            At::WholeIgnoringCase => "=, whatever the case,",
        }
    }

    fn access(&self, form: Form) -> Option<Access> {
        if self.at != At::Start || form == Form::Element {
            return None;
        }
        P::key_form()?;
        let mut bytes = Vec::new();
        if P::Value::OPTIONAL {
            crate::key::write_some(&mut bytes);
        }
        match form {
            Form::Part => KeyPrefix::<String>::encode_part_prefix(&*self.sought, &mut bytes),
            _ => KeyPrefix::<String>::encode_prefix(&*self.sought, &mut bytes),
        }
        Some(Access::prefix(bytes))
    }

    fn write_values(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.sought.as_bytes());
    }
}

impl<R: Record, V: Text, P: Path<R, Value = V>> Field<R, V, P> {
    /// The rows whose text begins with this.
    pub fn starts_with(self, start: &str) -> Expr<R> {
        HasText::<R, P>::expr(At::Start, start)
    }

    /// The rows whose text ends with this.
    pub fn ends_with(self, end: &str) -> Expr<R> {
        HasText::<R, P>::expr(At::End, end)
    }

    /// The rows whose text has this somewhere.
    pub fn contains(self, part: &str) -> Expr<R> {
        HasText::<R, P>::expr(At::Anywhere, part)
    }

    /// The rows whose text is this one, but for the case of ASCII letters.
    pub fn eq_ignore_case(self, text: &str) -> Expr<R> {
        HasText::<R, P>::expr(At::WholeIgnoringCase, text)
    }
}
