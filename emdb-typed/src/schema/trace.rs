//! Finding a type's structure by asking its `Deserialize` for values.
//!
//! A [`Probe`] answers each request with a value that is made up, and notes the request. The
//! requests are what bincode's reader will be asked for, serde attributes included. One pass sees one
//! variant of each enum, so that passes are repeated until none is left.
//!
//! Invariants: what is recorded of a container only grows, and two types that are taken for one
//! (same names of all, same visitor) but differ are noticed and given up, not mixed up. A field is
//! followed completely or not at all. Passes and what they take are limited, so that tracing ends
//! whatever a `Deserialize` does; one that panics is caught (and heard: the panic hook runs), unless
//! the program aborts on panics. The same program traces a type alike each time.

mod canon;
mod plan;
mod probe;
mod refused;
mod tracer;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::description::Schema;
use super::shape::Shape;
use crate::codec::CODEC;
use probe::Probe;
use tracer::{End, MAX_PASSES, MAX_VALUES, Tracer, merge};

use canon::{Traced, assemble};

impl Schema {
    /// The schema, without indexes, of a type with these fields: names, and types as written.
    pub(crate) fn trace<T: DeserializeOwned>(
        version: u32,
        key: &[&'static str],
        fields: &[(&'static str, &'static str)],
    ) -> Self {
        let Traced { form, fields, types } = trace::<T>(fields);
        let key = key.iter().map(|&name| name.into()).collect();
        Schema { version, codec: CODEC, key, form, fields, types, indexes: Vec::new() }
    }
}

/// Traces a record.
fn trace<T: DeserializeOwned>(described: &[(&'static str, &'static str)]) -> Traced {
    let mut tracer = Tracer::default();
    tracer.run::<T>();
    assemble(described, &tracer)
}

impl Tracer {
    fn run<T: DeserializeOwned>(&mut self) {
        for _ in 0..MAX_PASSES {
            let done = self.pass::<T>();
            if self.values > MAX_VALUES {
                return;
            }
            if done || self.stop.is_some_and(|stop| self.field.is_some_and(|at| at >= stop)) {
                self.plan.succeeded();
                if !self.commit() || !self.is_open() {
                    return;
                }
            } else if !self.retry() {
                // Before the first field, or again at the same one: there is nothing more.
                let Some(at) = self.field else { return };
                self.stop = Some(at);
            }
        }
    }

    /// Asks for one value; whether it was made.
    fn pass<T: DeserializeOwned>(&mut self) -> bool {
        self.begin();
        let mut root = Shape::UNKNOWN;
        let made =
            catch_unwind(AssertUnwindSafe(|| T::deserialize(Probe::root(self, &mut root)).is_ok()));
        if made.is_err() {
            self.end = Some(End::Lost);
        }
        let before = self.root.take();
        self.root = Some(match before {
            Some(before) => merge(&before, &root).unwrap_or(before),
            None => root,
        });
        made.unwrap_or(false)
    }
}
