//! Why JSON is no value of a type, and where in it.

use std::fmt;

/// The reason, with the steps that lead to the place.
#[derive(Debug)]
pub(super) struct Failed {
    path: String,
    reason: String,
}

impl Failed {
    /// The same, seen from one step above.
    pub(super) fn below(mut self, step: impl fmt::Display) -> Failed {
        self.path = match self.path.as_str() {
            "" => step.to_string(),
            path => format!("{step}.{path}"),
        };
        self
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "field {path}: {}", self.reason),
        }
    }
}

impl std::error::Error for Failed {}

impl serde::de::Error for Failed {
    fn custom<M: fmt::Display>(reason: M) -> Failed {
        Failed { path: String::new(), reason: reason.to_string() }
    }
}
