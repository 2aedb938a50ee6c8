//! Writing: the mirror image of the reader.
//!
//! It keeps the reader's limits, so that no row is accepted that could not be read back, and
//! refuses what serde leaves out on the way (`skip_serializing_if`) for the same reason. The bytes
//! are those of bincode's own serializer; a test holds the two together.

use bincode::config::Configuration;
use bincode::enc::{Encode, Encoder, EncoderImpl, write};
use bincode::error::EncodeError;
use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::bytes;
use super::config::{CONFIG, LONG};
use super::limits::Limits;
use super::tape::{Leaf, Tape};

type Result<T> = std::result::Result<T, EncodeError>;

/// The bytes written so far.
pub(super) struct Output(Vec<u8>);

impl write::Writer for Output {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match bytes {
            // Most numbers of a row: a push is shorter than a copy of one byte.
            [byte] => self.0.push(*byte),
            bytes => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }
}

/// A serializer of one row, which may keep a tape of what it is given.
pub(super) struct Writer<T = ()> {
    encoder: EncoderImpl<Output, Configuration>,
    limits: Limits,
    tape: T,
}

impl Writer {
    pub(super) fn new() -> Self {
        Writer::taped(())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.into_parts().0
    }
}

impl<T: Tape> Writer<T> {
    pub(super) fn taped(tape: T) -> Self {
        // Most rows fit without growing.
        let output = Output(Vec::with_capacity(256));
        Writer { encoder: EncoderImpl::new(output, CONFIG), limits: Limits::default(), tape }
    }

    pub(super) fn into_parts(self) -> (Vec<u8>, T) {
        (self.encoder.into_writer().0, self.tape)
    }

    pub(super) fn plain<V: Encode>(&mut self, value: V) -> Result<()> {
        value.encode(&mut self.encoder)
    }

    /// A length: one byte is the length itself, as for most.
    #[inline]
    fn length(&mut self, len: usize) -> Result<()> {
        match u8::try_from(len) {
            Ok(short) if short < LONG => {
                self.encoder.writer().0.push(short);
                Ok(())
            }
            _ => self.plain(len),
        }
    }

    /// A string or byte string behind its length.
    #[inline]
    fn counted(&mut self, bytes: &[u8]) -> Result<()> {
        self.length(bytes.len())?;
        self.encoder.writer().0.extend_from_slice(bytes);
        Ok(())
    }

    fn len(&mut self) -> usize {
        self.encoder.writer().0.len()
    }

    /// Writes a list of bytes.
    fn bytes(&mut self, len: usize, bytes: impl Iterator<Item: Serialize>) -> Result<()> {
        self.length(len)?;
        self.limits.enter().map_err(Error::custom)?;
        let output = &mut self.encoder.writer().0;
        let (before, mut refused) = (output.len(), None);
        // No branch is left in this for `u8`: it is one copy.
        output.extend(bytes.map(|value| {
            bytes::byte(value).unwrap_or_else(|error| {
                refused = Some(error);
                0
            })
        }));
        self.limits.leave();
        let written = output.len() - before;
        match refused {
            None if written == len => Ok(()),
            None => Err(EncodeError::custom(format!("{written} elements of {len} came"))),
            Some(error) => Err(EncodeError::custom(error)),
        }
    }

    /// Writes `value` as many levels deeper as the reader will be when it reads it.
    fn nested<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<()> {
        self.limits.enter().map_err(Error::custom)?;
        value.serialize(&mut *self)?;
        self.limits.leave();
        Ok(())
    }

    /// Writes which variant of an enum follows.
    fn variant(&mut self, index: u32, name: &'static str) -> Result<()> {
        self.tape.leaf(Leaf::Variant(index, name));
        self.plain(index)
    }

    /// Begins something with parts, `levels` deeper; its `end` comes back up.
    fn parts(&mut self, levels: usize, counted: bool) -> Result<Parts<'_, T>> {
        for _ in 0..levels {
            self.limits.enter().map_err(Error::custom)?;
        }
        Ok(Parts { writer: self, levels, counted, entry: 0 })
    }

    /// Begins a collection, whose length is not known from its type.
    fn collection(&mut self, len: Option<usize>) -> Result<Parts<'_, T>> {
        let unknown = "a collection doesn't know its length beforehand (serde's `flatten` causes \
                       this too), and a stored row needs it: collect into a `Vec` or a map first";
        let len = len.ok_or_else(|| EncodeError::custom(unknown))?;
        self.tape.leaf(Leaf::Len(len));
        self.length(len)?;
        self.parts(1, true)
    }
}

macro_rules! plain {
    ($($method:ident: $ty:ty, $leaf:ident;)*) => {$(
        fn $method(self, value: $ty) -> Result<()> {
            self.tape.leaf(Leaf::$leaf);
            self.plain(value)
        }
    )*};
}

impl<'a, T: Tape> Serializer for &'a mut Writer<T> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Parts<'a, T>;
    type SerializeTuple = Parts<'a, T>;
    type SerializeTupleStruct = Parts<'a, T>;
    type SerializeTupleVariant = Parts<'a, T>;
    type SerializeMap = Parts<'a, T>;
    type SerializeStruct = Parts<'a, T>;
    type SerializeStructVariant = Parts<'a, T>;

    plain! {
        serialize_bool: bool, Bool;
        serialize_i8: i8, I8;
        serialize_i16: i16, I16;
        serialize_i32: i32, I32;
        serialize_i64: i64, I64;
        serialize_i128: i128, I128;
        serialize_u8: u8, U8;
        serialize_u16: u16, U16;
        serialize_u32: u32, U32;
        serialize_u64: u64, U64;
        serialize_u128: u128, U128;
        serialize_f32: f32, F32;
        serialize_f64: f64, F64;
        serialize_char: char, Char;
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        self.tape.leaf(Leaf::Str);
        self.counted(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.tape.leaf(Leaf::Bytes);
        self.counted(value)
    }

    fn serialize_none(self) -> Result<()> {
        self.tape.leaf(Leaf::Option(false));
        self.plain(0_u8)
    }

    fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> Result<()> {
        self.tape.leaf(Leaf::Option(true));
        self.plain(1_u8)?;
        self.nested(value)
    }

    fn serialize_unit(self) -> Result<()> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<()> {
        self.variant(index, variant)?;
        self.nested(&())
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &V,
    ) -> Result<()> {
        self.nested(value)
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        value: &V,
    ) -> Result<()> {
        self.variant(index, variant)?;
        self.nested(value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'a, T>> {
        self.collection(len)
    }

    fn collect_seq<I>(self, elements: I) -> Result<()>
    where
        I: IntoIterator<Item: Serialize>,
    {
        let mut elements = elements.into_iter();
        let len = match elements.size_hint() {
            (least, Some(most)) if least == most => Some(least),
            _ => None,
        };
        if let (Some(len), true) = (len, bytes::is_byte::<I::Item>() && !T::KEPT) {
            return self.bytes(len, elements);
        }
        let mut parts = self.collection(len)?;
        elements.try_for_each(|element| SerializeSeq::serialize_element(&mut parts, &element))?;
        parts.close()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Parts<'a, T>> {
        self.parts(1, false)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'a, T>> {
        self.parts(1, false)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'a, T>> {
        self.variant(index, variant)?;
        self.parts(2, false)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'a, T>> {
        self.collection(len)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'a, T>> {
        self.parts(1, false)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'a, T>> {
        self.variant(index, variant)?;
        self.parts(2, false)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of a sequence, a tuple, a struct or a map.
pub(super) struct Parts<'a, T> {
    writer: &'a mut Writer<T>,
    levels: usize,
    /// Whether the number of parts stands in the bytes, and not in the type.
    counted: bool,
    /// Where the current element began.
    entry: usize,
}

impl<T: Tape> Parts<'_, T> {
    fn part<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<()> {
        value.serialize(&mut *self.writer)
    }

    fn begin(&mut self) {
        self.entry = self.writer.len();
    }

    fn finish(&mut self) -> Result<()> {
        let hollow = self.counted && self.writer.len() == self.entry;
        if hollow { self.writer.limits.hollow().map_err(Error::custom) } else { Ok(()) }
    }

    fn close(self) -> Result<()> {
        for _ in 0..self.levels {
            self.writer.limits.leave();
        }
        Ok(())
    }
}

impl<T: Tape> SerializeSeq for Parts<'_, T> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<()> {
        self.begin();
        self.part(value)?;
        self.finish()
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl<T: Tape> SerializeMap for Parts<'_, T> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<V: Serialize + ?Sized>(&mut self, key: &V) -> Result<()> {
        self.begin();
        self.part(key)
    }

    fn serialize_value<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<()> {
        self.part(value)?;
        self.finish()
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl<T: Tape> SerializeTuple for Parts<'_, T> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<()> {
        self.part(value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

macro_rules! positional {
    ($($parts:ident)*) => {$(
        impl<T: Tape> $parts for Parts<'_, T> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<()> {
                self.part(value)
            }

            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )*};
}

macro_rules! named {
    ($($parts:ident)*) => {$(
        impl<T: Tape> $parts for Parts<'_, T> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<V: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &V,
            ) -> Result<()> {
                self.writer.tape.enter(|| Some(name));
                self.part(value)?;
                self.writer.tape.leave();
                Ok(())
            }

            fn skip_field(&mut self, name: &'static str) -> Result<()> {
                Err(EncodeError::custom(format!(
                    "serde's `skip_serializing_if` left out the field `{name}`, and a stored row \
                     with a hole can't be read back: remove the attribute"
                )))
            }

            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )*};
}

positional!(SerializeTupleStruct SerializeTupleVariant);
named!(SerializeStruct SerializeStructVariant);

/// An error in words that name no crate.
pub(super) fn reason(error: &EncodeError) -> String {
    match error {
        EncodeError::OtherString(reason) => reason.clone(),
        EncodeError::Other(reason) => (*reason).to_owned(),
        other => format!("{other:?}"),
    }
}
