//! The kinds of index, and the bytes of their entries.
//!
//! # Entries
//!
//! The indexed value comes in the part form, so that entries sort as the values do, whatever follows.
//!
//! - Of a unique kind: key = value; the primary key is the entry's value.
//! - Of any other: key = value, then the primary key in the final form; the entry's value is the
//!   length of the primary key.

/// A length that doesn't fit into a byte follows this one.
const LONG: u8 = u8::MAX;

/// How an index keeps the rows that it has: which entries a row gets, and their layout.
///
/// A filter can leave rows out of an index of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// An entry for each row; many rows can have a value.
    Multi,
    /// An entry for each element of a row's field.
    MultiEach,
    /// As `Multi`, without the rows whose field is `None`.
    MultiSparse,
    /// An entry for each row; a value is there once.
    Unique,
    /// An entry for each element of a row's field; one row has an element.
    UniqueEach,
    /// As `Unique`, without the rows whose field is `None`.
    UniqueSparse,
}

/// The properties of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KindProperties {
    /// Whether each value is there once.
    pub(crate) unique: bool,
    /// Whether there is an entry for each element of the field.
    pub(crate) each: bool,
    /// Whether `None` is left out.
    pub(crate) sparse: bool,
}

impl IndexKind {
    /// All of them, whose properties differ.
    const ALL: [IndexKind; 6] = [
        IndexKind::Multi,
        IndexKind::MultiEach,
        IndexKind::MultiSparse,
        IndexKind::Unique,
        IndexKind::UniqueEach,
        IndexKind::UniqueSparse,
    ];

    /// The properties by which the catalogue knows a kind.
    #[inline]
    pub(crate) const fn properties(self) -> KindProperties {
        let (unique, each, sparse) = match self {
            IndexKind::Multi => (false, false, false),
            IndexKind::MultiEach => (false, true, false),
            IndexKind::MultiSparse => (false, false, true),
            IndexKind::Unique => (true, false, false),
            IndexKind::UniqueEach => (true, true, false),
            IndexKind::UniqueSparse => (true, false, true),
        };
        KindProperties { unique, each, sparse }
    }

    /// The kind with these properties; none has elements and leaves `None` out.
    pub(crate) fn with(properties: KindProperties) -> Option<IndexKind> {
        IndexKind::ALL.into_iter().find(|kind| kind.properties() == properties)
    }

    /// Whether each value is there once.
    #[inline]
    pub(crate) const fn is_unique(self) -> bool {
        self.properties().unique
    }

    /// The value of an entry of the row with this key.
    pub(crate) fn entry_value(self, key: &[u8]) -> Vec<u8> {
        if self.is_unique() {
            return key.to_vec();
        }
        match u8::try_from(key.len()) {
            Ok(len) if len < LONG => vec![len],
            // Keys have at most 65,535 bytes; a longer one is refused by the engine.
            _ => {
                let [high, low] = (key.len() as u16).to_be_bytes();
                vec![LONG, high, low]
            }
        }
    }

    /// The key of the row that an entry belongs to; `None` if it is not an entry.
    pub(crate) fn row_key<'a>(self, entry: &'a [u8], value: &'a [u8]) -> Option<&'a [u8]> {
        if self.is_unique() {
            return Some(value);
        }
        let len = match *value {
            [len] => usize::from(len),
            [LONG, high, low] => usize::from(u16::from_be_bytes([high, low])),
            _ => return None,
        };
        entry.get(entry.len().checked_sub(len)?..)
    }

    /// The indexed value in the part form, of an entry of the row with this key.
    #[inline]
    pub(crate) fn value_of<'a>(self, entry: &'a [u8], key: &[u8]) -> &'a [u8] {
        if self.is_unique() { entry } else { &entry[..entry.len() - key.len()] }
    }
}

#[cfg(test)]
mod tests {
    use super::IndexKind::{self, Multi, Unique};

    #[test]
    fn the_catalogue_tells_every_kind_from_all_others() {
        for kind in IndexKind::ALL {
            assert_eq!(IndexKind::with(kind.properties()), Some(kind));
        }
    }

    #[test]
    fn the_key_of_a_row_is_found_in_its_entry_whatever_its_length() {
        for len in [0, 1, 254, 255, 256, 65_535] {
            let key = vec![7; len];
            let entry = [b"value".as_slice(), &key].concat();
            assert_eq!(Multi.row_key(&entry, &Multi.entry_value(&key)), Some(key.as_slice()));
            assert_eq!(Multi.value_of(&entry, &key), b"value");
            assert_eq!(Unique.row_key(b"value", &Unique.entry_value(&key)), Some(key.as_slice()));
        }
        for hostile in [&b""[..], b"\xff", b"\xff\x00", b"\x09\x09", b"\x09"] {
            assert_eq!(Multi.row_key(b"short", hostile), None);
        }
    }
}
