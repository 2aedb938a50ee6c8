//! The rows of the model, and what their indexes have to say, by looking at all rows.

// Two indexes may have a field in common.
#![allow(clippy::duplicated_attributes)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds as _};

use emdb::{Index, Key, OrderedRecord, Record, Unique};
use emdb_testing::Random;
use serde::{Deserialize, Serialize};

use super::seam::{Bounds, Reads, Result};

/// The rows that a table has stored, with expiries; expired ones too.
pub(crate) type Stored<T> = BTreeMap<<T as Record>::Key, (T, Option<u64>)>;

pub(crate) trait Modelled: Record<Key: Ord + Debug> + Clone + PartialEq + Debug {
    fn random(rng: &mut Random, now: u64) -> Self;

    /// Changes some fields, but not the key.
    fn vary(&mut self, rng: &mut Random, now: u64);

    /// Whether two rows can't be there together.
    fn collides(&self, other: &Self) -> bool;

    /// When the row expires, as its type says.
    fn until(&self) -> Option<u64>;

    /// The same after an update of a row that was to expire then.
    fn until_after(&self, before: Option<u64>) -> Option<u64>;

    /// How many entries it has in all indexes.
    fn entries(&self) -> usize;

    /// Compares what this type has beside the common calls; `live` is sorted by key.
    fn compare<R: Reads<Self>>(table: &R, live: &[Self], rng: &mut Random) -> Result<()>;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "items", key(shelf, name))]
#[emdb(index(name = "by_kind_rank", fields(kind, rank)))]
#[emdb(index(name = "by_kind_serial", fields(kind, serial), unique))]
#[emdb(index(name = "rare", fields(rank), filter = Item::is_rare))]
#[emdb(index(name = "rare_name", fields(name), unique, filter = Item::is_rare))]
#[emdb(index(name = "title", with = Item::title, type = String))]
#[emdb(index(name = "claim", with = Item::claim, type = (String, i16), unique, sparse))]
#[emdb(index(name = "tag_lengths", with = Item::tag_lengths, type = u32, each))]
pub(crate) struct Item {
    shelf: u8,
    name: String,
    #[emdb(unique)]
    code: String,
    #[emdb(unique(sparse))]
    badge: Option<u32>,
    #[emdb(index)]
    kind: u8,
    #[emdb(index)]
    owner: Option<u32>,
    #[emdb(index(sparse))]
    note: Option<String>,
    #[emdb(index(each))]
    tags: Vec<String>,
    rank: i16,
    serial: u8,
    #[emdb(expires_at)]
    until: Option<u64>,
}

/// Texts that are each other's beginnings, or have bytes that an encoding might take for its own.
const TEXTS: [&str; 8] = ["", "a", "a\0", "a\0\u{1}", "ab", "b", "\u{10ffff}", "zz"];

fn text(rng: &mut Random) -> String {
    TEXTS[rng.below(8) as usize].to_owned()
}

impl Item {
    fn is_rare(&self) -> bool {
        self.rank > 1
    }

    fn title(&self) -> String {
        format!("{}{}", self.name, self.kind)
    }

    fn claim(&self) -> Option<(&str, i16)> {
        self.note.as_deref().filter(|_| self.rank < -1).map(|note| (note, self.rank))
    }

    fn tag_lengths(&self) -> impl Iterator<Item = u32> {
        self.tags.iter().map(|tag| tag.len() as u32)
    }

    pub(crate) fn by_kind(mut live: Vec<Item>) -> Vec<Item> {
        live.sort_by_key(|item| (item.kind, item.key_of()));
        live
    }

    fn key_of(&self) -> (u8, String) {
        (self.shelf, self.name.clone())
    }
}

/// A point in time to come, for some.
fn moment(rng: &mut Random, now: u64) -> Option<u64> {
    (rng.below(4) == 0).then(|| now + 1 + rng.below(60))
}

impl Modelled for Item {
    fn random(rng: &mut Random, now: u64) -> Item {
        let (shelf, name) = (rng.below(4) as u8, text(rng));
        let place = TEXTS.iter().position(|text| *text == name).unwrap() as u8 + 8 * shelf;
        let mut item = Item {
            shelf,
            name,
            code: format!("code {place}"),
            badge: None,
            kind: place % 3,
            owner: None,
            note: None,
            tags: Vec::new(),
            rank: 0,
            serial: place / 3,
            until: moment(rng, now),
        };
        for _ in 0..rng.below(4) {
            item.vary(rng, now);
        }
        item
    }

    fn vary(&mut self, rng: &mut Random, now: u64) {
        match rng.below(16) {
            0 => self.code = format!("code {}", rng.below(40)),
            1 => self.badge = (rng.below(3) > 0).then(|| rng.below(30) as u32),
            2 => self.kind = rng.below(4) as u8,
            3 => self.serial = rng.below(12) as u8,
            4..6 => self.owner = (rng.below(3) > 0).then(|| rng.below(4) as u32 * 0x55),
            6..8 => self.note = (rng.below(3) > 0).then(|| text(rng)),
            8..11 => self.tags = (0..rng.below(6)).map(|_| text(rng)).collect(),
            11..14 => self.rank = rng.below(6) as i16 - 3,
            _ => self.until = moment(rng, now),
        }
    }

    fn collides(&self, other: &Item) -> bool {
        let kinds = |item: &Item| (item.kind, item.serial);
        self.code == other.code
            || (self.badge.is_some() && self.badge == other.badge)
            || kinds(self) == kinds(other)
            || (self.claim().is_some() && self.claim() == other.claim())
            || (self.is_rare() && other.is_rare() && self.name == other.name)
    }

    fn until(&self) -> Option<u64> {
        self.until
    }

    fn until_after(&self, _: Option<u64>) -> Option<u64> {
        self.until
    }

    fn entries(&self) -> usize {
        let tags: BTreeSet<&String> = self.tags.iter().collect();
        let sparse = usize::from(self.badge.is_some()) + usize::from(self.note.is_some());
        let lengths: BTreeSet<u32> = self.tag_lengths().collect();
        let computed = 1 + usize::from(self.claim().is_some()) + lengths.len();
        5 + sparse + tags.len() + computed + 2 * usize::from(self.is_rare())
    }

    fn compare<R: Reads<Item>>(table: &R, live: &[Item], rng: &mut Random) -> Result<()> {
        check_order(table, live, rng)?;
        let one = |rare: bool, value| rare.then_some(value).into_iter().collect();
        unique(table, Item::CODE, live, rng, |item| vec![item.code.clone()])?;
        unique(table, Item::BADGE, live, rng, |item| item.badge.map(Some).into_iter().collect())?;
        unique(table, Item::BY_KIND_SERIAL, live, rng, |item| vec![(item.kind, item.serial)])?;
        unique(table, Item::RARE_NAME, live, rng, |i| one(i.is_rare(), i.name.clone()))?;
        multi(table, Item::KIND, live, rng, |item| vec![item.kind])?;
        multi(table, Item::OWNER, live, rng, |item| vec![item.owner])?;
        multi(table, Item::NOTE, live, rng, |item| {
            item.note.clone().map(Some).into_iter().collect()
        })?;
        multi(table, Item::TAGS, live, rng, |item| item.tags.clone())?;
        multi(table, Item::BY_KIND_RANK, live, rng, |item| vec![(item.kind, item.rank)])?;
        let ranks = |item: &Item| item.is_rare().then_some(item.rank).into_iter().collect();
        multi(table, Item::RARE, live, rng, ranks)?;
        multi(table, Item::TITLE, live, rng, |item| vec![item.title()])?;
        multi(table, Item::TAG_LENGTHS, live, rng, |item| item.tag_lengths().collect())?;
        unique(table, Item::CLAIM, live, rng, |item| {
            item.claim().map(|(note, rank)| (note.to_owned(), rank)).into_iter().collect()
        })
    }
}

/// Rows without order; those with an expiry were given one by hand, and updates leave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(unordered)]
pub(crate) struct Loose {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    pair: (u8, bool),
    #[emdb(index)]
    rank: i8,
}

impl Modelled for Loose {
    fn random(rng: &mut Random, now: u64) -> Loose {
        let id = rng.below(24);
        let mut row = Loose { id, pair: ((id / 2) as u8, id & 1 == 0), rank: 0 };
        (0..rng.below(3)).for_each(|_| row.vary(rng, now));
        row
    }

    fn vary(&mut self, rng: &mut Random, _: u64) {
        match rng.below(3) {
            0 => self.pair = (rng.below(14) as u8, rng.below(2) == 0),
            _ => self.rank = rng.below(5) as i8 - 2,
        }
    }

    fn collides(&self, other: &Loose) -> bool {
        self.pair == other.pair
    }

    fn until(&self) -> Option<u64> {
        None
    }

    fn until_after(&self, before: Option<u64>) -> Option<u64> {
        before
    }

    fn entries(&self) -> usize {
        2
    }

    fn compare<R: Reads<Loose>>(table: &R, live: &[Loose], rng: &mut Random) -> Result<()> {
        unique(table, Loose::PAIR, live, rng, |row| vec![row.pair])?;
        multi(table, Loose::RANK, live, rng, |row| vec![row.rank])
    }
}

/// Random bounds, also such as no row can lie in.
fn bounds<K: Clone>(rng: &mut Random, mut value: impl FnMut(&mut Random) -> K) -> Bounds<K> {
    let mut bound = |rng: &mut Random| match rng.below(3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(value(rng)),
        _ => Bound::Excluded(value(rng)),
    };
    (bound(rng), bound(rng))
}

/// Compares what an iterator gives with what is expected, from the front, from the back, and from
/// both in turns.
macro_rules! same_both_ways {
    ($make:expr, $expected:expr) => {{
        let (expected, collected) = ($expected, $make.collect::<Result<Vec<_>>>()?);
        assert_eq!(collected, expected);
        let mut reversed = $make.rev().collect::<Result<Vec<_>>>()?;
        reversed.reverse();
        assert_eq!(reversed, expected);
        let (mut walk, mut front, mut back) = ($make, Vec::new(), Vec::new());
        while let Some(row) = walk.next() {
            front.push(row?);
            back.extend(walk.next_back().transpose()?);
        }
        assert!(walk.next_back().is_none());
        front.extend(back.into_iter().rev());
        assert_eq!(front, expected);
    }};
}

fn check_order<R: Reads<Item>>(table: &R, live: &[Item], rng: &mut Random) -> Result<()>
where
    Item: OrderedRecord,
{
    same_both_ways!(table.walk()?, live);
    same_both_ways!(table.walk_keys()?, live.iter().map(Item::key_of).collect::<Vec<_>>());
    for _ in 0..3 {
        let range = bounds(rng, |rng| (rng.below(4) as u8, text(rng)));
        let within: Vec<Item> =
            live.iter().filter(|item| range.contains(&item.key_of())).cloned().collect();
        same_both_ways!(table.span(range.clone())?, within);
    }
    assert_eq!(table.ends()?, (live.first().cloned(), live.last().cloned()));
    let limit = 1 + rng.below(7) as usize;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = table.next_page(after.as_ref(), limit)?;
        assert!(page.rows.len() == limit || page.next.is_none());
        seen.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, live);
    Ok(())
}

/// Compares an index with its values, sorted by them and then by the rows' keys.
fn multi<T, K, U, R>(
    table: &R,
    index: Index<T, K, U>,
    live: &[T],
    rng: &mut Random,
    values: impl Fn(&T) -> Vec<K>,
) -> Result<()>
where
    T: Modelled,
    K: Key + Ord + Debug,
    R: Reads<T>,
{
    let entries: BTreeMap<(K, T::Key), &T> = live
        .iter()
        .flat_map(|row| values(row).into_iter().map(move |value| ((value, row.key()), row)))
        .collect();
    let rows = |wanted: &dyn Fn(&K) -> bool| -> Vec<T> {
        entries.iter().filter(|((v, _), _)| wanted(v)).map(|(_, row)| (*row).clone()).collect()
    };
    let everything = (Bound::Unbounded, Bound::Unbounded);
    same_both_ways!(table.span_by(index, everything.clone())?, rows(&|_| true));
    let mut probes: Vec<K> = entries.keys().map(|(value, _)| value.clone()).collect();
    // Values that rows don't have, but might.
    probes.extend(values(&T::random(rng, 0)));
    for _ in 0..4 {
        let Some(at) = (!probes.is_empty()).then(|| rng.below(probes.len() as u64)) else { break };
        let value = probes[at as usize].clone();
        let expected = rows(&|other| *other == value);
        assert_eq!(table.count_by(index, &value)?, expected.len());
        let keys: Vec<T::Key> = expected.iter().map(T::key).collect();
        same_both_ways!(table.keys_by(index, &value)?, keys);
        same_both_ways!(table.all(index, &value)?, expected);
        let mut probe = |rng: &mut Random| probes[rng.below(probes.len() as u64) as usize].clone();
        let range = bounds(rng, &mut probe);
        same_both_ways!(table.span_by(index, range.clone())?, rows(&|v| range.contains(v)));
    }
    Ok(())
}

/// The same for a unique index, which finds one row.
fn unique<T, K, R>(
    table: &R,
    index: Index<T, K, Unique>,
    live: &[T],
    rng: &mut Random,
    values: impl Fn(&T) -> Vec<K>,
) -> Result<()>
where
    T: Modelled,
    K: Key + Ord + Debug,
    R: Reads<T>,
{
    let probes: Vec<T> = (0..4).map(|_| T::random(rng, 0)).collect();
    for value in live.iter().chain(&probes).flat_map(&values) {
        let owner = live.iter().find(|row| values(row).contains(&value));
        assert_eq!(table.one(index, &value)?.as_ref(), owner);
    }
    multi(table, index, live, rng, values)
}
