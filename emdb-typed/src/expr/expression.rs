//! Conditions on a row.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use super::row_bytes::RowBytes;
use super::wanted::{Access, Form};
use crate::error::TableError;
use crate::record::Record;

/// A condition on the rows of `R`.
///
/// The members of `R::FIELDS` make them by their comparisons; `&`, `|` and `!` (or [`and`](Expr::and),
/// [`or`](Expr::or) and `not`) combine them. [`Query::filter`](crate::query::Query::filter) takes one.
///
/// A comparison reads the field alone, of the stored bytes, and text is not copied. The whole row is decoded where that
/// isn't possible: for a field with a serde attribute that changes how it is stored, for a row of an older
/// version, and for [`Expr::row`].
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Expr, Table, TableError};
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     name: String,
///     age: u8,
/// }
///
/// let db = Emdb::open_in_memory();
/// let users = Table::<User>::open(&db)?;
/// users.insert(&User { id: 1, name: "Ada".into(), age: 36 })?;
/// users.insert(&User { id: 2, name: "Bea".into(), age: 17 })?;
///
/// let f = User::FIELDS;
/// let adults: Expr<User> = f.age.ge(18);
/// assert_eq!(users.query().filter(adults.clone() & f.name.starts_with("A")).count()?, 1);
/// assert_eq!(users.query().filter(!adults).count()?, 1);
/// assert_eq!(users.query().filter(Expr::row(|user| user.id == u64::from(user.age))).count()?, 0);
/// # Ok::<(), TableError>(())
/// ```
#[must_use = "a condition does nothing until a query has it"]
pub struct Expr<R> {
    pub(crate) node: Node<R>,
}

/// A condition as a tree. Rows that are found elsewhere, such as by a relation, would be one more kind of leaf: a set of keys.
pub(crate) enum Node<R> {
    Leaf(Arc<dyn Leaf<R>>),
    /// A function of the whole row.
    Row(fn(&R) -> bool),
    All(Vec<Node<R>>),
    Any(Vec<Node<R>>),
    Not(Box<Node<R>>),
}

/// A condition on one member.
pub(crate) trait Leaf<R>: Send + Sync {
    /// Whether a row meets it.
    fn holds(&self, row: &RowBytes<'_, R>) -> Result<bool, TableError>;

    /// The member's name, with the way to it.
    fn name(&self) -> &str;

    /// The operator, as a plan shows it.
    fn verb(&self) -> &'static str;

    /// The bytes that an index over the member has for the rows that meet it, and for no others.
    fn access(&self, form: Form) -> Option<Access> {
        let _ = form;
        None
    }

    /// Appends what tells the values of one condition from those of another.
    fn write_values(&self, out: &mut Vec<u8>);
}

impl<R> Expr<R> {
    pub(crate) fn leaf(leaf: impl Leaf<R> + 'static) -> Self {
        Expr { node: Node::Leaf(Arc::new(leaf)) }
    }

    /// The rows for which a function says so. It is asked with the whole row, so conditions on fields are
    /// quicker, and no index serves it.
    pub fn row(test: fn(&R) -> bool) -> Self {
        Expr { node: Node::Row(test) }
    }

    /// Both conditions; `&` does the same.
    pub fn and(self, other: Expr<R>) -> Self {
        let mut all = match self.node {
            Node::All(all) => all,
            node => vec![node],
        };
        match other.node {
            Node::All(more) => all.extend(more),
            node => all.push(node),
        }
        Expr { node: Node::All(all) }
    }

    /// One of the conditions, or both; `|` does the same.
    pub fn or(self, other: Expr<R>) -> Self {
        let mut any = match self.node {
            Node::Any(any) => any,
            node => vec![node],
        };
        match other.node {
            Node::Any(more) => any.extend(more),
            node => any.push(node),
        }
        Expr { node: Node::Any(any) }
    }

    /// The rows that don't meet the condition; `!` does the same.
    #[allow(clippy::should_implement_trait)]
    pub fn not(self) -> Self {
        match self.node {
            Node::Not(node) => Expr { node: *node },
            node => Expr { node: Node::Not(Box::new(node)) },
        }
    }
}

impl<R: Record> Node<R> {
    /// Whether a row meets the condition.
    pub(crate) fn holds(&self, row: &RowBytes<'_, R>) -> Result<bool, TableError> {
        match self {
            Node::Leaf(leaf) => leaf.holds(row),
            Node::Row(test) => Ok(test(row.row()?)),
            Node::All(nodes) => {
                for node in nodes {
                    if !node.holds(row)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Any(nodes) => {
                for node in nodes {
                    if node.holds(row)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::Not(node) => Ok(!node.holds(row)?),
        }
    }
}

impl<R> Node<R> {
    /// Appends what tells one condition from another. Functions are told by their places alone.
    pub(crate) fn write_structure(&self, out: &mut Vec<u8>) {
        let mut list = |tag: u8, nodes: &[Node<R>]| {
            out.push(tag);
            out.extend_from_slice(&(nodes.len() as u64).to_be_bytes());
            nodes.iter().for_each(|node| node.write_structure(out));
        };
        match self {
            Node::All(nodes) => list(0, nodes),
            Node::Any(nodes) => list(1, nodes),
            Node::Not(node) => list(2, std::slice::from_ref(node)),
            Node::Row(_) => out.push(3),
            Node::Leaf(leaf) => {
                out.push(4);
                let mut values = Vec::new();
                leaf.write_values(&mut values);
                for text in [leaf.name().as_bytes(), leaf.verb().as_bytes(), &values] {
                    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
                    out.extend_from_slice(text);
                }
            }
        }
    }
}

impl<R> Clone for Node<R> {
    fn clone(&self) -> Self {
        match self {
            Node::Leaf(leaf) => Node::Leaf(leaf.clone()),
            Node::Row(test) => Node::Row(*test),
            Node::All(nodes) => Node::All(nodes.clone()),
            Node::Any(nodes) => Node::Any(nodes.clone()),
            Node::Not(node) => Node::Not(node.clone()),
        }
    }
}

/// As plans show it: values are left out.
impl<R> fmt::Display for Node<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, nodes: &[Node<R>], between: &str| {
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    f.write_str(between)?;
                }
                match node {
                    Node::All(_) | Node::Any(_) => write!(f, "({node})")?,
                    _ => write!(f, "{node}")?,
                }
            }
            Ok(())
        };
        match self {
            Node::Leaf(leaf) => write!(f, "{} {}", leaf.name(), leaf.verb()),
            Node::Row(_) => f.write_str("a function of the row"),
            Node::All(nodes) => list(f, nodes, " and "),
            Node::Any(nodes) => list(f, nodes, " or "),
            Node::Not(node) => write!(f, "not ({node})"),
        }
    }
}

impl<R> Clone for Expr<R> {
    fn clone(&self) -> Self {
        Expr { node: self.node.clone() }
    }
}

impl<R> fmt::Debug for Expr<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({})", self.node)
    }
}

impl<R> BitAnd for Expr<R> {
    type Output = Expr<R>;

    fn bitand(self, other: Expr<R>) -> Expr<R> {
        self.and(other)
    }
}

impl<R> BitOr for Expr<R> {
    type Output = Expr<R>;

    fn bitor(self, other: Expr<R>) -> Expr<R> {
        self.or(other)
    }
}

impl<R> Not for Expr<R> {
    type Output = Expr<R>;

    fn not(self) -> Expr<R> {
        Expr::not(self)
    }
}
