//! The findings of a trace so far, and where it goes on.

use std::collections::BTreeMap;

use super::detour::{Detours, Names};
use super::merge::{merge, merge_parts};
use super::plan::{Place, Plan};
use super::refused::Refused;
use crate::codec::{Cause, Fault};
use crate::schema::shape::{Container, Kind, Part, Parts, Shape, Text, Variant, all_reachable};

/// How deep types may nest.
pub(super) const MAX_DEPTH: usize = 96;
/// How many parts an array or a tuple may have.
pub(super) const MAX_PARTS: usize = 1 << 14;
/// How many passes there may be: one for each variant of the largest enum, and refused ones.
pub(super) const MAX_PASSES: usize = 1 << 12;
/// How many values all passes may take together.
pub(super) const MAX_VALUES: usize = 1 << 20;

/// The identity of a type. The visitor's name has the type's path and generic arguments in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) visitor: &'static str,
    pub(super) name: &'static str,
    pub(super) words: Names,
}

/// The knowledge about a container besides its parts.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether this pass has explored it.
    pub(super) explored: bool,
    /// Whether no more is to be found in it.
    pub(super) settled: bool,
    /// How far it is from the nearest enum with variants that are not known.
    pub(super) distance: Option<usize>,
    /// For enums: how many variants are known.
    pub(super) variants: usize,
    /// How many there are; `None` before the first one is read.
    pub(super) total: Option<usize>,
    /// The variant that ends recursion.
    pub(super) base: usize,
    /// The names of the variants, and those that are read as if they were them.
    pub(super) names: Names,
}

/// The knowledge so far.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    pub(super) identities: BTreeMap<Identity, usize>,
    pub(super) types: Vec<Container>,
    pub(super) progress: Vec<Progress>,
    pub(super) root: Option<Shape>,
    pub(super) plan: Plan,
    pub(super) detours: Detours,
    /// Whether a whole value was made.
    pub(super) made: bool,
    /// Why values can't be read back, if that was found.
    pub(super) fault: Option<Fault>,
    pub(super) values: usize,
    // Of the current pass:
    /// The way to where the pass is, and once it has failed, to where that was.
    pub(super) steps: Vec<Step>,
    /// How much was known before.
    pub(super) before: usize,
    /// The variants that were explored.
    pub(super) seen: Vec<(usize, usize)>,
    /// The enums that were given their base variant.
    pub(super) bases: Vec<usize>,
    pub(super) end: Option<End>,
}

/// Why a pass ended early, besides that a value was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It gave the part that it was to give alone.
    Given,
    /// It went too deep.
    TooDeep,
    /// An enum turned out to have fewer variants than names.
    Variants,
    /// Other values wouldn't help.
    Lost,
}

/// A struct or an enum that a pass is in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// At a part of this one.
    Part(Fields, usize),
    /// In a variant of the enum at this position.
    Variant(usize, usize),
}

/// The named parts of the struct at a position, or of a variant of the enum there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) at: usize,
    pub(super) variant: Option<usize>,
    pub(super) names: Names,
}

impl Fields {
    pub(super) fn place(self) -> Place {
        let place = Place::of(self.at);
        self.variant.map_or_else(|| place.clone(), |variant| place.part(variant))
    }
}

impl Tracer {
    pub(super) fn begin(&mut self) {
        self.plan.begin();
        self.end = None;
        self.steps.clear();
        self.seen.clear();
        self.bases.clear();
        self.before = self.known();
        self.measure();
        for at in 0..self.types.len() {
            let settled = self.progress[at].distance.is_none() && self.knows(at);
            self.progress[at].settled = settled;
            self.progress[at].explored = false;
        }
    }

    /// Whether another pass, with other values, may get further than this one.
    pub(super) fn retry(&mut self) -> bool {
        match self.end {
            Some(End::Variants) => true,
            Some(End::Lost | End::Given) => false,
            Some(End::TooDeep) => self.change_base() || self.plan.refused(),
            None => self.plan.refused(),
        }
    }

    /// Takes another base variant for the enum that went deepest and has one.
    pub(super) fn change_base(&mut self) -> bool {
        while let Some(at) = self.bases.pop() {
            let progress = &mut self.progress[at];
            if progress.total.is_some_and(|total| progress.base + 1 < total) {
                progress.base += 1;
                return true;
            }
        }
        false
    }

    /// Counts the variants that the pass has explored as known; whether it found anything.
    pub(super) fn commit(&mut self) -> bool {
        for (at, variant) in std::mem::take(&mut self.seen) {
            let progress = &mut self.progress[at];
            progress.variants = progress.variants.max(variant + 1);
        }
        self.known() > self.before
    }

    /// A pass ended before its value was made. The types that it was in can't be made as a whole: from
    /// now on their parts are given one by one, and its variants beginning with another one.
    pub(super) fn go_around(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Part(fields, part) => {
                    let place = fields.place();
                    let before = self.parts(fields).cloned();
                    if self.detours.begin(&place, fields.names, before) {
                        let unknown = vec![Shape::UNKNOWN; fields.names.len()];
                        self.set_parts(fields, name_parts(fields.names, unknown));
                    } else {
                        self.detours.given(&place, part);
                    }
                }
                Step::Variant(at, variant) => {
                    let progress = &mut self.progress[at];
                    if progress.base == variant && progress.total.is_some_and(|t| variant + 1 < t) {
                        progress.base += 1;
                    }
                }
            }
        }
    }

    /// A measure of what is known: containers, structs among them, variants, parts given alone.
    pub(super) fn known(&self) -> usize {
        let structs = self.types.iter().filter(|known| matches!(known.kind, Kind::Struct(_)));
        let variants: usize = self.progress.iter().map(|progress| progress.variants).sum();
        self.types.len() + structs.count() + variants + self.detours.done()
    }

    /// Whether there is more to be found.
    pub(super) fn is_open(&mut self) -> bool {
        self.measure();
        self.root.as_ref().is_some_and(|root| self.shape_distance(root).is_some())
    }

    /// The fields of the record, if it is a struct.
    pub(super) fn root_parts(&self) -> Option<Parts> {
        let Some(Shape::Named(at)) = self.root else { return None };
        self.struct_parts(at as usize)
    }

    /// Whether the fields of the record are known by their names, though it can't be made.
    pub(super) fn has_named_root(&self) -> bool {
        let Some(Shape::Named(at)) = self.root else { return false };
        self.detours.fields(&Place::of(at as usize)).is_some()
    }

    /// The parts of the struct at a position.
    pub(super) fn struct_parts(&self, at: usize) -> Option<Parts> {
        match &self.types.get(at)?.kind {
            Kind::Struct(parts) => Some(self.without_aliases(&Place::of(at), parts)),
            Kind::Enum(_) => None,
        }
    }

    /// The parts of a variant of the enum at a position.
    pub(super) fn variant_parts(&self, at: usize, position: usize, variant: &Variant) -> Parts {
        self.without_aliases(&Place::of(at).part(position), &variant.parts)
    }

    /// The parts, where names of one field stand as one part.
    fn without_aliases(&self, place: &Place, parts: &Parts) -> Parts {
        match (parts, self.detours.fields(place)) {
            (Parts::Named(parts), Some(fields)) if parts.len() == fields.len() => {
                let fields = parts.iter().zip(fields).filter(|(_, (first, _))| *first);
                let part = |(at, (part, (_, only))): (usize, (&Part, (bool, bool)))| Part {
                    name: if only { part.name.clone() } else { name(None, at) },
                    shape: part.shape.clone(),
                };
                Parts::Named(fields.enumerate().map(part).collect())
            }
            _ => parts.clone(),
        }
    }

    /// The recorded parts.
    fn parts(&self, fields: Fields) -> Option<&Parts> {
        match (&self.types.get(fields.at)?.kind, fields.variant) {
            (Kind::Struct(parts), None) => Some(parts),
            (Kind::Enum(variants), Some(variant)) => variants.get(variant).map(|v| &v.parts),
            _ => None,
        }
    }

    fn set_parts(&mut self, fields: Fields, parts: Parts) {
        match (&mut self.types[fields.at].kind, fields.variant) {
            (kind, None) => *kind = Kind::Struct(parts),
            (Kind::Enum(variants), Some(variant)) => {
                if let Some(variant) = variants.get_mut(variant) {
                    variant.parts = parts;
                }
            }
            _ => {}
        }
    }

    /// Computes how far each container is from an enum with variants that are not known.
    pub(super) fn measure(&mut self) {
        for at in 0..self.types.len() {
            let open = self.is_open_enum(at) || self.detours.are_open_in(at);
            self.progress[at].distance = open.then_some(0);
        }
        let mut changed = true;
        while changed {
            changed = false;
            for at in 0..self.types.len() {
                let shapes = self.types[at].shapes();
                let through = shapes.iter().filter_map(|shape| self.shape_distance(shape)).min();
                let through = through.map(|distance| distance + 1);
                let now = self.progress[at].distance;
                if through.is_some_and(|through| now.is_none_or(|now| through < now)) {
                    self.progress[at].distance = through;
                    changed = true;
                }
            }
        }
    }

    pub(super) fn is_open_enum(&self, at: usize) -> bool {
        let progress = &self.progress[at];
        matches!(self.types[at].kind, Kind::Enum(_)) && progress.total != Some(progress.variants)
    }

    pub(super) fn shape_distance(&self, shape: &Shape) -> Option<usize> {
        let mut nearest = None;
        shape.walk(&mut |shape| {
            if let Shape::Named(at) = shape {
                let distance = self.progress.get(*at as usize).and_then(|p| p.distance);
                nearest = match (nearest, distance) {
                    (Some(nearest), Some(distance)) => Some(distance.min(nearest)),
                    (nearest, distance) => nearest.or(distance),
                };
            }
        });
        nearest
    }

    /// Whether all parts of the container, and of those in it, are known.
    pub(super) fn knows(&self, at: usize) -> bool {
        u32::try_from(at).is_ok_and(|at| self.knows_shape(&Shape::Named(at)))
    }

    /// Whether a shape, and all that can be reached from it, is known.
    pub(super) fn knows_shape(&self, shape: &Shape) -> bool {
        all_reachable(&self.types, shape, |shape| match shape {
            Shape::Named(at) => {
                (*at as usize) < self.types.len() && !self.is_open_enum(*at as usize)
            }
            shape => *shape != Shape::UNKNOWN,
        })
    }
}

/// The calls of the probes.
impl Tracer {
    /// The position of a container.
    pub(super) fn find(&mut self, identity: Identity) -> usize {
        if let Some(&at) = self.identities.get(&identity) {
            return at;
        }
        let at = self.types.len();
        // An enum until it is recorded as a struct, and one with variants that are not known.
        self.types.push(Container { name: identity.name.into(), kind: Kind::Enum(Vec::new()) });
        self.progress.push(Progress::default());
        self.identities.insert(identity, at);
        at
    }

    /// Whether this pass is to look into the container: the first time it comes by, if there is
    /// something to be found.
    pub(super) fn explore(&mut self, at: usize) -> bool {
        let progress = &mut self.progress[at];
        let first = !progress.explored && !progress.settled;
        progress.explored = true;
        first
    }

    /// Which variant of an enum to give.
    pub(super) fn variant(
        &mut self,
        at: usize,
        names: Names,
        short: bool,
    ) -> Result<usize, Refused> {
        let progress = &mut self.progress[at];
        progress.names = names;
        let total = *progress.total.get_or_insert(names.len());
        let (known, base) = (progress.variants, progress.base.min(total.saturating_sub(1)));
        if total == 0 {
            return Err(self.lose());
        }
        if short {
            self.bases.push(at);
            return Ok(base);
        }
        if known < total {
            return Ok(known);
        }
        // All are known: on to the one through which others are found.
        let Kind::Enum(variants) = &self.types[at].kind else { return Err(self.lose()) };
        let distance = |(variant, known): (usize, &Variant)| {
            let open = self.detours.next(&Place::of(at).part(variant)).map(|_| 0);
            let shapes = known.parts.shapes();
            let through = shapes.iter().filter_map(|shape| self.shape_distance(shape)).min();
            Some((open.or(through)?, variant))
        };
        let ways = variants.iter().enumerate().filter_map(distance);
        Ok(ways.min().map_or(base, |(_, variant)| variant))
    }

    pub(super) fn record_struct(&mut self, at: usize, parts: Parts) -> Result<(), Refused> {
        let known = match &self.types[at].kind {
            Kind::Struct(known) => merge_parts(known, &parts),
            Kind::Enum(_) => Some(parts),
        };
        let Some(known) = known else { return Err(self.lose()) };
        self.types[at].kind = Kind::Struct(known);
        Ok(())
    }

    /// Records a variant. Its name is known only when all are, and follows at the end.
    pub(super) fn record_variant(
        &mut self,
        at: usize,
        variant: usize,
        parts: Parts,
    ) -> Result<(), Refused> {
        let Kind::Enum(variants) = &mut self.types[at].kind else { return Err(self.lose()) };
        let next = variants.len() == variant;
        let known = variants.get_mut(variant);
        let merged = known.map(|known| Some((merge_parts(&known.parts, &parts)?, known)));
        match merged {
            Some(Some((merged, known))) => known.parts = merged,
            None if next => variants.push(Variant { name: name(None, variant), parts }),
            _ => return Err(self.lose()),
        }
        self.seen.push((at, variant));
        Ok(())
    }

    /// The enum has no variant of this index: it has as many as this.
    pub(super) fn end_variants(&mut self, at: usize, total: usize) -> Refused {
        if total == 0 {
            return self.lose();
        }
        self.progress[at].total = Some(total);
        self.end_by(End::Variants)
    }

    /// Whether the parts of a struct are to be given one by one.
    pub(super) fn is_around(&self, fields: Fields) -> bool {
        self.detours.is_on(&fields.place())
    }

    /// The part to give alone: the first that wasn't, then the one through which others are found.
    pub(super) fn part(&self, fields: Fields) -> Option<usize> {
        self.detours.next(&fields.place()).or_else(|| {
            let shapes = self.parts(fields)?.shapes().into_iter().enumerate();
            let ways = shapes.filter_map(|(at, shape)| Some((self.shape_distance(shape)?, at)));
            ways.min().map(|(_, part)| part)
        })
    }

    /// The type doesn't take the parts of this struct by their names.
    pub(super) fn takes_no_names(&mut self, fields: Fields) {
        self.end_by(End::Given);
        if let Some(before) = self.detours.give_up(&fields.place()) {
            self.set_parts(fields, before);
        }
    }

    /// A row can't tell the type what it asks for.
    pub(super) fn untyped(&mut self) -> Refused {
        let name = |step: &Step| match step {
            Step::Part(fields, part) => fields.names.get(*part).copied(),
            Step::Variant(..) => None,
        };
        if self.fault.is_none() {
            let path = self.steps.iter().filter_map(name).collect();
            self.fault = Some(Fault { path, cause: Cause::Untyped });
        }
        self.lose()
    }

    pub(super) fn spend(&mut self) -> Result<(), Refused> {
        self.values += 1;
        if self.values > MAX_VALUES { Err(self.lose()) } else { Ok(()) }
    }

    pub(super) fn too_deep(&mut self) -> Refused {
        self.end_by(End::TooDeep)
    }

    pub(super) fn lose(&mut self) -> Refused {
        self.end_by(End::Lost)
    }

    pub(super) fn end_by(&mut self, end: End) -> Refused {
        // The first reason is the one: what follows may be a type's own handling of it.
        self.end.get_or_insert(end);
        Refused
    }

    /// The one shape of the elements of a collection.
    pub(super) fn unite(&mut self, shapes: Vec<Shape>) -> Result<Shape, Refused> {
        let united = shapes.iter().try_fold(Shape::UNKNOWN, |united, next| merge(&united, next));
        united.ok_or_else(|| self.lose())
    }
}

/// The name of a part, or a mark with its position where the name can't be told.
pub(super) fn name(known: Option<&&'static str>, at: usize) -> Text {
    known.map_or_else(|| format!("#{at}").into(), |name| Text::Borrowed(name))
}

/// The parts with their names, which are told by position as long as none has an alias.
pub(super) fn name_parts(names: Names, shapes: Vec<Shape>) -> Parts {
    let exact = names.len() == shapes.len();
    let name = |at: usize| name(if exact { names.get(at) } else { None }, at);
    let named = |(at, shape)| Part { name: name(at), shape };
    Parts::Named(shapes.into_iter().enumerate().map(named).collect())
}
