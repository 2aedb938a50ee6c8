//! Conditions and orders, made of the fields of a record and asked of its stored rows.
//!
//! [`Fields`] gives each member of a record a [`Field`], with its [`path`] as a type; a path finds the member's
//! bytes in a row ([`place`]), so that a condition reads that member alone. A condition is a tree ([`Expr`]) of
//! leaves, each of which knows whether a row meets it, and what an index over its field has for those that do
//! ([`wanted::Access`]).
//!
//! Invariant: what a leaf's access says and what it says of a row are the same, for every row. A type whose
//! comparisons and key bytes don't agree has no access.

mod collection;
mod compare;
mod expression;
mod field;
mod function;
mod locate;
mod operand;
mod order;
mod path;
mod place;
mod row_bytes;
mod text;
mod wanted;

pub use collection::{Collection, Length};
pub use expression::Expr;
pub(crate) use expression::Node;
pub use field::{Field, Fields, MemberField};
pub use operand::{Operand, OperandRange};
pub use order::Order;
pub(crate) use order::{SortBy, sort_by};
pub use path::{
    ElementForm, HasKeys, HasNoKeys, IsKey, IsNoKey, IsNotStored, IsStored, KeyForm, Member, Path,
    Probe, Root, Stored,
};
pub(crate) use place::Place;
pub(crate) use row_bytes::RowBytes;
pub use text::Text;
pub(crate) use wanted::{Access, Form};
