//! Unit tests of the pool, small enough for Miri.

use super::{Link, Pool, Pooled};
use std::sync::atomic::{AtomicBool, Ordering};

struct Object {
    link: Link,
    held: AtomicBool,
}

impl Pooled for Object {
    fn link(&self) -> &Link {
        &self.link
    }
}

fn object(index: usize) -> Object {
    Object { link: Link::new(index), held: AtomicBool::new(false) }
}

#[test]
fn miri_the_last_one_given_is_the_first_one_taken() {
    let pool = Pool::new();
    (0..3).for_each(|_| pool.fill(object));
    let (first, second) = (pool.take().unwrap(), pool.take().unwrap());
    pool.give(first);
    pool.give(second);
    assert!(std::ptr::eq(pool.take().unwrap(), second));
    assert!(std::ptr::eq(pool.take().unwrap(), first));
    assert!(pool.take().is_some() && pool.take().is_none());
    assert_eq!((pool.len(), pool.iter().count()), (3, 3));
}

#[test]
fn miri_threads_never_hold_the_same_object() {
    let pool = Pool::new();
    (0..2).for_each(|_| pool.fill(object));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let Some(object) = pool.take() else { continue };
                    assert!(!object.held.swap(true, Ordering::Relaxed), "two holders");
                    object.held.store(false, Ordering::Relaxed);
                    pool.give(object);
                }
            });
        }
    });
    pool.grow(object);
    assert!(pool.take().is_some() && pool.take().is_some() && pool.take().is_none());
}
