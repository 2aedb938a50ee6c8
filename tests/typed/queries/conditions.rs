//! Conditions as the model knows them, and the rows that they are asked of.

use std::ops::RangeInclusive;

use emdb::{Fields, Key};
use emdb_testing::Random;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Key)]
pub(crate) enum Level {
    Low,
    Middle,
    High,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Fields)]
pub(crate) struct Address {
    pub(crate) lines: Vec<String>,
    pub(crate) zip: u32,
    pub(crate) street: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Fields)]
pub(crate) enum State {
    Active,
    Suspended { days: u32 },
    Gone(String, u8),
}

/// A row, whatever record it is stored as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Data {
    pub(crate) id: u16,
    pub(crate) city: String,
    pub(crate) age: u8,
    pub(crate) nick: Option<String>,
    pub(crate) rank: Option<i16>,
    pub(crate) tags: Vec<u8>,
    pub(crate) level: Level,
    pub(crate) address: Address,
    pub(crate) state: State,
    pub(crate) score: f32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    fn holds<V: PartialOrd>(self, a: &V, b: &V) -> bool {
        match self {
            Op::Eq => a == b,
            Op::Ne => a != b,
            Op::Lt => a < b,
            Op::Le => a <= b,
            Op::Gt => a > b,
            Op::Ge => a >= b,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Id(Op, u16),
    IdOneOf(Vec<u16>),
    Age(Op, u8),
    AgeWithin(RangeInclusive<u8>),
    AgeOneOf(Vec<u8>),
    City(Op, String),
    CityOneOf(Vec<String>),
    CityBefore(String),
    CityStarts(String),
    CityEnds(String),
    CityContains(String),
    CityIgnoringCase(String),
    Nick(Op, String),
    NickAs(Op, Option<String>),
    NickNone,
    NickSome,
    NickStarts(String),
    Rank(Op, i16),
    RankOneOf(Vec<i16>),
    Level(Op, Level),
    Zip(Op, u32),
    Street(Op, String),
    Tag(u8),
    NoTags,
    Tags(Op, usize),
    Suspended,
    Score(Op, f32),
    AgeMod(u8),
    Row(u16),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// Whether a row meets it, as a plain loop would ask.
    pub(crate) fn holds(&self, row: &Data) -> bool {
        match self {
            Condition::Id(op, id) => op.holds(&row.id, id),
            Condition::IdOneOf(ids) => ids.contains(&row.id),
            Condition::Age(op, age) => op.holds(&row.age, age),
            Condition::AgeWithin(range) => range.contains(&row.age),
            Condition::AgeOneOf(ages) => ages.contains(&row.age),
            Condition::City(op, city) => op.holds(&row.city, city),
            Condition::CityOneOf(cities) => cities.contains(&row.city),
            Condition::CityBefore(city) => row.city < *city,
            Condition::CityStarts(start) => row.city.starts_with(start),
            Condition::CityEnds(end) => row.city.ends_with(end),
            Condition::CityContains(part) => row.city.contains(part),
            Condition::CityIgnoringCase(city) => row.city.eq_ignore_ascii_case(city),
            Condition::Nick(op, nick) => row.nick.as_ref().is_some_and(|own| op.holds(own, nick)),
            Condition::NickAs(op, nick) => op.holds(&row.nick, nick),
            Condition::NickNone => row.nick.is_none(),
            Condition::NickSome => row.nick.is_some(),
            Condition::NickStarts(start) => {
                row.nick.as_ref().is_some_and(|own| own.starts_with(start))
            }
            Condition::Rank(op, rank) => row.rank.is_some_and(|own| op.holds(&own, rank)),
            Condition::RankOneOf(ranks) => row.rank.is_some_and(|own| ranks.contains(&own)),
            Condition::Level(op, level) => op.holds(&row.level, level),
            Condition::Zip(op, zip) => op.holds(&row.address.zip, zip),
            Condition::Street(op, street) => op.holds(&row.address.street, street),
            Condition::Tag(tag) => row.tags.contains(tag),
            Condition::NoTags => row.tags.is_empty(),
            Condition::Tags(op, len) => op.holds(&row.tags.len(), len),
            Condition::Suspended => matches!(row.state, State::Suspended { .. }),
            Condition::Score(op, score) => op.holds(&row.score, score),
            Condition::AgeMod(rest) => row.age % 3 == *rest,
            Condition::Row(rest) => (row.id + u16::from(row.age)) % 3 == *rest,
            Condition::And(a, b) => a.holds(row) && b.holds(row),
            Condition::Or(a, b) => a.holds(row) || b.holds(row),
            Condition::Not(a) => !a.holds(row),
        }
    }
}

const CITIES: [&str; 8] = ["", "b", "basel", "bern", "Basel", "bern\0", "zug", "z\u{fc}rich"];

fn pick<V: Clone>(random: &mut Random, of: &[V]) -> V {
    of[random.below(of.len() as u64) as usize].clone()
}

fn city(random: &mut Random) -> String {
    pick(random, &CITIES).to_owned()
}

fn score(random: &mut Random) -> f32 {
    pick(random, &[0.0, -0.0, 1.5, -1.5, f32::NAN, f32::INFINITY])
}

fn level(random: &mut Random) -> Level {
    pick(random, &[Level::Low, Level::Middle, Level::High])
}

fn op(random: &mut Random) -> Op {
    pick(random, &[Op::Eq, Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge])
}

fn some<V>(random: &mut Random, mut one: impl FnMut(&mut Random) -> V) -> Vec<V> {
    (0..random.below(4)).map(|_| one(random)).collect()
}

/// A row at random.
pub(crate) fn data(random: &mut Random) -> Data {
    Data {
        id: random.below(60) as u16,
        city: city(random),
        age: random.below(12) as u8,
        nick: (random.below(3) > 0).then(|| city(random)),
        rank: (random.below(3) > 0).then(|| random.below(5) as i16 - 2),
        tags: some(random, |random| random.below(5) as u8),
        level: level(random),
        address: Address {
            lines: some(random, city),
            zip: random.below(5) as u32 * 300,
            street: city(random),
        },
        state: match random.below(3) {
            0 => State::Active,
            1 => State::Suspended { days: 300 },
            _ => State::Gone(city(random), 7),
        },
        score: score(random),
    }
}

/// A condition at random, at most so deep.
pub(crate) fn condition(random: &mut Random, depth: u32) -> Condition {
    if depth > 0 && random.below(2) == 0 {
        let mut one = || Box::new(condition(random, depth - 1));
        let (a, b) = (one(), one());
        return match random.below(5) {
            0 | 1 => Condition::And(a, b),
            2 | 3 => Condition::Or(a, b),
            _ => Condition::Not(a),
        };
    }
    match random.below(29) {
        0 => Condition::Id(op(random), random.below(60) as u16),
        1 => Condition::IdOneOf(some(random, |random| random.below(60) as u16)),
        2 => Condition::Age(op(random), random.below(12) as u8),
        3 => Condition::AgeWithin(random.below(12) as u8..=random.below(12) as u8),
        4 => Condition::AgeOneOf(some(random, |random| random.below(12) as u8)),
        5 => Condition::City(op(random), city(random)),
        6 => Condition::CityOneOf(some(random, city)),
        7 => Condition::CityBefore(city(random)),
        8 => Condition::CityStarts(city(random)),
        9 => Condition::CityEnds(city(random)),
        10 => Condition::CityContains(city(random)),
        11 => Condition::CityIgnoringCase(city(random)),
        12 => Condition::Nick(op(random), city(random)),
        13 => Condition::NickAs(op(random), (random.below(2) == 0).then(|| city(random))),
        14 => Condition::NickNone,
        15 => Condition::NickSome,
        16 => Condition::NickStarts(city(random)),
        17 => Condition::Rank(op(random), random.below(5) as i16 - 2),
        18 => Condition::RankOneOf(some(random, |random| random.below(5) as i16 - 2)),
        19 => Condition::Level(op(random), level(random)),
        20 => Condition::Zip(op(random), random.below(5) as u32 * 300),
        21 => Condition::Street(op(random), city(random)),
        22 => Condition::Tag(random.below(5) as u8),
        23 => Condition::NoTags,
        24 => Condition::Tags(op(random), random.below(4) as usize),
        25 => Condition::Suspended,
        26 => Condition::Score(op(random), score(random)),
        27 => Condition::AgeMod(random.below(3) as u8),
        _ => Condition::Row(random.below(3) as u16),
    }
}
