//! The deserializer that records what it is asked for, and answers with values made up.

use std::any::type_name;

use serde::de::value::{BorrowedStrDeserializer, U32Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::plan::Place;
use super::refused::Refused;
use super::tracer::{End, Fields, Identity, MAX_DEPTH, MAX_PARTS, Step, Tracer, name_parts};
use crate::schema::shape::{Parts, Shape};

type Result<T> = std::result::Result<T, Refused>;

/// Strings that types ask for, the common first.
const STRINGS: [&str; 22] = [
    "a",
    "",
    "1",
    "2000-01-01T00:00:00Z",
    "2000-01-01T00:00:00",
    "2000-01-01",
    "00:00:00",
    "2000-01-01T00:00:00+00:00[UTC]",
    "UTC",
    "PT1S",
    "00000000-0000-4000-8000-000000000000",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.0/8",
    "::1",
    "http://example.com/",
    "a@example.com",
    "1.0.0",
    "en",
    "#000000",
    "00",
    "A",
];

/// Lengths of byte strings that types ask for: those of hashes, keys and addresses.
const LENGTHS: [usize; 12] = [0, 16, 32, 20, 4, 8, 12, 24, 48, 64, 1, 6];

/// A value that is being made up.
pub(super) struct Probe<'t> {
    tracer: &'t mut Tracer,
    shape: &'t mut Shape,
    place: Place,
    depth: usize,
    /// Whether the structure is known already, and the shortest value will do.
    short: bool,
}

impl<'t> Probe<'t> {
    /// The probe of a whole record.
    pub(super) fn root(tracer: &'t mut Tracer, shape: &'t mut Shape) -> Self {
        Probe { tracer, shape, place: Place::root(), depth: 0, short: false }
    }

    fn choose(&mut self, candidates: usize) -> usize {
        self.tracer.plan.choose(&self.place, candidates)
    }

    /// How many elements a collection gets. None only where they are known already: one whose
    /// elements are refused is to be looked into, and not got past.
    fn len(&mut self) -> usize {
        let lens: &[usize] = if self.short { &[0, 1, 2] } else { &[1, 2] };
        lens[self.choose(lens.len())]
    }

    fn parts<'p>(&'p mut self, shapes: &'p mut Vec<Shape>, limit: usize) -> Result<Elements<'p>> {
        if limit > MAX_PARTS {
            return Err(self.tracer.lose());
        }
        // What the visitor doesn't take, because it refuses an earlier part, stays unknown.
        shapes.resize(limit, Shape::UNKNOWN);
        Ok(Elements {
            tracer: self.tracer,
            shapes,
            next: 0,
            limit,
            place: self.place.clone(),
            depth: self.depth,
            short: self.short,
            fields: None,
        })
    }

    /// Reads parts by their positions; as many as the visitor takes.
    fn tuple<'de, V: Visitor<'de>>(
        &mut self,
        shapes: &mut Vec<Shape>,
        limit: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let mut elements = self.parts(shapes, limit)?;
        let value = visitor.visit_seq(&mut elements)?;
        let taken = elements.next;
        shapes.truncate(taken);
        Ok(value)
    }

    /// Reads the named parts of a struct: in order, or one alone if not all of them can be made.
    fn fields<'de, V: Visitor<'de>>(
        &mut self,
        shapes: &mut Vec<Shape>,
        fields: Fields,
        visitor: V,
    ) -> Result<V::Value> {
        if !self.tracer.is_around(fields) {
            let mut elements = self.parts(shapes, fields.names.len())?;
            elements.fields = Some(fields);
            let value = visitor.visit_seq(&mut elements)?;
            let taken = elements.next;
            shapes.truncate(taken);
            return Ok(value);
        }
        let part = if self.short { None } else { self.tracer.part(fields) };
        let Some(part) = part else { return Err(self.tracer.end_by(End::Given)) };
        let mut elements = self.parts(shapes, fields.names.len())?;
        (elements.fields, elements.next) = (Some(fields), part);
        let mut asked = false;
        let value = visitor.visit_map(Alone { elements, fields, part, asked: &mut asked });
        if !asked {
            self.tracer.takes_no_names(fields);
        }
        value
    }

    /// Enters a container; its position.
    fn enter(&mut self, identity: Identity) -> usize {
        let at = self.tracer.find(identity);
        *self.shape = Shape::Named(u32::try_from(at).unwrap_or(u32::MAX));
        self.short = self.short || !self.tracer.explore(at);
        self.place = Place::of(at);
        at
    }

    /// Reads a struct by `read`, and records what it found, be it all or some.
    fn container<T>(
        mut self,
        identity: Identity,
        read: impl FnOnce(&mut Self, usize, &mut Vec<Shape>) -> Result<T>,
        parts: impl FnOnce(Vec<Shape>) -> Parts,
    ) -> Result<T> {
        let at = self.enter(identity);
        let mut shapes = Vec::new();
        let value = read(&mut self, at, &mut shapes);
        if !self.short {
            self.tracer.record_struct(at, parts(shapes))?;
        }
        value
    }
}

fn identity<V>(name: &'static str, words: &'static [&'static str]) -> Identity {
    Identity { visitor: type_name::<V>(), name, words }
}

macro_rules! plain {
    ($($method:ident => $shape:ident, $visit:ident, $values:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
            *self.shape = Shape::$shape;
            let values = $values;
            visitor.$visit(values[self.choose(values.len())])
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Refused;

    plain! {
        deserialize_bool => Bool, visit_bool, [false, true];
        // One is not zero, and a day, a month, a year.
        deserialize_i8 => I8, visit_i8, [1, 0, 2, -1];
        deserialize_i16 => I16, visit_i16, [1, 0, 2, -1, 2000];
        deserialize_i32 => I32, visit_i32, [1, 0, 2, -1, 2000];
        deserialize_i64 => I64, visit_i64, [1, 0, 2, -1, 2000];
        deserialize_i128 => I128, visit_i128, [1, 0, 2, -1, 2000];
        deserialize_u8 => U8, visit_u8, [1, 0, 2, 100];
        deserialize_u16 => U16, visit_u16, [1, 0, 2, 2000];
        deserialize_u32 => U32, visit_u32, [1, 0, 2, 2000];
        deserialize_u64 => U64, visit_u64, [1, 0, 2, 2000];
        deserialize_u128 => U128, visit_u128, [1, 0, 2, 2000];
        deserialize_f32 => F32, visit_f32, [1.0, 0.0, 0.5, -1.0];
        deserialize_f64 => F64, visit_f64, [1.0, 0.0, 0.5, -1.0];
        deserialize_char => Char, visit_char, ['a', '1', 'A'];
        deserialize_str => Str, visit_borrowed_str, STRINGS;
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        *self.shape = Shape::Bytes;
        visitor.visit_borrowed_bytes(&[1; 64][..LENGTHS[self.choose(LENGTHS.len())]])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let mut inner = vec![Shape::UNKNOWN];
        let some = self.len() > 0;
        let value = if some {
            let mut elements = self.parts(&mut inner, 1)?;
            elements.probe().and_then(|probe| visitor.visit_some(probe))
        } else {
            visitor.visit_none()
        };
        *self.shape = Shape::Option(Box::new(inner.swap_remove(0)));
        value
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        *self.shape = Shape::Unit;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.container(identity::<V>(name, &[]), |_, _, _| visitor.visit_unit(), |_| Parts::Unit)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.container(
            identity::<V>(name, &[]),
            |probe, _, shapes| {
                let mut elements = probe.parts(shapes, 1)?;
                visitor.visit_newtype_struct(elements.probe()?)
            },
            |mut shapes| Parts::Newtype(shapes.pop().unwrap_or(Shape::UNKNOWN)),
        )
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let len = self.len();
        let mut inner = Vec::new();
        let mut elements = self.parts(&mut inner, len)?;
        let value = visitor.visit_seq(&mut elements);
        *self.shape = Shape::Seq(Box::new(self.tracer.unite(inner)?));
        value
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value> {
        let mut shapes = Vec::new();
        let value = self.tuple(&mut shapes, len, visitor);
        *self.shape = Shape::Tuple(shapes);
        value
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let identity = identity::<V>(name, &[]);
        let read = |probe: &mut Self, _, shapes: &mut _| probe.tuple(shapes, len, visitor);
        self.container(identity, read, Parts::Tuple)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let len = self.len();
        let mut inner = Vec::new();
        let mut elements = self.parts(&mut inner, 2 * len)?;
        let value = visitor.visit_map(&mut elements);
        let values = inner.iter().skip(1).step_by(2).cloned().collect();
        let value_shape = self.tracer.unite(values)?;
        let key_shape = self.tracer.unite(inner.into_iter().step_by(2).collect())?;
        *self.shape = Shape::Map(Box::new(key_shape), Box::new(value_shape));
        value
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.container(
            identity::<V>(name, fields),
            |probe, at, shapes| {
                probe.fields(shapes, Fields { at, variant: None, names: fields }, visitor)
            },
            |shapes| name_parts(fields, shapes),
        )
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let at = self.enter(identity::<V>(name, variants));
        let variant = self.tracer.variant(at, variants, self.short)?;
        self.place = self.place.part(variant);
        let mut parts = None;
        let depth = self.tracer.steps.len();
        self.tracer.steps.push(Step::Variant(at, variant));
        let access = EnumProbe { probe: &mut self, at, variant, parts: &mut parts };
        let value = visitor.visit_enum(access);
        if value.is_ok() {
            self.tracer.steps.truncate(depth);
        }
        if let (false, Some(parts)) = (self.short, parts) {
            self.tracer.record_variant(at, variant, parts)?;
        }
        value
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(self.tracer.untyped())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(self.tracer.untyped())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(self.tracer.untyped())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Parts that follow each other.
struct Elements<'p> {
    tracer: &'p mut Tracer,
    shapes: &'p mut Vec<Shape>,
    next: usize,
    limit: usize,
    place: Place,
    depth: usize,
    short: bool,
    /// The struct whose parts they are, if they have names.
    fields: Option<Fields>,
}

impl Elements<'_> {
    /// The probe of the next part.
    fn probe(&mut self) -> Result<Probe<'_>> {
        let at = self.next;
        self.next += 1;
        self.tracer.spend()?;
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(self.tracer.too_deep());
        }
        let Some(shape) = self.shapes.get_mut(at) else { return Err(self.tracer.lose()) };
        let place = self.place.part(at);
        Ok(Probe { tracer: self.tracer, shape, place, depth, short: self.short })
    }

    fn part<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let depth = self.tracer.steps.len();
        self.tracer.steps.extend(self.fields.map(|fields| Step::Part(fields, self.next)));
        let value = seed.deserialize(self.probe()?)?;
        // Where one fails, the way there stays.
        self.tracer.steps.truncate(depth);
        Ok(value)
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.next == self.limit { Ok(None) } else { self.part(seed).map(Some) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.limit - self.next)
    }
}

impl<'de> MapAccess<'de> for &mut Elements<'_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        self.part(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some((self.limit - self.next) / 2)
    }
}

/// A struct that has one part alone, with its name.
struct Alone<'a, 'p> {
    elements: Elements<'p>,
    fields: Fields,
    part: usize,
    /// Whether the type asked for the name.
    asked: &'a mut bool,
}

impl<'de> MapAccess<'de> for Alone<'_, '_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(name) = self.fields.names.get(self.part) else {
            return Err(self.elements.tracer.lose());
        };
        *self.asked = true;
        self.elements.tracer.steps.push(Step::Part(self.fields, self.part));
        let key = seed.deserialize(BorrowedStrDeserializer::<Refused>::new(name))?;
        self.elements.tracer.detours.named(&self.fields.place(), self.part, &key);
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        // The step is made already, and stays: the value as a whole is not made.
        self.elements.fields = None;
        self.elements.part(seed)?;
        Err(self.elements.tracer.end_by(End::Given))
    }
}

/// One variant of an enum.
struct EnumProbe<'p, 't> {
    probe: &'p mut Probe<'t>,
    at: usize,
    variant: usize,
    parts: &'p mut Option<Parts>,
}

impl<'de> EnumAccess<'de> for EnumProbe<'_, '_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let index = u32::try_from(self.variant).unwrap_or(u32::MAX);
        let index: U32Deserializer<Refused> = index.into_deserializer();
        match seed.deserialize(index) {
            Ok(variant) => Ok((variant, self)),
            Err(_) => Err(self.probe.tracer.end_variants(self.at, self.variant)),
        }
    }
}

impl<'de> VariantAccess<'de> for EnumProbe<'_, '_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<()> {
        *self.parts = Some(Parts::Unit);
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        let mut shapes = Vec::new();
        let value = self.probe.parts(&mut shapes, 1).and_then(|mut elements| elements.part(seed));
        *self.parts = Some(Parts::Newtype(shapes.pop().unwrap_or(Shape::UNKNOWN)));
        value
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        let mut shapes = Vec::new();
        let value = self.probe.tuple(&mut shapes, len, visitor);
        *self.parts = Some(Parts::Tuple(shapes));
        value
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let mut shapes = Vec::new();
        let named = Fields { at: self.at, variant: Some(self.variant), names: fields };
        let value = self.probe.fields(&mut shapes, named, visitor);
        *self.parts = Some(name_parts(fields, shapes));
        value
    }
}
