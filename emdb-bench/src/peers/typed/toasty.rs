//! toasty on SQLite: an asynchronous ORM, with the settings that it comes with.

use std::cell::RefCell;
use std::path::Path;

use toasty::{Db, Executor};
use tokio::runtime::{Builder, Runtime};

use super::{Change, Engine, Outcome};
use crate::row::Row;

#[derive(Debug, Clone, toasty::Model)]
struct Person {
    #[key]
    id: u64,
    #[unique]
    email: String,
    #[index]
    age: u8,
    name: String,
    tags: Vec<String>,
    text: String,
    score: f64,
}

impl From<Person> for Row {
    fn from(Person { id, email, age, name, tags, text, score }: Person) -> Row {
        Row { id, email, age, name, tags, text, score }
    }
}

pub struct Toasty {
    runtime: Runtime,
    db: RefCell<Db>,
}

async fn insert(db: &mut dyn Executor, row: &Row) -> toasty::Result<()> {
    let Row { id, email, age, name, tags, text, score } = row.clone();
    toasty::create!(Person { id, email, age, name, tags, text, score }).exec(db).await?;
    Ok(())
}

async fn update(db: &mut dyn Executor, id: u64, change: Change) -> toasty::Result<()> {
    let mut person = Person::get_by_id(db, &id).await?;
    match change {
        Change::Score => {
            let score = -person.score;
            person.update().score(score).exec(db).await
        }
        Change::Age => {
            let age = (person.age + 7) % 100;
            person.update().age(age).exec(db).await
        }
    }
}

impl Engine for Toasty {
    fn open(folder: &Path) -> Outcome<Toasty> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let path = folder.join("toasty");
        let is_new = !path.exists();
        let db = runtime.block_on(async {
            let url = format!("sqlite:{}", path.display());
            let db = Db::builder().models(toasty::models!(Person)).connect(&url).await?;
            if is_new {
                db.push_schema().await?;
            }
            Outcome::Ok(db)
        })?;
        Ok(Toasty { runtime, db: RefCell::new(db) })
    }

    fn close(self) -> Outcome<()> {
        drop(self);
        Ok(())
    }

    fn insert_many(&self, rows: &[Row]) -> Outcome<()> {
        let mut db = self.db.borrow_mut();
        Ok(self.runtime.block_on(async {
            let mut transaction = db.transaction().await?;
            for row in rows {
                insert(&mut transaction, row).await?;
            }
            transaction.commit().await
        })?)
    }

    fn insert_durable(&self, row: &Row) -> Outcome<()> {
        Ok(self.runtime.block_on(insert(&mut *self.db.borrow_mut(), row))?)
    }

    fn get(&self, id: u64) -> Outcome<Option<Row>> {
        let db = &mut *self.db.borrow_mut();
        let found = self.runtime.block_on(Person::filter_by_id(id).first().exec(db))?;
        Ok(found.map(Row::from))
    }

    fn by_email(&self, email: &str) -> Outcome<Option<Row>> {
        let db = &mut *self.db.borrow_mut();
        let found = self.runtime.block_on(Person::filter_by_email(email).first().exec(db))?;
        Ok(found.map(Row::from))
    }

    fn range(&self, from: u64, limit: usize) -> Outcome<Vec<Row>> {
        let db = &mut *self.db.borrow_mut();
        let id = Person::fields().id();
        let query = Person::filter(id.ge(from)).order_by(Person::fields().id().asc()).limit(limit);
        Ok(self.runtime.block_on(query.exec(db))?.into_iter().map(Row::from).collect())
    }

    fn by_age(&self, age: u8, limit: usize) -> Outcome<Vec<Row>> {
        let db = &mut *self.db.borrow_mut();
        let mut rows = Vec::with_capacity(limit);
        for from in [age, 0] {
            let query = Person::filter(Person::fields().age().ge(from));
            let query = query.order_by(Person::fields().age().asc()).limit(limit - rows.len());
            rows.extend(self.runtime.block_on(query.exec(db))?.into_iter().map(Row::from));
            if rows.len() == limit {
                break;
            }
        }
        Ok(rows)
    }

    fn update_durable(&self, id: u64, change: Change) -> Outcome<()> {
        Ok(self.runtime.block_on(update(&mut *self.db.borrow_mut(), id, change))?)
    }

    fn update_all(&self, ids: &[u64], change: Change) -> Outcome<()> {
        let mut db = self.db.borrow_mut();
        Ok(self.runtime.block_on(async {
            let mut transaction = db.transaction().await?;
            for id in ids {
                update(&mut transaction, *id, change).await?;
            }
            transaction.commit().await
        })?)
    }

    fn remove_all(&self, ids: &[u64]) -> Outcome<()> {
        let mut db = self.db.borrow_mut();
        Ok(self.runtime.block_on(async {
            let mut transaction = db.transaction().await?;
            for id in ids {
                Person::filter_by_id(*id).delete().exec(&mut transaction).await?;
            }
            transaction.commit().await
        })?)
    }
}
