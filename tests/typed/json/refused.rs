//! Lines that an import refuses: nothing of one is passed over, or read as something else.

use std::collections::BTreeMap;

use emdb::{Emdb, Record, Table, TableError, dynamic};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "things")]
struct Thing {
    #[emdb(key)]
    id: u8,
    weight: f64,
    counts: BTreeMap<u8, u8>,
}

const HEAD: &str = "{\"namespace\":\"raw\",\"ordered\":false}\n";

/// The error of importing these lines into an empty database, behind the name of the namespace.
fn refused(lines: impl AsRef<[u8]>) -> String {
    let db = Emdb::open_in_memory();
    let error = dynamic::import_json(&db, lines.as_ref()).unwrap_err();
    assert!(matches!(error, TableError::Invalid { .. }), "{error:?}");
    assert_eq!(db.namespace("raw").unwrap().len().unwrap(), 0);
    error.to_string()
}

fn row_refused(line: impl AsRef<[u8]>) -> String {
    let things = Table::<Thing>::open(&Emdb::open_in_memory()).unwrap();
    let lines = [b"{\"id\":1,\"weight\":1,\"counts\":{}}\n\n", line.as_ref()].concat();
    let error = things.import_json(&lines[..]).unwrap_err();
    assert!(matches!(error, TableError::Invalid { .. }), "{error:?}");
    assert!(things.is_empty().unwrap());
    error.to_string()
}

#[test]
fn an_expiry_that_is_no_moment_is_refused_with_its_line() {
    for bad in ["9.9e12", "-5", "\"x\"", "1.5", "18446744073709551616", "true", "[]", "{}"] {
        let record =
            format!("{{\"in\":\"raw\",\"key\":\"00\",\"value\":\"00\",\"expires_at\":{bad}}}");
        let error = refused(format!("{HEAD}{record}"));
        assert!(error.contains("line 2: `expires_at` is "), "{error}");
        let error =
            row_refused(format!("{{\"id\":2,\"weight\":1,\"counts\":{{}},\"$expires_at\":{bad}}}"));
        assert!(error.contains("line 3: `$expires_at` is "), "{error}");
    }
}

#[test]
fn text_that_is_no_utf_8_is_refused_with_its_line() {
    let error = refused([HEAD.as_bytes(), b"\n{\"in\":\"ra\xFF"].concat());
    assert!(error.contains("line 3: it is no UTF-8 from its byte 10 on"), "{error}");
    let error = row_refused(b"{\"id\":\"\xC3\x28\"}");
    assert!(error.contains("line 3: it is no UTF-8 from its byte 8 on"), "{error}");
}

#[test]
fn a_member_that_is_unknown_there_twice_or_of_another_type_is_refused() {
    let table = |members: &str| {
        let db = Emdb::open_in_memory();
        Table::<Thing>::open(&db).unwrap();
        let mut out = Vec::new();
        dynamic::export_json(&db, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.replace("{\"table\":\"things\"", &format!("{{\"table\":\"things\",{members}"))
    };
    let record = |members: &str| format!("{HEAD}{{\"in\":\"raw\",\"key\":\"00\",{members}}}");
    for (lines, reason) in [
        (
            record("\"value\":\"00\",\"expires_at\":5,\"expires_at\":null"),
            "`expires_at` is there twice",
        ),
        (record("\"value\":\"00\",\"expires\":5"), "`expires` has no place in such a line"),
        (record("\"value\":\"00\",\"version\":1"), "`version` has no place in such a line"),
        (record("\"value\":0"), "`value` is no string"),
        (record("\"value\":\"0\""), "`value` is not written in pairs"),
        (record("\"value\":\"0g\""), "`value` is not written in pairs"),
        (record("\"version\":-1,\"row\":{}"), "`version` is -1"),
        (record("\"version\":1.0,\"row\":{}"), "`version` is 1.0"),
        (record("\"version\":4294967296,\"row\":{}"), "`version` is 4294967296"),
        (record("\"row\":{}"), "`version` is missing"),
        (record("\"version\":1"), "`value` or `row` is missing"),
        (
            format!("{HEAD}{{\"in\":\"other\",\"key\":\"00\",\"value\":\"\"}}"),
            "`other` has not been named",
        ),
        (format!("{HEAD}{HEAD}{{}} {{}}"), "trailing characters"),
        (format!("{HEAD}null"), "the line is no object"),
        (format!("{HEAD}{{}}"), "none of `table`, `namespace` and `in`"),
        ("{\"namespace\":\"raw\",\"ordered\":1}".into(), "`ordered` is neither true nor false"),
        ("{\"namespace\":\"raw\",\"ordered\":true,\"mark\":\"00\"}".into(), "`mark` has no place"),
        (table("\"mark\":5"), "`mark` is no string"),
        (table("\"rows\":5"), "`rows` has no place in such a line"),
        (table("").replace("\"raising\"", "\"extra\":1,\"raising\""), "doesn't know `extra`"),
        (table("").replace("\"types\"", "\"extra\":1,\"types\""), "doesn't know `extra`"),
    ] {
        let lines = lines.replace("{\"table\":\"things\",,", "{\"table\":\"things\",");
        let error = refused(&lines);
        assert!(error.contains(reason), "{lines}: {error}");
        assert!(error.contains("line "), "{error}");
    }
}

#[test]
fn a_row_that_would_be_changed_is_refused() {
    for (row, reason) in [
        ("{\"id\":2,\"id\":3,\"weight\":1,\"counts\":{}}", "`id` is there twice"),
        ("{\"id\":2,\"weight\":1,\"counts\":{\"7\":1,\"7\":2}}", "`7` is there twice"),
        ("{\"id\":2,\"weight\":1,\"counts\":{\"7\":1,\"07\":2}}", "`07`"),
        ("{\"id\":2,\"weight\":1,\"counts\":{\"+7\":2}}", "`+7`"),
        ("{\"id\":300,\"weight\":1,\"counts\":{}}", "`id`"),
        ("{\"id\":2.0,\"weight\":1,\"counts\":{}}", "`id`"),
        ("{\"id\":2,\"weight\":1e999,\"counts\":{}}", "number out of range"),
        ("{\"id\":2,\"weight\":1,\"counts\":{},\"more\":1}", "`more`"),
        ("{\"id\":2,\"weight\":1,\"counts\":{}} x", "trailing characters at column"),
        ("\u{feff}{\"id\":2,\"weight\":1,\"counts\":{}}", "expected value at column 1"),
        ("\u{a0}", "expected value at column 1"),
    ] {
        let error = row_refused(row);
        assert!(error.contains(reason) && error.contains("line 3: "), "{row}: {error}");
    }
}

#[test]
fn a_byte_order_mark_and_foreign_ends_of_lines_are_no_part_of_what_is_read() {
    let things = Table::<Thing>::open(&Emdb::open_in_memory()).unwrap();
    let lines = "\u{feff}{\"id\":1,\"weight\":1,\"counts\":{}}\r\n \t\r\n{\"id\":2,\"weight\":1,\"counts\":{}}";
    assert_eq!(things.import_json(lines.as_bytes()).unwrap(), 2);
    let db = Emdb::open_in_memory();
    let lines = format!("\u{feff}{}\r\n", HEAD.trim_end());
    assert_eq!(dynamic::import_json(&db, lines.as_bytes()).unwrap(), 0);
    assert_eq!(db.list_namespaces().unwrap(), ["raw"]);
}

#[test]
fn a_float_comes_back_to_its_last_bit() {
    let things = Table::<Thing>::open(&Emdb::open_in_memory()).unwrap();
    let thing = |id, weight| Thing { id, weight, counts: BTreeMap::new() };
    // Numbers whose nearest ones are near to each other; a reader in a hurry takes the wrong one.
    let weights =
        (0..=255).map(|id| thing(id, f64::from_bits(0x3FB9_9999_9999_9000 + 977 * u64::from(id))));
    things.insert_many(weights.clone()).unwrap();
    let mut out = Vec::new();
    things.export_json(&mut out).unwrap();
    things.clear().unwrap();
    things.import_json(&out[..]).unwrap();
    assert!(things.iter().unwrap().map(Result::unwrap).eq(weights));
}
