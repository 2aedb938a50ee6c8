//! Differences that count, how they are told, and the bytes of a stored schema.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::description::Field;
use super::shape::Shape;
use super::{IndexSchema, Schema, SchemaDifference};
use crate::codec;
use crate::index::IndexKind;

/// A schema of a row with one field.
fn one<T: DeserializeOwned>(written: &'static str) -> Schema {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row<T> {
        f: T,
    }
    Schema::trace::<Row<T>>(1, &["f"], &[("f", written)])
}

fn difference(stored: &Schema, ours: &Schema) -> String {
    SchemaDifference::between(stored, ours).map_or(String::new(), |found| found.to_string())
}

/// How rows of `S` differ from those of `O`, in a field that is written alike.
fn between<S: DeserializeOwned, O: DeserializeOwned>() -> String {
    difference(&one::<S>("T"), &one::<O>("T"))
}

fn opaque(fields: &[(&'static str, &'static str)]) -> Schema {
    let field = |&(name, written): &(&'static str, &'static str)| Field {
        name: name.into(),
        written: written.into(),
        shape: Shape::Opaque(written.into()),
    };
    let empty = Schema::trace::<()>(1, &["id"], &[]);
    Schema { fields: fields.iter().map(field).collect(), ..empty }
}

macro_rules! types {
    ($module:ident { $($item:item)* }) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[derive(Serialize, Deserialize)]
                #[allow(dead_code)]
                $item
            )*
        }
    };
}

types!(stored {
    pub(super) struct Address { street: String, zip: u32 }
    pub(super) struct Person { name: String, home: Option<Address> }
    pub(super) enum Figure { Point, Circle(f64), Line(u8, u8), Rect { width: u8 } }
    pub(super) struct Tree { value: u8, children: Vec<Tree> }
    pub(super) struct Meters(f64);
    pub(super) struct Pair(u8, String);
});

types!(ours {
    pub(super) struct Address { street: String, zip: String }
    pub(super) struct Person { name: String, home: Option<Address> }
    pub(super) enum Figure { Point, Circle(f32), Line(u8), Rect { width: u16 } }
    pub(super) struct Tree { value: u16, children: Vec<Tree> }
});

types!(renamed {
    pub(super) struct Place { street: String, zip: u32 }
    pub(super) struct Human { name: String, home: Option<Box<Place>> }
    pub(super) enum Form { Point, Circle(f64), Line(u8, u8), Rect { width: u8 }, Later(u8) }
    pub(super) struct Plant { value: u8, children: Box<[Plant]> }
});

types!(moved {
    pub(super) struct Address { zip: u32, street: String }
    pub(super) enum Figure { Circle(f64), Point, Line(u8, u8), Rect { width: u8 } }
    pub(super) struct Tree { value: u8, more: bool }
});

types!(inserted {
    pub(super) enum Figure { Point, New, Circle(f64), Line(u8, u8), Rect { width: u8 } }
});

types!(fewer {
    pub(super) enum Figure { Point, Circle(f64), Line(u8, u8) }
});

#[test]
fn what_is_stored_alike_does_not_differ() {
    type Alias = u64;
    assert_eq!(difference(&one::<u64>("u64"), &one::<Alias>("Alias")), "");
    assert_eq!(difference(&one::<String>("String"), &one::<Box<str>>("std::string::String")), "");
    assert_eq!(between::<[u8; 3], (u8, u8, u8)>(), "");
    assert_eq!(between::<stored::Pair, (Box<u8>, String)>(), "");
    assert_eq!(between::<stored::Meters, f64>(), "");
    assert_eq!(between::<stored::Person, renamed::Human>(), "");
    assert_eq!(between::<stored::Tree, renamed::Plant>(), "");
    assert_eq!(between::<BTreeMap<u8, String>, std::collections::HashMap<u8, String>>(), "");
    assert_eq!(between::<stored::Figure, renamed::Form>(), "", "a variant behind the stored ones");
}

#[test]
fn a_field_is_told_as_it_is_written() {
    let told = difference(&one::<u32>("u32"), &one::<u64>("u64"));
    assert_eq!(told, "field `f`: stored as `u32`, now `u64`");
    let told = difference(&one::<Vec<u32>>("Ids"), &one::<Vec<String>>("Names"));
    assert_eq!(told, "field `f`: stored as `Ids`, now `Names`");
}

#[test]
fn a_field_that_is_written_alike_is_told_by_its_structure() {
    assert_eq!(between::<Vec<u32>, Vec<u64>>(), "field `f`: stored as `Vec<u32>`, now `Vec<u64>`");
    assert_eq!(between::<(u8, u8), [u8; 3]>(), "field `f`: stored as `[u8; 2]`, now `[u8; 3]`");
    assert_eq!(
        between::<stored::Address, stored::Figure>(),
        "field `f`: stored as `Address`, now `Figure`"
    );
}

#[test]
fn nested_differences_have_a_path() {
    assert_eq!(
        between::<stored::Address, ours::Address>(),
        "field `f`.`zip`: stored as `u32`, now `String`"
    );
    assert_eq!(
        between::<Vec<stored::Person>, Vec<ours::Person>>(),
        "field `f`.`home`.`zip`: stored as `u32`, now `String`"
    );
    assert_eq!(
        between::<stored::Tree, ours::Tree>(),
        "field `f`.`value`: stored as `u8`, now `u16`"
    );
    assert_eq!(
        between::<stored::Tree, moved::Tree>(),
        "field `f`.`children`: stored as `Vec<Tree>`, now gone\n\
         field `f`.`more`: not stored, now `bool`"
    );
    assert_eq!(
        between::<stored::Address, moved::Address>(),
        "field `f`: order of its fields: stored street, zip; now zip, street"
    );
}

#[test]
fn variants_are_compared() {
    assert_eq!(
        between::<stored::Figure, ours::Figure>(),
        "variant `f`.`Circle`: stored as `Circle(f64)`, now `Circle(f32)`\n\
         variant `f`.`Line`: stored as `Line(u8, u8)`, now `Line(u8)`\n\
         field `f`.`Rect`.`width`: stored as `u8`, now `u16`"
    );
    let order = "field `f`: order of its variants: stored Point, Circle, Line, Rect; now ";
    assert_eq!(
        between::<stored::Figure, moved::Figure>(),
        format!("{order}Circle, Point, Line, Rect")
    );
    assert_eq!(
        between::<stored::Figure, inserted::Figure>(),
        format!("{order}Point, New, Circle, Line, Rect")
    );
    assert_eq!(between::<stored::Figure, fewer::Figure>(), "variant `f`.`Rect`: stored, now gone");
}

#[test]
fn opaque_fields_are_compared_as_they_are_written() {
    let ours = opaque(&[("id", "u64"), ("name", "String")]);
    assert_eq!(SchemaDifference::between(&ours, &ours), None);
    assert_eq!(
        difference(&opaque(&[("id", "u32"), ("age", "u8")]), &ours),
        "field `id`: stored as `u32`, now `u64`\n\
         field `age`: stored as `u8`, now gone\n\
         field `name`: not stored, now `String`"
    );
    assert_eq!(
        difference(&opaque(&[("f", "u64")]), &Schema { key: ours.key, ..one::<u64>("u64") }),
        ""
    );
}

#[test]
fn an_order_that_changed_is_a_difference() {
    let ours = opaque(&[("id", "u64"), ("name", "String")]);
    let stored = opaque(&[("name", "String"), ("id", "u64")]);
    assert_eq!(difference(&stored, &ours), "order of the fields: stored name, id; now id, name");
}

#[test]
fn key_version_and_encoding_are_compared() {
    let ours = one::<u8>("u8");
    let stored = Schema { version: 2, codec: 9, key: vec!["name".into()], ..ours.clone() };
    assert_eq!(
        difference(&stored, &ours),
        "version: stored 2, now 1\n\
         encoding of the rows: stored 9, now 1\n\
         key: stored `name`, now `f`"
    );
}

/// A row of about everything.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Row {
    id: u64,
    plain: (bool, i8, i16, i32, i64, i128),
    unsigned: (u8, u16, u32, u128),
    others: (f32, f64, char, String, ()),
    maybe: Option<Vec<BTreeMap<String, [u8; 2]>>>,
    figure: stored::Figure,
    tree: stored::Tree,
    pair: (stored::Pair, stored::Meters),
}

fn row() -> Schema {
    let fields = [
        ("id", "u64"),
        ("plain", "P"),
        ("unsigned", "U"),
        ("others", "O"),
        ("maybe", "M"),
        ("figure", "Figure"),
        ("tree", "Tree"),
        ("pair", "Pair"),
    ];
    let mut schema = Schema::trace::<Row>(3, &["id"], &fields);
    let last = Field { name: "last".into(), written: "X".into(), shape: Shape::Opaque("X".into()) };
    schema.fields.push(last);
    schema.fields.push(Field { name: "b".into(), written: "B".into(), shape: Shape::Bytes });
    schema.indexes.push(IndexSchema {
        name: "by".into(),
        fields: vec!["maybe".into(), "id".into()],
        computed: None,
        kind: IndexKind::UniqueSparse,
        filter: Some("path".into()),
    });
    schema
}

/// Version 3, codec 1, the key; form 0; the fields: name, text, shape; the containers: name, kind,
/// parts; the indexes.
const GOLDEN: &[u8] = b"\x03\x01\x01\x02id\x00\
    \n\x02id\x03u64\t\
    \x05plain\x01P\x14\x06\x00\x01\x02\x03\x04\x05\
    \x08unsigned\x01U\x14\x04\x06\x07\x08\n\
    \x06others\x01O\x14\x05\x0b\x0c\r\x0e\x10\
    \x05maybe\x01M\x11\x12\x13\x0e\x15\x06\x02\
    \x06figure\x06Figure\x16\x00\
    \x04tree\x04Tree\x16\x01\
    \x04pair\x04Pair\x14\x02\x16\x02\x16\x03\
    \x04last\x01X\x17\x01X\
    \x01b\x01B\x0f\
    \x04\x06Figure\x01\x04\x05Point\x00\x06Circle\x01\x0c\x04Line\x02\x02\x06\x06\x04Rect\x03\x01\x05width\x06\
    \x04Tree\x00\x03\x02\x05value\x06\x08children\x12\x16\x01\
    \x04Pair\x00\x02\x02\x06\x0e\
    \x06Meters\x00\x01\x0c\
    \x01\x02by\x02\x05maybe\x02id\x01\x00\x01\x01\x04path";

#[test]
fn the_bytes_of_a_schema_are_pinned() {
    let bytes = codec::encode(0, &row()).unwrap();
    assert_eq!(bytes[1..], *GOLDEN, "{}", bytes[1..].escape_ascii());
    assert_eq!(codec::decode::<Schema>(GOLDEN), Ok(row()));
}

#[test]
fn damaged_schemas_compare_and_print_without_panics() {
    let ours = row();
    for bit in 0..8 * GOLDEN.len() {
        let mut flipped = GOLDEN.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(stored) = codec::decode::<Schema>(&flipped) {
            let _ = SchemaDifference::between(&stored, &ours);
            let _ = SchemaDifference::between(&ours, &stored);
            let _ = stored.to_string();
        }
    }
}

#[test]
fn deep_chains_of_containers_end() {
    use super::shape::{Container, Kind, Part, Parts};
    let deep = |at: u32| Container {
        name: "Deep".into(),
        kind: Kind::Struct(Parts::Named(vec![Part {
            name: "next".into(),
            shape: Shape::Option(Box::new(Shape::Named(at + 1))),
        }])),
    };
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Chain {
        next: Option<Box<Chain>>,
    }
    let ours = one::<Chain>("Chain");
    let stored = Schema { types: (0..100_000).map(deep).collect(), ..ours.clone() };
    assert!(SchemaDifference::between(&stored, &ours).is_some());
}

#[test]
fn a_schema_shows_its_rows() {
    assert_eq!(
        row().to_string(),
        "version 3, key (id) {\n    \
             id: u64,\n    \
             plain: (bool, i8, i16, i32, i64, i128),\n    \
             unsigned: (u8, u16, u32, u128),\n    \
             others: (f32, f64, char, String, ()),\n    \
             maybe: Option<Vec<Map<String, [u8; 2]>>>,\n    \
             figure: Figure,\n    \
             tree: Tree,\n    \
             pair: (Pair, Meters),\n    \
             last: X,\n    \
             b: Bytes,\n\
         }\n\
         unique index by (maybe, id), sparse, where path\n\
         enum Figure { Point, Circle(f64), Line(u8, u8), Rect { width: u8 } }\n\
         struct Tree { value: u8, children: Vec<Tree> }\n\
         struct Pair(u8, String)\n\
         struct Meters(f64)"
    );
    let schema = row();
    let field = schema.fields().nth(5).unwrap();
    assert_eq!((field.name(), field.type_text(), field.is_opaque()), ("figure", "Figure", false));
    assert_eq!(schema.key().collect::<Vec<_>>(), ["id"]);
    assert_eq!(schema.indexes().next().unwrap().fields().collect::<Vec<_>>(), ["maybe", "id"]);
}
