//! The pool: an object has one holder at a time, whatever is taken and given back between the two steps of a take.

use super::check;
use crate::pool::{Link, Pool, Pooled};
use crate::sync::{UnsafeCell, thread};
use loom::sync::Arc;

struct Object {
    link: Link,
    held: UnsafeCell<u32>,
}

impl Pooled for Object {
    fn link(&self) -> &Link {
        &self.link
    }
}

impl Object {
    /// Loom panics when two holders are in here at once.
    fn hold(&self) {
        // SAFETY: the pool gave this object to this thread alone; loom checks that.
        self.held.with_mut(|held| unsafe { *held += 1 });
    }
}

fn pool(objects: usize) -> Arc<Pool<Object>> {
    let pool = Pool::new();
    for _ in 0..objects {
        pool.fill(|index| Object { link: Link::new(index), held: UnsafeCell::new(0) });
    }
    Arc::new(pool)
}

fn take_and_give(pool: &Pool<Object>) {
    if let Some(object) = pool.take() {
        object.hold();
        pool.give(object);
    }
}

#[test]
fn an_object_has_one_holder() {
    check(|| {
        let pool = pool(1);
        let other = pool.clone();
        let thread = thread::spawn(move || take_and_give(&other));
        take_and_give(&pool);
        thread.join().unwrap();
        assert!(pool.take().is_some() && pool.take().is_none());
    });
}

#[test]
fn aba_does_not_hand_out_an_object_twice() {
    check(|| {
        let pool = pool(2);
        let other = pool.clone();
        let thread = thread::spawn(move || take_and_give(&other));
        // A and B out, A back: the head is A again, but what lay below it is gone.
        let first = pool.take();
        let second = pool.take();
        first.iter().chain(&second).for_each(|object| object.hold());
        first.into_iter().for_each(|object| pool.give(object));
        thread.join().unwrap();
        let again = pool.take();
        again.iter().chain(&second).for_each(|object| object.hold());
        if let (Some(again), Some(second)) = (again, second) {
            assert!(!std::ptr::eq(again, second));
        }
    });
}

#[test]
fn nothing_given_is_lost() {
    check(|| {
        let pool = pool(2);
        let other = pool.clone();
        let thread = thread::spawn(move || {
            take_and_give(&other);
            take_and_give(&other);
        });
        take_and_give(&pool);
        thread.join().unwrap();
        assert!(pool.take().is_some() && pool.take().is_some() && pool.take().is_none());
    });
}
