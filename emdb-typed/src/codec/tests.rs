//! The encoding: its bytes, its limits, and what hostile bytes do to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::config::CONFIG;
use super::{DecodeError, decode, encode, encode_value, split_version};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(i64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Rect { width: u16, height: u16 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    flag: bool,
    small: i8,
    number: u64,
    big: i128,
    ratio: f32,
    letter: char,
    text: String,
    bytes: Vec<u8>,
    pair: (u8, String),
    array: [u16; 3],
    option: Option<Box<Row>>,
    shapes: Vec<Shape>,
    map: BTreeMap<String, Newtype>,
    unit: Unit,
}

fn row() -> Row {
    Row {
        flag: true,
        small: -2,
        number: 300,
        big: -1,
        ratio: 1.5,
        letter: '\u{fc}',
        text: "abc".into(),
        bytes: vec![1, 2],
        pair: (9, "p".into()),
        array: [1, 250, 251],
        option: None,
        shapes: vec![
            Shape::Point,
            Shape::Circle(2.0),
            Shape::Line(-1, 1),
            Shape::Rect { width: 3, height: 4 },
        ],
        map: BTreeMap::from([("k".to_owned(), Newtype(-3))]),
        unit: Unit,
    }
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<(u32, T), DecodeError> {
    let (version, value) = split_version(bytes)?;
    Ok((version, decode(value)?))
}

#[test]
fn the_bytes_of_a_row_are_pinned() {
    let golden = [
        1,    // the version
        1,    // flag
        0xFE, // small
        251, 0x2C, 0x01, // number: 300
        1,    // big: zigzag of -1
        0, 0, 0xC0, 0x3F, // ratio
        0xC3, 0xBC, // letter
        3, b'a', b'b', b'c', // text
        2, 1, 2, // bytes
        9, 1, b'p', // pair
        1, 250, 251, 251, 0, // array
        0, // option
        4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x40, 2, 1, 2, 3, 3, 4, // shapes
        1, 1, b'k', 5, // map
    ];
    assert_eq!(encode(1, &row()).unwrap(), golden);
    assert_eq!(read::<Row>(&golden), Ok((1, row())));
    assert_eq!(encode(300, &Unit).unwrap(), [251, 0x2C, 0x01]);
}

#[test]
fn the_bytes_are_those_of_bincode_itself() {
    let deep = Row { option: Some(Box::new(row())), ..row() };
    for row in [row(), deep] {
        let theirs = bincode::serde::encode_to_vec(&row, CONFIG).unwrap();
        assert_eq!(encode(7, &row).unwrap()[1..], theirs);
        assert_eq!(decode::<Row>(&theirs), Ok(row));
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Blobs {
    plain: Vec<u8>,
    maybe: Option<Vec<u8>>,
    boxed: Box<[u8]>,
    many: Vec<Vec<u8>>,
    queue: std::collections::VecDeque<u8>,
    set: std::collections::BTreeSet<u8>,
    by_name: BTreeMap<String, Vec<u8>>,
    array: [u8; 3],
    signed: Vec<i8>,
    flags: Vec<bool>,
}

proptest! {
    #[test]
    fn lists_of_bytes_are_written_and_read_as_bincode_does(
        plain: Vec<u8>,
        maybe: Option<Vec<u8>>,
        many: Vec<Vec<u8>>,
        flags: Vec<bool>,
    ) {
        let blobs = Blobs {
            boxed: plain.clone().into(),
            queue: plain.iter().copied().collect(),
            set: plain.iter().copied().collect(),
            by_name: many.iter().map(|bytes| (format!("{bytes:?}"), bytes.clone())).collect(),
            array: [1, 251, 255],
            signed: plain.iter().map(|byte| byte.cast_signed()).collect(),
            plain,
            maybe,
            many,
            flags,
        };
        let bytes = encode(1, &blobs).unwrap();
        prop_assert_eq!(&bytes[1..], &bincode::serde::encode_to_vec(&blobs, CONFIG).unwrap()[..]);
        for cut in (1..bytes.len()).step_by(bytes.len() / 8 + 1) {
            prop_assert!(read::<Blobs>(&bytes[..cut]).is_err());
        }
        prop_assert_eq!(read(&bytes), Ok((1, blobs)));
    }
}

#[test]
fn the_names_by_which_lists_of_bytes_are_told_are_those_of_this_compiler() {
    assert!(super::bytes::is_byte::<u8>() && super::bytes::is_byte::<&u8>());
    assert!(super::bytes::is_list::<Vec<u8>>());
    assert!(!super::bytes::is_byte::<&i8>() && !super::bytes::is_byte::<bool>());
    assert!(!super::bytes::is_list::<Vec<i8>>() && !super::bytes::is_list::<Vec<Vec<u8>>>());
}

#[test]
fn every_cut_of_a_row_is_an_error() {
    let bytes = encode(1, &Row { unit: Unit, ..row() }).unwrap();
    for cut in 0..bytes.len() {
        assert!(read::<Row>(&bytes[..cut]).is_err(), "{cut} of {} bytes", bytes.len());
    }
}

#[test]
fn left_over_bytes_are_an_error() {
    let mut bytes = encode(1, &row()).unwrap();
    bytes.push(0);
    let error = read::<Row>(&bytes).unwrap_err().to_string();
    assert!(error.contains("1 bytes are left over"), "{error}");
}

fn assert_error<T: serde::de::DeserializeOwned + Debug>(bytes: &[u8], expected: &str) {
    let error = decode::<T>(bytes).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn huge_lengths_allocate_nothing() {
    // 253 announces the eight bytes of a length.
    let huge = [253, 255, 255, 255, 255, 255, 255, 255, 127, b'a'];
    assert_error::<String>(&huge, "end before");
    assert_error::<Vec<u8>>(&huge, "end before");
    assert_error::<Vec<Vec<u64>>>(&huge, "end before");
    assert_error::<HashMap<String, u8>>(&huge, "end before");
    assert_error::<Vec<()>>(&huge, "take no bytes");
    assert_error::<BTreeMap<(), Unit>>(&huge, "take no bytes");
}

#[test]
fn what_is_no_value_of_the_type_is_named() {
    assert_error::<bool>(&[2], "2 is no `bool`");
    assert_error::<Option<u8>>(&[2, 0], "2 is no mark");
    assert_error::<String>(&[1, 0xFF], "not UTF-8");
    assert_error::<char>(&[0xFF, 0, 0, 0], "`char`");
    assert_error::<Shape>(&[9], "variant");
    assert_error::<u16>(&[252, 0, 0, 0, 0], "U16");
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

impl Chain {
    fn of(links: usize) -> Self {
        (0..links).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))))
    }
}

#[test]
fn depth_is_limited_alike_in_both_directions() {
    let mut deepest = 0;
    while let Ok(bytes) = encode(1, &Chain::of(deepest + 1)) {
        deepest += 1;
        assert_eq!(read(&bytes), Ok((1, Chain::of(deepest))));
    }
    assert!(deepest >= 100, "only {deepest} links");
    assert_error::<Chain>(&[1; 100_000], "deeper than");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Tuple(Box<Tree>, u8),
    Struct { left: Box<Tree> },
    New(Box<Tree>),
}

#[test]
fn the_two_sides_count_every_kind_of_nesting_alike() {
    let wraps: [fn(Tree) -> Tree; 3] = [
        |tree| Tree::Tuple(Box::new(tree), 1),
        |tree| Tree::Struct { left: Box::new(tree) },
        |tree| Tree::New(Box::new(tree)),
    ];
    for wrap in wraps {
        for depth in 0..300 {
            let tree = (0..depth).fold(Tree::Leaf, |tree, _| wrap(tree));
            // The reader's own limit, asked with bytes that bincode wrote.
            let bytes = bincode::serde::encode_to_vec(&tree, CONFIG).unwrap();
            assert_eq!(encode(1, &tree).is_ok(), decode::<Tree>(&bytes).is_ok(), "{depth}");
        }
    }
}

#[test]
fn elements_of_no_bytes_are_limited_alike_in_both_directions() {
    let most = 1 << 16;
    let bytes = encode(1, &vec![(); most]).unwrap();
    assert_eq!(read::<Vec<()>>(&bytes).unwrap().1.len(), most);
    assert!(encode(1, &vec![(); most + 1]).unwrap_err().to_string().contains("no bytes"));
    // An entry of a map with a key takes bytes, however empty its value is.
    let map: BTreeMap<u32, ()> = (0..100_000).map(|key| (key, ())).collect();
    assert_eq!(read(&encode(1, &map).unwrap()), Ok((1, map)));
}

#[test]
fn fields_that_serde_leaves_out_are_refused_when_written() {
    #[derive(Serialize)]
    struct Hole {
        #[serde(skip_serializing_if = "Option::is_none")]
        gap: Option<u8>,
    }
    assert!(encode(1, &Hole { gap: Some(1) }).is_ok());
    let error = encode(1, &Hole { gap: None }).unwrap_err().to_string();
    assert!(error.contains("`gap`"), "{error}");
}

#[test]
fn self_describing_types_are_refused_by_name() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
    }
    let bytes = encode(1, &Either::Number(1)).unwrap();
    let error = read::<Either>(&bytes).unwrap_err().to_string();
    assert!(error.contains("`untagged`"), "{error}");
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        any::<f64>().prop_filter("NaN equals nothing", |x| !x.is_nan()).prop_map(Shape::Circle),
        any::<(i32, i32)>().prop_map(|(a, b)| Shape::Line(a, b)),
        any::<(u16, u16)>().prop_map(|(width, height)| Shape::Rect { width, height }),
    ]
}

/// All kinds of parts, most of them short, so that bytes by chance come far.
type All = (
    (bool, i8, i16, i32, i64, i128, isize),
    (u8, u16, u32, u64, u128, usize),
    (char, String, Option<Option<char>>, Vec<Shape>),
    (BTreeMap<u16, String>, BTreeSet<u64>, [u8; 3], Result<i64, String>),
    Vec<(Option<u32>, Vec<u8>, Newtype)>,
);

fn all() -> impl Strategy<Value = All> {
    let number = || prop_oneof![0..=255u64, any::<u64>()];
    let numbers = proptest::collection::vec(number(), 12);
    let text = || ".{0,20}";
    let rest = (any::<(char, Option<Option<char>>, [u8; 3])>(), text(), text(), number());
    let list = proptest::collection::vec(any::<(Option<u32>, Vec<u8>, i64)>(), 0..3);
    (numbers, rest, proptest::collection::vec(shape(), 0..4), list).prop_map(
        |(n, ((letter, maybe, array), text, other, last), shapes, list)| {
            let wide = |n: u64| u128::from(n) << (n % 64);
            (
                (
                    n[0] % 2 == 0,
                    n[0] as i8,
                    n[1] as i16,
                    n[2] as i32,
                    n[3] as i64,
                    -(wide(n[4]) as i128),
                    n[5] as isize,
                ),
                (n[6] as u8, n[7] as u16, n[8] as u32, n[9], wide(n[10]), n[11] as usize),
                (letter, text.clone(), maybe, shapes),
                (
                    BTreeMap::from([(n[7] as u16, text)]),
                    BTreeSet::from_iter(n),
                    array,
                    if last % 2 == 0 { Ok(last as i64) } else { Err(other) },
                ),
                list.into_iter().map(|(n, bytes, last)| (n, bytes, Newtype(last))).collect(),
            )
        },
    )
}

proptest! {
    #[test]
    fn rows_round_trip_as_bincode_writes_them(
        (small, number, big, letter) in any::<(i8, u64, i128, char)>(),
        (text, bytes) in any::<(String, Vec<u8>)>(),
        shapes in proptest::collection::vec(shape(), 0..5),
        nested: bool,
        version: u32,
    ) {
        let mut row = Row { small, number, big, letter, text, bytes, shapes, ..row() };
        if nested {
            row.option = Some(Box::new(row.clone()));
        }
        let bytes = encode(version, &row).unwrap();
        let theirs = bincode::serde::encode_to_vec((version, &row), CONFIG).unwrap();
        prop_assert_eq!(&bytes, &theirs);
        prop_assert_eq!(read(&bytes), Ok((version, row)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = split_version(&bytes);
        let _ = decode::<Row>(&bytes);
        let _ = decode::<Tree>(&bytes);
        let _ = decode::<Vec<HashMap<String, Shape>>>(&bytes);
    }

    #[test]
    fn bytes_are_of_no_other_value_than_to_bincode(
        given: Vec<u8>,
        (all, changes) in (all(), proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4)),
    ) {
        let mut bytes = encode_value(&all).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [bytes, given] {
            // With a limit bincode does not believe lengths either.
            let limited = CONFIG.with_limit::<{ 1 << 16 }>();
            let theirs = bincode::serde::decode_from_slice::<All, _>(&bytes, limited).ok();
            let theirs = theirs.filter(|(_, read)| *read == bytes.len()).map(|(all, _)| all);
            prop_assert_eq!(decode::<All>(&bytes).ok(), theirs);
        }
    }

    #[test]
    fn a_flipped_row_is_a_row_or_an_error(at: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = encode(1, &Row { option: Some(Box::new(row())), ..row() }).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let _ = read::<Row>(&bytes);
    }
}
