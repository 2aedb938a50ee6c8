//! Queries: which rows of a table, in which order, how many.
//!
//! A record's `FIELDS` name its fields ([`Field`]); their comparisons are conditions ([`Expr`]) and their `asc` and
//! `desc` orders ([`Order`]). [`Table::query`](crate::Table::query) begins a [`Query`], which plans by itself over
//! the indexes that there are, and tells what it does ([`Plan`]).
//!
//! # Example
//!
//! ```
//! use emdb::{Emdb, Table, TableError};
//!
//! #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
//! struct Item {
//!     #[emdb(key)]
//!     id: u32,
//!     #[emdb(index)]
//!     price: u32,
//!     name: String,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let items = Table::<Item>::open(&db)?;
//! items.insert_many((1..=9).map(|id| Item { id, price: 10 * id, name: format!("item {id}") }))?;
//!
//! let f = Item::FIELDS;
//! let dear = items.query().filter(f.price.gt(50)).order_by(f.name.desc()).limit(2);
//! let names = dear.select(|item| item.name.to_owned()).to_vec()?;
//! assert_eq!(names, ["item 9", "item 8"]);
//! # Ok::<(), TableError>(())
//! ```

mod aggregate;
mod builder;
mod candidate;
mod change;
mod cursor;
mod group;
mod page;
mod plan;
mod planner;
mod reads;
mod rows;
mod select;
mod sorted;
mod walk;

pub use crate::expr::{
    Collection, Expr, Field, Fields, Length, Operand, OperandRange, Order, Path, Text,
};
pub use aggregate::Number;
pub use builder::Query;
pub use cursor::Cursor;
pub use group::{Folded, Groups};
pub use page::Page;
pub use plan::{Plan, PlanWalk};
pub use rows::{Keys, Rows};
pub use select::{Select, Selected};
