//! What a range of keys may be written as, and what a literal in it is inferred to be.

use std::marker::PhantomData;
use std::net::Ipv4Addr;
use std::ops::Bound;

use emdb::{Key, KeyBounds};

struct Keys<K>(PhantomData<K>);

impl<K: Key> Keys<K> {
    fn range(&self, bounds: impl KeyBounds<K>) {
        let _ = (bounds.final_bounds(), bounds.part_bounds());
    }
}

fn keys<K: Key>() -> Keys<K> {
    Keys(PhantomData)
}

#[derive(Clone, Key)]
struct Id(u64);

fn main() {
    let (one, two) = (1_u64, 2_u64);
    keys::<u64>().range(..);
    keys::<u64>().range(10..);
    keys::<u64>().range(10..20);
    keys::<u64>().range(10..=20);
    keys::<u64>().range(..20);
    keys::<u64>().range(..=20);
    keys::<u64>().range(one..two);
    keys::<u64>().range(&one..&two);
    keys::<u64>().range((Bound::Excluded(1), Bound::Unbounded));
    keys::<u64>().range((Bound::Excluded(&one), Bound::Included(&two)));
    keys::<i8>().range(-1..);
    keys::<f64>().range(-1.0..=1.0);
    keys::<char>().range('a'..='z');

    let owned = "a".to_owned();
    keys::<String>().range("a".."b");
    keys::<String>().range("a"..=owned.as_str());
    keys::<String>().range(&owned..);
    keys::<String>().range(..owned);
    keys::<String>().range((Bound::Excluded("a"), Bound::Unbounded));
    keys::<Box<str>>().range("a"..);

    let bytes = vec![1_u8];
    keys::<Vec<u8>>().range(bytes.as_slice()..);
    keys::<Vec<u8>>().range(&bytes[..]..&[2][..]);
    keys::<Vec<u8>>().range(&bytes..);
    keys::<Vec<u8>>().range(b"a"..b"b");
    keys::<Vec<u8>>().range(bytes..);
    keys::<[u8; 2]>().range([1, 2]..);
    keys::<[u8; 2]>().range(b"ab"..);

    keys::<(u8, String)>().range((1, "a".to_owned())..);
    keys::<Option<u64>>().range(Some(3)..);
    keys::<Option<u64>>().range(None..);
    keys::<Ipv4Addr>().range(Ipv4Addr::new(10, 0, 0, 0)..Ipv4Addr::new(11, 0, 0, 0));
    keys::<Id>().range(Id(1)..);
    keys::<Id>().range(&Id(1)..=&Id(2));
}
