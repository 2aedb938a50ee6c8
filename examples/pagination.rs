//! Pages by cursor: forward and back, while rows come and go.
#![allow(clippy::print_stdout)]

use emdb::query::{Cursor, Page};
use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, Record)]
#[emdb(namespace = "posts")]
struct Post {
    #[emdb(key)]
    id: u32,
    #[emdb(index)]
    score: u32,
    title: String,
}

/// A page for somebody who has only the text of a cursor, as a link in a web page has.
fn page(posts: &Table<Post>, after: Option<&str>) -> Result<Page<Post>, TableError> {
    let best = posts.query().order_by(Post::FIELDS.score.desc());
    match after.map(str::parse::<Cursor>) {
        None => best.page(10),
        Some(Ok(cursor)) => best.page_after(&cursor, 10),
        // What is no cursor begins anew.
        Some(Err(_)) => best.page(10),
    }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let posts = Table::<Post>::open(&db)?;
    let post = |id| Post { id, score: id % 7, title: format!("Post {id}") };
    posts.insert_many((0..35).map(post))?;

    let (mut seen, mut link) = (Vec::new(), None);
    loop {
        let page = page(&posts, link.as_deref())?;
        seen.extend(page.rows.iter().map(|post| post.id));
        println!("{} posts, up to {:?}", page.rows.len(), page.rows.last().map(|post| &post.title));
        // Whatever is removed meanwhile, no other post is skipped, and none comes twice.
        if let Some(post) = page.rows.last() {
            posts.remove(&post.id)?;
        }
        link = page.next.map(|cursor| cursor.to_string());
        if link.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..35).collect::<Vec<_>>());

    // A cursor belongs to its query: another order refuses it.
    let first = page(&posts, None)?;
    let by_title = posts.query().order_by(Post::FIELDS.title.asc());
    let refused = first.next.map(|cursor| by_title.page_after(&cursor, 10).is_err());
    assert_eq!(refused, Some(true));
    Ok(())
}
