//! Keys from end to end: derived ones, rows of every key type, and ranges and prefixes over an
//! ordered namespace.

use std::cmp::{Ordering, Reverse};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::ops::Bound;
use std::time::Duration;

use emdb::{
    Emdb, EncodeKey, Key, KeyBounds, KeyError, KeyPrefix, Namespace, NamespaceOptions, Record,
    Table, TableError,
};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn final_form(key: &impl EncodeKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_into(&mut bytes);
    bytes
}

fn part_form(key: &impl EncodeKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_part(&mut bytes);
    bytes
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Key)]
struct Name(String);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Key)]
struct Place {
    country: Name,
    zip: Option<u16>,
    kind: Kind,
    city: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Key)]
enum Kind {
    Village,
    Town,
    City,
}

/// Its derived `Ord` goes by the discriminants, and the key by the declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Key)]
enum Discriminants {
    First = 9,
    Second = -1,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Key)]
struct Generic<T, const N: usize>([T; N], PhantomData<fn() -> T>, T);

#[rustfmt::skip]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Key)]
enum Many {
    V0, V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, V13, V14, V15,
    V16, V17, V18, V19, V20, V21, V22, V23, V24, V25, V26, V27, V28, V29, V30, V31,
    V32, V33, V34, V35, V36, V37, V38, V39, V40, V41, V42, V43, V44, V45, V46, V47,
    V48, V49, V50, V51, V52, V53, V54, V55, V56, V57, V58, V59, V60, V61, V62, V63,
    V64, V65, V66, V67, V68, V69, V70, V71, V72, V73, V74, V75, V76, V77, V78, V79,
    V80, V81, V82, V83, V84, V85, V86, V87, V88, V89, V90, V91, V92, V93, V94, V95,
    V96, V97, V98, V99, V100, V101, V102, V103, V104, V105, V106, V107, V108, V109, V110, V111,
    V112, V113, V114, V115, V116, V117, V118, V119, V120, V121, V122, V123, V124, V125, V126, V127,
    V128, V129, V130, V131, V132, V133, V134, V135, V136, V137, V138, V139, V140, V141, V142, V143,
    V144, V145, V146, V147, V148, V149, V150, V151, V152, V153, V154, V155, V156, V157, V158, V159,
    V160, V161, V162, V163, V164, V165, V166, V167, V168, V169, V170, V171, V172, V173, V174, V175,
    V176, V177, V178, V179, V180, V181, V182, V183, V184, V185, V186, V187, V188, V189, V190, V191,
    V192, V193, V194, V195, V196, V197, V198, V199, V200, V201, V202, V203, V204, V205, V206, V207,
    V208, V209, V210, V211, V212, V213, V214, V215, V216, V217, V218, V219, V220, V221, V222, V223,
    V224, V225, V226, V227, V228, V229, V230, V231, V232, V233, V234, V235, V236, V237, V238, V239,
    V240, V241, V242, V243, V244, V245, V246, V247, V248, V249, V250, V251, V252, V253, V254, V255,
    V256,
}

type Fields = (Name, Option<u16>, Kind, String);

fn place((country, zip, kind, city): Fields) -> Place {
    Place { country, zip, kind, city }
}

fn text() -> impl Strategy<Value = String> {
    let char = prop_oneof![Just('\0'), Just('\x01'), Just('a'), any::<char>()];
    proptest::collection::vec(char, 0..4).prop_map(String::from_iter)
}

fn fields() -> impl Strategy<Value = Fields> {
    let kind = prop_oneof![Just(Kind::Village), Just(Kind::Town), Just(Kind::City)];
    (text().prop_map(Name), proptest::option::of(0..3_u16), kind, text())
}

/// Order in both forms, the way back, and no part at the beginning of another.
fn check<K: Key + Ord + Debug>(a: &K, b: &K) {
    let (part_a, part_b) = (part_form(a), part_form(b));
    assert_eq!(final_form(a).cmp(&final_form(b)), a.cmp(b), "{a:?} against {b:?}");
    assert_eq!(part_a.cmp(&part_b), a.cmp(b), "the parts of {a:?} and {b:?}");
    assert!(a == b || !part_a.starts_with(&part_b), "{a:?}, {b:?}");
    assert_eq!(K::decode(&final_form(a)).as_ref(), Ok(a));
    let followed = [part_a, part_b].concat();
    let mut rest = followed.as_slice();
    assert_eq!(K::decode_part(&mut rest).as_ref(), Ok(a));
    assert_eq!(K::decode_part(&mut rest).as_ref(), Ok(b));
    assert!(rest.is_empty());
}

proptest! {
    #[test]
    fn derived_keys_sort_as_their_derived_order(a in fields(), b in fields()) {
        check(&a.0, &b.0);
        check(&a.2, &b.2);
        let generic = |(name, _, _, city): &Fields| {
            Generic([name.0.clone(), city.clone()], PhantomData, city.clone())
        };
        check(&generic(&a), &generic(&b));
        check(&place(a), &place(b));
    }

    #[test]
    fn a_derived_struct_has_the_bytes_of_its_fields(fields in fields()) {
        let whole = place(fields.clone());
        prop_assert_eq!(final_form(&whole), final_form(&fields));
        prop_assert_eq!(part_form(&whole), part_form(&fields));
        prop_assert_eq!(final_form(&fields.0), final_form(&fields.0.0));
        prop_assert_eq!(part_form(&fields.0), part_form(&fields.0.0));
    }

    #[test]
    fn a_derived_key_has_one_encoding(
        fields in fields(), at: prop::sample::Index, byte in prop_oneof![0..3_u8, any::<u8>()],
        random: Vec<u8>,
    ) {
        let mut bytes = part_form(&place(fields));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for bytes in [bytes.as_slice(), &bytes[..at], &random] {
            if let Ok(key) = Place::decode(bytes) {
                prop_assert_eq!(final_form(&key), bytes);
            }
            let mut rest = bytes;
            if let Ok(key) = Place::decode_part(&mut rest) {
                prop_assert_eq!(part_form(&key), &bytes[..bytes.len() - rest.len()]);
            }
            let _ = (Kind::decode(bytes), Many::decode(bytes), Generic::<String, 2>::decode(bytes));
        }
    }

    #[test]
    fn ranges_and_prefixes_find_what_a_filter_finds(
        keys in proptest::collection::vec(fields(), 0..12), low in fields(), high in fields(),
    ) {
        let keys: Vec<Place> = keys.into_iter().map(place).collect();
        let (low, high) = (place(low), place(high));
        let namespace = ordered(&keys);
        let sorted = |holds: &dyn Fn(&Place) -> bool| {
            let mut held: Vec<Place> = keys.iter().filter(|key| holds(key)).cloned().collect();
            held.sort();
            held.dedup();
            held
        };
        prop_assert_eq!(range(&namespace, ..), sorted(&|_| true));
        prop_assert_eq!(range(&namespace, &low..), sorted(&|key| *key >= low));
        prop_assert_eq!(range(&namespace, ..=&high), sorted(&|key| *key <= high));
        prop_assert_eq!(range(&namespace, &low..&high), sorted(&|key| *key >= low && *key < high));
        prop_assert_eq!(
            range(&namespace, (Bound::Excluded(&low), Bound::Unbounded)),
            sorted(&|key| *key > low)
        );
        prop_assert_eq!(
            prefix(&namespace, &(&low.country,)),
            sorted(&|key| key.country == low.country)
        );
        prop_assert_eq!(
            prefix(&namespace, &(&low.country, low.zip)),
            sorted(&|key| (&key.country, key.zip) == (&low.country, low.zip))
        );
        prop_assert_eq!(
            prefix(&namespace, &(&low.country, &low.zip, Kind::Town)),
            sorted(&|key| {
                (&key.country, key.zip, key.kind) == (&low.country, low.zip, Kind::Town)
            })
        );
    }
}

fn ordered(keys: &[Place]) -> Namespace {
    let db = Emdb::open_in_memory();
    let namespace = db.namespace_with("keys", NamespaceOptions::new().ordered(true)).unwrap();
    for key in keys {
        namespace.insert(final_form(key), "").unwrap();
    }
    namespace
}

fn range(namespace: &Namespace, bounds: impl KeyBounds<Place>) -> Vec<Place> {
    let found = namespace.range(bounds.final_bounds()).unwrap();
    found.iter().map(|(key, _)| Place::decode(key).unwrap()).collect()
}

fn prefix(namespace: &Namespace, prefix: &impl KeyPrefix<Place>) -> Vec<Place> {
    let mut bytes = Vec::new();
    prefix.encode_prefix(&mut bytes);
    let found = namespace.range_prefix(bytes).unwrap();
    found.iter().map(|(key, _)| Place::decode(key).unwrap()).collect()
}

#[test]
fn the_bytes_of_derived_keys_are_pinned() {
    let place = place((Name("ch".into()), Some(0x0102), Kind::City, "Basel".into()));
    assert_eq!(final_form(&place), b"ch\0\x01\x01\x01\x02\x02Basel");
    assert_eq!(part_form(&place), b"ch\0\x01\x01\x01\x02\x02Basel\0\x01");
    assert_eq!(final_form(&Name("a\0".into())), b"a\0");
    assert_eq!(part_form(&Name("a\0".into())), b"a\0\xFF\0\x01");
    assert_eq!(final_form(&Discriminants::First), [0]);
    assert_eq!(final_form(&Discriminants::Second), [1]);
    assert_eq!(final_form(&Many::V0), [0, 0]);
    assert_eq!(part_form(&Many::V256), [1, 0]);
    assert_eq!(Many::decode(&[0, 255]), Ok(Many::V255));
}

#[test]
fn bytes_of_no_variant_are_refused() {
    let expected = "a variant of `Kind`";
    assert_eq!(Kind::decode(&[3]), Err(KeyError::Value { expected }));
    assert_eq!(Kind::decode(&[]), Err(KeyError::Length { expected: 1, found: 0 }));
    assert_eq!(Kind::decode(&[0, 0]), Err(KeyError::Length { expected: 1, found: 2 }));
    assert_eq!(Kind::decode_part(&mut &[][..]), Err(KeyError::Length { expected: 1, found: 0 }));
    let expected = "a variant of `Many`";
    assert_eq!(Many::decode(&[1, 1]), Err(KeyError::Value { expected }));
    assert_eq!(Many::decode(&[1]), Err(KeyError::Length { expected: 2, found: 1 }));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Row<K: Key + Serialize + DeserializeOwned> {
    #[emdb(key)]
    #[serde(bound = "")]
    key: K,
}

/// Rows with these keys, in the order of the keys: they come back under their keys, and the keys
/// alone do.
fn rows<K: Key + Serialize + DeserializeOwned + PartialEq + Debug, const N: usize>(keys: [K; N]) {
    let table = Table::<Row<K>>::open(&Emdb::open_in_memory()).unwrap();
    for key in &keys {
        table.insert(&Row { key: key.clone() }).unwrap();
    }
    for key in &keys {
        assert_eq!(table.get(key).unwrap(), Some(Row { key: key.clone() }));
    }
    let mut found: Vec<K> = table.keys().unwrap().collect::<Result<_, TableError>>().unwrap();
    found.sort_by_key(final_form);
    assert_eq!(found, keys);
}

#[test]
fn rows_of_every_key_type_are_found() {
    rows([1_u8, 2]);
    rows([-1_i64, 0, 1]);
    rows([NonZero::<u32>::MIN]);
    rows([f64::NEG_INFINITY, -1.5, 0.0, 1.5]);
    rows([-1.5_f32, 0.0]);
    rows([false, true]);
    rows(['a', '\u{1F980}']);
    rows(["".to_owned(), "a".to_owned(), "a\0".to_owned(), "b".to_owned()]);
    rows([Box::<str>::from("a")]);
    rows([vec![], vec![0_u8], vec![1]]);
    rows([None, Some("a".to_owned())]);
    rows([[0_u8, 1], [1, 0]]);
    rows([("a".to_owned(), 2), ("ab".to_owned(), 1)]);
    rows([Reverse(2), Reverse(1)]);
    rows([()]);
    rows([IpAddr::V4(Ipv4Addr::BROADCAST), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
    rows([Duration::ZERO, Duration::MAX]);
    rows([Name("a".into()), Name("b".into())]);
    rows([Kind::Village, Kind::Town]);
}

#[test]
fn a_lookup_takes_the_borrowed_form() {
    let table = Table::<Row<Vec<u8>>>::open(&Emdb::open_in_memory()).unwrap();
    table.insert(&Row { key: vec![1, 2] }).unwrap();
    assert!(table.contains_key(&[1, 2][..]).unwrap());
    let table = Table::<Row<[u8; 2]>>::open(&Emdb::open_in_memory()).unwrap();
    table.insert(&Row { key: [1, 2] }).unwrap();
    assert!(table.contains_key(&[1, 2][..]).unwrap());
    assert!(table.contains_key(&[1, 2]).unwrap());
}

#[cfg(feature = "uuid")]
#[test]
fn rows_of_uuids_are_found() {
    rows([uuid::Uuid::nil(), uuid::Uuid::from_u128(7), uuid::Uuid::max()]);
}

#[cfg(feature = "jiff")]
#[test]
fn rows_of_the_types_of_jiff_are_found() {
    use jiff::Timestamp;
    use jiff::civil::{Date, DateTime, Time};
    rows([Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX]);
    rows([Date::MIN, Date::ZERO, Date::MAX]);
    rows([Time::MIN, Time::MAX]);
    rows([DateTime::MIN, DateTime::MAX]);
}

#[cfg(feature = "chrono")]
#[test]
fn rows_of_the_types_of_chrono_are_found() {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
    rows([DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC]);
    rows([NaiveDate::MIN, NaiveDate::MAX]);
    rows([NaiveTime::MIN]);
    rows([NaiveDateTime::MIN, NaiveDateTime::MAX]);
}

#[test]
fn the_order_of_an_enum_is_that_of_its_declaration() {
    assert_eq!(
        final_form(&Discriminants::First).cmp(&final_form(&Discriminants::Second)),
        Ordering::Less
    );
    check(&Many::V255, &Many::V256);
}
