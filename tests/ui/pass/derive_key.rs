//! Everything that may derive `Key`, without a warning.

#![deny(warnings, missing_docs, unused_qualifications, unsafe_code, rust_2018_idioms)]
#![deny(single_use_lifetimes, trivial_casts, unreachable_pub, let_underscore_drop)]

use std::fmt::Debug;
use std::marker::PhantomData;

use emdb::{EncodeKey, Key};

/// A newtype.
#[derive(Debug, Clone, PartialEq, Key)]
pub struct UserId(u64);

/// Named fields, one of them private and of a private type.
#[derive(Debug, Clone, PartialEq, Key)]
pub struct Place {
    /// First.
    pub country: String,
    r#type: Kind,
    /// Last.
    pub city: String,
}

#[derive(Debug, Clone, PartialEq, Key)]
struct Kind(char);

/// Without fields.
#[derive(Debug, Clone, PartialEq, Key)]
pub struct Unit;

/// Without fields, too.
#[derive(Debug, Clone, PartialEq, Key)]
pub struct Braces {}

/// Every way to write a variant without fields.
#[derive(Debug, Clone, Copy, PartialEq, Key)]
#[repr(u8)]
pub enum Level {
    /// With a discriminant.
    High = 200,
    /// Without.
    r#Low,
    /// With parentheses.
    Parentheses(),
    /// With braces.
    Braces {},
}

/// Generic.
#[derive(Debug, Clone, PartialEq, Key)]
pub struct Pair<A: Debug, B = u8, const N: usize = 2>(A, [B; N])
where
    B: PartialEq;

/// The usual phantom, over a type that is nothing at all.
#[derive(Debug, Key)]
pub struct Id<T: ?Sized>(String, PhantomData<fn() -> T>);

impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        Id(self.0.clone(), PhantomData)
    }
}

/// Nothing but a phantom.
#[derive(Debug, Clone, PartialEq, Key)]
pub struct Nothing<T> {
    of: PhantomData<T>,
}

/// Deprecated.
#[derive(Debug, Clone, PartialEq, Key)]
#[deprecated = "use something newer"]
pub struct Old(#[deprecated] u64);

macro_rules! newtype {
    ($name:ident, $ty:ty) => {
        #[derive(Debug, Clone, PartialEq, Key)]
        struct $name($ty, PhantomData<()>);
    };
}

fn check<K: Key + PartialEq + Debug>(key: &K, bytes: &[u8]) {
    let mut out = Vec::new();
    key.encode_into(&mut out);
    assert_eq!(out, bytes);
    assert_eq!(K::decode(bytes).as_ref(), Ok(key));
    out.clear();
    key.encode_part(&mut out);
    out.push(9);
    let mut rest = out.as_slice();
    assert_eq!(K::decode_part(&mut rest).as_ref(), Ok(key));
    assert_eq!(rest, [9]);
}

fn main() {
    newtype!(Local, i8);

    check(&UserId(7), &[0, 0, 0, 0, 0, 0, 0, 7]);
    let place = Place { country: "ch".into(), r#type: Kind('a'), city: "Basel".into() };
    check(&place, b"ch\0\x01\0\0\0aBasel");
    check(&Unit, b"");
    check(&Braces {}, b"");
    check(&Level::High, &[0]);
    check(&Level::Low, &[1]);
    check(&Level::Parentheses(), &[2]);
    check(&Level::Braces {}, &[3]);
    check(&Pair("a".to_owned(), [1_u8, 2]), b"a\0\x01\x01\x02");
    check(&Nothing::<str::Marker> { of: PhantomData }, b"");
    check(&Local(-1, PhantomData), &[0x7F]);

    let id = Id::<dyn Debug>("abc".to_owned(), PhantomData);
    let mut out = Vec::new();
    id.encode_into(&mut out);
    assert_eq!(out, b"abc");
}

mod str {
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct Marker;
}
