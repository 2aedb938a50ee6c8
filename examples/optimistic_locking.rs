//! Two editors of one page: whoever saves second is told, and loses nothing of the other's.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, Record)]
#[emdb(namespace = "pages")]
struct Page {
    #[emdb(key)]
    path: String,
    title: String,
    lines: Vec<String>,
    /// The table counts it: 1 in a new row, and one more with every write.
    #[emdb(revision)]
    rev: u64,
}

/// A form that somebody has open for a while, with the row as it was read.
struct Form {
    page: Page,
}

impl Form {
    fn open(pages: &Table<Page>, path: &str) -> Result<Option<Form>, TableError> {
        Ok(pages.get(path)?.map(|page| Form { page }))
    }
}

/// Adds a line, to what the page is by then: read again and saved again until nobody came in between.
fn add_line(pages: &Table<Page>, path: &str, line: &str) -> Result<Option<Page>, TableError> {
    loop {
        let Some(mut page) = pages.get(path)? else { return Ok(None) };
        page.lines.push(line.to_owned());
        match pages.save(&page) {
            Ok(page) => return Ok(Some(page)),
            Err(TableError::Conflict { stored: Some(_), .. }) => {}
            Err(TableError::Conflict { stored: None, .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let pages = Table::<Page>::open(&db)?;
    let page = Page { path: "/".into(), title: "Home".into(), lines: Vec::new(), rev: 0 };
    pages.insert(&page)?;

    let (Some(mut ada), Some(mut bob)) = (Form::open(&pages, "/")?, Form::open(&pages, "/")?)
    else {
        return Ok(());
    };
    ada.page.title = "Welcome".into();
    let saved = pages.save(&ada.page)?;
    println!("Ada saved revision {}", saved.rev);

    bob.page.title = "Start".into();
    match pages.save(&bob.page) {
        Err(TableError::Conflict { stored: Some(now), .. }) => {
            println!("Bob read revision {}, and it is {now} by now", bob.page.rev);
        }
        other => println!("not as it should be: {other:?}"),
    }

    // What is a function of the row needs no form: nobody's line is lost.
    std::thread::scope(|scope| {
        for name in ["Ada", "Bob", "Eve"] {
            scope.spawn(|| add_line(&pages, "/", name));
        }
    });
    let page = pages.get("/")?;
    println!("{page:?}");
    assert!(
        page.is_some_and(|page| page.title == "Welcome" && page.lines.len() == 3 && page.rev == 5)
    );
    Ok(())
}
