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

/// A row with everything.
#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = Before, key(id, name), validate = Self::check)]
#[emdb(index(name = "by_name", fields(name, id), unique, filter = Everything::yes))]
pub struct Everything {
    /// The first field of the key.
    pub id: u64,
    /// The second field of the key.
    #[emdb(unique)]
    pub name: String,
    #[emdb(index)]
    private: Private,
    #[emdb(index(each))]
    tags: Vec<String>,
    #[emdb(unique(sparse))]
    nick: Option<String>,
    #[emdb(index)]
    #[deprecated]
    #[allow(missing_docs)]
    pub old: u8,
    #[emdb(expires_at)]
    until: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize, emdb::Key)]
struct Private(u8);

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(id, name), ttl = "1h", unordered, index(name = "unused", fields(name)))]
struct Before {
    id: u64,
    name: String,
}

mod inner {
    use super::*;

    #[derive(Serialize, Deserialize, Record)]
    pub(crate) struct Tuple(#[emdb(key, auto)] pub(super) u64, #[emdb(index)] String);

    #[derive(Serialize, Deserialize, Record)]
    #[allow(unreachable_pub)]
    pub struct Loud {
        #[emdb(key)]
        pub id: String,
        #[emdb(index)]
        pub value: Option<u8>,
    }

    pub(crate) fn tuple() -> Tuple {
        Tuple(1, String::new())
    }
}

impl From<Before> for Everything {
    fn from(before: Before) -> Self {
        #[allow(deprecated)]
        Everything {
            id: before.id,
            name: before.name,
            private: Private(0),
            tags: Vec::new(),
            nick: None,
            old: 0,
            until: None,
        }
    }
}

impl Everything {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn yes(&self) -> bool {
        true
    }
}

fn main() {
    assert_eq!(inner::tuple().0, inner::tuple().key());
    assert_eq!(inner::Loud { id: "a".into(), value: None }.key(), "a");
    let _ = Everything::BY_NAME;
    assert_eq!(Documented { id: 1 }.key(), 1);
}
