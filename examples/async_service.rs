//! A table in an async program: calls that may wait for the disk run on tokio's blocking threads.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinSet, spawn_blocking};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "jobs")]
struct Job {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(index)]
    done: bool,
    text: String,
}

#[derive(Clone)] // as cheap as an `Arc`
struct Jobs {
    db: Emdb,
    table: Table<Job>,
}

impl Jobs {
    /// Runs `work` where it may block, and waits for it without blocking.
    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Jobs) -> Result<R, TableError> + Send + 'static,
    ) -> Result<R, AnyError> {
        let jobs = self.clone();
        Ok(spawn_blocking(move || work(&jobs)).await??)
    }

    fn submit(&self, text: String) -> Result<Job, TableError> {
        self.table.insert_new(Job { id: 0, done: false, text })
    }

    /// Takes the oldest open job, in one transaction: no two workers get the same.
    fn take(&self) -> Result<Option<Job>, TableError> {
        self.db.transaction(|tx| {
            let table = self.table.with(tx);
            let Some(id) = table.by(Job::DONE).keys(false)?.next() else { return Ok(None) };
            table.update(&id?, |job| job.done = true)
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let db = Emdb::open_in_memory();
    let jobs = Jobs { table: Table::open(&db)?, db };

    let mut clients = JoinSet::new();
    for n in 1..=100 {
        let jobs = jobs.clone();
        clients.spawn(async move { jobs.run(move |jobs| jobs.submit(format!("job {n}"))).await });
    }
    let submitted = clients.join_all().await.into_iter().collect::<Result<Vec<Job>, _>>()?;

    let mut workers = JoinSet::new();
    for _ in 0..3 {
        let jobs = jobs.clone();
        workers.spawn(async move {
            let mut taken = 0;
            while jobs.run(Jobs::take).await?.is_some() {
                taken += 1;
            }
            Ok(taken)
        });
    }
    let taken = workers.join_all().await.into_iter().collect::<Result<Vec<u32>, AnyError>>()?;
    println!("{} jobs submitted, {taken:?} taken by the workers", submitted.len());
    assert_eq!(taken.iter().sum::<u32>(), 100);
    // One flush for many writes: afterwards they survive a power cut.
    jobs.run(|jobs| Ok(jobs.db.flush()?)).await
}
