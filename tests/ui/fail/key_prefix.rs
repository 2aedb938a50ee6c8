use std::marker::PhantomData;

use emdb::{Key, KeyPrefix};

struct Keys<K>(PhantomData<K>);

impl<K: Key> Keys<K> {
    fn prefix<P: KeyPrefix<K> + ?Sized>(&self, _: &P) {}
}

#[derive(Clone, Key)]
struct Place {
    country: String,
    city: String,
}

fn main() {
    let keys = Keys::<(u64, String)>(PhantomData);
    // Another type.
    keys.prefix(&("a",));
    // No tuple.
    keys.prefix(&7_u64);
    // All of the fields.
    keys.prefix(&(7, "a"));
    Keys::<Place>(PhantomData).prefix(&(7,));
    Keys::<String>(PhantomData).prefix(&("a",));
}
