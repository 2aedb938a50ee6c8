use std::marker::PhantomData;

use emdb::{Key, KeyBounds};

struct Keys<K>(PhantomData<K>);

impl<K: Key> Keys<K> {
    fn range(&self, _: impl KeyBounds<K>) {}
}

fn main() {
    Keys::<u64>(PhantomData).range("a"..);
    Keys::<u64>(PhantomData).range(1_u32..2);
    Keys::<u64>(PhantomData).range(7);
    Keys::<String>(PhantomData).range('a'..'b');
    Keys::<[u8; 2]>(PhantomData).range(&[1, 2][..]..);
}
