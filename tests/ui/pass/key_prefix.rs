//! What the leading fields of a key may be written as.

use std::marker::PhantomData;

use emdb::{Key, KeyPrefix};

struct Keys<K>(PhantomData<K>);

impl<K: Key> Keys<K> {
    fn prefix<P: KeyPrefix<K> + ?Sized>(&self, prefix: &P) -> Vec<u8> {
        let mut bytes = Vec::new();
        prefix.encode_prefix(&mut bytes);
        prefix.encode_part_prefix(&mut bytes);
        bytes
    }
}

fn keys<K: Key>() -> Keys<K> {
    Keys(PhantomData)
}

#[derive(Clone, Key)]
struct Place {
    country: String,
    zip: u16,
    city: String,
}

#[derive(Clone, Key)]
struct Generic<A, const N: usize>(A, [u8; N], u8);

type Eight = (u8, String, Vec<u8>, Option<u8>, bool, char, i8, u64);

fn main() {
    let org = 7;
    keys::<(u64, String)>().prefix(&(org,));
    keys::<(u64, String)>().prefix(&(&7,));
    keys::<(Option<u64>, u8)>().prefix(&(Some(3),));
    keys::<(Option<u64>, u8)>().prefix(&(None,));
    keys::<(String, u64)>().prefix(&("a",));
    keys::<(String, u64)>().prefix(&("a".to_owned(),));
    keys::<(String, u64)>().prefix(&(&"a".to_owned(),));
    keys::<(Vec<u8>, u64)>().prefix(&(b"a",));
    keys::<(Vec<u8>, u64)>().prefix(&(&[1, 2][..],));
    keys::<([u8; 2], u64)>().prefix(&([1, 2],));
    keys::<Eight>().prefix(&(1,));
    keys::<Eight>().prefix(&(1, "a", b"b", Some(1), true, 'c', -1));

    keys::<Place>().prefix(&("ch",));
    keys::<Place>().prefix(&("ch", 4000));
    keys::<Generic<String, 2>>().prefix(&("ch",));
    keys::<Generic<u64, 2>>().prefix(&(1, [1, 2]));

    keys::<String>().prefix("a");
    keys::<String>().prefix(&"a".to_owned()[..]);
    keys::<Box<str>>().prefix("a");
    keys::<Vec<u8>>().prefix(&b"a"[..]);

    let place = Place { country: String::new(), zip: 1, city: String::new() };
    let _ = (place.country, place.zip, place.city, Generic(1_u8, [1], 2).0);
}
