//! Pages of a query: behind or before a place in the order of its rows.
//!
//! The order is total, so a place is told by the values that a row is sorted by and its key, whether the row is there
//! or not. A walk in that order begins at the place; any other is asked for all rows, and keeps the best ones.

use std::cmp::Ordering;

use super::builder::Query;
use super::candidate::Source;
use super::cursor::{Cursor, Position};
use super::planner::{self, Choice, Wanted};
use super::rows::Answer;
use super::walk::{Batch, Found, Lead, Walk, Way};
use crate::backend::Store;
use crate::error::TableError;
use crate::expr::Order;
use crate::record::Record;

/// Some rows of a query, and the ways on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in the order of the query.
    pub rows: Vec<T>,
    /// To go on behind the last row, by [`Query::page_after`]; none if it was the last one.
    pub next: Option<Cursor>,
    /// To go back before the first row, by [`Query::page_before`]; none if it was the first one.
    pub previous: Option<Cursor>,
}

/// A row with its place.
type Placed<T> = (Position, T);

impl<T: Record, S: Store> Query<'_, T, S> {
    /// The first rows, and a cursor for the next ones.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] for a size of 0, and with [`limit`](Query::limit) or [`offset`](Query::offset); otherwise as
    /// [`to_vec`](Query::to_vec).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32, #[emdb(index)] price: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((0..5).map(|id| Item { id, price: id % 2 }))?;
    ///
    /// let by_price = items.query().order_by(Item::FIELDS.price.asc());
    /// let ids = |rows: &[Item]| rows.iter().map(|item| item.id).collect::<Vec<_>>();
    /// let first = by_price.page(2)?;
    /// assert_eq!(ids(&first.rows), [0, 2]);
    ///
    /// // As text it can be handed to somebody, and come back.
    /// let text = first.next.expect("there are more").to_string();
    /// let second = by_price.page_after(&text.parse().expect("it was a cursor"), 2)?;
    /// assert_eq!(ids(&second.rows), [4, 1]);
    /// let back = by_price.page_before(&second.previous.expect("there are some before"), 2)?;
    /// assert_eq!((ids(&back.rows), back.previous), (vec![0, 2], None));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn page(&self, size: usize) -> Result<Page<T>, TableError> {
        self.check_page(size)?;
        let mut rows = self.placed(None, true, size)?;
        let more = cut(&mut rows, size);
        let next = if more { self.cursor_at(rows.last()) } else { None };
        Ok(Page { rows: only_rows(rows), next, previous: None })
    }

    /// The rows behind a cursor.
    ///
    /// Rows that came or went since are there or not; no other is skipped, and none comes again, unless it was given another
    /// place. `previous` is there whenever rows are.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] for a cursor of another query; otherwise as [`page`](Query::page).
    pub fn page_after(&self, cursor: &Cursor, size: usize) -> Result<Page<T>, TableError> {
        self.check_cursor(cursor, size)?;
        let mut rows = self.placed(Some(cursor), true, size)?;
        let more = cut(&mut rows, size);
        let next = if more { self.cursor_at(rows.last()) } else { None };
        let previous = self.cursor_at(rows.first()).or_else(|| Some(turned(cursor)));
        Ok(Page { rows: only_rows(rows), next, previous })
    }

    /// The rows just before a cursor, in the order of the query. `next` is there whenever rows are.
    ///
    /// # Errors
    ///
    /// As [`page_after`](Query::page_after).
    pub fn page_before(&self, cursor: &Cursor, size: usize) -> Result<Page<T>, TableError> {
        self.check_cursor(cursor, size)?;
        let mut rows = self.placed(Some(cursor), false, size)?;
        let more = cut(&mut rows, size);
        rows.reverse();
        let previous = if more { self.cursor_at(rows.first()) } else { None };
        let next = self.cursor_at(rows.last()).or_else(|| Some(turned(cursor)));
        Ok(Page { rows: only_rows(rows), next, previous })
    }

    fn check_page(&self, size: usize) -> Result<(), TableError> {
        if size == 0 {
            return Err(invalid::<T>("a page has at least one row"));
        }
        if self.limit.is_some() || self.offset > 0 {
            return Err(invalid::<T>(
                "a query with `limit` or `offset` has no pages: leave them out",
            ));
        }
        Ok(())
    }

    fn check_cursor(&self, cursor: &Cursor, size: usize) -> Result<(), TableError> {
        self.check_page(size)?;
        let fits =
            cursor.query == self.fingerprint() && cursor.position.parts.len() == self.orders.len();
        if !fits {
            return Err(invalid::<T>(
                "the cursor is of another query: it needs the same table, filter and order",
            ));
        }
        Ok(())
    }

    fn cursor_at(&self, row: Option<&Placed<T>>) -> Option<Cursor> {
        let (position, _) = row?;
        let position = position.clone();
        Some(Cursor { query: self.fingerprint(), position, inclusive: false })
    }

    /// A number that tells this query from others. Functions count by their places alone.
    fn fingerprint(&self) -> u64 {
        let mut bytes = T::NAMESPACE.as_bytes().to_vec();
        bytes.push(0);
        for order in &self.orders {
            bytes.extend_from_slice(order.to_string().as_bytes());
            bytes.push(0);
        }
        if let Some(filter) = &self.filter {
            filter.write_structure(&mut bytes);
        }
        // An index that leaves rows out makes another query.
        let via = self.via.map_or(u64::MAX, |via| via as u64);
        bytes.extend_from_slice(&via.to_be_bytes());
        // FNV-1a (Fowler, Noll and Vo), of 64 bits.
        bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
        })
    }

    /// One more than so many rows behind a cursor, the nearest first; or before it.
    fn placed(
        &self,
        cursor: Option<&Cursor>,
        after: bool,
        size: usize,
    ) -> Result<Vec<Placed<T>>, TableError> {
        let wanted = Wanted { has_limit: true, ..self.wanted() };
        let mut choice = planner::choose(self.reads(), &wanted)?;
        // Pages need an order, of unordered tables too.
        choice.sorted |= choice.candidate.gives_order.is_none();
        let backward = choice.backward == after;
        if let (Some(cursor), false) = (cursor, choice.sorted) {
            self.trim(&mut choice, &cursor.position, backward);
        }
        let way = Way { backward, turned: backward == after };
        let Choice { candidate, filter, sorted, .. } = choice;
        let walk = Walk::new(self.reads(), candidate.stretches, way, candidate.repeats)?;
        let answer = Answer::new(walk, filter, 0, usize::MAX);
        match sorted {
            false => self.placed_in_order(answer, cursor, after, size),
            true => self.placed_by_sorting(answer, cursor, after, size),
        }
    }

    fn trim(&self, choice: &mut Choice<T>, position: &Position, backward: bool) {
        let source = choice.candidate.stretches.first().map(|stretch| stretch.source);
        let fields = match source {
            Some(Source::Index(at)) => self.reads().definition.indexes[at].fields,
            _ => &[],
        };
        let part = |name: &str| {
            let at = self.orders.iter().position(|order| order.name() == name)?;
            position.parts.get(at).map(Vec::as_slice)
        };
        choice.candidate.trim(fields, &position.key, backward, part);
    }

    fn placed_in_order(
        &self,
        mut answer: Answer<T, S::View>,
        cursor: Option<&Cursor>,
        after: bool,
        size: usize,
    ) -> Result<Vec<Placed<T>>, TableError> {
        let mut rows = Vec::new();
        while rows.len() <= size {
            let next = answer.next(|found| {
                let position = position(&self.orders, &found)?;
                if !is_beyond(&self.orders, cursor, &position, after) {
                    return Ok(None);
                }
                Ok(Some((position, found.into_row()?)))
            });
            match next {
                None => break,
                Some(row) => rows.extend(row?),
            }
        }
        Ok(rows)
    }

    fn placed_by_sorting(
        &self,
        mut answer: Answer<T, S::View>,
        cursor: Option<&Cursor>,
        after: bool,
        size: usize,
    ) -> Result<Vec<Placed<T>>, TableError> {
        let mut best: Vec<Position> = Vec::new();
        let most = size.saturating_add(1);
        let shrink = |best: &mut Vec<Position>| {
            best.sort_unstable_by(|a, b| {
                let order = compare(&self.orders, a, b);
                if after { order } else { order.reverse() }
            });
            best.truncate(most);
        };
        while let Some(next) = answer.next(|mut found| {
            let position = position(&self.orders, &found)?;
            let is_beyond = is_beyond(&self.orders, cursor, &position, after);
            found.check()?;
            Ok(is_beyond.then_some(position))
        }) {
            best.extend(next?);
            if best.len() >= most.saturating_mul(2).saturating_add(64) {
                shrink(&mut best);
            }
        }
        shrink(&mut best);
        let mut batch = Batch::default();
        best.iter().for_each(|row| batch.push(Lead { key: &row.key, ..Lead::default() }));
        let mut answer = answer.over(batch, 0, usize::MAX);
        let mut rows = Vec::with_capacity(best.len());
        for position in best {
            if let Some(row) = answer.next(|found| found.into_row()) {
                rows.push((position, row?));
            }
        }
        Ok(rows)
    }
}

/// The same place, of which the row belongs to the other side.
fn turned(cursor: &Cursor) -> Cursor {
    Cursor { inclusive: !cursor.inclusive, ..cursor.clone() }
}

/// Cuts off the row that only tells that there are more.
fn cut<T>(rows: &mut Vec<T>, size: usize) -> bool {
    let more = rows.len() > size;
    rows.truncate(size);
    more
}

fn only_rows<T>(rows: Vec<Placed<T>>) -> Vec<T> {
    rows.into_iter().map(|(_, row)| row).collect()
}

fn position<T: Record>(orders: &[Order<T>], found: &Found<'_, T>) -> Result<Position, TableError> {
    let part = |order: &Order<T>| {
        let mut part = Vec::new();
        order.by.write(&found.row, &mut part)?;
        Ok::<_, TableError>(part)
    };
    let parts = orders.iter().map(part).collect::<Result<_, _>>()?;
    Ok(Position { parts, key: found.key.to_vec() })
}

fn compare<T>(orders: &[Order<T>], a: &Position, b: &Position) -> Ordering {
    let parts = orders.iter().zip(a.parts.iter().zip(&b.parts));
    let of_parts = parts.map(|(order, (a, b))| if order.descending { b.cmp(a) } else { a.cmp(b) });
    of_parts.fold(Ordering::Equal, Ordering::then).then_with(|| a.key.cmp(&b.key))
}

/// Whether a row is on the side of the cursor that is asked for.
fn is_beyond<T>(
    orders: &[Order<T>],
    cursor: Option<&Cursor>,
    position: &Position,
    after: bool,
) -> bool {
    let Some(cursor) = cursor else { return true };
    match compare(orders, position, &cursor.position) {
        Ordering::Equal => cursor.inclusive,
        Ordering::Greater => after,
        Ordering::Less => !after,
    }
}

fn invalid<T: Record>(reason: &str) -> TableError {
    TableError::Invalid { table: T::NAMESPACE.to_owned(), reason: reason.to_owned() }
}
