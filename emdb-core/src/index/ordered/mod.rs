//! The order of a namespace's keys, beside its hash index. No files; keys through a seam.

mod keys;
mod levels;
mod order;
mod run;
mod stored;
mod superseded;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub(crate) use keys::Keys;
pub(crate) use levels::{Levels, RecentEntry};
pub(crate) use order::{Order, SETTLE_MIN_KEYS};
pub(crate) use run::{Run, RunBuilder};
pub(crate) use stored::Stored;
pub(crate) use superseded::Superseded;
pub(crate) use words::Words;
