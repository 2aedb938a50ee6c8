//! Why bytes are no row, on the way out of serde.

use std::fmt;

use serde::de;

/// The reason. One word, so that what a field is read into is handed on without it in the way.
#[derive(Debug)]
pub(super) struct Failure(Box<Reason>);

#[derive(Debug)]
struct Reason(String);

impl Failure {
    #[cold]
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Failure(Box::new(Reason(reason.into())))
    }

    /// The bytes end where something should follow.
    #[cold]
    pub(super) fn end() -> Self {
        Failure::new("the bytes end before the last field")
    }

    pub(super) fn into_reason(self) -> String {
        self.0.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    #[cold]
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Failure::new(reason.to_string())
    }
}

impl From<bincode::error::DecodeError> for Failure {
    /// In words that name no crate.
    #[cold]
    fn from(error: bincode::error::DecodeError) -> Self {
        use bincode::error::DecodeError;
        match error {
            DecodeError::UnexpectedEnd { .. } => Failure::end(),
            DecodeError::OtherString(reason) => Failure::new(reason),
            DecodeError::Other(reason) => Failure::new(reason),
            DecodeError::InvalidCharEncoding(_) => Failure::new("a `char` is not valid"),
            DecodeError::InvalidIntegerType { expected, found } => Failure::new(format!(
                "an integer of type {found:?} stands where {expected:?} belongs"
            )),
            other => Failure::new(format!("{other:?}")),
        }
    }
}
