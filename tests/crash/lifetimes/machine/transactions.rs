//! Transactions that commit, fail or panic.

use super::*;

impl World {
    pub(super) fn transaction(&mut self) {
        let ending = [Ending::Commit, Ending::Commit, Ending::Error, Ending::Panic];
        let ending = ending[self.below(4) as usize];
        let count = if self.below(30) == 0 { 3000 } else { self.below(12) };
        let writes: Vec<_> = (0..count).map(|_| (self.target(), self.write())).collect();
        self.note(format!("transaction of {count}, {ending:?}"));
        let mut model = self.model.clone();
        let (now, db, refused) = (self.model.now, self.db(), self.below(10) == 0);
        let body = |tx: &mut emdb::Transaction<'_>| {
            for ((name, namespace), write) in &writes {
                let records = &mut model.spaces.get_mut(name).unwrap().records;
                let part = tx.namespace(namespace);
                let prior = apply(records, write, now);
                assert_eq!(make!(part, write)?, prior);
                if count < 100 {
                    assert_eq!(part.len()?, records.len());
                }
            }
            if let Some(((name, namespace), _)) = writes.first() {
                let part = tx.namespace(namespace);
                let shown = visible(&model.spaces[name].records, now);
                assert!(part.iter()?.collect::<std::collections::BTreeMap<_, _>>() == shown);
                if model.is_ordered(name) {
                    assert!(part.range_iter(..)?.rev().eq(shown.into_iter().rev()));
                }
            }
            if refused {
                db.flush()?;
                assert!(matches!(db.checkpoint(), Err(Error::TransactionActive)));
                assert!(matches!(db.compact(), Err(Error::TransactionActive)));
                assert!(matches!(db.insert("k", "v"), Err(Error::TransactionActive)));
            }
            match ending {
                Ending::Commit => Ok(()),
                Ending::Error => Err(Error::KeyNotFound),
                Ending::Panic => resume_unwind(Box::new("on purpose")),
            }
        };
        match catch_unwind(AssertUnwindSafe(|| db.transaction(body))) {
            Ok(Ok(())) => {
                assert_eq!(ending, Ending::Commit);
                self.model = model;
            }
            Ok(Err(error)) => {
                assert!(matches!(error, Error::KeyNotFound), "{error}");
                assert_eq!(ending, Ending::Error);
            }
            Err(panic) if panic.downcast_ref() == Some(&"on purpose") => {}
            Err(panic) => resume_unwind(panic),
        }
    }
}
