//! Ways around a part that refuses every value that is made up for it.
//!
//! A struct that is read part by part ends at the first one that is refused, and what stands behind
//! it stays unknown. But serde's derives also read structs by the names of their fields, in any order, which
//! a row never does and a probe may: so each part is given alone, first, one in each pass. The
//! value as a whole is never made.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use super::plan::Place;
use crate::schema::shape::Parts;

pub(super) type Names = &'static [&'static str];

/// The structs whose values can't be made.
#[derive(Debug, Default)]
pub(super) struct Detours(BTreeMap<Place, Detour>);

/// A struct, or the struct in a variant, whose parts are given one by one.
#[derive(Debug)]
struct Detour {
    names: Names,
    /// How many parts were given.
    given: usize,
    /// The fields that the type took those names for, as hashes: names of one field become one.
    fields: Vec<u64>,
    /// The findings from before, for a type that doesn't read itself by names.
    before: Option<Parts>,
    /// Whether it is one of those.
    useless: bool,
}

impl Detours {
    /// Begins one, with what is known already; whether there was none.
    pub(super) fn begin(&mut self, place: &Place, names: Names, before: Option<Parts>) -> bool {
        let new = !self.0.contains_key(place);
        if new {
            let detour = Detour { names, given: 0, fields: Vec::new(), before, useless: false };
            self.0.insert(place.clone(), detour);
        }
        new
    }

    pub(super) fn is_on(&self, place: &Place) -> bool {
        self.0.get(place).is_some_and(|detour| !detour.useless)
    }

    /// The part to be given next; `None` if all were.
    pub(super) fn next(&self, place: &Place) -> Option<usize> {
        self.0
            .get(place)
            .and_then(|detour| (detour.given < detour.names.len()).then_some(detour.given))
    }

    /// A part was given, and made or refused.
    pub(super) fn given(&mut self, place: &Place, part: usize) {
        if let Some(detour) = self.0.get_mut(place) {
            detour.given = detour.given.max(part + 1);
        }
    }

    /// The type made `key` of the name of a part.
    pub(super) fn named<K>(&mut self, place: &Place, part: usize, key: &K) {
        let mut hasher = DefaultHasher::new();
        discriminant(key).hash(&mut hasher);
        if let Some(detour) = self.0.get_mut(place).filter(|detour| detour.fields.len() == part) {
            detour.fields.push(hasher.finish());
        }
    }

    /// The type doesn't ask for names: what was known before is all there is.
    pub(super) fn give_up(&mut self, place: &Place) -> Option<Parts> {
        let detour = self.0.get_mut(place)?;
        (detour.given, detour.useless) = (detour.names.len(), true);
        detour.fields.clear();
        detour.before.take()
    }

    /// Whether there are parts of this container that were not given yet.
    pub(super) fn are_open_in(&self, owner: usize) -> bool {
        self.0.iter().any(|(place, _)| place.is_in(owner) && self.next(place).is_some())
    }

    /// How much was done.
    pub(super) fn done(&self) -> usize {
        self.0.len() + self.0.values().map(|detour| detour.given).sum::<usize>()
    }

    /// For each of the given parts whether it is the first name of its field, and whether the only one;
    /// `None` where parts were not given by name.
    pub(super) fn fields(&self, place: &Place) -> Option<Vec<(bool, bool)>> {
        let fields = &self.0.get(place)?.fields;
        let told = |(at, field): (usize, &u64)| {
            let others = fields.iter().filter(|other| *other == field).count();
            (!fields[..at].contains(field), others == 1)
        };
        (!fields.is_empty()).then(|| fields.iter().enumerate().map(told).collect())
    }
}
