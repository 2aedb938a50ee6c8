//! Dotted groups of keys.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use emdb::{Emdb, Error, Focus, Namespace, NamespaceOptions};

use crate::common::{commit, folder};

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

/// Runs `test` on a default and another namespace, both ordered and unordered.
fn on_each(test: impl Fn(&Namespace)) {
    for ordered in [false, true] {
        let db = Emdb::builder().enable_range_scans(ordered).build().unwrap();
        test(&db);
        db.clear().unwrap();
        // What is in one is not in the other.
        db.insert("users.default", "not asked for").unwrap();
        test(&db.namespace("n").unwrap());
        assert_eq!(db.get("users.default").unwrap(), Some(b"not asked for".to_vec()));
    }
    let db = Emdb::open_in_memory();
    test(&db.namespace_with("n", ORDERED).unwrap());
}

/// The keys, sorted, as words.
fn words(items: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let mut keys: Vec<_> =
        items.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect();
    keys.sort();
    keys.join(" ")
}

fn fill(namespace: &Namespace) {
    let keys = [
        "users",
        "users.",
        "users.alice",
        "users.alice.age",
        "users.alice.name",
        "users.alicette.x",
        "users.bob",
        "users/alice.name",
        "usersx.alice",
        "zoo.alice",
    ];
    namespace.insert_many(keys.map(|key| (key, "v"))).unwrap();
}

mod focus {
    use super::*;

    #[test]
    fn can_be_cloned_and_sent_and_borrows_nothing() {
        fn check<T: Clone + Send + Sync + 'static>() {}
        check::<Focus>();
    }

    #[test]
    fn sets_under_prefix_and_dot() {
        on_each(|n| {
            n.focus("users").set("alice", "1").unwrap();
            n.focus("users").set("alice", "2").unwrap();
            assert_eq!(n.get("users.alice").unwrap(), Some(b"2".to_vec()));
            assert_eq!(n.len().unwrap(), 1);
        });
    }

    #[test]
    fn gets_what_is_under_its_prefix() {
        on_each(|n| {
            n.insert("users.alice", "1").unwrap();
            n.insert("bob", "2").unwrap();
            let users = n.focus("users");
            assert_eq!(users.get("alice").unwrap(), Some(b"1".to_vec()));
            assert_eq!(users.get("bob").unwrap(), None);
            assert!(users.contains_key("alice").unwrap() && !users.contains_key("bob").unwrap());
        });
    }

    #[test]
    fn removes_one_and_gives_its_value() {
        on_each(|n| {
            n.insert_many([("users.alice", "1"), ("alice", "2")]).unwrap();
            let users = n.focus("users");
            assert_eq!(users.remove("alice").unwrap(), Some(b"1".to_vec()));
            assert_eq!(users.remove("alice").unwrap(), None);
            assert_eq!(n.get("alice").unwrap(), Some(b"2".to_vec()));
        });
    }

    #[test]
    fn iterates_over_whole_keys() {
        on_each(|n| {
            fill(n);
            let alice = n.focus("users.alice");
            assert_eq!(words(alice.iter().unwrap()), "users.alice.age users.alice.name");
        });
    }

    #[test]
    fn deletes_all_below_and_counts_it() {
        on_each(|n| {
            fill(n);
            assert_eq!(n.focus("users").focus("alice").delete_all().unwrap(), 2);
            assert_eq!(n.focus("users.alice").delete_all().unwrap(), 0);
            assert!(n.contains_key("users.alice").unwrap());
            assert_eq!(n.len().unwrap(), 8);
        });
    }

    #[test]
    fn of_a_focus_is_that_of_both_prefixes() {
        on_each(|n| {
            let alice = n.focus("users").focus("alice");
            alice.set("name", "Alice").unwrap();
            alice.focus("address").set("city", "Linz").unwrap();
            let keys = "users.alice.address.city users.alice.name";
            assert_eq!(words(n.iter().unwrap()), keys);
            assert_eq!(words(alice.iter().unwrap()), keys);
            assert_eq!(n.focus("users.alice").get("name").unwrap(), Some(b"Alice".to_vec()));
        });
    }

    #[test]
    fn on_an_empty_prefix_is_the_dot() {
        on_each(|n| {
            let root = n.focus("");
            root.set("a", "1").unwrap();
            n.insert("a", "2").unwrap();
            assert_eq!(words(root.iter().unwrap()), ".a");
            assert_eq!(root.delete_all().unwrap(), 1);
            assert_eq!(words(n.iter().unwrap()), "a");
        });
    }

    #[test]
    fn has_a_record_of_its_own_under_the_empty_key() {
        on_each(|n| {
            n.focus("users").set("", "own").unwrap();
            assert_eq!(n.get("users.").unwrap(), Some(b"own".to_vec()));
            assert_eq!(words(n.focus("users").iter().unwrap()), "users.");
        });
    }

    #[test]
    fn takes_and_lends_any_bytes() {
        on_each(|n| {
            let focus = n.focus([0xFF, 0xFE]).focus(vec![0x80]);
            focus.set([0x00, 0xFF], [0xC0]).unwrap();
            let key = [0xFF, 0xFE, b'.', 0x80, b'.', 0x00, 0xFF];
            assert_eq!(focus.iter().unwrap().collect::<Vec<_>>(), [(key.to_vec(), vec![0xC0])]);
            assert_eq!(n.group([0xFF, 0xFE]).unwrap().count(), 1);
            assert_eq!(n.delete_group([0xFF]).unwrap(), 0);
            assert_eq!(n.delete_group([0xFF, 0xFE]).unwrap(), 1);
        });
    }

    #[test]
    fn has_the_limit_of_keys_on_the_whole_key() {
        on_each(|n| {
            let focus = n.focus(vec![b'p'; 65_533]);
            focus.set("k", "v").unwrap();
            assert!(matches!(focus.set("kk", "v"), Err(Error::TooLarge { .. })));
            assert_eq!(focus.iter().unwrap().count(), 1);
            assert_eq!(focus.focus("kk").iter().unwrap().count(), 0);
            assert_eq!(focus.delete_all().unwrap(), 1);
        });
    }

    #[test]
    fn of_a_dropped_namespace_answers_so() {
        let db = Emdb::open_in_memory();
        let focus = db.namespace("n").unwrap().focus("users");
        focus.set("alice", "1").unwrap();
        db.drop_namespace("n").unwrap();
        db.namespace("n").unwrap();
        let is_dropped = |result: emdb::Result<()>| matches!(result, Err(Error::NamespaceDropped));
        assert!(is_dropped(focus.set("alice", "1")));
        assert!(is_dropped(focus.get("alice").map(drop)));
        assert!(is_dropped(focus.remove("alice").map(drop)));
        assert!(is_dropped(focus.contains_key("alice").map(drop)));
        assert!(is_dropped(focus.iter().map(drop)));
        assert!(is_dropped(focus.delete_all().map(drop)));
    }

    #[test]
    fn keeps_the_database_open() {
        let focus = Emdb::open_in_memory().focus("users");
        focus.set("alice", "1").unwrap();
        assert!(focus.contains_key("alice").unwrap());
    }
}

mod group {
    use super::*;

    #[test]
    fn holds_what_is_under_prefix_and_dot_alone() {
        on_each(|n| {
            fill(n);
            let below = "users.alice.age users.alice.name";
            assert_eq!(words(n.group("users.alice").unwrap()), below);
            assert_eq!(words(n.group("users.alicette").unwrap()), "users.alicette.x");
            assert_eq!(n.group("users").unwrap().count(), 6);
            assert_eq!(words(n.group("users/alice").unwrap()), "users/alice.name");
        });
    }

    #[test]
    fn of_nothing_is_empty() {
        on_each(|n| {
            assert_eq!(n.group("users").unwrap().count(), 0);
            assert_eq!(n.delete_group("users").unwrap(), 0);
            fill(n);
            assert_eq!(n.group("nobody").unwrap().count(), 0);
            assert_eq!(n.group("user").unwrap().count(), 0);
            assert_eq!(n.group("").unwrap().count(), 0);
            assert_eq!(n.delete_group("user").unwrap(), 0);
            assert_eq!(n.len().unwrap(), 10);
        });
    }

    #[test]
    fn comes_in_order_from_an_ordered_namespace() {
        let db = Emdb::builder().enable_range_scans(true).build().unwrap();
        let group = db.focus("log");
        for n in (0..2000u32).rev() {
            group.set(format!("{n:04}"), "").unwrap();
        }
        let keys = (0..2000u32).map(|n| format!("log.{n:04}").into_bytes());
        assert!(group.iter().unwrap().map(|(key, _)| key).eq(keys.clone()));
        assert!(db.group("log").unwrap().map(|(key, _)| key).eq(keys));
    }

    #[test]
    fn is_of_the_state_when_the_iterator_was_made() {
        on_each(|n| {
            fill(n);
            let (group, focus) = (n.group("users").unwrap(), n.focus("users").iter().unwrap());
            n.insert("users.carol", "v").unwrap();
            n.delete_group("users").unwrap();
            assert_eq!((group.count(), focus.count()), (6, 6));
        });
    }

    #[test]
    fn comes_with_its_values() {
        on_each(|n| {
            n.insert_many([("g.a", "1"), ("h.a", "2")]).unwrap();
            let mut group = n.group("g").unwrap();
            assert_eq!(group.next_entry(), Some((&b"g.a"[..], &b"1"[..])));
            assert_eq!(group.next_entry(), None);
            group.status().unwrap();
        });
    }
}

mod delete_group {
    use super::*;

    #[test]
    fn removes_it_alone_and_counts() {
        on_each(|n| {
            fill(n);
            assert_eq!(n.delete_group("users.alice").unwrap(), 2);
            assert_eq!(n.delete_group("users").unwrap(), 4);
            assert_eq!(words(n.iter().unwrap()), "users users/alice.name usersx.alice zoo.alice");
            assert_eq!(n.len().unwrap(), 4);
        });
    }

    #[test]
    fn of_many_lasts() {
        for ordered in [false, true] {
            let (_folder, path) = folder();
            let open = || Emdb::builder().path(&path).enable_range_scans(ordered).build().unwrap();
            let db = open();
            let key = |group: &str, n: u32| format!("{group}.{n}");
            db.insert_many((0..20_000).map(|n| (key("many", n), [7; 20]))).unwrap();
            db.insert_many((0..100).map(|n| (key("few", n), [7; 20]))).unwrap();
            assert_eq!(db.delete_group("many").unwrap(), 20_000);
            db.close().unwrap();
            let db = open();
            assert_eq!(db.group("many").unwrap().count(), 0);
            assert_eq!((db.group("few").unwrap().count(), db.len().unwrap()), (100, 100));
        }
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn counts_live_ones_only() {
        use emdb::Ttl;
        use emdb_core::internal::{ManualClock, with_clock};
        for ordered in [false, true] {
            let clock = ManualClock::new(1000);
            let builder = Emdb::builder().enable_range_scans(ordered);
            let db = with_clock(builder, clock.clone()).build().unwrap();
            let users = db.focus("users");
            users.set_with_ttl("soon", "", Ttl::ExpiresAt(1100)).unwrap();
            users.set_with_ttl("later", "", Ttl::ExpiresAt(1300)).unwrap();
            users.set("never", "").unwrap();
            assert_eq!(db.expires_at("users.soon").unwrap(), Some(1100));
            clock.set(1200);
            assert_eq!(words(users.iter().unwrap()), "users.later users.never");
            assert_eq!(words(db.group("users").unwrap()), "users.later users.never");
            assert!(users.get("soon").unwrap().is_none() && !users.contains_key("soon").unwrap());
            assert_eq!(db.delete_group("users").unwrap(), 2);
            assert_eq!(users.iter().unwrap().count(), 0);
            db.sweep_expired();
            assert!(db.is_empty().unwrap());
        }
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn follows_set_which_takes_the_default_ttl() {
        use std::time::Duration;
        let builder = Emdb::builder().default_ttl(Duration::from_secs(60));
        let db = builder.build().unwrap();
        db.focus("users").set("alice", "").unwrap();
        assert!(db.ttl("users.alice").unwrap().is_some_and(|left| left > Duration::ZERO));
    }

    #[test]
    fn is_refused_in_a_transaction_as_is_every_write_of_a_focus() {
        let db = Emdb::open_in_memory();
        fill(&db);
        let other = db.namespace("n").unwrap();
        let users = db.focus("users");
        let is_active = |r: emdb::Result<usize>| matches!(r, Err(Error::TransactionActive));
        commit(&db, |tx| {
            tx.insert("users.carol", "staged")?;
            assert!(is_active(db.delete_group("users")) && is_active(users.delete_all()));
            assert!(is_active(db.delete_group("nobody")) && is_active(other.delete_group("x")));
            assert!(matches!(users.set("dave", "v"), Err(Error::TransactionActive)));
            assert!(matches!(users.remove("bob"), Err(Error::TransactionActive)));
            // Reads work, of what is committed.
            assert_eq!((db.group("users")?.count(), users.iter()?.count()), (6, 6));
            assert!(users.get("carol")?.is_none());
            Ok(())
        })
        .unwrap();
        assert_eq!(db.delete_group("users").unwrap(), 7);
    }

    #[test]
    fn after_a_rolled_back_transaction_works() {
        let db = Emdb::open_in_memory();
        fill(&db);
        let _ = commit(&db, |_| db.delete_group("users"));
        assert_eq!(db.delete_group("users").unwrap(), 6);
    }

    /// Runs `scan` while another thread writes a group and deletes it, over and over.
    fn while_groups_come_and_go(db: &Emdb, rounds: usize, scan: impl Fn() + Sync) {
        let stop = AtomicBool::new(false);
        thread::scope(|s| {
            let writer = s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let members = || (0..100u32).map(|n| format!("group.{n:03}"));
                    commit(db, |tx| members().try_for_each(|key| tx.insert(key, "v"))).unwrap();
                    db.insert("groupie.x", "another").unwrap();
                    assert_eq!(db.delete_group("group").unwrap(), 100);
                }
            });
            let scanned = s.spawn(|| {
                let stop = StopOnDrop(&stop);
                (0..rounds).for_each(|_| scan());
                drop(stop);
            });
            assert!(scanned.join().is_ok() & writer.join().is_ok());
        });
    }

    struct StopOnDrop<'a>(&'a AtomicBool);

    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn is_seen_whole_or_not_at_all() {
        for ordered in [false, true] {
            let db = Emdb::builder().enable_range_scans(ordered).build().unwrap();
            while_groups_come_and_go(&db, 1500, || {
                let snapshot = db.snapshot();
                let is_member = |key: &[u8]| key.starts_with(b"group.");
                let members = snapshot.keys().unwrap().filter(|key| is_member(key)).count();
                assert!(members == 0 || members == 100, "{members} in the snapshot");
                let gets = (0..100).filter(|n| {
                    let key = format!("group.{n:03}");
                    snapshot.contains_key(key).unwrap()
                });
                assert_eq!(gets.count(), members);
                let members = db.group("group").unwrap().count();
                assert!(members == 0 || members == 100, "{members} in the group");
            });
        }
    }

    #[test]
    fn is_one_commit_to_whoever_adds_to_it_meanwhile() {
        for ordered in [false, true] {
            let db = Emdb::builder().enable_range_scans(ordered).build().unwrap();
            db.insert_many((0..5000).map(|n| (format!("group.old.{n}"), "v"))).unwrap();
            let stop = AtomicBool::new(false);
            let written: Vec<u32> = thread::scope(|s| {
                let (db, stop) = (&db, &stop);
                let write = |writer: u32| {
                    let group = db.focus("group").focus(writer.to_string());
                    let written = (0..).inspect(|n| {
                        group.set(n.to_string(), "v").unwrap();
                        db.insert("beside", n.to_string()).unwrap();
                    });
                    written.take_while(|_| !stop.load(Ordering::Relaxed)).count() as u32
                };
                let writers: Vec<_> = (0..2).map(|n| s.spawn(move || write(n))).collect();
                while db.focus("group.1").get("20").unwrap().is_none() {
                    thread::yield_now();
                }
                assert!(db.delete_group("group").unwrap() >= 5000);
                thread::sleep(std::time::Duration::from_millis(5));
                stop.store(true, Ordering::Relaxed);
                writers.into_iter().map(|writer| writer.join().unwrap()).collect()
            });
            // Of each writer's keys the first ones have gone, up to one moment.
            for (writer, written) in written.into_iter().enumerate() {
                let is_left = |n: &u32| db.contains_key(format!("group.{writer}.{n}")).unwrap();
                let left: Vec<_> = (0..=written).map(|n| is_left(&n)).collect();
                assert!(left.is_sorted() && !left[0], "writer {writer}");
            }
            assert_eq!(db.focus("group.old").iter().unwrap().count(), 0);
        }
    }

    #[test]
    fn counts_each_record_once_whoever_else_writes_and_deletes() {
        for ordered in [false, true] {
            let db = Emdb::builder().enable_range_scans(ordered).build().unwrap();
            const EACH: u32 = 4000;
            let deleted: usize = thread::scope(|s| {
                let db = &db;
                for writer in 0..2u32 {
                    s.spawn(move || {
                        for n in 0..EACH {
                            db.focus("group").set(format!("{writer}.{n}"), "v").unwrap();
                            db.insert(format!("groups.{writer}.{n}"), "v").unwrap();
                        }
                    });
                }
                let delete =
                    || -> usize { (0..100).map(|_| db.delete_group("group").unwrap()).sum() };
                let deleters: Vec<_> = (0..2).map(|_| s.spawn(delete)).collect();
                deleters.into_iter().map(|d| d.join().unwrap()).sum()
            });
            let left = db.group("group").unwrap().count();
            assert_eq!(deleted + left, 2 * EACH as usize);
            assert_eq!(db.len().unwrap(), left + 2 * EACH as usize);
        }
    }
}
