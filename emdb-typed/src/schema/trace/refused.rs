//! The error with which a probe ends a `Deserialize`.

use std::fmt;

use serde::de::Error;

/// A value was refused, or can't be followed: the tracer knows which.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type refuses a value that was made up to find its structure")
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<T: fmt::Display>(_reason: T) -> Self {
        Refused
    }
}
