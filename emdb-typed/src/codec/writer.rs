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

use super::config::CONFIG;
use super::limits::Limits;

type Result<T> = std::result::Result<T, EncodeError>;

/// The bytes written so far.
pub(super) struct Output(Vec<u8>);

impl write::Writer for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A serializer of one row.
pub(super) struct Writer {
    encoder: EncoderImpl<Output, Configuration>,
    limits: Limits,
}

impl Writer {
    pub(super) fn new() -> Self {
        // Most rows fit without growing.
        let output = Output(Vec::with_capacity(256));
        Writer { encoder: EncoderImpl::new(output, CONFIG), limits: Limits::default() }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.encoder.into_writer().0
    }

    pub(super) fn plain<T: Encode>(&mut self, value: T) -> Result<()> {
        value.encode(&mut self.encoder)
    }

    fn len(&mut self) -> usize {
        self.encoder.writer().0.len()
    }

    /// Writes `value` as many levels deeper as the reader will be when it reads it.
    fn nested<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.limits.enter().map_err(Error::custom)?;
        value.serialize(&mut *self)?;
        self.limits.leave();
        Ok(())
    }

    /// Begins something with parts, `levels` deeper; its `end` comes back up.
    fn parts(&mut self, levels: usize, counted: bool) -> Result<Parts<'_>> {
        for _ in 0..levels {
            self.limits.enter().map_err(Error::custom)?;
        }
        Ok(Parts { writer: self, levels, counted, entry: 0 })
    }

    /// Begins a collection, whose length is not known from its type.
    fn collection(&mut self, len: Option<usize>) -> Result<Parts<'_>> {
        let unknown = "a collection doesn't know its length beforehand (serde's `flatten` causes \
                       this too), and a stored row needs it: collect into a `Vec` or a map first";
        self.plain(len.ok_or_else(|| EncodeError::custom(unknown))?)?;
        self.parts(1, true)
    }
}

macro_rules! plain {
    ($($method:ident: $ty:ty;)*) => {$(
        fn $method(self, value: $ty) -> Result<()> {
            self.plain(value)
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    plain! {
        serialize_bool: bool;
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_i128: i128;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
        serialize_u128: u128;
        serialize_f32: f32;
        serialize_f64: f64;
        serialize_char: char;
        serialize_str: &str;
        serialize_bytes: &[u8];
    }

    fn serialize_none(self) -> Result<()> {
        self.plain(0_u8)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
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
        _variant: &'static str,
    ) -> Result<()> {
        self.plain(index)?;
        self.nested(&())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.nested(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.plain(index)?;
        self.nested(value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'a>> {
        self.collection(len)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Parts<'a>> {
        self.parts(1, false)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'a>> {
        self.parts(1, false)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'a>> {
        self.plain(index)?;
        self.parts(2, false)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'a>> {
        self.collection(len)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'a>> {
        self.parts(1, false)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'a>> {
        self.plain(index)?;
        self.parts(2, false)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of a sequence, a tuple, a struct or a map.
pub(super) struct Parts<'a> {
    writer: &'a mut Writer,
    levels: usize,
    /// Whether the number of parts stands in the bytes, and not in the type.
    counted: bool,
    /// Where the current element began.
    entry: usize,
}

impl Parts<'_> {
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
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

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.begin();
        self.part(value)?;
        self.finish()
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.begin();
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.part(value)?;
        self.finish()
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.part(value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

macro_rules! positional {
    ($($parts:ident)*) => {$(
        impl $parts for Parts<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
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
        impl $parts for Parts<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _name: &'static str,
                value: &T,
            ) -> Result<()> {
                self.part(value)
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
