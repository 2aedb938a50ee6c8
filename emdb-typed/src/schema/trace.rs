//! Finding a type's structure by asking its `Deserialize` for values.
//!
//! A [`Probe`] answers each request with a value that is made up, and notes the request. The
//! requests are what bincode's reader will be asked for, serde attributes included. One pass sees one
//! variant of each enum, so that passes are repeated until none is left. Where a struct has a part
//! that refuses all values, the others are asked for by their names ([`detour`]), so that such a part
//! leaves itself unknown and nothing else. Values that are made tell whether the type can read back
//! what it writes.
//!
//! Invariants: what is recorded of a container only grows, and two types that are taken for one
//! (same names of all, same visitor) but differ are noticed and given up, not mixed up. A field is
//! followed completely or not at all. Passes and what they take are limited, so that tracing ends
//! whatever a `Deserialize` does; one that panics is caught (and heard: the panic hook runs), unless
//! the program aborts on panics. The same program traces a type alike each time.

mod canon;
mod detour;
mod merge;
mod plan;
mod probe;
mod refused;
mod tracer;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::description::Schema;
use super::shape::Shape;
use crate::codec::{self, CODEC, Fault};
use merge::merge;
use probe::Probe;
use refused::Refused;
use tracer::{End, MAX_PASSES, MAX_VALUES, Tracer};

use canon::{Structure, assemble};

/// The names of a record's fields, and their types as written.
type Described = [(&'static str, &'static str)];

/// The findings about a type.
#[derive(Debug)]
pub(crate) struct Traced {
    /// The schema, without indexes.
    pub(crate) schema: Schema,
    /// Why rows of the type can't be read back, if that was found.
    pub(crate) fault: Option<Fault>,
    /// Whether values of the type were made, and all of it is known.
    pub(crate) complete: bool,
}

/// Makes a value of a type; gives what is wrong with it.
type Make = fn(Probe<'_>) -> Result<Option<Fault>, Refused>;

impl Traced {
    /// The findings about a record with these fields.
    pub(crate) fn of<T: Serialize + DeserializeOwned>(
        version: u32,
        key: &[&'static str],
        fields: &Described,
    ) -> Self {
        let make: Make = |probe| T::deserialize(probe).map(|value| codec::fault(&value));
        Self::by(make, version, key, fields)
    }

    fn by(make: Make, version: u32, key: &[&'static str], described: &Described) -> Self {
        let mut tracer = Tracer::default();
        tracer.run(make);
        let Structure { form, fields, types } = assemble(described, &tracer);
        let key = key.iter().map(|&name| name.into()).collect();
        let schema =
            Schema { version, codec: CODEC, key, form, fields, types, indexes: Vec::new() };
        let complete = tracer.made && schema.fields().all(|field| !field.is_opaque());
        Traced { schema, fault: tracer.fault, complete }
    }
}

#[cfg(test)]
impl Schema {
    /// The schema, without indexes, of a type that is only read.
    pub(crate) fn trace<T: DeserializeOwned>(
        version: u32,
        key: &[&'static str],
        fields: &Described,
    ) -> Self {
        Traced::by(|probe| T::deserialize(probe).map(|_| None), version, key, fields).schema
    }
}

impl Tracer {
    fn run(&mut self, make: Make) {
        for _ in 0..MAX_PASSES {
            let made = self.pass(make);
            if self.values > MAX_VALUES {
                return;
            }
            if !made && self.end != Some(End::Given) && self.retry() {
                continue;
            }
            self.plan.settle();
            if !made {
                self.go_around();
            }
            if !self.commit() || !self.is_open() {
                return;
            }
        }
    }

    /// Asks for one value; whether it was made.
    fn pass(&mut self, make: Make) -> bool {
        self.begin();
        let mut root = Shape::UNKNOWN;
        let made = catch_unwind(AssertUnwindSafe(|| make(Probe::root(self, &mut root))));
        let made = made.unwrap_or_else(|_| {
            self.end = Some(End::Lost);
            Err(Refused)
        });
        let before = self.root.take();
        self.root = Some(match before {
            Some(before) => merge(&before, &root).unwrap_or(before),
            None => root,
        });
        self.made |= made.is_ok();
        match made {
            Ok(fault) => {
                self.fault = self.fault.take().or(fault);
                true
            }
            Err(Refused) => false,
        }
    }
}
