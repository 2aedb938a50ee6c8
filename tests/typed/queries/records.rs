//! Records with the same fields and other keys and indexes.

use std::cmp::Ordering;

use emdb::query::{Order, Query};
use emdb::{Expr, Record, Store};

use super::conditions::{Condition, Data, Level};

/// A field that rows are sorted by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sort {
    Age,
    City,
    Nick,
    Level,
    Zip,
    Id,
    Score,
}

impl Sort {
    pub(crate) fn compare(self, a: &Data, b: &Data) -> Ordering {
        match self {
            Sort::Age => a.age.cmp(&b.age),
            Sort::City => a.city.cmp(&b.city),
            Sort::Nick => a.nick.cmp(&b.nick),
            Sort::Level => a.level.cmp(&b.level),
            Sort::Zip => a.address.zip.cmp(&b.address.zip),
            Sort::Id => a.id.cmp(&b.id),
            Sort::Score => a.score.total_cmp(&b.score),
        }
    }
}

/// The figures of the rows of a query.
pub(crate) struct Aggregates {
    pub(crate) sum: Result<u8>,
    pub(crate) mean: Result<Option<f64>>,
    pub(crate) least: Result<Option<String>>,
    pub(crate) greatest: Result<Option<Option<String>>>,
    pub(crate) counts: Result<Vec<(Level, u64)>>,
    pub(crate) zips: Result<Vec<(Level, u64)>>,
}

type Result<T> = std::result::Result<T, emdb::TableError>;

/// A record that the model knows.
pub(crate) trait Modelled: Record {
    const ORDERED: bool;
    /// How many indexes have all rows, and can be forced.
    const INDEXES: usize;

    fn of(data: &Data) -> Self;
    fn data(&self) -> Data;
    fn compare_keys(a: &Data, b: &Data) -> Ordering;
    fn expr(condition: &Condition) -> Expr<Self>;
    fn order(sort: Sort, descending: bool) -> Order<Self>;
    fn lent_id(row: Self::Ref<'_>) -> u16;
    fn grow_older(&mut self);
    fn aggregates<S: Store>(query: &Query<'_, Self, S>) -> Aggregates;
    /// Forces an index; with 0, none.
    fn via<S: Store>(query: Query<'_, Self, S>, index: usize) -> Query<'_, Self, S>;
}

macro_rules! compared {
    ($op:expr, $field:expr, $value:expr) => {{
        use super::super::conditions::Op;
        match $op {
            Op::Eq => $field.eq($value),
            Op::Ne => $field.ne($value),
            Op::Lt => $field.lt($value),
            Op::Le => $field.le($value),
            Op::Gt => $field.gt($value),
            Op::Ge => $field.ge($value),
        }
    }};
}

macro_rules! record {
    (
        $name:ident, ordered: $ordered:literal, key: $compare:expr,
        via: [$($constant:ident),*],
        $(#[$record:meta])*
        { $(#[$id:meta])* id, $(#[$city:meta])* city, $(#[$age:meta])* age, $(#[$nick:meta])* nick,
          $(#[$rank:meta])* rank, $(#[$tags:meta])* tags, $(#[$level:meta])* level }
    ) => {
        pub(crate) mod $name {
            use std::cmp::Ordering;

            use emdb::query::{Order, Query};
            use emdb::{Expr, Record, Store};
            use serde::{Deserialize, Serialize};

            use super::super::conditions::{Address, Condition, Data, Level, State, StateKind};
            use super::{Aggregates, Modelled, Sort};

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
            $(#[$record])*
            pub(crate) struct Row {
                $(#[$id])* id: u16,
                address: Address,
                $(#[$city])* city: String,
                $(#[$age])* age: u8,
                #[serde(skip)]
                skipped: u8,
                $(#[$nick])* nick: Option<String>,
                #[serde(with = "emdb::as_text")]
                #[allow(dead_code)]
                text: u64,
                $(#[$rank])* rank: Option<i16>,
                $(#[$tags])* tags: Vec<u8>,
                state: State,
                $(#[$level])* level: Level,
                score: f32,
            }

            impl Row {
                #[allow(dead_code)]
                pub(crate) fn age() -> emdb::Field<Row, u8, impl emdb::query::Path<Row, Value = u8>> {
                    Row::FIELDS.age
                }

                fn rest(&self) -> u16 {
                    (self.id + u16::from(self.age)) % 3
                }

                #[allow(dead_code)]
                fn is_old(&self) -> bool {
                    self.age >= 6
                }
            }

            impl Modelled for Row {
                const ORDERED: bool = $ordered;
                const INDEXES: usize = { let names: &[&str] = &[$(stringify!($constant)),*]; names.len() };

                fn of(data: &Data) -> Self {
                    let Data { id, city, age, nick, rank, tags, level, address, state, score } =
                        data.clone();
                    let (skipped, text) = (0, 7);
                    Row {
                        id, address, city, age, skipped, nick, text, rank, tags, state, level, score,
                    }
                }

                fn data(&self) -> Data {
                    let Row { id, address, city, age, nick, rank, tags, state, level, score, .. } =
                        self.clone();
                    Data { id, city, age, nick, rank, tags, level, address, state, score }
                }

                fn compare_keys(a: &Data, b: &Data) -> Ordering {
                    let compare: fn(&Data, &Data) -> Ordering = $compare;
                    compare(a, b)
                }

                fn grow_older(&mut self) {
                    self.age = (self.age + 1) % 12;
                }

                fn aggregates<S: Store>(query: &Query<'_, Self, S>) -> Aggregates {
                    let f = Row::FIELDS;
                    let levels = query.group_by(f.level);
                    let distinct = query.distinct(f.level).unwrap();
                    let counts = levels.count().map(|counts| {
                        assert!(counts.iter().map(|(level, _)| *level).eq(distinct));
                        counts.into_iter().map(|(level, count)| (level, count as u64)).collect()
                    });
                    Aggregates {
                        sum: query.sum(f.age),
                        mean: query.avg(f.age),
                        least: query.min(f.city),
                        greatest: query.max(f.nick),
                        counts,
                        zips: levels.fold(0, |sum, row| sum + u64::from(row.id)),
                    }
                }

                fn lent_id(row: Self::Ref<'_>) -> u16 {
                    row.id
                }

                #[allow(unused_mut, unused_variables)]
                fn via<S: Store>(query: Query<'_, Self, S>, index: usize) -> Query<'_, Self, S> {
                    let mut at = 0;
                    $(
                        at += 1;
                        if index == at {
                            return query.via(Row::$constant);
                        }
                    )*
                    query
                }

                fn order(sort: Sort, descending: bool) -> Order<Self> {
                    let f = Row::FIELDS;
                    macro_rules! way {
                        ($field:expr) => {
                            if descending { $field.desc() } else { $field.asc() }
                        };
                    }
                    match sort {
                        Sort::Age => way!(f.age),
                        Sort::City => way!(f.city),
                        Sort::Nick => way!(f.nick),
                        Sort::Level => way!(f.level),
                        Sort::Zip => way!(f.address.zip),
                        Sort::Id => way!(f.id),
                        Sort::Score => way!(f.score),
                    }
                }

                fn expr(condition: &Condition) -> Expr<Self> {
                    let f = Row::FIELDS;
                    match condition.clone() {
                        Condition::Id(op, id) => compared!(op, f.id, id),
                        Condition::IdOneOf(ids) => f.id.one_of(ids),
                        Condition::Age(op, age) => compared!(op, f.age, age),
                        Condition::AgeWithin(range) => f.age.within(range),
                        Condition::AgeOneOf(ages) => f.age.one_of(&ages),
                        Condition::City(op, city) => compared!(op, f.city, city.as_str()),
                        Condition::CityOneOf(cities) => f.city.one_of(cities),
                        Condition::CityBefore(city) => f.city.within(..city.as_str()),
                        Condition::CityStarts(start) => f.city.starts_with(&start),
                        Condition::CityEnds(end) => f.city.ends_with(&end),
                        Condition::CityContains(part) => f.city.contains(&part),
                        Condition::CityIgnoringCase(city) => f.city.eq_ignore_case(&city),
                        Condition::Nick(op, nick) => compared!(op, f.nick, nick.as_str()),
                        Condition::NickAs(op, nick) => compared!(op, f.nick, nick),
                        Condition::NickNone => f.nick.is_none(),
                        Condition::NickSome => f.nick.is_some(),
                        Condition::NickStarts(start) => f.nick.starts_with(&start),
                        Condition::Rank(op, rank) => compared!(op, f.rank, rank),
                        Condition::RankOneOf(ranks) => f.rank.one_of(ranks),
                        Condition::Level(op, level) => compared!(op, f.level, level),
                        Condition::Zip(op, zip) => compared!(op, f.address.zip, zip),
                        Condition::Street(op, street) => {
                            compared!(op, f.address.street, street.as_str())
                        }
                        Condition::Tag(tag) => f.tags.has(tag),
                        Condition::NoTags => f.tags.is_empty(),
                        Condition::Tags(op, len) => compared!(op, f.tags.len(), len),
                        Condition::Suspended => f.state.is(StateKind::Suspended),
                        Condition::Score(op, score) => compared!(op, f.score, score),
                        Condition::AgeMod(rest) => f.age.matches(move |age| age % 3 == rest),
                        Condition::Row(0) => Expr::row(|row: &Row| row.rest() == 0),
                        Condition::Row(1) => Expr::row(|row: &Row| row.rest() == 1),
                        Condition::Row(_) => Expr::row(|row: &Row| row.rest() == 2),
                        Condition::And(a, b) => Row::expr(&a) & Row::expr(&b),
                        Condition::Or(a, b) => Row::expr(&a) | Row::expr(&b),
                        Condition::Not(a) => !Row::expr(&a),
                    }
                }
            }
        }
    };
}

record! {
    plain, ordered: true, key: |a, b| a.id.cmp(&b.id),
    via: [],
    #[emdb(namespace = "plain")]
    { #[emdb(key)] id, city, age, nick, rank, tags, level }
}

record! {
    single, ordered: true, key: |a, b| a.id.cmp(&b.id),
    via: [CITY, AGE, NICK, LEVEL],
    #[emdb(namespace = "single", index(name = "old", fields(age), filter = Row::is_old))]
    { #[emdb(key)] id, #[emdb(index)] city, #[emdb(index)] age, #[emdb(index)] nick,
      #[emdb(index(sparse))] rank, #[emdb(index(each))] tags, #[emdb(index)] level }
}

record! {
    composite, ordered: true, key: |a, b| (&a.city, a.id).cmp(&(&b.city, b.id)),
    via: [BY_AGE_CITY, BY_LEVEL_AGE_ID, BY_NICK_AGE, BY_ID],
    #[emdb(namespace = "composite", key(city, id))]
    #[emdb(index(name = "by_age_city", fields(age, city)))]
    #[emdb(index(name = "by_level_age_id", fields(level, age, id), unique))]
    #[emdb(index(name = "by_nick_age", fields(nick, age)))]
    #[emdb(index(name = "by_id", fields(id), unique))]
    { id, city, age, nick, rank, #[emdb(index(each))] tags, level }
}

record! {
    loose, ordered: false, key: |a, b| a.id.cmp(&b.id),
    via: [BY_CITY_AGE],
    #[emdb(namespace = "loose", unordered, index(name = "by_city_age", fields(city, age)))]
    { #[emdb(key)] id, city, age, nick, #[emdb(index(sparse))] rank, #[emdb(index(each))] tags, level }
}
