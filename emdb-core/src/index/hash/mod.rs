//! The hash index of one namespace: slots of 8 bytes that lead to records. No files, no keys.

pub(crate) mod buckets;
pub(crate) mod deferred;
pub(crate) mod image;
mod room;
pub(crate) mod segment;
mod settle;
mod shrink;
pub(crate) mod slot;
pub(crate) mod source;
pub(crate) mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_crowded;
#[cfg(test)]
mod tests_portion;
#[cfg(test)]
mod tests_shrink;

pub(crate) use slot::Slot;
pub(crate) use table::Table;
