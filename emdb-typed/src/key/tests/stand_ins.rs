//! A stand-in has the bytes of the key: in lookups, at the ends of ranges, and in front of others.

// What points to a key is what is tried.
#![allow(clippy::needless_borrows_for_generic_args)]

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{AsKey, EncodeKey, Key, KeyBounds, KeyError, final_form, part_form, to_bytes};
use super::sample::Sample;
use super::to_part;

/// The bytes of the key by all ways on which it is given.
#[track_caller]
pub(super) fn stands<K: Key>(key: &K, given: impl AsKey<K>) {
    assert_eq!(final_form::<K>(&given), to_bytes(key));
    assert_eq!(part_form::<K>(&given), to_part(key));
    let given = &given;
    assert_eq!(KeyBounds::<K>::final_bounds(&(given..)), (Included(to_bytes(key)), Unbounded));
    assert_eq!(
        KeyBounds::<K>::final_bounds(&(Excluded(given), Included(given))),
        KeyBounds::<K>::final_bounds(&(Excluded(key), Included(key)))
    );
    assert_eq!(
        KeyBounds::<K>::part_bounds(&(given..=given)),
        KeyBounds::<K>::part_bounds(&(key..=key))
    );
    assert_eq!(KeyBounds::<K>::part_bounds(&(..given)), KeyBounds::<K>::part_bounds(&(..key)));
}

/// A key for itself, for its `Some`, and as a field. No more, as every key type comes here.
pub(super) fn stands_by_itself<K: Sample>(key: &K) {
    stands(key, key);
    stands(&Some(key.clone()), key);
    stands(&(key.clone(), key.clone()), (key, key.clone()));
}

#[test]
fn what_points_to_a_key_stands_for_it() {
    let key = "a\0".to_owned();
    stands(&key, key.clone());
    stands(&key, &&key);
    stands(&key, &mut key.clone());
    stands(&key, Box::new(&key));
    stands(&key, Rc::new(key.clone()));
    stands(&key, Arc::new(key.clone()));
    stands(&Some(key.clone()), Some(key.clone()));
    stands(&(key.clone(), 7_u8), (Box::new("a\0"), &7));
}

proptest! {
    #[test]
    fn borrowed_text_and_bytes_stand_for_owned_ones(text in String::any(), bytes in Vec::<u8>::any()) {
        let (str, slice) = (text.as_str(), bytes.as_slice());
        stands(&text, str);
        stands(&text.clone().into_boxed_str(), str);
        stands(&Some(text.clone()), str);
        stands(&Some(text.clone().into_boxed_str()), str);
        stands(&Some(Some(text.clone())), Some(text.clone()));
        stands(&bytes, slice);
        stands(&Some(bytes.clone()), slice);
        assert_eq!(final_form::<String>(str), to_bytes(&text));
        assert_eq!(final_form::<Box<str>>(str), to_bytes(&text));
        assert_eq!(final_form::<Option<String>>(str), to_bytes(&Some(text)));
        assert_eq!(final_form::<Vec<u8>>(slice), to_bytes(&bytes));
        assert_eq!(final_form::<Option<Vec<u8>>>(slice), to_bytes(&Some(bytes.clone())));
    }

    /// An array has another part form than the string of its bytes.
    #[test]
    fn an_array_of_bytes_stands_for_either(bytes in <[u8; 4]>::any()) {
        stands(&bytes, bytes);
        stands(&bytes.to_vec(), bytes);
        stands(&bytes.to_vec(), &bytes);
        stands(&Some(bytes.to_vec()), &bytes);
        stands(&(bytes.to_vec(), bytes), (&bytes, &bytes));
        assert_eq!(final_form::<Vec<u8>>(&bytes), bytes);
        assert_eq!(final_form::<[u8; 4]>(&bytes[..]), bytes);
    }

    #[test]
    fn a_tuple_of_borrowed_fields_stands_for_the_tuple(
        key in <(String, Vec<u8>, Option<String>, u64)>::any(),
        more in <(Option<u8>, Reverse<String>, [String; 2], Box<str>)>::any(),
    ) {
        let (text, bytes, maybe, number) = &key;
        stands(&key, (text.as_str(), bytes.as_slice(), maybe, *number));
        if let Some(text) = maybe {
            stands(&key, (&key.0, &key.1, text.as_str(), number));
        }
        let (digit, Reverse(backwards), [one, two], boxed) = &more;
        let given = (digit, Reverse(backwards.as_str()), [one.as_str(), two], boxed.as_ref());
        stands(&more, given);
        stands(&Some(more.clone()), given);
        stands(&Reverse(more.clone()), Reverse(given));
        stands(&((key.clone(), more.clone()), 7_u8), ((&key, given), 7));
        stands(&[(text.clone(), *number), (String::new(), 0)], [(text.as_str(), *number), ("", 0)]);
        stands(&(text.clone(),), (text.as_str(),));
        stands(
            &(text.clone(), 1_u8, 2_i16, 3_u32, -4_i64, text.clone(), 'x', bytes.clone()),
            (text.as_str(), 1, 2, 3, -4, text.as_str(), 'x', bytes.as_slice()),
        );
    }

    #[test]
    fn a_text_stands_for_a_key_that_says_so(text in String::any()) {
        let name = Name(text.clone());
        stands(&name, text.as_str());
        stands(&Some(name.clone()), text.as_str());
        stands(&(name.clone(), 7_u8), (text.as_str(), 7));
        assert_eq!(final_form::<Name>(text.as_str()), to_bytes(&name));
    }
}

/// A key by hand, with a borrowed form.
#[derive(Debug, Clone)]
struct Name(String);

crate::as_key!(Name);
crate::as_key!(str as Name);

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl EncodeKey for Name {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.0.encode_into(out);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.0.encode_part(out);
    }
}

impl Key for Name {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        String::decode(bytes).map(Name)
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        String::decode_part(bytes).map(Name)
    }
}
