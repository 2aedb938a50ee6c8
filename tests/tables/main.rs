//! Typed tables: every call, their indexes, and what a type that changed meets.

mod calls;
