//! Lists of `u8`, at the speed of byte strings.
//!
//! serde gives a `Vec<u8>` element by element, and its bytes in a row are those of a byte string: a
//! length, and each byte as it is. So a list whose elements are `u8` is written by one copy, and
//! read from one slice; what is left of serde's way is that it pushes the bytes one by one when it
//! reads, as it knows no other for a `Vec`.
//!
//! Types are told by their names, which the compiler knows when it makes the code for one. If it
//! wrote them otherwise one day, such lists would be written and read as others are.

use std::any::type_name;
use std::fmt;

use serde::de::value::U8Deserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, SeqAccess};
use serde::ser::{self, Impossible, Serialize, Serializer};

/// Whether a list of these is a list of bytes.
#[inline(always)]
pub(super) fn is_byte<V>() -> bool {
    matches!(type_name::<V>().as_bytes(), b"u8" | b"&u8")
}

/// Whether this is the list of bytes.
#[inline(always)]
pub(super) fn is_list<V>() -> bool {
    type_name::<V>() == "alloc::vec::Vec<u8>"
}

/// The bytes of a list, for the visitor of one. Its error takes no room: what the visitor does with
/// each byte stays in registers.
pub(super) struct Bytes<'de>(pub(super) std::slice::Iter<'de, u8>);

impl<'de> SeqAccess<'de> for Bytes<'de> {
    type Error = NoByte;

    #[inline(always)]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, NoByte> {
        let Some(byte) = self.0.next() else { return Ok(None) };
        let byte: U8Deserializer<NoByte> = (*byte).into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    #[inline(always)]
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The byte that a value is written as.
#[inline(always)]
pub(super) fn byte<V: Serialize>(value: V) -> Result<u8, NoByte> {
    value.serialize(Byte)
}

/// A value is no byte.
#[derive(Debug)]
pub(super) struct NoByte;

impl fmt::Display for NoByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of a list of bytes is none")
    }
}

impl std::error::Error for NoByte {}

impl ser::Error for NoByte {
    fn custom<T: fmt::Display>(_reason: T) -> Self {
        NoByte
    }
}

impl de::Error for NoByte {
    fn custom<T: fmt::Display>(_reason: T) -> Self {
        NoByte
    }
}

/// Takes a byte and nothing else.
struct Byte;

macro_rules! none {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<u8, NoByte> {
            Err(NoByte)
        }
    )*};
}

macro_rules! no_parts {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<Impossible<u8, NoByte>, NoByte> {
            Err(NoByte)
        }
    )*};
}

type Name = &'static str;

impl Serializer for Byte {
    type Ok = u8;
    type Error = NoByte;
    type SerializeSeq = Impossible<u8, NoByte>;
    type SerializeTuple = Impossible<u8, NoByte>;
    type SerializeTupleStruct = Impossible<u8, NoByte>;
    type SerializeTupleVariant = Impossible<u8, NoByte>;
    type SerializeMap = Impossible<u8, NoByte>;
    type SerializeStruct = Impossible<u8, NoByte>;
    type SerializeStructVariant = Impossible<u8, NoByte>;

    #[inline(always)]
    fn serialize_u8(self, byte: u8) -> Result<u8, NoByte> {
        Ok(byte)
    }

    none! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(Name);
        serialize_unit_variant(Name, u32, Name);
    }

    no_parts! {
        serialize_seq(Option<usize>);
        serialize_tuple(usize);
        serialize_tuple_struct(Name, usize);
        serialize_tuple_variant(Name, u32, Name, usize);
        serialize_map(Option<usize>);
        serialize_struct(Name, usize);
        serialize_struct_variant(Name, u32, Name, usize);
    }

    fn serialize_some<V: Serialize + ?Sized>(self, _: &V) -> Result<u8, NoByte> {
        Err(NoByte)
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(self, _: Name, _: &V) -> Result<u8, NoByte> {
        Err(NoByte)
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: &V,
    ) -> Result<u8, NoByte> {
        Err(NoByte)
    }
}
