//! Sums, extremes and groups of the rows of a query.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, Record)]
#[emdb(namespace = "orders")]
struct Order {
    #[emdb(key)]
    id: u32,
    #[emdb(index)]
    customer: String,
    cents: u32,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let orders = Table::<Order>::open(&db)?;
    let customers = ["Ada", "Bob", "Cleo"];
    orders.insert_many((0..9).map(|id| Order {
        id,
        customer: customers[id as usize % 3].into(),
        cents: 100 * (id + 1),
    }))?;
    let f = Order::FIELDS;

    let large = orders.query().filter(f.cents.gt(300));
    println!("{} large orders, {} cents together", large.count()?, large.sum(f.cents)?);
    assert_eq!((large.min(f.cents)?, large.max(f.cents)?), (Some(400), Some(900)));
    assert_eq!(large.avg(f.cents)?, Some(650.0));
    assert_eq!(large.distinct(f.customer)?, customers);

    let by_customer = large.group_by(f.customer);
    for (customer, cents) in by_customer.sum(f.cents)? {
        println!("{customer}: {cents}");
    }
    let counts = by_customer.count()?;
    assert_eq!(counts, customers.map(|name| (name.to_owned(), 2)));

    // Anything else is a fold, over rows that are lent.
    let ids = by_customer.fold(Vec::new(), |mut ids, order| {
        ids.push(order.id);
        ids
    })?;
    println!("{ids:?}");
    Ok(())
}
