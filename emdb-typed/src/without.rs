//! The calls that features bring, where those are off: they are there, and no program that uses one compiles.
//!
//! The compiler tells by itself which feature a module or a type is behind, and of a method only that there is
//! none. So each of these methods has a bound that nothing meets, whose message names the feature.

#[cfg(not(feature = "json"))]
mod json;
#[cfg(not(feature = "ttl"))]
mod ttl;

#[cfg(not(feature = "json"))]
pub use json::JsonFeature;
