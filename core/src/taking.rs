//! Taking: the caller's items while they are taken from the front.
//!
//! ```text
//! [ kept | taken, free | left ]      becomes      [ kept | left ]
//! ```

use std::marker::PhantomData;

/// Items that are taken from the front: of a vector, which keeps what is left, also when user code panics in between;
/// or of a slice, whose items are copied and which is only read.
pub(crate) struct Taking<'a, T> {
    items: *mut T,
    /// The vector that what is left goes back to; none for copies of a slice.
    home: Option<&'a mut Vec<T>>,
    /// Items at the front that were taken and came back for good.
    kept: usize,
    /// Where the items left begin.
    next: usize,
    len: usize,
    lent: PhantomData<&'a [T]>,
}

impl<'a, T> Taking<'a, T> {
    pub(crate) fn new(items: &'a mut Vec<T>) -> Self {
        let len = items.len();
        // SAFETY: zero items are in bounds; the rest is accounted for by `kept`, `next` and `len` until the drop.
        unsafe { items.set_len(0) };
        Self { items: items.as_mut_ptr(), home: Some(items), kept: 0, next: 0, len, lent: PhantomData }
    }

    pub(crate) fn copies(items: &'a [T]) -> Self
    where
        T: Copy,
    {
        let first = items.as_ptr().cast_mut();
        Self { items: first, home: None, kept: 0, next: 0, len: items.len(), lent: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.len - self.next
    }

    /// Items that were taken and did not come back.
    pub(crate) fn taken(&self) -> usize {
        self.next - self.kept
    }

    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// Keeps the item that `next` gave, before those that are left.
    pub(crate) fn keep(&mut self, item: T) {
        if self.home.is_some() {
            // SAFETY: the slots from `kept` to `next` are in bounds and their items were moved out; there is one at
            // least.
            unsafe { self.items.add(self.kept).write(item) };
        }
        self.kept += 1;
    }

    /// Where the first item left lies.
    pub(crate) fn front(&self) -> *const T {
        // SAFETY: `next <= len`, as many as there are.
        unsafe { self.items.add(self.next) }
    }

    /// Forgets the first `count` items, which somebody else owns now.
    pub(crate) fn give_up(&mut self, count: usize) {
        self.next += count;
    }

    pub(crate) fn next(&mut self) -> Option<T> {
        if self.len() == 0 {
            return None;
        }
        // SAFETY: the first item left is initialised, and is given up at once or may be copied.
        let item = unsafe { self.front().read() };
        self.give_up(1);
        Some(item)
    }

    /// The first item left, where it lies.
    pub(crate) fn peek(&self) -> Option<&T> {
        // SAFETY: items from `next` to `len` are initialised and not given up.
        (self.len() > 0).then(|| unsafe { &*self.front() })
    }

    /// Drops what is left; returns how many there were.
    pub(crate) fn drop_rest(&mut self) -> u64 {
        let rest = std::ptr::slice_from_raw_parts_mut(self.front().cast_mut(), self.len());
        let count = self.len();
        self.give_up(count);
        if self.home.is_some() {
            // SAFETY: the vector owned these items, and they were just given up.
            unsafe { crate::shield::drop_all(rest) };
        }
        count as u64
    }

    /// Puts the item that `next` gave back to the front.
    pub(crate) fn put_back(&mut self, item: T) {
        self.next -= 1;
        if self.home.is_some() {
            // SAFETY: this slot is in bounds and its item was moved out by `next`.
            unsafe { self.items.add(self.next).write(item) };
        }
    }
}

impl<T> Drop for Taking<'_, T> {
    fn drop(&mut self) {
        let (rest, kept, items) = (self.len(), self.kept, self.items);
        if let Some(home) = &mut self.home {
            // SAFETY: `rest` items from `next` on, and the kept ones, are owned by the vector; all parts are in bounds.
            unsafe {
                items.add(kept).copy_from(items.add(self.next), rest);
                home.set_len(kept + rest);
            }
        }
    }
}
