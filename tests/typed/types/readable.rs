//! No row is written that can't be read back: types are refused by what they ask serde for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use emdb::{Emdb, Record, Table, TableError, as_text};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    Empty,
    Sized { width: u8 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "of")]
enum Adjacent {
    Number(u64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    amount: u32,
    price: Decimal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Payload {
    Nothing,
    Priced(Line),
}

/// Makes a type whose field `value` is of this type, and gives what opening its table says.
macro_rules! opened {
    ($(#[$attribute:meta])* $ty:ty) => {{
        #[derive(Debug, Serialize, Deserialize, Record)]
        #[emdb(namespace = "rows")]
        struct Row {
            #[emdb(key)]
            id: u64,
            $(#[$attribute])*
            value: $ty,
        }
        Table::<Row>::open(&Emdb::open_in_memory()).map(drop)
    }};
}

fn refused(opened: Result<(), TableError>, expected_field: &str, expected: &str) {
    let error = opened.unwrap_err();
    let text = error.to_string();
    let TableError::Unreadable { table, field, reason, .. } = error else { panic!("{text}") };
    assert_eq!((&*table, &*field), ("rows", expected_field), "{text}");
    assert!(reason.contains(expected), "{text}");
    assert!(text.contains(&reason) && text.contains("`rows`"), "{text}");
}

#[test]
fn types_that_ask_what_comes_are_refused_by_field_with_the_way_out() {
    refused(opened!(Decimal), "value", "emdb::as_text");
    refused(opened!(Vec<Decimal>), "value", "emdb::as_text");
    refused(opened!(Option<Decimal>), "value", "emdb::as_json");
    refused(opened!(serde_json::Value), "value", "emdb::Json");
    refused(opened!(serde_json::Number), "value", "emdb::Json");
    refused(opened!(BTreeMap<String, serde_json::Value>), "value", "emdb::Json");
    refused(opened!(Untagged), "value", "untagged");
    refused(opened!(Tagged), "value", "`tag`");
    refused(opened!(Adjacent), "value.type", "`tag`");
}

#[test]
fn nested_fields_are_named_by_the_way_to_them() {
    refused(opened!(Line), "value.price", "emdb::as_text");
    refused(opened!(Vec<Line>), "value.price", "emdb::as_text");
    // A variant that holds one, too, whichever row is written first.
    refused(opened!(Payload), "value.price", "emdb::as_text");
    refused(opened!((u8, Option<Payload>)), "value.price", "emdb::as_text");
}

#[test]
fn a_variant_that_reads_as_another_is_refused_where_one_is_skipped_before_it() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Shifted {
        First,
        #[serde(skip)]
        #[allow(dead_code)]
        Gone,
        Second,
        Third,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Behind {
        First,
        Second,
        #[serde(skip)]
        #[allow(dead_code)]
        Gone,
    }
    refused(opened!(Shifted), "value", "variant");
    refused(opened!(Option<(u8, Vec<Shifted>)>), "value", "variant");
    opened!(Behind).unwrap();
}

#[test]
fn sides_that_differ_are_refused() {
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct NotWritten {
        #[serde(skip_serializing)]
        a: u8,
        b: u8,
    }
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct NotRead {
        a: u8,
        #[serde(skip_deserializing)]
        b: u8,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(into = "u64", from = "u32")]
    struct Narrow(u32);
    impl From<Narrow> for u64 {
        fn from(narrow: Narrow) -> u64 {
            narrow.0.into()
        }
    }
    impl From<u32> for Narrow {
        fn from(wide: u32) -> Narrow {
            Narrow(wide)
        }
    }
    fn as_number<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        u64::deserialize(from).map(|number| number.to_string())
    }
    refused(opened!(NotWritten), "value.a", "read and not written");
    refused(opened!(Vec<NotRead>), "value.b", "written and not read");
    refused(opened!(Narrow), "value", "written as a `u64` and read as a `u32`");
    refused(
        opened!(
            #[serde(deserialize_with = "as_number")]
            String
        ),
        "value",
        "written as a string and read as a `u64`",
    );
}

#[test]
fn sides_that_differ_and_read_all_the_same_are_let_in() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(into = "u32", from = "u64")]
    struct Wide(u64);
    impl From<Wide> for u32 {
        fn from(wide: Wide) -> u32 {
            wide.0 as u32
        }
    }
    impl From<u64> for Wide {
        fn from(wide: u64) -> Wide {
            Wide(wide)
        }
    }
    // As `serde_bytes` does.
    fn bytes<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }
    opened!(Wide).unwrap();
    opened!(#[serde(serialize_with = "bytes")] Vec<u8>).unwrap();
    opened!(HashMap<String, Vec<Option<char>>>).unwrap();
    opened!(std::time::SystemTime).unwrap();
}

/// A type that takes no value that is made up for it, and whose sides are what a test wants.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Sku(String);

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.starts_with("SKU-") {
            true => Ok(Sku(text)),
            false => Err(serde::de::Error::custom("no SKU")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "goods")]
struct Good {
    #[emdb(key)]
    id: u64,
    sku: Sku,
    #[emdb(index)]
    tag: String,
}

fn good(id: u64, sku: &str) -> Good {
    Good { id, sku: Sku(sku.into()), tag: "x".into() }
}

fn is_unreadable<T: Debug>(result: Result<T, TableError>) -> bool {
    match result {
        Err(TableError::Unreadable { field, reason, .. }) => {
            assert_eq!(field, "sku");
            reason.contains("no SKU")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_row_is_read_back_before_it_is_written_if_its_type_takes_no_made_up_value() {
    let db = Emdb::open_in_memory();
    let goods = Table::<Good>::open(&db).unwrap();
    assert!(is_unreadable(goods.insert(&good(1, "bad"))));
    goods.insert(&good(1, "SKU-1")).unwrap();
    // Not the first row alone.
    assert!(is_unreadable(goods.insert(&good(2, "bad"))));
    assert!(is_unreadable(goods.try_insert(&good(2, "bad"))));
    assert!(is_unreadable(goods.insert_many([good(3, "SKU-3"), good(4, "bad")])));
    assert!(is_unreadable(goods.update(&1, |good| good.sku = Sku("bad".into()))));
    let upsert = goods.upsert(&5, || good(5, "bad"), |_| {});
    assert!(is_unreadable(upsert));
    let in_transaction = db.transaction(|tx| goods.with(tx).insert(&good(6, "bad")));
    assert!(is_unreadable(in_transaction));
    assert_eq!(goods.iter().unwrap().map(Result::unwrap).collect::<Vec<_>>(), [good(1, "SKU-1")]);
    assert_eq!(goods.by(Good::TAG).count("x").unwrap(), 1);
    assert!(goods.verify().unwrap().problems.is_empty());
}

#[test]
fn rows_that_change_their_order_or_form_when_they_are_read_are_stored() {
    #[derive(Debug, Clone, Serialize, Deserialize, Record)]
    #[emdb(namespace = "bags")]
    struct Bag {
        #[emdb(key)]
        id: u64,
        sku: Sku,
        words: HashSet<String>,
        kinds: HashMap<u32, Payloads>,
        #[serde(deserialize_with = "lower")]
        name: String,
    }
    #[derive(Debug, Clone, Serialize, Deserialize)]
    enum Payloads {
        Even(u32),
        Odd,
    }
    fn lower<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        String::deserialize(from).map(|text| text.to_lowercase())
    }
    let bags = Table::<Bag>::open(&Emdb::open_in_memory()).unwrap();
    for id in 0..20 {
        let kind =
            |n: u32| (n, if n.is_multiple_of(2) { Payloads::Even(n) } else { Payloads::Odd });
        let words = (0..50).map(|n| format!("word {n}")).collect();
        let kinds = (0..50).map(kind).collect();
        bags.insert(&Bag { id, sku: Sku("SKU-1".into()), words, kinds, name: "Ab".into() })
            .unwrap();
        let bag = bags.get(&id).unwrap().unwrap();
        assert_eq!((bag.words.len(), bag.kinds.len(), &*bag.name), (50, 50, "ab"));
    }
}

#[test]
fn rows_are_stored_by_their_text() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
    struct Price {
        #[emdb(key)]
        id: u64,
        #[serde(with = "as_text")]
        net: Decimal,
        #[serde(with = "as_text::option")]
        reduced: Option<Decimal>,
    }
    let prices = Table::<Price>::open(&Emdb::open_in_memory()).unwrap();
    for (id, reduced) in [(1, None), (2, Some(Decimal::new(-5, 28)))] {
        let price = Price { id, net: Decimal::MAX, reduced };
        prices.insert(&price).unwrap();
        assert_eq!(prices.get(&id).unwrap(), Some(price));
    }
    let shapes: Vec<_> = prices.schema().fields().map(|f| f.shape().to_string()).collect();
    assert_eq!(shapes, ["u64", "String", "Option<String>"]);
}

#[test]
fn a_text_that_is_not_taken_back_is_refused() {
    #[derive(Debug, Clone, PartialEq)]
    struct OneWay(u8);
    impl std::fmt::Display for OneWay {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "number {}", self.0)
        }
    }
    impl std::str::FromStr for OneWay {
        type Err = std::num::ParseIntError;
        fn from_str(text: &str) -> Result<Self, Self::Err> {
            text.parse().map(OneWay)
        }
    }
    #[derive(Debug, Serialize, Deserialize, Record)]
    struct Row {
        #[emdb(key)]
        id: u64,
        #[serde(with = "as_text")]
        value: OneWay,
    }
    let rows = Table::<Row>::open(&Emdb::open_in_memory()).unwrap();
    let error = rows.insert(&Row { id: 1, value: OneWay(7) }).unwrap_err();
    assert!(matches!(error, TableError::Encode { .. }), "{error}");
    assert!(error.to_string().contains("\"number 7\" is not taken back"), "{error}");
    assert!(rows.is_empty().unwrap());
}

#[cfg(feature = "json")]
mod json {
    use emdb::{Json, as_json};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
    struct Document {
        #[emdb(key)]
        id: u64,
        body: Json<Value>,
        #[serde(with = "as_json")]
        tagged: Vec<Tagged>,
        #[serde(with = "as_json")]
        untagged: Option<Untagged>,
        last: Json<Adjacent>,
    }

    fn document(id: u64) -> Document {
        Document {
            id,
            body: Json(json!({ "a": [1, 2.5, null], "b": { "c": "d" }, "e": 0.1_f64 + 0.2 })),
            tagged: vec![Tagged::Empty, Tagged::Sized { width: 7 }],
            untagged: id.is_multiple_of(2).then(|| Untagged::Text("x".into())),
            last: Adjacent::Number(u64::MAX).into(),
        }
    }

    #[test]
    fn rows_are_stored_as_json() {
        let documents = Table::<Document>::open(&Emdb::open_in_memory()).unwrap();
        for id in 0..4 {
            documents.insert(&document(id)).unwrap();
            assert_eq!(documents.get(&id).unwrap(), Some(document(id)));
        }
        assert_eq!(document(1).body["b"]["c"], "d");
        assert!(documents.schema().fields().skip(1).all(|f| f.shape().to_string() == "String"));
    }

    #[test]
    fn for_json_itself_they_stay_what_they_are() {
        let json = serde_json::to_value(document(1)).unwrap();
        assert_eq!(json["body"]["b"], json!({ "c": "d" }));
        assert_eq!(serde_json::from_value::<Document>(json).unwrap(), document(1));
    }

    #[test]
    fn they_are_exported_and_imported_as_lines() {
        let documents = Table::<Document>::open(&Emdb::open_in_memory()).unwrap();
        documents.insert_many((0..4).map(document)).unwrap();
        let mut lines = Vec::new();
        documents.export_json(&mut lines).unwrap();
        let copy = Table::<Document>::open(&Emdb::open_in_memory()).unwrap();
        assert_eq!(copy.import_json(&lines[..]).unwrap(), 4);
        assert_eq!(copy.get(&3).unwrap(), Some(document(3)));
    }

    #[test]
    fn a_value_whose_json_is_not_taken_back_is_refused() {
        #[derive(Debug, Serialize, Deserialize, Record)]
        struct Row {
            #[emdb(key)]
            id: u64,
            value: Json<f64>,
        }
        let rows = Table::<Row>::open(&Emdb::open_in_memory()).unwrap();
        let error = rows.insert(&Row { id: 1, value: Json(f64::NAN) }).unwrap_err();
        assert!(error.to_string().contains("its JSON null is not taken back"), "{error}");
        for value in [0.1 + 0.2, 1e-300, f64::MIN_POSITIVE, 123_456_789.123_456_78] {
            rows.insert(&Row { id: 1, value: Json(value) }).unwrap();
            assert_eq!(rows.get(&1).unwrap().unwrap().value.0.to_bits(), value.to_bits());
        }
    }
}

/// The former type of a table goes on as the one that the next version comes from.
#[test]
fn a_table_of_a_type_that_is_refused_now_goes_on_by_a_version() {
    #[derive(Debug, Serialize, Deserialize, Record)]
    #[emdb(namespace = "prices")]
    struct Before {
        #[emdb(key)]
        id: u64,
        net: Option<Decimal>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
    #[emdb(namespace = "prices", version = 2, from = Before)]
    struct Now {
        #[emdb(key)]
        id: u64,
        #[serde(with = "as_text::option")]
        net: Option<Decimal>,
    }
    impl From<Before> for Now {
        fn from(before: Before) -> Now {
            Now { id: before.id, net: before.net }
        }
    }
    let db = Emdb::open_in_memory();
    assert!(matches!(Table::<Before>::open(&db), Err(TableError::Unreadable { .. })));
    let now = Table::<Now>::open(&db).unwrap();
    // Rows of the former version, as they were written: without a price, and with one.
    now.raw().insert([0, 0, 0, 0, 0, 0, 0, 1], [1, 1, 0]).unwrap();
    now.raw().insert([0, 0, 0, 0, 0, 0, 0, 2], [1, 2, 1, 1, b'5']).unwrap();
    assert_eq!(now.get(&1).unwrap(), Some(Now { id: 1, net: None }));
    assert!(matches!(now.get(&2), Err(TableError::Decode { .. })));
    now.insert(&Now { id: 2, net: Some(Decimal::ONE) }).unwrap_err();
    assert_eq!(now.get(&2).unwrap(), Some(Now { id: 2, net: Some(Decimal::ONE) }));
}
