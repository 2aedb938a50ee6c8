//! Every key type: its bytes against its order, both ways.

mod golden;
mod sample;
mod stand_ins;

use std::cmp::{Ordering, Reverse};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{EncodeKey, Key, KeyBounds, KeyError, KeyPrefix, to_bytes};
use sample::Sample;

fn to_part<Q: EncodeKey + ?Sized>(key: &Q) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_part(&mut bytes);
    bytes
}

/// Two keys in both forms: order, the way back, and what follows a part.
fn check<K: Sample>(a: &K, b: &K, more_a: &[u8], more_b: &[u8]) {
    let order = a.order(b);
    let (final_a, final_b) = (to_bytes(a), to_bytes(b));
    assert_eq!(final_a.cmp(&final_b), order, "{a:?} against {b:?}");
    let (part_a, part_b) = (to_part(a), to_part(b));
    assert_eq!(part_a.cmp(&part_b), order, "the parts of {a:?} and {b:?}");

    let followed = |part: &[u8], more: &[u8]| [part, more].concat();
    let (long_a, long_b) = (followed(&part_a, more_a), followed(&part_b, more_b));
    if order == Ordering::Equal {
        assert_eq!(long_a.cmp(&long_b), more_a.cmp(more_b));
    } else {
        assert!(!part_a.starts_with(&part_b) && !part_b.starts_with(&part_a), "{a:?}, {b:?}");
        assert_eq!(long_a.cmp(&long_b), order, "followed parts of {a:?} and {b:?}");
    }

    let decoded = K::decode(&final_a).unwrap();
    assert_eq!(decoded.order(a), Ordering::Equal, "{a:?} came back as {decoded:?}");
    let mut rest = long_a.as_slice();
    let decoded = K::decode_part(&mut rest).unwrap();
    assert_eq!(decoded.order(a), Ordering::Equal, "{a:?} came back as {decoded:?}");
    assert_eq!(rest, more_a);
}

/// Any bytes are an error, or the only ones of the key that they are.
fn check_strict<K: Key + Debug>(bytes: &[u8]) {
    if let Ok(key) = K::decode(bytes) {
        assert_eq!(to_bytes(&key), bytes, "{key:?}");
    }
    let mut rest = bytes;
    if let Ok(key) = K::decode_part(&mut rest) {
        assert_eq!(to_part(&key), bytes[..bytes.len() - rest.len()], "{key:?}");
    }
}

/// The bytes of a key, wrong in one place.
fn damaged(mut bytes: Vec<u8>, at: Index, byte: u8, how: u8) -> Vec<u8> {
    if bytes.is_empty() {
        return vec![byte];
    }
    let at = at.index(bytes.len());
    match how % 4 {
        0 => bytes[at] = byte,
        1 => bytes.insert(at, byte),
        2 => drop(bytes.remove(at)),
        _ => bytes.truncate(at),
    }
    bytes
}

macro_rules! key_types {
    ($($(#[$cfg:meta])* $name:ident: $key:ty;)*) => {$(
        $(#[$cfg])*
        mod $name {
            use super::*;

            proptest! {
                #[test]
                fn both_forms_sort_as_the_keys_and_come_back(
                    a in <$key>::any(), b in <$key>::any(),
                    more_a in Vec::<u8>::any(), more_b in Vec::<u8>::any(),
                ) {
                    check(&a, &b, &more_a, &more_b);
                    check(&a, &a.clone(), &more_a, &more_b);
                }

                #[test]
                fn a_key_stands_for_itself_and_its_some(key in <$key>::any()) {
                    stand_ins::stands_by_itself(&key);
                }

                #[test]
                fn a_key_has_one_encoding(
                    key in <$key>::any(), bytes in Vec::<u8>::any(),
                    at: Index, byte in sample::byte(), how: u8,
                ) {
                    check_strict::<$key>(&bytes);
                    check_strict::<$key>(&damaged(to_bytes(&key), at, byte, how));
                    check_strict::<$key>(&damaged(to_part(&key), at, byte, how));
                }
            }
        }
    )*};
}

key_types! {
    key_u8: u8;
    key_u16: u16;
    key_u32: u32;
    key_u64: u64;
    key_u128: u128;
    key_i8: i8;
    key_i16: i16;
    key_i32: i32;
    key_i64: i64;
    key_i128: i128;
    key_nonzero_u8: NonZero<u8>;
    key_nonzero_u64: NonZero<u64>;
    key_nonzero_i16: NonZero<i16>;
    key_nonzero_i128: NonZero<i128>;
    key_f32: f32;
    key_f64: f64;
    key_unit: ();
    key_bool: bool;
    key_char: char;
    key_duration: Duration;
    key_ipv4: Ipv4Addr;
    key_ipv6: Ipv6Addr;
    key_ip: IpAddr;
    key_string: String;
    key_box_str: Box<str>;
    key_bytes: Vec<u8>;
    key_option: Option<u16>;
    key_option_string: Option<String>;
    key_option_option: Option<Option<Vec<u8>>>;
    key_byte_array: [u8; 4];
    key_string_array: [String; 3];
    key_empty_array: [String; 0];
    key_reverse_integer: Reverse<i32>;
    key_reverse_string: Reverse<String>;
    key_reverse_reverse: Reverse<Reverse<Vec<u8>>>;
    key_reverse_tuple: Reverse<(String, Option<Vec<u8>>)>;
    key_tuple_1: (String,);
    key_tuple_2: (String, Vec<u8>);
    key_tuple_2_reverse: (Reverse<Vec<u8>>, String);
    key_tuple_3: (Option<String>, i8, Vec<u8>);
    key_tuple_4: ([Vec<u8>; 2], f64, bool, String);
    key_tuple_5: (u8, String, Reverse<String>, char, Option<u8>);
    key_tuple_6: (Vec<u8>, IpAddr, (), String, i16, Vec<u8>);
    key_tuple_7: (bool, bool, bool, bool, bool, bool, String);
    key_tuple_8: (bool, String, bool, Vec<u8>, bool, Option<String>, u8, String);
    key_nested: ((String, Vec<u8>), [(u8, String); 2], Option<(String, String)>);
    #[cfg(feature = "uuid")]
    key_uuid: uuid::Uuid;
    #[cfg(feature = "jiff")]
    key_jiff_timestamp: jiff::Timestamp;
    #[cfg(feature = "jiff")]
    key_jiff_date: jiff::civil::Date;
    #[cfg(feature = "jiff")]
    key_jiff_time: jiff::civil::Time;
    #[cfg(feature = "jiff")]
    key_jiff_date_time: jiff::civil::DateTime;
    #[cfg(feature = "time")]
    key_time_timestamp: time::OffsetDateTime;
    #[cfg(feature = "time")]
    key_time_date: time::Date;
    #[cfg(feature = "time")]
    key_time_time: time::Time;
    #[cfg(feature = "time")]
    key_time_date_time: time::PrimitiveDateTime;
    #[cfg(feature = "chrono")]
    key_chrono_timestamp: chrono::DateTime<chrono::Utc>;
    #[cfg(feature = "chrono")]
    key_chrono_date: chrono::NaiveDate;
    #[cfg(feature = "chrono")]
    key_chrono_time: chrono::NaiveTime;
    #[cfg(feature = "chrono")]
    key_chrono_date_time: chrono::NaiveDateTime;
    #[cfg(feature = "chrono")]
    key_chrono_in_a_tuple: (chrono::NaiveDateTime, String);
}

proptest! {
    /// The order that `Sample` gives composites is that of the standard library.
    #[test]
    fn the_order_of_composites_is_that_of_ord(
        a in <(Option<String>, [Vec<u8>; 2], Reverse<String>, i8)>::any(),
        b in <(Option<String>, [Vec<u8>; 2], Reverse<String>, i8)>::any(),
    ) {
        assert_eq!(a.order(&b), a.cmp(&b));
        assert_eq!(to_bytes(&a).cmp(&to_bytes(&b)), a.cmp(&b));
    }

    #[test]
    fn borrowed_forms_have_the_bytes_of_the_key(text in String::any(), bytes in Vec::<u8>::any()) {
        assert_eq!(to_bytes(text.as_str()), to_bytes(&text));
        assert_eq!(to_part(text.as_str()), to_part(&text));
        assert_eq!(to_bytes(bytes.as_slice()), to_bytes(&bytes));
        assert_eq!(to_part(bytes.as_slice()), to_part(&bytes));
    }

    /// A type that brings its final form alone gets a part form that is right.
    #[test]
    fn the_default_part_form_is_right_for_any_key(
        a in Vec::<u8>::any(), b in Vec::<u8>::any(), more in Vec::<u8>::any(),
    ) {
        let (a, b) = (ByHand(a), ByHand(b));
        check(&a, &b, &more, &[]);
        check_strict::<(ByHand, ByHand)>(&more);
    }

    #[test]
    fn ranges_hold_the_keys_between_their_ends(
        (keys, low, high) in (proptest::collection::vec(<(String, u8)>::any(), 0..20), String::any(), String::any()),
        kind in 0_u8..9,
    ) {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = [Included(low.as_str()), Excluded(&low), Unbounded][usize::from(kind % 3)];
        let end = [Included(high.as_str()), Excluded(&high), Unbounded][usize::from(kind / 3)];
        let (finals, parts) = (
            KeyBounds::<String>::final_bounds(&(start, end)),
            KeyBounds::<String>::part_bounds(&(start, end)),
        );
        for key in &keys {
            let inside = std::ops::RangeBounds::<&str>::contains(&(start, end), &key.0.as_str());
            assert_eq!(contains(&finals, &to_bytes(&key.0)), inside, "{key:?}");
            assert_eq!(contains(&parts, &to_bytes(key)), inside, "{key:?}");
        }
    }

    #[test]
    fn prefixes_begin_the_keys_with_these_fields_and_no_others(
        key in <(String, Vec<u8>, String)>::any(), first in String::any(), second in Vec::<u8>::any(),
    ) {
        type Three = (String, Vec<u8>, String);
        for bytes in [to_bytes(&key), to_part(&key)] {
            assert!(bytes.starts_with(&prefix::<Three>(&(&key.0,))));
            assert!(bytes.starts_with(&prefix::<Three>(&(key.0.as_str(), key.1.as_slice()))));
            let begins = bytes.starts_with(&prefix::<Three>(&(&first,)));
            assert_eq!(begins, key.0 == first);
            let begins = bytes.starts_with(&prefix::<Three>(&(&first, &second)));
            assert_eq!(begins, key.0 == first && key.1 == second);
        }
    }

    #[test]
    fn a_text_begins_the_strings_that_begin_with_it(key in String::any(), first in String::any()) {
        let begins = key.starts_with(&first);
        assert_eq!(to_bytes(&key).starts_with(&prefix::<String>(first.as_str())), begins);
        let mut part = Vec::new();
        KeyPrefix::<String>::encode_part_prefix(first.as_str(), &mut part);
        assert_eq!(to_part(&key).starts_with(&part), begins);
    }
}

#[derive(Debug, Clone)]
struct ByHand(Vec<u8>);

as_key!(ByHand);

impl EncodeKey for ByHand {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.0.encode_into(out);
    }
}

impl Key for ByHand {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        Vec::decode(bytes).map(ByHand)
    }
}

fn contains(range: &(std::ops::Bound<Vec<u8>>, std::ops::Bound<Vec<u8>>), key: &[u8]) -> bool {
    std::ops::RangeBounds::contains(range, &key.to_vec())
}

fn prefix<K>(prefix: &(impl KeyPrefix<K> + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::new();
    prefix.encode_prefix(&mut bytes);
    bytes
}

#[test]
fn a_range_above_the_greatest_part_is_empty() {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let bounds = KeyBounds::<u8>::part_bounds(&(Excluded(255), Unbounded));
    assert!(!contains(&bounds, &[255]) && !contains(&bounds, &[255, 255]));
    let bounds = KeyBounds::<()>::part_bounds(&(Excluded(()), Unbounded));
    assert!(!contains(&bounds, &[]) && !contains(&bounds, &[0]));
    let bounds = KeyBounds::<u8>::part_bounds(&(Included(255), Included(255)));
    assert!(contains(&bounds, &[255, 255, 255]) && !contains(&bounds, &[254, 255]));
}
