//! The keys of an object, as those of a map.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::failed::Failed;
use crate::json::text;

/// A key. It is written in one way: `7` and `07` would be one key twice, of which only one stayed.
#[derive(Clone, Copy)]
pub(super) struct Key<'de> {
    pub(super) text: &'de str,
    pub(super) readable: bool,
}

impl Key<'_> {
    fn none<T>(self) -> Result<T, Failed> {
        Err(Failed::custom(format!("`{}` is no key of its type", self.text)))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
            match self.text.parse::<$number>() {
                Ok(number) if number.to_string() == self.text => visitor.$visit(number),
                _ => self.none(),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Failed;

    numbers! {
        deserialize_bool visit_bool bool
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        let number = self.text.parse().ok().filter(|number: &f32| number.is_finite());
        let number = number.or_else(|| text::to_single(&Value::from(self.text)));
        number.map_or_else(|| self.none(), |number| visitor.visit_f32(number))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        let number = self.text.parse().ok().filter(|number: &f64| number.is_finite());
        let number = number.or_else(|| text::to_double(&Value::from(self.text)));
        number.map_or_else(|| self.none(), |number| visitor.visit_f64(number))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.text))
    }

    fn is_human_readable(&self) -> bool {
        self.readable
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}
