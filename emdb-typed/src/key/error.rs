//! The error of reading a key.

/// Why bytes are no key of the type that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Keys of this type have another length.
    #[error("a key of this type has {expected} bytes, and this one has {found}")]
    Length {
        /// The bytes that every key of the type has.
        expected: usize,
        /// The bytes that there are.
        found: usize,
    },
    /// The bytes of a string are no UTF-8.
    #[error("the bytes of the key are not UTF-8")]
    Utf8,
    /// A string in front of other fields is not closed, or not escaped as it would be written.
    #[error("a string inside the key isn't closed, or is escaped wrongly")]
    Escape,
    /// There are bytes enough, and no value has them: a `bool` of 2, the 30th of February.
    #[error("the bytes of the key are not {expected}")]
    Value {
        /// The kind that they should have been, with its article.
        expected: &'static str,
    },
}
