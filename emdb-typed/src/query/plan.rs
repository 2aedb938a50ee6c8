//! A plan as users see it.

use std::fmt;

/// How a query finds its rows: what [`Query::explain`](super::Query::explain) gives.
///
/// Its `Display` is one line to read; the fields say the same.
///
/// # Example
///
/// ```
/// # use emdb::{Emdb, Table, TableError};
/// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// # struct User { #[emdb(key)] id: u64, #[emdb(index)] city: String, age: u8 }
/// # let db = Emdb::open_in_memory();
/// let users = Table::<User>::open(&db)?;
/// users.insert(&User { id: 1, city: "Basel".into(), age: 36 })?;
///
/// let f = User::FIELDS;
/// let plan = users.query().filter(f.city.eq("Basel") & f.age.ge(18)).explain()?;
/// assert_eq!(plan.walks[0].index.as_deref(), Some("city"));
/// assert_eq!(plan.to_string(), "the index `city`, 1 field bound; filtered by age >=; 1 row looked at");
/// # Ok::<(), TableError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The walks, one after the other; a row that comes in several is taken once.
    pub walks: Vec<PlanWalk>,
    /// Whether the walk goes from the back to the front.
    pub descending: bool,
    /// The conditions that each row is asked for then, without their values; none if the walk finds the rows of the
    /// filter and no others.
    pub filter: Option<String>,
    /// Whether the rows are sorted in memory.
    pub sorted: bool,
    /// How many rows are looked at, if all of them are wanted.
    pub rows: usize,
}

/// One index, or the rows by their keys, in a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanWalk {
    /// The name of the index; none for the rows by their keys.
    pub index: Option<String>,
    /// How many of its fields the filter binds. With none it is walked from end to end.
    pub bound_fields: usize,
    /// How many stretches of it are walked.
    pub stretches: usize,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, walk) in self.walks.iter().enumerate() {
            if at > 0 {
                f.write_str(", then ")?;
            }
            write!(f, "{walk}")?;
        }
        if self.descending {
            f.write_str(", from the back")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, "; filtered by {filter}")?;
        }
        if self.sorted {
            f.write_str("; sorted in memory")?;
        }
        write!(f, "; {} looked at", plural(self.rows, "row"))
    }
}

impl fmt::Display for PlanWalk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.index, self.bound_fields) {
            (Some(index), 0) => return write!(f, "the index `{index}`, all of it"),
            (None, 0) => return f.write_str("the table, all of it"),
            (Some(index), _) => write!(f, "the index `{index}`")?,
            (None, _) => f.write_str("the primary key")?,
        }
        write!(f, ", {} bound", plural(self.bound_fields, "field"))?;
        match self.stretches {
            1 => Ok(()),
            several => write!(f, ", {several} stretches"),
        }
    }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
