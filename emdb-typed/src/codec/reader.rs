//! Reading: serde's calls answered with bincode's primitives.
//!
//! bincode has a serde deserializer of its own, but that one believes lengths: a string that claims
//! 2^60 bytes is allocated before a byte of it is read. This one lends strings and bytes from the
//! input, and counts what takes no bytes of it.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::bytes::{self, Bytes};
use super::failure::Failure;
use super::input::Input;
use super::limits::Limits;
use super::tape::{Leaf, Tape};
use super::text;

type Result<T> = std::result::Result<T, Failure>;

/// A deserializer over one row, which may keep a tape of what it is asked for.
pub(super) struct Reader<'de, T = ()> {
    input: Input<'de>,
    limits: Limits,
    tape: T,
}

impl<'de> Reader<'de> {
    #[inline(always)]
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Reader::taped(bytes, ())
    }
}

impl<'de, T: Tape> Reader<'de, T> {
    #[inline(always)]
    pub(super) fn taped(bytes: &'de [u8], tape: T) -> Self {
        Reader { input: Input::new(bytes), limits: Limits::default(), tape }
    }

    pub(super) fn into_tape(self) -> T {
        self.tape
    }

    /// The bytes that are not read yet.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'de [u8] {
        self.input.rest()
    }

    /// The number of elements of a collection.
    #[inline(always)]
    fn len(&mut self) -> Result<usize> {
        let len = self.input.length()?;
        self.tape.leaf(Leaf::Len(len));
        Ok(len)
    }

    /// Runs `read` one level deeper.
    #[inline(always)]
    fn nested<V>(&mut self, read: impl FnOnce(&mut Self) -> Result<V>) -> Result<V> {
        self.limits.enter().map_err(Failure::new)?;
        let value = read(self)?;
        self.limits.leave();
        Ok(value)
    }

    /// Something with as many parts as its type says.
    #[inline(always)]
    fn tuple<V: Visitor<'de>>(&mut self, len: usize, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Parts { reader, left: len, names: &[] }))
    }

    /// As many parts as there are names.
    #[inline(always)]
    fn named<V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Parts { reader, left: names.len(), names }))
    }

    /// Refuses a question that only bytes with types in them could answer.
    #[cold]
    fn untyped<V>(&mut self) -> Result<V> {
        self.tape.leaf(Leaf::Any);
        Err(no_types())
    }
}

macro_rules! plain {
    ($($method:ident => $visit:ident, $leaf:ident, $read:expr;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.tape.leaf(Leaf::$leaf);
            let read: fn(&mut Input<'de>) -> Result<_> = $read;
            visitor.$visit(read(&mut self.input)?)
        }
    )*};
}

impl<'de, T: Tape> Deserializer<'de> for &mut Reader<'de, T> {
    type Error = Failure;

    plain! {
        deserialize_bool => visit_bool, Bool, Input::bool;
        deserialize_i8 => visit_i8, I8, |input| input.byte().map(|byte| byte as i8);
        deserialize_i16 => visit_i16, I16, Input::signed;
        deserialize_i32 => visit_i32, I32, Input::signed;
        deserialize_i64 => visit_i64, I64, Input::signed;
        deserialize_i128 => visit_i128, I128, Input::any;
        deserialize_u8 => visit_u8, U8, Input::byte;
        deserialize_u16 => visit_u16, U16, Input::unsigned;
        deserialize_u32 => visit_u32, U32, Input::unsigned;
        deserialize_u64 => visit_u64, U64, Input::word;
        deserialize_u128 => visit_u128, U128, Input::any;
        deserialize_f32 => visit_f32, F32, |input| input.array().map(f32::from_le_bytes);
        deserialize_f64 => visit_f64, F64, |input| input.array().map(f64::from_le_bytes);
        deserialize_char => visit_char, Char, Input::any;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.tape.leaf(Leaf::Str);
        visitor.visit_borrowed_str(text::checked(self.input.counted()?)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.tape.leaf(Leaf::Bytes);
        visitor.visit_borrowed_bytes(self.input.counted()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let mark = self.input.byte()?;
        self.tape.leaf(Leaf::Option(mark != 0));
        match mark {
            0 => visitor.visit_none(),
            1 => self.nested(|reader| visitor.visit_some(reader)),
            other => Err(Failure::new(format!("{other} is no mark of an `Option`"))),
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
            let list = self.input.counted()?;
            return self.nested(|_| visitor.visit_seq(Bytes(list.iter())).map_err(Error::custom));
        }
        let len = self.len()?;
        self.nested(|reader| visitor.visit_seq(Elements::new(reader, len)))
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
        self.nested(|reader| visitor.visit_map(Elements::new(reader, len)))
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

fn no_types() -> Failure {
    Failure::new(
        "stored rows carry no names and types: serde's `untagged`, `flatten`, `tag` and \
         self-describing types such as `serde_json::Value` can't be read from them",
    )
}

type Names = &'static [&'static str];

/// The parts of a tuple or a struct: as many as its type says.
struct Parts<'a, 'de, T> {
    reader: &'a mut Reader<'de, T>,
    left: usize,
    /// Their names, in a struct.
    names: Names,
}

impl<'de, T: Tape> SeqAccess<'de> for Parts<'_, 'de, T> {
    type Error = Failure;

    #[inline(always)]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.reader.tape.enter(|| {
            let at = self.names.len().checked_sub(left + 1)?;
            self.names.get(at).copied()
        });
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.tape.leave();
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        // No part of a tuple needs room beforehand; an array's type says how much it takes.
        Some(self.left.min(self.reader.rest().len()))
    }
}

/// The elements of a sequence or a map: as many as the bytes say.
struct Elements<'a, 'de, T> {
    reader: &'a mut Reader<'de, T>,
    left: usize,
    /// How many there may be room for at once: what the input can fill, whatever the length in it says.
    room: usize,
    /// How much was left to read when the current element began.
    entry: usize,
}

impl<'a, 'de, T: Tape> Elements<'a, 'de, T> {
    #[inline(always)]
    fn new(reader: &'a mut Reader<'de, T>, left: usize) -> Self {
        let room = reader.rest().len();
        Elements { reader, left, room, entry: room }
    }

    /// Begins an element, if there is one more.
    #[inline(always)]
    fn begin(&mut self) -> bool {
        self.entry = self.reader.rest().len();
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        more
    }

    #[inline(always)]
    fn part<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        self.reader.tape.enter(|| None);
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.tape.leave();
        Ok(value)
    }

    #[inline(always)]
    fn finish(&mut self) -> Result<()> {
        let hollow = self.reader.rest().len() == self.entry;
        if hollow { self.reader.limits.hollow().map_err(Failure::new) } else { Ok(()) }
    }

    fn hint(&self) -> Option<usize> {
        Some(self.left.min(self.room))
    }
}

impl<'de, T: Tape> SeqAccess<'de> for Elements<'_, 'de, T> {
    type Error = Failure;

    #[inline]
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

impl<'de, T: Tape> MapAccess<'de> for Elements<'_, 'de, T> {
    type Error = Failure;

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
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let index = self.input.unsigned::<u32>()?;
        self.tape.leaf(Leaf::Variant(index, ""));
        let variant: U32Deserializer<Failure> = index.into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de, T: Tape> VariantAccess<'de> for &mut Reader<'de, T> {
    type Error = Failure;

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
