//! The texts of errors: they name what is concerned, and the way on. Over the embedded database, whose errors
//! they are.

use emdb_core::{Emdb, Error};
use emdb_typed::{Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(namespace = "pages", crate = "emdb_typed")]
#[emdb(index(name = "by_place", fields(site, text), unique))]
struct Page {
    #[emdb(key)]
    path: String,
    #[emdb(index)]
    text: String,
    site: u8,
}

/// As it is in the next release, by mistake.
mod changed {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "pages", crate = "emdb_typed")]
    pub struct Page {
        #[emdb(key)]
        path: String,
        site: u16,
    }

    #[derive(Debug, Serialize, Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "pages", crate = "emdb_typed")]
    pub struct OtherKey {
        path: String,
        text: String,
        #[emdb(key)]
        site: u8,
    }
}

/// Without indexes.
#[derive(Debug, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(namespace = "pages", crate = "emdb_typed")]
struct Plain {
    #[emdb(key)]
    path: String,
    text: String,
    site: u8,
}

fn page(path: &str, text: &str) -> Page {
    Page { path: path.into(), text: text.into(), site: 7 }
}

#[track_caller]
fn says(error: &TableError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_text_that_is_too_long_for_an_index_is_named() {
    let db = Emdb::open_in_memory();
    let pages = Table::<Page>::open(&db).unwrap();
    let long = "x".repeat(70_000);
    let in_a_transaction = db.transaction(|tx| pages.with(tx).insert(&page("/", &long)));
    for error in [pages.insert(&page("/", &long)).unwrap_err(), in_a_transaction.unwrap_err()] {
        assert!(matches!(error, TableError::TooLarge { limit: 65_535, .. }), "{error:?}");
        says(&error, &["table `pages`", "`text`", "in the index `", "65535", "a hash"]);
    }
    assert!(pages.is_empty().unwrap());
    pages.insert(&page("/", "short")).unwrap();
    let error = pages.update("/", |page| page.text.clone_from(&long)).unwrap_err();
    assert!(matches!(error, TableError::TooLarge { .. }));
    assert_eq!(pages.get("/").unwrap(), Some(page("/", "short")));
}

#[test]
fn a_key_that_is_too_long_is_named() {
    let db = Emdb::open_in_memory();
    let plain = Table::<Plain>::open(&db).unwrap();
    let row = Plain { path: "x".repeat(70_000), text: String::new(), site: 1 };
    let error = plain.insert(&row).unwrap_err();
    assert!(matches!(error, TableError::TooLarge { size: 70_000, limit: 65_535, .. }), "{error:?}");
    says(&error, &["table `pages`", "the key `path` takes 70000 bytes", "a shorter key"]);
}

#[test]
fn a_text_that_is_too_long_for_an_index_that_is_new_is_named() {
    let db = Emdb::open_in_memory();
    let text = "x".repeat(70_000);
    let row = Plain { path: "/".into(), text, site: 1 };
    Table::<Plain>::open(&db).unwrap().insert(&row).unwrap();
    let error = Table::<Page>::open(&db).unwrap_err();
    says(&error, &["table `pages`", "`text`", "in the index `"]);
}

#[test]
fn a_table_that_was_dropped_and_made_again_is_dropped_to_its_former_handles() {
    let db = Emdb::open_in_memory();
    let made_again: [fn(&Emdb); 3] = [
        |_| (),
        |db| drop(Table::<Page>::open(db).unwrap()),
        |db| drop(Table::<changed::Page>::open(db).unwrap()),
    ];
    for (case, make_again) in made_again.into_iter().enumerate() {
        let pages = Table::<Page>::open(&db).unwrap();
        pages.insert(&page("/", "text")).unwrap();
        // The handle has seen that the table changed, and has not; and has been told to look again.
        Table::<Plain>::open(&db).unwrap();
        let again = Table::<Page>::open(&db).unwrap();
        Table::<Plain>::open(&db).unwrap();
        db.drop_namespace("pages").unwrap();
        make_again(&db);
        for pages in [&pages, &again] {
            let errors = [
                pages.get("/").unwrap_err(),
                pages.insert(&page("/", "text")).unwrap_err(),
                pages.by(Page::TEXT).count("text").unwrap_err(),
                pages.len().unwrap_err(),
                pages.update("/", |_| ()).unwrap_err(),
                pages.iter().map(drop).unwrap_err(),
                db.transaction(|tx| pages.with(tx).insert(&page("/", "text"))).unwrap_err(),
                pages.verify().unwrap_err(),
            ];
            for (call, error) in errors.into_iter().enumerate() {
                let dropped = matches!(error, TableError::Core(Error::NamespaceDropped));
                assert!(dropped, "case {case}, call {call}: {error}");
            }
        }
        let _ = db.drop_namespace("pages");
    }
}

#[test]
fn a_struct_that_changed_is_shown_the_lines_of_its_next_version() {
    let db = Emdb::open_in_memory();
    Table::<Page>::open(&db).unwrap();
    let error = Table::<changed::Page>::open(&db).unwrap_err();
    says(
        &error,
        &[
            "field `site`: stored as `u8`, now `u16`",
            "struct PageV1 { #[emdb(key)] path: String, text: String, site: u8 }",
            "#[emdb(namespace = \"pages\", version = 2, from = PageV1)]",
            "impl From<PageV1> for Page",
        ],
    );
    // Rows keep their keys: no version helps.
    let error = Table::<changed::OtherKey>::open(&db).unwrap_err();
    assert!(!error.to_string().contains("version = 2"), "{error}");
}
