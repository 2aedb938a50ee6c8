//! The findings of a trace so far, and where it goes on.

use std::collections::BTreeMap;

use super::plan::Plan;
use super::refused::Refused;
use crate::schema::shape::{
    Container, Kind, Part, Parts, Shape, Text, Variant, all_reachable, container,
};

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
    pub(super) words: &'static [&'static str],
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
    pub(super) names: &'static [&'static str],
}

/// The knowledge so far.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    pub(super) identities: BTreeMap<Identity, usize>,
    pub(super) types: Vec<Container>,
    pub(super) progress: Vec<Progress>,
    pub(super) root: Option<Shape>,
    pub(super) plan: Plan,
    /// The field of the record behind which nothing can be found.
    pub(super) stop: Option<usize>,
    pub(super) values: usize,
    // Of the current pass:
    pub(super) field: Option<usize>,
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
    /// It came to the field at which it was to stop.
    Stopped,
    /// It went too deep.
    TooDeep,
    /// An enum turned out to have fewer variants than names.
    Variants,
    /// Other values wouldn't help.
    Lost,
}

impl Tracer {
    pub(super) fn begin(&mut self) {
        self.plan.begin();
        (self.field, self.end) = (None, None);
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
            Some(End::Lost | End::Stopped) => false,
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

    /// A measure of what is known: containers, structs among them, variants.
    pub(super) fn known(&self) -> usize {
        let structs = self.types.iter().filter(|known| matches!(known.kind, Kind::Struct(_)));
        let variants: usize = self.progress.iter().map(|progress| progress.variants).sum();
        self.types.len() + structs.count() + variants
    }

    /// Whether there are variants to be found on the way to where tracing stops.
    pub(super) fn is_open(&mut self) -> bool {
        self.measure();
        let open = |shape: &Shape| self.shape_distance(shape).is_some();
        match (&self.root, self.root_parts()) {
            (_, Some(parts)) => {
                let until = self.stop.unwrap_or(usize::MAX);
                parts.shapes().into_iter().take(until).any(open)
            }
            (Some(root), None) => open(root),
            (None, None) => false,
        }
    }

    /// The fields of the record, if it is a struct.
    pub(super) fn root_parts(&self) -> Option<&Parts> {
        let Some(Shape::Named(at)) = self.root else { return None };
        match &container(&self.types, at)?.kind {
            Kind::Struct(parts) => Some(parts),
            Kind::Enum(_) => None,
        }
    }

    /// Computes how far each container is from an enum with variants that are not known.
    pub(super) fn measure(&mut self) {
        for at in 0..self.types.len() {
            let open = self.is_open_enum(at);
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
        names: &'static [&'static str],
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
        let distance = |variant: &Variant| {
            variant.parts.shapes().iter().filter_map(|shape| self.shape_distance(shape)).min()
        };
        let ways = variants.iter().enumerate().filter_map(|(at, v)| Some((distance(v)?, at)));
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

    /// The field of the record that comes next.
    pub(super) fn enter_field(&mut self, at: usize) -> Result<(), Refused> {
        self.field = Some(at);
        let stop = self.stop.is_some_and(|stop| at >= stop);
        if stop { Err(self.end_by(End::Stopped)) } else { Ok(()) }
    }

    pub(super) fn leave_field(&mut self, next: usize) {
        self.field = Some(next);
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

/// All that two passes know of one shape; `None` if they contradict each other.
pub(super) fn merge(known: &Shape, new: &Shape) -> Option<Shape> {
    let boxed = |known, new| merge(known, new).map(Box::new);
    Some(match (known, new) {
        (known, new) if *known == Shape::UNKNOWN => new.clone(),
        (known, new) if *new == Shape::UNKNOWN => known.clone(),
        (Shape::Option(known), Shape::Option(new)) => Shape::Option(boxed(known, new)?),
        (Shape::Seq(known), Shape::Seq(new)) => Shape::Seq(boxed(known, new)?),
        (Shape::Map(key, value), Shape::Map(new_key, new_value)) => {
            Shape::Map(boxed(key, new_key)?, boxed(value, new_value)?)
        }
        (Shape::Tuple(known), Shape::Tuple(new)) => Shape::Tuple(merge_all(known, new)?),
        (known, new) if known == new => known.clone(),
        _ => return None,
    })
}

/// Of two lists, a longer one comes from a pass that was refused before its end was known.
pub(super) fn merge_all(known: &[Shape], new: &[Shape]) -> Option<Vec<Shape>> {
    known.iter().zip(new).map(|(known, new)| merge(known, new)).collect()
}

pub(super) fn merge_parts(known: &Parts, new: &Parts) -> Option<Parts> {
    Some(match (known, new) {
        (Parts::Unit, Parts::Unit) => Parts::Unit,
        (Parts::Newtype(known), Parts::Newtype(new)) => Parts::Newtype(merge(known, new)?),
        (Parts::Tuple(known), Parts::Tuple(new)) => Parts::Tuple(merge_all(known, new)?),
        (Parts::Named(known), Parts::Named(new)) => {
            let names = if new.len() < known.len() { new } else { known };
            let parts = names.iter().zip(known.iter().zip(new)).map(|(named, (known, new))| {
                let shape = merge(&known.shape, &new.shape)?;
                Some(Part { name: named.name.clone(), shape })
            });
            Parts::Named(parts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
