//! Keys to test with, and the order that they should have.

use std::cmp::{Ordering, Reverse};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ByHand, Key};

/// A key type under test. It has an order of its own because floats have no `Ord`.
pub(super) trait Sample: Key + Debug {
    fn any() -> BoxedStrategy<Self>;
    fn order(&self, other: &Self) -> Ordering;
}

/// Bytes among which those with a meaning to some encoding are frequent.
pub(super) fn byte() -> BoxedStrategy<u8> {
    prop_oneof![Just(0), Just(1), Just(0xFE), Just(0xFF), any::<u8>()].boxed()
}

fn character() -> BoxedStrategy<char> {
    prop_oneof![Just('\0'), Just('\x01'), Just('a'), Just('\u{ff}'), any::<char>()].boxed()
}

macro_rules! samples {
    ($($(#[$cfg:meta])* $key:ty: $strategy:expr;)*) => {$(
        $(#[$cfg])*
        impl Sample for $key {
            fn any() -> BoxedStrategy<Self> {
                $strategy.boxed()
            }

            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )*};
}

macro_rules! integers {
    ($($int:ty)*) => {
        samples! {$(
            // The ends, those around zero, and anything.
            $int: prop_oneof![
                Just(<$int>::MIN), Just(<$int>::MAX), Just(0), Just(1), Just((0 as $int).wrapping_sub(1)),
                any::<$int>(),
            ];
            NonZero<$int>: <$int>::any().prop_map(|int| NonZero::new(int).unwrap_or(NonZero::<$int>::MAX));
        )*}
    };
}

integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

samples! {
    (): Just(());
    bool: any::<bool>();
    char: character();
    Duration: (u64::any(), nanos()).prop_map(|(secs, nanos)| Duration::new(secs, nanos));
    Ipv4Addr: u32::any().prop_map(Ipv4Addr::from);
    Ipv6Addr: u128::any().prop_map(Ipv6Addr::from);
    IpAddr: prop_oneof![Ipv4Addr::any().prop_map(IpAddr::V4), Ipv6Addr::any().prop_map(IpAddr::V6)];
    String: vec(character(), 0..5).prop_map(String::from_iter);
    Box<str>: String::any().prop_map(String::into_boxed_str);
    Vec<u8>: vec(byte(), 0..6);
}

fn nanos() -> BoxedStrategy<u32> {
    prop_oneof![Just(0), Just(999_999_999), 0_u32..1_000_000_000].boxed()
}

macro_rules! floats {
    ($($float:ty, $bits:ty;)*) => {$(
        impl Sample for $float {
            fn any() -> BoxedStrategy<Self> {
                let special = proptest::sample::select(vec![
                    0.0, -0.0, 1.0, -1.0, <$float>::MIN, <$float>::MAX, <$float>::MIN_POSITIVE,
                    <$float>::INFINITY, <$float>::NEG_INFINITY, <$float>::NAN, -<$float>::NAN,
                ]);
                prop_oneof![special, any::<$bits>().prop_map(<$float>::from_bits)].boxed()
            }

            fn order(&self, other: &Self) -> Ordering {
                self.total_cmp(other)
            }
        }
    )*};
}

floats! {
    f32, u32;
    f64, u64;
}

impl Sample for ByHand {
    fn any() -> BoxedStrategy<Self> {
        Vec::any().prop_map(ByHand).boxed()
    }

    fn order(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: Sample> Sample for Option<K> {
    fn any() -> BoxedStrategy<Self> {
        proptest::option::of(K::any()).boxed()
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Some(a), Some(b)) => a.order(b),
            _ => self.is_some().cmp(&other.is_some()),
        }
    }
}

impl<K: Sample> Sample for Reverse<K> {
    fn any() -> BoxedStrategy<Self> {
        K::any().prop_map(Reverse).boxed()
    }

    fn order(&self, other: &Self) -> Ordering {
        other.0.order(&self.0)
    }
}

impl<K: Sample, const N: usize> Sample for [K; N] {
    fn any() -> BoxedStrategy<Self> {
        vec(K::any(), N).prop_map(|keys| keys.try_into().unwrap()).boxed()
    }

    fn order(&self, other: &Self) -> Ordering {
        let orders = self.iter().zip(other).map(|(a, b)| a.order(b));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

macro_rules! tuples {
    ($(($($key:ident $at:tt)+))*) => {$(
        impl<$($key: Sample),+> Sample for ($($key,)+) {
            fn any() -> BoxedStrategy<Self> {
                ($($key::any(),)+).boxed()
            }

            fn order(&self, other: &Self) -> Ordering {
                Ordering::Equal$(.then_with(|| self.$at.order(&other.$at)))+
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
}

#[cfg(feature = "uuid")]
samples! {
    uuid::Uuid: u128::any().prop_map(uuid::Uuid::from_u128);
}

#[cfg(feature = "jiff")]
samples! {
    jiff::Timestamp: prop_oneof![
        Just(jiff::Timestamp::MIN), Just(jiff::Timestamp::MAX),
        (-3_i64..3, nanos()).prop_map(|(secs, nanos)| {
            let nanos = i128::from(secs) * 1_000_000_000 + i128::from(nanos);
            jiff::Timestamp::from_nanosecond(nanos).unwrap()
        }),
        (-377_705_000_000_i64..253_402_000_000, 0..1_000_000_000).prop_map(|(secs, nanos)| {
            jiff::Timestamp::new(secs, nanos).unwrap()
        }),
    ];
    jiff::civil::Date: prop_oneof![
        Just(jiff::civil::Date::MIN), Just(jiff::civil::Date::MAX),
        (-9999_i16..=9999, 1_i8..=12, 1_i8..=28)
            .prop_map(|(year, month, day)| jiff::civil::Date::new(year, month, day).unwrap()),
    ];
    jiff::civil::Time: prop_oneof![
        Just(jiff::civil::Time::MIN), Just(jiff::civil::Time::MAX),
        (0_i8..24, 0_i8..60, 0_i8..60, nanos()).prop_map(|(hour, minute, second, nanos)| {
            jiff::civil::Time::new(hour, minute, second, nanos.cast_signed()).unwrap()
        }),
    ];
    jiff::civil::DateTime: (jiff::civil::Date::any(), jiff::civil::Time::any())
        .prop_map(|(date, time)| jiff::civil::DateTime::from_parts(date, time));
}

#[cfg(feature = "time")]
samples! {
    // Not at the very ends, where an offset leads out of the range.
    time::OffsetDateTime: (-300_000_000_000_i64..250_000_000_000, -3_i64..3, any::<bool>(), nanos(), -23_i8..=23)
        .prop_map(|(secs, near, is_near, nanos, offset)| {
            let secs = if is_near { near } else { secs };
            let nanos = i128::from(secs) * 1_000_000_000 + i128::from(nanos);
            let offset = time::UtcOffset::from_hms(offset, 0, 0).unwrap();
            time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap().to_offset(offset)
        });
    time::Date: prop_oneof![
        Just(time::Date::MIN), Just(time::Date::MAX),
        (time::Date::MIN.to_julian_day()..=time::Date::MAX.to_julian_day())
            .prop_map(|day| time::Date::from_julian_day(day).unwrap()),
    ];
    time::Time: (0_u8..24, 0_u8..60, 0_u8..60, nanos()).prop_map(|(hour, minute, second, nanos)| {
        time::Time::from_hms_nano(hour, minute, second, nanos).unwrap()
    });
    time::PrimitiveDateTime: (time::Date::any(), time::Time::any())
        .prop_map(|(date, time)| time::PrimitiveDateTime::new(date, time));
}

/// With leap seconds, which `chrono` takes in any second.
#[cfg(feature = "chrono")]
fn leaping() -> BoxedStrategy<u32> {
    prop_oneof![nanos(), Just(1_999_999_999), 1_000_000_000_u32..2_000_000_000].boxed()
}

#[cfg(feature = "chrono")]
samples! {
    chrono::DateTime<chrono::Utc>: prop_oneof![
        Just(chrono::DateTime::<chrono::Utc>::MIN_UTC),
        Just(chrono::DateTime::<chrono::Utc>::MAX_UTC),
        (prop_oneof![-3_i64..3, -8_000_000_000_000_i64..8_000_000_000_000], leaping()).prop_map(
            |(secs, nanos)| {
                let second = chrono::DateTime::from_timestamp(secs, 0).unwrap();
                chrono::Timelike::with_nanosecond(&second, nanos).unwrap()
            }
        ),
    ];
    chrono::NaiveDate: prop_oneof![
        Just(chrono::NaiveDate::MIN), Just(chrono::NaiveDate::MAX),
        (-262_142_i32..=262_141, 1_u32..=366).prop_map(|(year, day)| {
            chrono::NaiveDate::from_yo_opt(year, day)
                .or(chrono::NaiveDate::from_yo_opt(year, 365))
                .unwrap()
        }),
    ];
    chrono::NaiveTime: (0_u32..24, 0_u32..60, 0_u32..60, leaping()).prop_map(
        |(hour, minute, second, nanos)| {
            let second = chrono::NaiveTime::from_hms_opt(hour, minute, second).unwrap();
            chrono::Timelike::with_nanosecond(&second, nanos).unwrap()
        }
    );
    chrono::NaiveDateTime: (chrono::NaiveDate::any(), chrono::NaiveTime::any())
        .prop_map(|(date, time)| chrono::NaiveDateTime::new(date, time));
}
