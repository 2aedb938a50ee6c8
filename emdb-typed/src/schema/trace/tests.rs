//! Findings in types, the odd ones too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroI64, NonZeroU8};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};

use crate::schema::Schema;
use crate::schema::shape::Shape;

/// The fields' shapes, then the definitions of the types that they name.
fn traced<T: serde::de::DeserializeOwned>(fields: &[(&'static str, &'static str)]) -> String {
    let schema = Schema::trace::<T>(1, &[], fields);
    assert_eq!(schema, Schema::trace::<T>(1, &[], fields), "tracing is deterministic");
    let fields: Vec<_> =
        schema.fields().map(|field| format!("{}: {}", field.name(), field.shape())).collect();
    let types = schema.types.iter().map(|of| super::super::text::definition(&schema.types, of));
    [vec![fields.join(", ")], types.collect()].concat().join("\n")
}

/// The shape of a type that stands between two fields.
fn shape<T: serde::de::DeserializeOwned>() -> String {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row<T> {
        before: u8,
        value: T,
        after: u8,
    }
    let all = traced::<Row<T>>(&[("before", "u8"), ("value", "T"), ("after", "u8")]);
    let all = all.strip_prefix("before: u8, value: ").unwrap_or(&all);
    all.replacen(", after: u8", "", 1)
}

#[test]
fn plain_types_are_found() {
    assert_eq!(shape::<(bool, i8, i16, i32, i64, i128)>(), "(bool, i8, i16, i32, i64, i128)");
    assert_eq!(shape::<(u8, u16, u32, u64, u128)>(), "(u8, u16, u32, u64, u128)");
    assert_eq!(shape::<(usize, isize)>(), "(u64, i64)");
    assert_eq!(shape::<(f32, f64, char, String, ())>(), "(f32, f64, char, String, ())");
    assert_eq!(shape::<[u8; 3]>(), "[u8; 3]");
    assert_eq!(shape::<[u8; 0]>(), "()");
    assert_eq!(shape::<(u8, u8)>(), "[u8; 2]");
    assert_eq!(shape::<Vec<Option<Box<u8>>>>(), "Vec<Option<u8>>");
    assert_eq!(shape::<BTreeMap<String, HashMap<u8, ()>>>(), "Map<String, Map<u8, ()>>");
    assert_eq!(shape::<BTreeSet<Option<Option<u8>>>>(), "Vec<Option<Option<u8>>>");
    assert_eq!(shape::<std::borrow::Cow<'static, str>>(), "String");
}

#[test]
fn types_that_validate_are_followed() {
    assert_eq!(shape::<(NonZeroU8, NonZeroI64)>(), "(u8, i64)");
    assert_eq!(shape::<Duration>(), "Duration\nstruct Duration { secs: u64, nanos: u32 }");
    assert!(shape::<SystemTime>().contains("secs_since_epoch: u64"));
    assert_eq!(shape::<IpAddr>(), "IpAddr\nenum IpAddr { V4([u8; 4]), V6([u8; 16]) }");
    assert!(shape::<SocketAddr>().starts_with("SocketAddr\nenum SocketAddr { V4("));
}

#[derive(Serialize, Deserialize)]
#[allow(dead_code)]
enum Figure {
    Point,
    Circle(f64),
    Line(i32, u8),
    Rect { width: u16, style: Style },
}

#[derive(Serialize, Deserialize)]
enum Style {
    Plain,
    Dashed(Dash),
}

#[derive(Serialize, Deserialize)]
enum Dash {
    Long,
    Short(u8),
}

#[test]
fn every_variant_of_nested_enums_is_found() {
    let expected = "Vec<Figure>\n\
        enum Figure { Point, Circle(f64), Line(i32, u8), Rect { width: u16, style: Style } }\n\
        enum Style { Plain, Dashed(Dash) }\n\
        enum Dash { Long, Short(u8) }";
    assert_eq!(shape::<Vec<Figure>>(), expected);
    assert_eq!(
        shape::<(Vec<Figure>, Dash, Style)>(),
        expected.replacen("Vec<Figure>", "(Vec<Figure>, Dash, Style)", 1)
    );
}

#[derive(Serialize, Deserialize)]
enum Expr {
    Add(Box<Expr>, Box<Expr>),
    Neg { of: Box<Expr> },
    Call(Call),
    Literal(i64),
}

#[derive(Serialize, Deserialize)]
struct Call {
    name: String,
    arguments: Vec<Expr>,
    or: Option<Box<Call>>,
    kind: CallKind,
}

#[derive(Serialize, Deserialize)]
enum CallKind {
    Of(Box<Expr>),
    Plain,
}

#[test]
fn recursive_types_are_found() {
    assert_eq!(
        shape::<Expr>(),
        "Expr\n\
         enum Expr { Add([Expr; 2]), Neg { of: Expr }, Call(Call), Literal(i64) }\n\
         struct Call { name: String, arguments: Vec<Expr>, or: Option<Call>, kind: CallKind }\n\
         enum CallKind { Of(Expr), Plain }"
            .replace("Add([Expr; 2])", "Add(Expr, Expr)")
    );
}

#[test]
fn a_record_may_hold_itself() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Category {
        id: u64,
        children: Vec<Category>,
        last: bool,
    }
    let fields = [("id", "u64"), ("children", "Vec<Category>"), ("last", "bool")];
    assert_eq!(
        traced::<Category>(&fields),
        "id: u64, children: Vec<Category>, last: bool\n\
         struct Category { id: u64, children: Vec<Category>, last: bool }"
    );
}

mod a {
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    pub(super) struct Point {
        x: u8,
    }
}

mod b {
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    pub(super) struct Point {
        x: String,
    }
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Of<T>(T);

#[test]
fn types_of_one_name_are_kept_apart() {
    let points = "(Point, Point)\nstruct Point { x: u8 }\nstruct Point { x: String }";
    assert_eq!(shape::<(a::Point, b::Point)>(), points);
    assert_eq!(shape::<(Of<u8>, Of<u16>)>(), "(Of, Of)\nstruct Of(u8)\nstruct Of(u16)");
}

#[test]
fn serde_attributes_decide() {
    fn text<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from).map(|text| text.len() as u64)
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    struct Row {
        first_one: u8,
        #[serde(skip)]
        gone: u8,
        #[serde(deserialize_with = "text")]
        second: u64,
        #[serde(rename = "x")]
        third: u16,
    }
    let fields = [("first_one", "u8"), ("second", "u64"), ("third", "u16")];
    assert_eq!(traced::<Row>(&fields), "firstOne: u8, second: String, x: u16");
}

#[test]
fn records_that_are_no_plain_structs_are_followed() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Pair(u64, String);
    assert_eq!(traced::<Pair>(&[("0", "u64"), ("1", "String")]), "0: u64, 1: String");
    assert_eq!(traced::<Of<Of<u8>>>(&[("0", "Of<u8>")]), "0: Of\nstruct Of(u8)");
    #[derive(Deserialize)]
    #[serde(transparent)]
    #[allow(dead_code)]
    struct Same {
        inner: Vec<u8>,
    }
    assert_eq!(traced::<Same>(&[("inner", "Vec<u8>")]), "inner: Vec<u8>");
    #[derive(Deserialize)]
    #[serde(try_from = "a::Point")]
    #[allow(dead_code)]
    struct From(u8, u8);
    impl TryFrom<a::Point> for From {
        type Error = String;
        fn try_from(_: a::Point) -> Result<Self, String> {
            Err("never".into())
        }
    }
    assert_eq!(traced::<From>(&[("0", "u8"), ("1", "u8")]), "x: u8");
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    A(u8),
}

#[test]
fn what_cannot_be_followed_leaves_itself_opaque() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row {
        figure: Figure,
        bad: Untagged,
        after: u8,
    }
    let fields = [("figure", "Figure"), ("bad", "Untagged"), ("after", "u8")];
    let found = traced::<Row>(&fields);
    let types = found.strip_prefix("figure: Figure, bad: Untagged, after: u8\n").unwrap();
    assert!(types.starts_with("enum Figure { Point, Circle(f64), Line"), "{types}");
    assert!(types.ends_with("enum Dash { Long, Short(u8) }"), "{types}");
    let schema = Schema::trace::<Row>(1, &[], &fields);
    assert_eq!(schema.fields[1].shape, Shape::Opaque("Untagged".into()));
    assert_eq!(schema.fields[2].shape, Shape::U8);
    assert_eq!(traced::<Untagged>(&[("0", "u8")]), "0: u8");
    assert!(Schema::trace::<Untagged>(1, &[], &[("0", "u8")]).fields().all(|f| f.is_opaque()));
}

#[test]
fn a_type_that_refuses_all_values_is_known_itself() {
    struct Never;
    impl<'de> Deserialize<'de> for Never {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let _ = <(NonZeroU8, String)>::deserialize(from)?;
            Err(serde::de::Error::custom("never"))
        }
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row {
        key: NonZeroU8,
        never: Never,
        after: u8,
    }
    let schema = Schema::trace::<Row>(1, &[], &[("key", "K"), ("never", "N"), ("after", "A")]);
    let found: Vec<_> = schema.fields().map(|field| field.shape().to_string()).collect();
    assert_eq!(found, ["u8", "(u8, String)", "u8"]);
}

#[test]
fn a_panic_is_caught() {
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("as a test wants it");
        }
    }
    assert_eq!(shape::<Panics>(), "T");
}

#[test]
fn names_behind_aliases_are_not_made_up() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row {
        #[serde(alias = "a")]
        b: u8,
        c: Aliased,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    enum Aliased {
        #[serde(alias = "A")]
        Z(u8),
        Y,
    }
    assert_eq!(
        traced::<Row>(&[("b", "u8"), ("c", "Aliased")]),
        "b: u8, c: Aliased\nenum Aliased { #0(u8), #1 }"
    );
}

#[test]
fn many_variants_and_wide_types_end() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Wide<T>([T; 32], [T; 32], [T; 32], [T; 32]);
    // 2^28 values of the innermost type are too many.
    type Wider<T> = Wide<Box<Wide<Box<T>>>>;
    assert_eq!(shape::<Wider<Wider<u8>>>(), "T");
    assert!(shape::<Wide<Box<Figure>>>().contains("Dash"));
}

/// Takes no text that is made up for it.
#[derive(Debug, Serialize)]
struct Sku(String);

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .strip_prefix("SKU-")
            .map(|text| Sku(text.into()))
            .ok_or_else(|| serde::de::Error::custom("no SKU"))
    }
}

#[test]
fn a_field_that_refuses_all_values_hides_none_behind_it() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row {
        first: Dash,
        sku: Sku,
        style: Style,
        other: Sku,
        figures: Vec<Figure>,
    }
    let names = ["first", "sku", "style", "other", "figures"];
    assert_eq!(
        traced::<Row>(&names.map(|name| (name, "_"))),
        "first: Dash, sku: String, style: Style, other: String, figures: Vec<Figure>\n\
         enum Dash { Long, Short(u8) }\n\
         enum Style { Plain, Dashed(Dash) }\n\
         enum Figure { Point, Circle(f64), Line(i32, u8), Rect { width: u16, style: Style } }"
    );
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Item {
    sku: Sku,
    style: Style,
    parent: Option<Box<Item>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
enum Event {
    Sold(Sku),
    Moved { from: Sku, to: Dash, left: Vec<Item> },
    Counted(u16),
}

#[test]
fn neither_does_one_that_is_nested() {
    let item = "struct Item { sku: String, style: Style, parent: Option<Item> }\n\
        enum Style { Plain, Dashed(Dash) }\n\
        enum Dash { Long, Short(u8) }";
    assert_eq!(shape::<Vec<Item>>(), format!("Vec<Item>\n{item}"));
    assert_eq!(shape::<BTreeMap<u8, Box<Item>>>(), format!("Map<u8, Item>\n{item}"));
    assert_eq!(
        shape::<(u8, Option<Event>)>(),
        "(u8, Option<Event>)\n\
         enum Event { Sold(String), Moved { from: String, to: Dash, left: Vec<Item> }, \
         Counted(u16) }\n\
         enum Dash { Long, Short(u8) }\n\
         struct Item { sku: String, style: Style, parent: Option<Item> }\n\
         enum Style { Plain, Dashed(Dash) }"
    );
}

#[test]
fn names_of_one_field_are_one_field_behind_it_too() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Inner {
        #[serde(alias = "artikel", alias = "z")]
        sku: Sku,
        #[serde(alias = "a")]
        b: u8,
        dash: Dash,
    }
    let found = shape::<Inner>();
    assert_eq!(
        found,
        "Inner\nstruct Inner { #0: String, #1: u8, dash: Dash }\nenum Dash { Long, Short(u8) }"
    );
}

#[test]
fn a_type_that_takes_no_names_keeps_what_is_known_before() {
    struct Positional;
    impl<'de> Deserialize<'de> for Positional {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Positional;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("parts")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut parts: A,
                ) -> Result<Positional, A::Error> {
                    let _ = (parts.next_element::<Style>()?, parts.next_element::<Sku>()?);
                    parts.next_element::<u8>().map(|_| Positional)
                }
            }
            from.deserialize_struct("Positional", &["style", "sku", "after"], Visitor)
        }
    }
    assert_eq!(shape::<Positional>(), "T");
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Pair(Dash, Sku, u8);
    let schema = Schema::trace::<Pair>(1, &[], &[("0", "Dash"), ("1", "Sku"), ("2", "u8")]);
    let found: Vec<_> = schema.fields().map(|field| field.shape().to_string()).collect();
    assert_eq!(found, ["Dash", "String", "u8"]);
    assert!(schema.fields().nth(2).unwrap().is_opaque());
}
