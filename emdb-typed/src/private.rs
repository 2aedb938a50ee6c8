//! What the derive's expansion names besides `Record` and `Key`. No part of the API: it changes
//! whenever the derive does.

pub use crate::record::Row;
pub use crate::schema::Schema;

use crate::record::Record;

/// A copy of the key, for `Record::key`.
///
/// It asks for nothing but the record itself, so that a field that is no key is reported once,
/// where the derive names it, and not a second time here.
pub fn clone_key<T: Record>(key: &T::Key) -> T::Key {
    key.clone()
}
