//! Nothing that the derive writes gives a warning.

#![deny(warnings, missing_docs, unused_qualifications, unsafe_code, rust_2018_idioms)]
#![deny(single_use_lifetimes, trivial_casts, unreachable_pub, let_underscore_drop)]

use emdb::Record;
use serde::{Deserialize, Serialize};

/// A row.
#[derive(Serialize, Deserialize, Record)]
pub struct Documented {
    /// The key.
    #[emdb(key)]
    pub id: u64,
}

/// A generic row.
#[derive(Serialize, Deserialize, Record)]
pub struct Generic<T, const N: usize>
where
    T: Copy,
{
    /// The key.
    #[emdb(key)]
    pub id: u64,
    /// The value.
    pub value: T,
}

/// An old row.
#[derive(Serialize, Deserialize, Record)]
#[deprecated = "use something newer"]
pub struct Old {
    /// The key.
    #[emdb(key)]
    #[deprecated]
    pub id: u64,
}

fn main() {
    assert_eq!(Documented { id: 1 }.key(), 1);
}
