//! Order and round trip of every key type, against `Ord`.

use std::fmt::Debug;

use proptest::prelude::*;

use super::{Key, KeyError, to_bytes};

fn check<K: Key + Ord + Debug>(a: &K, b: &K) {
    let (bytes_a, bytes_b) = (to_bytes(a), to_bytes(b));
    assert_eq!(bytes_a.cmp(&bytes_b), a.cmp(b), "{a:?} against {b:?}");
    assert_eq!(K::decode(&bytes_a).as_ref(), Ok(a));
    assert_eq!(K::decode(&bytes_b).as_ref(), Ok(b));
}

macro_rules! integers {
    ($($int:ident)*) => {$(
        mod $int {
            use super::*;

            proptest! {
                #[test]
                fn bytes_sort_as_the_keys(a: $int, b: $int) {
                    check(&a, &b);
                    // Neighbours differ in the last byte alone, or carry through all of them.
                    check(&a, &a.wrapping_add(1));
                }
            }

            #[test]
            fn the_ends_sort_right_and_other_lengths_are_refused() {
                let ends = [$int::MIN, $int::MIN + 1, 0, 1, $int::MAX - 1, $int::MAX];
                for a in ends {
                    for b in ends {
                        check(&a, &b);
                    }
                }
                let expected = size_of::<$int>();
                let longer = vec![0; expected + 1];
                for found in [0, expected - 1, expected + 1] {
                    let error = $int::decode(&longer[..found]);
                    assert_eq!(error, Err(KeyError::Length { expected, found }));
                }
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

proptest! {
    #[test]
    fn strings_sort_as_the_keys(a: String, b: String, more: String) {
        check(&a, &b);
        check(&a, &format!("{a}{more}"));
    }

    #[test]
    fn any_bytes_are_a_string_key_or_an_error(bytes: Vec<u8>) {
        match String::decode(&bytes) {
            Ok(key) => assert_eq!(to_bytes(&key), bytes),
            Err(error) => assert_eq!(error, KeyError::Utf8),
        }
    }
}

#[test]
fn the_borrowed_form_has_the_bytes_of_the_key() {
    assert_eq!(to_bytes("Z\u{fc}rich"), to_bytes(&"Z\u{fc}rich".to_owned()));
}

#[test]
fn the_bytes_of_keys_are_pinned() {
    assert_eq!(to_bytes(&7_u64), [0, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(to_bytes(&-1_i8), [0x7F]);
    assert_eq!(to_bytes(&0x0102_u16), [1, 2]);
    assert_eq!(to_bytes(&0_i32), [0x80, 0, 0, 0]);
    assert_eq!(to_bytes("a\0b"), *b"a\0b");
    assert_eq!(to_bytes(""), *b"");
}
