//! Dynamic rows against the types themselves.

use std::collections::{BTreeMap, HashMap};

use proptest::collection::{btree_map, hash_map, vec};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{decode, encode};
use crate::codec;
use crate::schema::Schema;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Id(u64);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pair(i16, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Level {
    Low,
    High,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Figure {
    Point,
    Circle(f64),
    Line(i32, Option<u8>),
    Rect { width: u16, level: Level },
    Many(Vec<Figure>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tree {
    value: u8,
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

/// A byte string, which serde's derive never asks for.
#[derive(Debug, Clone)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        from.deserialize_bytes(Visitor)
    }
}

/// A row that serde_json can express.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: Id,
    signed: (i8, i16, i32, i64, i128),
    unsigned: (u8, u16, u32, u64, u128),
    floats: (f32, f64),
    flag: bool,
    letter: char,
    text: String,
    bytes: Bytes,
    unit: (Unit, ()),
    pair: Pair,
    array: [u16; 3],
    figures: Vec<Figure>,
    tree: Tree,
    by_name: HashMap<String, u8>,
    by_number: BTreeMap<i32, Option<String>>,
    by_level: BTreeMap<Level, Id>,
    by_id: BTreeMap<Id, BTreeMap<bool, char>>,
    the_option: Option<Figure>,
}

const ROW: [&str; 18] = [
    "id",
    "signed",
    "unsigned",
    "floats",
    "flag",
    "letter",
    "text",
    "bytes",
    "unit",
    "pair",
    "array",
    "figures",
    "tree",
    "by_name",
    "by_number",
    "by_level",
    "by_id",
    "the_option",
];

fn schema<T: DeserializeOwned>(names: &[&'static str]) -> Schema {
    let fields: Vec<_> = names.iter().map(|name| (*name, "?")).collect();
    let schema = Schema::trace::<T>(1, &[], &fields);
    assert!(schema.fields().all(|field| !field.is_opaque()), "{schema}");
    schema
}

fn figure() -> impl Strategy<Value = Figure> {
    let leaf = prop_oneof![
        Just(Figure::Point),
        (-1e300..1e300).prop_map(Figure::Circle),
        any::<(i32, Option<u8>)>().prop_map(|(a, b)| Figure::Line(a, b)),
        (any::<u16>(), level()).prop_map(|(width, level)| Figure::Rect { width, level }),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| vec(inner, 0..3).prop_map(Figure::Many))
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::Low), Just(Level::High)]
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = any::<u8>().prop_map(|value| Tree { value, children: Vec::new(), parent: None });
    leaf.prop_recursive(4, 12, 3, |inner| {
        let parent = proptest::option::of(inner.clone().prop_map(Box::new));
        (any::<u8>(), vec(inner, 0..3), parent).prop_map(|(value, children, parent)| Tree {
            value,
            children,
            parent,
        })
    })
}

fn rows() -> impl Strategy<Value = Row> {
    let numbers = (
        any::<u64>().prop_map(Id),
        any::<(i8, i16, i32, i64, i64)>(),
        any::<(u8, u16, u32, u64, u64)>(),
        (-1e30_f32..1e30, -1e300..1e300),
    );
    let plain = any::<(bool, char, String, Vec<u8>, (i16, String), [u16; 3])>();
    let nested = (vec(figure(), 0..4), tree(), proptest::option::of(figure()));
    let maps = (
        hash_map(any::<String>(), any::<u8>(), 0..5),
        btree_map(any::<i32>(), any::<Option<String>>(), 0..5),
        btree_map(level(), any::<u64>().prop_map(Id), 0..3),
        btree_map(any::<u64>().prop_map(Id), any::<BTreeMap<bool, char>>(), 0..3),
    );
    (numbers, plain, nested, maps).prop_map(|(numbers, plain, nested, maps)| {
        let (id, (a, b, c, d, e), (f, g, h, i, j), floats) = numbers;
        let (flag, letter, text, bytes, pair, array) = plain;
        let (figures, tree, the_option) = nested;
        let (by_name, by_number, by_level, by_id) = maps;
        Row {
            id,
            signed: (a, b, c, d, e.into()),
            unsigned: (f, g, h, i, j.into()),
            floats,
            flag,
            letter,
            text,
            bytes: Bytes(bytes),
            unit: (Unit, ()),
            pair: Pair(pair.0, pair.1),
            array,
            figures,
            tree,
            by_name,
            by_number,
            by_level,
            by_id,
            the_option,
        }
    })
}

/// Values that serde_json can't express.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Odd {
    floats: (f32, f64),
    big: (i128, u128),
    nested: Option<Option<Option<u8>>>,
    some_unit: Option<(Option<()>, Option<Unit>)>,
    marked: Option<Option<Marked>>,
    pairs: BTreeMap<(u8, String), u8>,
    by_option: BTreeMap<Option<u8>, u8>,
    by_big: BTreeMap<i128, u8>,
    by_letter: BTreeMap<char, Option<Option<u8>>>,
}

const ODD: [&str; 9] =
    ["floats", "big", "nested", "some_unit", "marked", "pairs", "by_option", "by_big", "by_letter"];

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Marked {
    some: Option<Option<u8>>,
}

fn odd() -> impl Strategy<Value = Odd> {
    let units = proptest::option::of((any::<Option<()>>(), any::<Option<()>>()));
    let maybe = any::<Option<Option<Option<u8>>>>();
    let marked = any::<Option<Option<Option<Option<u8>>>>>();
    let maps = (
        any::<BTreeMap<(u8, String), u8>>(),
        any::<BTreeMap<Option<u8>, u8>>(),
        any::<BTreeMap<i128, u8>>(),
        any::<BTreeMap<char, Option<Option<u8>>>>(),
    );
    (any::<(u32, u64)>(), any::<(i128, u128)>(), maybe, units, marked, maps).prop_map(
        |((single, double), big, nested, units, marked, maps)| Odd {
            floats: (f32::from_bits(single), f64::from_bits(double)),
            big,
            nested,
            some_unit: units.map(|(unit, other)| (unit, other.map(|()| Unit))),
            marked: marked.map(|marked| marked.map(|some| Marked { some })),
            pairs: maps.0,
            by_option: maps.1,
            by_big: maps.2,
            by_letter: maps.3,
        },
    )
}

fn bytes<T: Serialize>(row: &T) -> Vec<u8> {
    codec::encode_value(row).unwrap()
}

/// The JSON of a value, after the way there and back.
fn json<T: Serialize + DeserializeOwned>(names: &[&'static str], row: &T) -> Value {
    let (schema, bytes) = (schema::<T>(names), bytes(row));
    let json = decode(&schema, &bytes).unwrap();
    assert_eq!(encode(&schema, &json).unwrap(), bytes);
    json
}

proptest! {
    #[test]
    fn rows_are_what_serde_json_makes_of_them(row in rows()) {
        let (schema, bytes) = (schema::<Row>(&ROW), bytes(&row));
        let decoded = decode(&schema, &bytes).unwrap();
        prop_assert_eq!(&decoded, &serde_json::to_value(&row).unwrap());
        prop_assert_eq!(decoded.to_string(), serde_json::to_value(&row).unwrap().to_string());
        prop_assert_eq!(encode(&schema, &decoded).unwrap(), bytes);
    }

    #[test]
    fn what_serde_json_cannot_express_is_not_lost(odd in odd(), single in 0x7F80_0000_u32..) {
        let (schema, first) = (schema::<Odd>(&ODD), bytes(&odd));
        let decoded = decode(&schema, &first).unwrap();
        prop_assert_eq!(encode(&schema, &decoded).unwrap(), first, "{}", decoded);
        let nan = Odd { floats: (f32::from_bits(single), -f64::NAN), ..odd };
        let second = bytes(&nan);
        let decoded = decode(&schema, &second).unwrap();
        prop_assert_eq!(encode(&schema, &decoded).unwrap(), second, "{}", decoded);
    }

    #[test]
    fn damaged_rows_are_rows_or_errors(row in rows(), at: prop::sample::Index, bit in 0_u8..8) {
        let (schema, mut bytes) = (schema::<Row>(&ROW), bytes(&row));
        let at = at.index(bytes.len());
        prop_assert!(decode(&schema, &bytes[..at]).is_err());
        bytes[at] ^= 1 << bit;
        if let Ok(json) = decode(&schema, &bytes) {
            let again = encode(&schema, &json).unwrap();
            prop_assert_eq!(decode(&schema, &again).unwrap(), json);
        }
    }

    #[test]
    fn no_bytes_and_no_schema_make_it_panic(bytes: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
        let stored = schema::<Row>(&ROW);
        let _ = decode(&stored, &bytes);
        let mut entry = codec::encode_value(&stored).unwrap();
        let at = at.index(entry.len());
        entry[at] ^= 1 << bit;
        if let Ok(flipped) = codec::decode::<Schema>(&entry) {
            let _ = decode(&flipped, &bytes);
            let _ = encode(&flipped, &Value::Null);
        }
    }
}

#[test]
fn other_forms_of_rows_are_shown_as_serde_json_does() {
    assert_eq!(json(&["0", "1"], &Pair(-1, "x".into())), json!([-1, "x"]));
    assert_eq!(json(&["0"], &Id(7)), json!(7));
    assert_eq!(json(&["0"], &Some(Id(7))), json!(7));
    assert_eq!(json(&["0"], &Figure::Line(1, None)), json!({"Line": [1, null]}));
}

#[test]
fn what_json_has_no_word_for_is_a_string_or_marked() {
    let nan = f64::from_bits(0x7FF8_0000_0000_0001);
    assert_eq!(json(&["0"], &[f64::NAN, nan]), json!(["NaN", "NaN(0x7ff8000000000001)"]));
    assert_eq!(json(&["0"], &[f32::INFINITY, f32::NEG_INFINITY]), json!(["inf", "-inf"]));
    assert_eq!(json(&["0"], &(i128::MIN, 1_u128)), json!([i128::MIN.to_string(), 1]));
    assert_eq!(
        json(&["0"], &vec![Some(None), None, Some(Some(1))]),
        json!([{"some": null}, null, 1])
    );
    assert_eq!(json(&["0"], &BTreeMap::from([((1, 2), 3)])), json!([[[1, 2], 3]]));
    assert_eq!(json(&["0"], &BTreeMap::from([(10, 1), (9, 2)])).to_string(), r#"{"9":2,"10":1}"#);
}

#[test]
fn a_key_that_is_there_twice_is_kept() {
    let schema = schema::<BTreeMap<String, u8>>(&["0"]);
    let twice = [2, 1, b'a', 5, 1, b'a', 6];
    let json = decode(&schema, &twice).unwrap();
    assert_eq!(json, json!([["a", 5], ["a", 6]]));
    assert_eq!(encode(&schema, &json).unwrap(), twice);
}

#[test]
fn what_is_not_known_is_kept_as_it_is() {
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
    }
    #[derive(Serialize, Deserialize)]
    struct Row {
        id: u8,
        what: Untagged,
        after: String,
    }
    #[derive(Serialize, Deserialize)]
    struct Tuple(u8, Untagged);
    let fields = [("id", "u8"), ("what", "Untagged"), ("after", "String")];
    let schema = Schema::trace::<Row>(1, &[], &fields);
    let bytes = bytes(&Row { id: 1, what: Untagged::Number(2), after: "a".into() });
    let json = decode(&schema, &bytes).unwrap();
    assert_eq!(json, json!({"id": 1, "...": "020161"}));
    assert_eq!(encode(&schema, &json).unwrap(), bytes);
    let schema = Schema::trace::<Tuple>(1, &[], &[("0", "u8"), ("1", "Untagged")]);
    let json = decode(&schema, &[1, 2]).unwrap();
    assert_eq!(json, json!([1, {"...": "02"}]));
    assert_eq!(encode(&schema, &json).unwrap(), [1, 2]);
}

#[test]
fn errors_name_the_place() {
    let schema = schema::<Row>(&ROW);
    let error = decode(&schema, &[1, 2]).unwrap_err().to_string();
    assert_eq!(error, "field `signed`: the bytes end before the last field");
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut json = json!({
            "id": 1, "signed": [1, 2, 3, 4, 5], "unsigned": [1, 2, 3, 4, 5], "floats": [1, 2.5],
            "flag": true, "letter": "x", "text": "", "bytes": [1], "unit": [null, null],
            "pair": [1, ""], "array": [1, 2, 3], "figures": [{"Rect": {"width": 1, "level": "Low"}}],
            "tree": {"value": 1, "children": [], "parent": null}, "byName": {}, "byNumber": {},
            "byLevel": {}, "byId": {}, "theOption": "Point",
        });
        encode(&schema, &json).unwrap();
        change(&mut json);
        encode(&schema, &json).unwrap_err().to_string()
    };
    let told = refused(&|row| row["tree"]["value"] = 256.into());
    assert!(told.starts_with("field `tree`.`value`: expected an integer"), "{told}");
    let told = refused(&|row| row["figures"][0]["Rect"]["level"] = "Medium".into());
    assert_eq!(told, "field `figures`.0.`Rect`.`level`: there is no variant `Medium`");
    let told = refused(&|row| row["byNumber"] = json!({"x": null}));
    assert_eq!(told, "field `byNumber`: `x` is no key");
    assert_eq!(refused(&|row| row["more"] = 1.into()), "there is no field `more`");
    assert_eq!(refused(&|row| *row = json!([])), "the row is no object");
    assert!(refused(&|row| row["letter"] = "xy".into()).contains("one character"));
    assert!(refused(&|row| row["floats"][0] = 1e300.into()).contains("expected a number"));
}

#[test]
fn depth_and_lengths_are_limited() {
    #[derive(Serialize, Deserialize)]
    struct Chain(Option<Box<Chain>>);
    let schema = schema::<Chain>(&["0"]);
    assert!(decode(&schema, &[1; 100_000]).unwrap_err().to_string().contains("deeper than"));
    let deep = (0..10_000).fold(Value::Null, |json, _| {
        Value::Object(serde_json::Map::from_iter([("some".to_owned(), json)]))
    });
    let _ = encode(&schema, &deep);
    // Values are dropped recursively.
    std::mem::forget(deep);
    let units = Schema::trace::<Vec<()>>(1, &[], &[("0", "Vec<()>")]);
    let huge = [253, 255, 255, 255, 255, 255, 255, 255, 127];
    assert!(decode(&units, &huge).unwrap_err().to_string().contains("take no bytes"));
    // A stored schema can claim arrays of any length.
    let mut arrays = Schema::trace::<[[(); 2]; 2]>(1, &[], &[("0", "_")]);
    for _ in 0..4 {
        let inner = Box::new(arrays.fields[0].shape.clone());
        arrays.fields[0].shape = crate::schema::Shape::Array(inner, u32::MAX);
    }
    assert!(decode(&arrays, &[]).unwrap_err().to_string().contains("take no bytes"));
}
