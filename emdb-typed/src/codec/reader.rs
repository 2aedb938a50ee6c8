//! Reading: serde's calls answered with bincode's primitives.
//!
//! bincode has a serde deserializer of its own, but that one believes lengths: a string that claims
//! 2^60 bytes is allocated before a byte of it is read. This one lends strings and bytes from the
//! input, and counts what takes no bytes of it.

use bincode::config::Configuration;
use bincode::de::read::BorrowReader;
use bincode::de::{BorrowDecoder, Decode, DecoderImpl, read};
use bincode::error::DecodeError;
use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::bytes::{self, Bytes};
use super::config::{CONFIG, LONG};
use super::limits::Limits;
use super::tape::{Leaf, Tape};
use super::text;

type Result<T> = std::result::Result<T, DecodeError>;

/// The part of the input that is not read yet.
pub(super) struct Input<'de> {
    rest: &'de [u8],
}

impl Input<'_> {
    /// A length that takes one byte, if that is the next thing.
    #[inline]
    fn short_length(&mut self) -> Option<usize> {
        let (first, rest) = self.rest.split_first()?;
        if *first >= LONG {
            return None;
        }
        self.rest = rest;
        Some(usize::from(*first))
    }
}

impl read::Reader for Input<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<()> {
        let (taken, rest) = split(self.rest, bytes.len())?;
        bytes.copy_from_slice(taken);
        self.rest = rest;
        Ok(())
    }

    fn peek_read(&mut self, n: usize) -> Option<&[u8]> {
        self.rest.get(..n)
    }

    fn consume(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }
}

impl<'de> BorrowReader<'de> for Input<'de> {
    #[inline]
    fn take_bytes(&mut self, length: usize) -> Result<&'de [u8]> {
        let (taken, rest) = split(self.rest, length)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[inline]
fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    let missing = || DecodeError::UnexpectedEnd { additional: at - bytes.len() };
    bytes.split_at_checked(at).ok_or_else(missing)
}

/// A deserializer over one row, which may keep a tape of what it is asked for.
pub(super) struct Reader<'de, T = ()> {
    decoder: DecoderImpl<Input<'de>, Configuration, ()>,
    limits: Limits,
    tape: T,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Reader::taped(bytes, ())
    }
}

impl<'de, T: Tape> Reader<'de, T> {
    pub(super) fn taped(bytes: &'de [u8], tape: T) -> Self {
        let decoder = DecoderImpl::new(Input { rest: bytes }, CONFIG, ());
        Reader { decoder, limits: Limits::default(), tape }
    }

    pub(super) fn into_tape(self) -> T {
        self.tape
    }

    /// The bytes that are not read yet.
    pub(super) fn rest(&mut self) -> &'de [u8] {
        self.decoder.borrow_reader().rest
    }

    pub(super) fn plain<V: Decode<()>>(&mut self) -> Result<V> {
        V::decode(&mut self.decoder)
    }

    /// A length. Most take one byte, which is the length itself.
    #[inline]
    fn length(&mut self) -> Result<usize> {
        match self.decoder.borrow_reader().short_length() {
            Some(length) => Ok(length),
            None => self.plain(),
        }
    }

    /// Bytes behind their length.
    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8]> {
        let length = self.length()?;
        self.decoder.borrow_reader().take_bytes(length)
    }

    /// The number of elements of a collection.
    fn len(&mut self) -> Result<usize> {
        let len = self.length()?;
        self.tape.leaf(Leaf::Len(len));
        Ok(len)
    }

    /// Runs `read` one level deeper.
    fn nested<V>(&mut self, read: impl FnOnce(&mut Self) -> Result<V>) -> Result<V> {
        self.limits.enter().map_err(Error::custom)?;
        let value = read(self)?;
        self.limits.leave();
        Ok(value)
    }

    /// Something with as many parts as its type says.
    fn tuple<V: Visitor<'de>>(&mut self, len: usize, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Parts::new(reader, len, false)))
    }

    /// As many parts as there are names.
    fn named<V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Result<V::Value> {
        self.nested(|reader| {
            visitor.visit_seq(Parts { names, ..Parts::new(reader, names.len(), false) })
        })
    }

    /// Refuses a question that only bytes with types in them could answer.
    fn untyped<V>(&mut self) -> Result<V> {
        self.tape.leaf(Leaf::Any);
        Err(no_types())
    }
}

macro_rules! plain {
    ($($method:ident => $visit:ident, $leaf:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.tape.leaf(Leaf::$leaf);
            visitor.$visit(self.plain()?)
        }
    )*};
}

impl<'de, T: Tape> Deserializer<'de> for &mut Reader<'de, T> {
    type Error = DecodeError;

    plain! {
        deserialize_bool => visit_bool, Bool;
        deserialize_i8 => visit_i8, I8;
        deserialize_i16 => visit_i16, I16;
        deserialize_i32 => visit_i32, I32;
        deserialize_i64 => visit_i64, I64;
        deserialize_i128 => visit_i128, I128;
        deserialize_u8 => visit_u8, U8;
        deserialize_u16 => visit_u16, U16;
        deserialize_u32 => visit_u32, U32;
        deserialize_u64 => visit_u64, U64;
        deserialize_u128 => visit_u128, U128;
        deserialize_f32 => visit_f32, F32;
        deserialize_f64 => visit_f64, F64;
        deserialize_char => visit_char, Char;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.tape.leaf(Leaf::Str);
        visitor.visit_borrowed_str(text::checked(self.bytes()?)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.tape.leaf(Leaf::Bytes);
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let mark = self.plain::<u8>()?;
        self.tape.leaf(Leaf::Option(mark != 0));
        match mark {
            0 => visitor.visit_none(),
            1 => self.nested(|reader| visitor.visit_some(reader)),
            other => Err(DecodeError::custom(format!("{other} is no mark of an `Option`"))),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if bytes::is_list::<V::Value>() && !T::KEPT {
            let list = self.bytes()?;
            return self.nested(|_| visitor.visit_seq(Bytes(list.iter())).map_err(Error::custom));
        }
        let len = self.len()?;
        self.nested(|reader| visitor.visit_seq(Parts::new(reader, len, true)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let len = self.len()?;
        self.nested(|reader| visitor.visit_map(Parts::new(reader, len, true)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.named(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_enum(reader))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        self.untyped()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        self.untyped()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        self.untyped()
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

fn no_types() -> DecodeError {
    DecodeError::custom(
        "stored rows carry no names and types: serde's `untagged`, `flatten`, `tag` and \
         self-describing types such as `serde_json::Value` can't be read from them",
    )
}

type Names = &'static [&'static str];

/// The parts of a sequence, a tuple, a struct or a map.
struct Parts<'a, 'de, T> {
    reader: &'a mut Reader<'de, T>,
    left: usize,
    /// The names of the parts, and those that are read as if they were them; none but in a struct.
    names: Names,
    /// How many parts a collection may make room for at once: what the input can fill, whatever
    /// the length in it says.
    room: usize,
    /// Whether the number of parts comes from the bytes, and not from the type.
    counted: bool,
    /// How much was left to read when the current element began.
    entry: usize,
}

impl<'a, 'de, T: Tape> Parts<'a, 'de, T> {
    fn new(reader: &'a mut Reader<'de, T>, left: usize, counted: bool) -> Self {
        let room = reader.rest().len();
        Parts { reader, left, names: &[], room, counted, entry: room }
    }

    /// Begins an element, if there is one more.
    fn begin(&mut self) -> bool {
        self.entry = self.reader.rest().len();
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        more
    }

    fn part<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        self.reader.tape.enter(|| {
            let at = self.names.len().checked_sub(self.left + 1)?;
            self.names.get(at).copied()
        });
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.tape.leave();
        Ok(value)
    }

    fn finish(&mut self) -> Result<()> {
        let hollow = self.counted && self.reader.rest().len() == self.entry;
        if hollow { self.reader.limits.hollow().map_err(Error::custom) } else { Ok(()) }
    }

    fn hint(&self) -> Option<usize> {
        Some(self.left.min(self.room))
    }
}

impl<'de, T: Tape> SeqAccess<'de> for Parts<'_, 'de, T> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if !self.begin() {
            return Ok(None);
        }
        let value = self.part(seed)?;
        self.finish()?;
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de, T: Tape> MapAccess<'de> for Parts<'_, 'de, T> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.begin() { self.part(seed).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let value = self.part(seed)?;
        self.finish()?;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de, T: Tape> EnumAccess<'de> for &mut Reader<'de, T> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let index = self.plain::<u32>()?;
        self.tape.leaf(Leaf::Variant(index, ""));
        let variant: U32Deserializer<DecodeError> = index.into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de, T: Tape> VariantAccess<'de> for &mut Reader<'de, T> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.named(fields, visitor)
    }
}

/// An error in words that name no crate.
pub(super) fn reason(error: &DecodeError) -> String {
    match error {
        DecodeError::OtherString(reason) => reason.clone(),
        DecodeError::Other(reason) => (*reason).to_owned(),
        DecodeError::UnexpectedEnd { .. } => "the bytes end before the last field".to_owned(),
        DecodeError::Utf8 { .. } => "a string is not UTF-8".to_owned(),
        DecodeError::InvalidCharEncoding(_) => "a `char` is not valid".to_owned(),
        DecodeError::InvalidBooleanValue(found) => format!("{found} is no `bool`"),
        DecodeError::InvalidIntegerType { expected, found } => {
            format!("an integer of type {found:?} stands where {expected:?} belongs")
        }
        other => format!("{other:?}"),
    }
}
