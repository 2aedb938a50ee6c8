//! Stand-ins that are of no key type themselves, or of many: pointers, slices, and what is made of
//! other stand-ins.

use std::rc::Rc;
use std::sync::Arc;

use crate::seal::Seal;

use super::as_key::AsKey;

/// A value with the bytes of another one that stands for the key.
macro_rules! through {
    ($([$($parameters:tt)*] $given:ty => $key:ty, |$this:ident| $other:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($parameters)*> AsKey<$key> for $given {
            const SEAL: Seal = Seal;

            fn write_final(&self, out: &mut Vec<u8>) {
                let $this = self;
                AsKey::<$key>::write_final($other, out);
            }

            fn write_part(&self, out: &mut Vec<u8>) {
                let $this = self;
                AsKey::<$key>::write_part($other, out);
            }
        }
    )*};
}

// Behind these pointers are types with a size, so that no slice stands for an array as a field or as
// the end of a range: it may have another length, and then the bytes of other fields.
through! {
    [K, Q: AsKey<K>] &Q => K, |this| *this;
    [K, Q: AsKey<K>] &mut Q => K, |this| &**this;
    [K, Q: AsKey<K>] Box<Q> => K, |this| &**this;
    [K, Q: AsKey<K>] Rc<Q> => K, |this| &**this;
    [K, Q: AsKey<K>] Arc<Q> => K, |this| &**this;
    [] &[u8] => Vec<u8>, |this| *this;
    [] &[u8] => Option<Vec<u8>>, |this| *this;
    // Not by its own bytes: those of an array have another part form.
    [const N: usize] [u8; N] => Vec<u8>, |this| this.as_slice();
}

#[diagnostic::do_not_recommend]
impl<K> AsKey<K> for &str
where
    str: AsKey<K>,
{
    const SEAL: Seal = Seal;

    fn write_final(&self, out: &mut Vec<u8>) {
        AsKey::<K>::write_final(*self, out);
    }

    fn write_part(&self, out: &mut Vec<u8>) {
        AsKey::<K>::write_part(*self, out);
    }
}

/// A type that stands for keys of other crates, too: for the `Some` of each of them.
macro_rules! some {
    ($([$($parameters:tt)*] $given:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<K, $($parameters)*> AsKey<Option<K>> for $given
        where
            $given: AsKey<K>,
        {
            const SEAL: Seal = Seal;

            fn write_final(&self, out: &mut Vec<u8>) {
                $crate::key::as_key::write_some(out);
                AsKey::<K>::write_final(self, out);
            }

            fn write_part(&self, out: &mut Vec<u8>) {
                $crate::key::as_key::write_some(out);
                AsKey::<K>::write_part(self, out);
            }
        }
    )*};
}

some! {
    [] str;
    [] [u8];
}
