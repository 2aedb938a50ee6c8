//! How two schemas of a table differ.
//!
//! Invariant: there is no difference exactly if rows of the stored schema can be read as rows of
//! ours with each value where it was, as far as both are known. So what decides nothing about the
//! bytes doesn't count: names of types, aliases, boxes, newtypes, variants that were added behind
//! the stored ones. Fields are stored by position and told by name: both count. Indexes don't, for
//! opening a table builds and drops them.

use std::collections::BTreeSet;
use std::fmt;

use super::description::{Field, Schema};
use super::shape::{Container, Kind, Part, Parts, Shape, Variant, container};
use super::text;

/// How the stored schema of a table and the one of the program's type differ, field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaDifference {
    lines: Vec<String>,
}

impl SchemaDifference {
    /// The differences; `None` if nothing does.
    pub(crate) fn between(stored: &Schema, ours: &Schema) -> Option<Self> {
        let mut lines = Vec::new();
        if stored.version != ours.version {
            lines.push(format!("version: stored {}, now {}", stored.version, ours.version));
        }
        if stored.codec != ours.codec {
            lines
                .push(format!("encoding of the rows: stored {}, now {}", stored.codec, ours.codec));
        }
        if stored.key != ours.key {
            let (stored, ours) = (stored.key.join(", "), ours.key.join(", "));
            lines.push(format!("key: stored `{stored}`, now `{ours}`"));
        }
        let types = (&*stored.types, &*ours.types);
        let mut comparison = Comparison { types, lines, assumed: BTreeSet::new(), depth: 0 };
        comparison.fields(&stored.fields, &ours.fields);
        let lines = comparison.lines;
        if lines.is_empty() { None } else { Some(SchemaDifference { lines }) }
    }

    /// A difference that is told in one line.
    pub(crate) fn of_line(line: String) -> Self {
        SchemaDifference { lines: vec![line] }
    }

    /// One line for each difference.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// Two shapes, or parts of them, don't go together, where no name inside of them tells more.
struct Differs;

type Compared = Result<(), Differs>;

/// Something that has a name and a position.
trait Named {
    fn name(&self) -> &str;

    /// Whether the name is only a mark for one that could not be told.
    fn is_unknown(&self) -> bool {
        self.name().starts_with('#')
    }
}

impl Named for Field {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Part {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Variant {
    fn name(&self) -> &str {
        &self.name
    }
}

fn find<'a, N: Named>(all: &'a [N], name: &str) -> Option<&'a N> {
    all.iter().find(|one| one.name() == name)
}

fn names<N: Named>(all: &[N]) -> String {
    all.iter().map(Named::name).collect::<Vec<_>>().join(", ")
}

/// Whether the two have one name, or one that could not be told.
fn same<N: Named>(stored: &N, ours: &N) -> bool {
    stored.name() == ours.name() || stored.is_unknown() || ours.is_unknown()
}

fn in_order<N: Named>(stored: &[N], ours: &[N]) -> bool {
    stored.len() <= ours.len() && stored.iter().zip(ours).all(|(stored, ours)| same(stored, ours))
}

struct Comparison<'s> {
    /// The containers of the stored schema, and ours.
    types: (&'s [Container], &'s [Container]),
    lines: Vec<String>,
    /// Pairs of containers that are being compared, or have been: what differs in them is told
    /// once, and types that name themselves end.
    assumed: BTreeSet<(u32, u32)>,
    depth: usize,
}

/// How deep containers are followed. No type that was traced is as deep, but stored bytes may claim
/// to be.
const NESTED_MAX_LEVELS: usize = 400;

impl<'s> Comparison<'s> {
    fn fields(&mut self, stored: &'s [Field], ours: &'s [Field]) {
        let before = self.lines.len();
        for field in stored {
            let path = format!("`{}`", field.name);
            match find(ours, &field.name) {
                None => {
                    let stored = self.written(field, self.types.0);
                    self.lines.push(format!("field {path}: stored as `{stored}`, now gone"));
                }
                Some(now) => self.field(&path, field, now),
            }
        }
        for field in ours.iter().filter(|field| find(stored, &field.name).is_none()) {
            let now = self.written(field, self.types.1);
            self.lines.push(format!("field `{}`: not stored, now `{now}`", field.name));
        }
        if self.lines.len() == before && !in_order(stored, ours) {
            let (stored, ours) = (names(stored), names(ours));
            self.lines.push(format!("order of the fields: stored {stored}; now {ours}"));
        }
    }

    fn written(&self, field: &Field, types: &[Container]) -> String {
        if field.written.is_empty() {
            text::shape(types, &field.shape)
        } else {
            field.written.to_string()
        }
    }

    fn field(&mut self, path: &str, stored: &'s Field, ours: &'s Field) {
        let opaque = |field: &Field| matches!(field.shape, Shape::Opaque(_));
        let texts = (self.written(stored, self.types.0), self.written(ours, self.types.1));
        let differs = if opaque(stored) || opaque(ours) {
            texts.0 != texts.1
        } else {
            self.shapes(path, &stored.shape, &ours.shape).is_err()
        };
        if differs && texts.0 != texts.1 {
            self.lines.push(format!("field {path}: stored as `{}`, now `{}`", texts.0, texts.1));
        } else if differs {
            self.changed(path, &stored.shape, &ours.shape);
        }
    }

    /// Compares what stands at `path`. Differences inside of containers are told with longer paths.
    fn shapes(&mut self, path: &str, stored: &'s Shape, ours: &'s Shape) -> Compared {
        let stored = transparent(self.types.0, stored);
        let ours = transparent(self.types.1, ours);
        match (stored, ours) {
            (Shape::Option(stored), Shape::Option(ours))
            | (Shape::Seq(stored), Shape::Seq(ours)) => self.shapes(path, stored, ours),
            // One length, then the bytes: the two are written alike.
            (Shape::Seq(bytes), Shape::Bytes) | (Shape::Bytes, Shape::Seq(bytes)) => {
                if **bytes == Shape::U8 { Ok(()) } else { Err(Differs) }
            }
            (Shape::Map(key, value), Shape::Map(our_key, our_value)) => {
                self.shapes(path, key, our_key)?;
                self.shapes(path, value, our_value)
            }
            (Shape::Array(stored, len), Shape::Array(ours, our_len)) if len == our_len => {
                self.shapes(path, stored, ours)
            }
            (Shape::Named(stored), Shape::Named(ours)) => self.containers(path, *stored, *ours),
            (stored, ours) => match (self.positions(0, stored), self.positions(1, ours)) {
                (Some(stored), Some(ours)) => self.in_turn(path, &stored, &ours),
                _ if stored == ours => Ok(()),
                _ => Err(Differs),
            },
        }
    }

    /// The parts of what is stored by position without names: tuples, arrays, tuple structs, units.
    fn positions(&self, side: usize, shape: &'s Shape) -> Option<Vec<&'s Shape>> {
        let types = if side == 0 { self.types.0 } else { self.types.1 };
        match shape {
            Shape::Unit => Some(Vec::new()),
            Shape::Tuple(parts) => Some(parts.iter().collect()),
            // Stored bytes may claim any length; no type that was traced has more.
            Shape::Array(part, len) if *len <= 1 << 16 => {
                Some(std::iter::repeat_n(&**part, *len as usize).collect())
            }
            Shape::Named(at) => match &container(types, *at)?.kind {
                Kind::Struct(parts) => match parts {
                    Parts::Named(_) => None,
                    parts => Some(parts.shapes()),
                },
                Kind::Enum(_) => None,
            },
            _ => None,
        }
    }

    fn in_turn(&mut self, path: &str, stored: &[&'s Shape], ours: &[&'s Shape]) -> Compared {
        if stored.len() != ours.len() {
            return Err(Differs);
        }
        stored.iter().zip(ours).try_for_each(|(stored, ours)| self.shapes(path, stored, ours))
    }

    fn containers(&mut self, path: &str, stored: u32, ours: u32) -> Compared {
        if !self.assumed.insert((stored, ours)) {
            return Ok(());
        }
        let found = (container(self.types.0, stored), container(self.types.1, ours));
        let (Some(stored), Some(ours)) = found else { return Err(Differs) };
        if self.depth == NESTED_MAX_LEVELS {
            return Err(Differs);
        }
        self.depth += 1;
        let compared = match (&stored.kind, &ours.kind) {
            (Kind::Struct(stored), Kind::Struct(ours)) => self.parts(path, stored, ours),
            (Kind::Enum(stored), Kind::Enum(ours)) => {
                self.variants(path, stored, ours);
                Ok(())
            }
            _ => Err(Differs),
        };
        self.depth -= 1;
        compared
    }

    fn parts(&mut self, path: &str, stored: &'s Parts, ours: &'s Parts) -> Compared {
        match (stored, ours) {
            (Parts::Named(stored), Parts::Named(ours)) => {
                self.named_parts(path, stored, ours);
                Ok(())
            }
            (Parts::Named(_), _) | (_, Parts::Named(_)) => Err(Differs),
            _ => self.in_turn(path, &stored.shapes(), &ours.shapes()),
        }
    }

    fn named_parts(&mut self, path: &str, stored: &'s [Part], ours: &'s [Part]) {
        if stored.len() == ours.len() && in_order(stored, ours) {
            for (stored, ours) in stored.iter().zip(ours) {
                self.part(path, stored, ours);
            }
            return;
        }
        let before = self.lines.len();
        for part in stored {
            match find(ours, &part.name) {
                None => {
                    let text = text::shape(self.types.0, &part.shape);
                    let name = &part.name;
                    self.lines.push(format!("field {path}.`{name}`: stored as `{text}`, now gone"));
                }
                Some(now) => self.part(path, part, now),
            }
        }
        for part in ours.iter().filter(|part| find(stored, &part.name).is_none()) {
            let (name, text) = (&part.name, text::shape(self.types.1, &part.shape));
            self.lines.push(format!("field {path}.`{name}`: not stored, now `{text}`"));
        }
        if self.lines.len() == before {
            let (stored, ours) = (names(stored), names(ours));
            self.lines
                .push(format!("field {path}: order of its fields: stored {stored}; now {ours}"));
        }
    }

    fn part(&mut self, path: &str, stored: &'s Part, ours: &'s Part) {
        let name = if stored.is_unknown() { &ours.name } else { &stored.name };
        let path = format!("{path}.`{name}`");
        if self.shapes(&path, &stored.shape, &ours.shape).is_err() {
            self.changed(&path, &stored.shape, &ours.shape);
        }
    }

    /// Variants that came behind the stored ones are fine: no stored row has them.
    fn variants(&mut self, path: &str, stored: &'s [Variant], ours: &'s [Variant]) {
        if !in_order(stored, ours) {
            self.moved_variants(path, stored, ours);
            return;
        }
        for (stored, ours) in stored.iter().zip(ours) {
            let name = if stored.is_unknown() { &ours.name } else { &stored.name };
            let path = format!("{path}.`{name}`");
            if self.parts(&path, &stored.parts, &ours.parts).is_err() {
                let written = |types, parts| match text::parts(types, parts) {
                    held if held.is_empty() => name.to_string(),
                    held => format!("{name}{held}"),
                };
                let stored = written(self.types.0, &stored.parts);
                let ours = written(self.types.1, &ours.parts);
                self.lines.push(format!("variant {path}: stored as `{stored}`, now `{ours}`"));
            }
        }
    }

    fn moved_variants(&mut self, path: &str, stored: &[Variant], ours: &[Variant]) {
        let before = self.lines.len();
        for variant in stored.iter().filter(|variant| find(ours, &variant.name).is_none()) {
            self.lines.push(format!("variant {path}.`{}`: stored, now gone", variant.name));
        }
        if self.lines.len() == before {
            let (stored, ours) = (names(stored), names(ours));
            self.lines
                .push(format!("field {path}: order of its variants: stored {stored}; now {ours}"));
        }
    }

    /// Two shapes at `path` that don't go together.
    fn changed(&mut self, path: &str, stored: &Shape, ours: &Shape) {
        let texts = (text::shape(self.types.0, stored), text::shape(self.types.1, ours));
        let (stored, ours) = if texts.0 == texts.1 {
            (defined(self.types.0, stored), defined(self.types.1, ours))
        } else {
            texts
        };
        self.lines.push(format!("field {path}: stored as `{stored}`, now `{ours}`"));
    }
}

/// The first container that a shape names, as it is defined.
fn defined(types: &[Container], shape: &Shape) -> String {
    let mut first = None;
    shape.walk(&mut |shape| {
        if let Shape::Named(at) = shape {
            first = first.or(Some(*at));
        }
    });
    let known = first.and_then(|at| container(types, at));
    known.map_or_else(|| text::shape(types, shape), |known| text::definition(types, known))
}

/// The shape inside of newtypes: its bytes are the same.
fn transparent<'s>(types: &'s [Container], mut shape: &'s Shape) -> &'s Shape {
    // Stored bytes may name a newtype of itself.
    for _ in 0..=types.len() {
        let Shape::Named(at) = shape else { break };
        let Some(Kind::Struct(Parts::Newtype(inner))) = container(types, *at).map(|c| &c.kind)
        else {
            break;
        };
        shape = inner;
    }
    shape
}
