//! Taking: the caller's vector while its items are taken from the front.

/// A vector whose items are taken from the front; what is left at the end moves to the front, also when user
/// code panics in between.
pub(crate) struct Taking<'a, T> {
    items: &'a mut Vec<T>,
    taken: usize,
    len: usize,
}

impl<'a, T> Taking<'a, T> {
    pub(crate) fn new(items: &'a mut Vec<T>) -> Self {
        let len = items.len();
        // SAFETY: zero items are in bounds; the rest is accounted for by `taken` and `len` until the drop.
        unsafe { items.set_len(0) };
        Self { items, taken: 0, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len - self.taken
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Where the first item left lies.
    pub(crate) fn front(&self) -> *const T {
        // SAFETY: `taken <= len`, which was the length of the vector.
        unsafe { self.items.as_ptr().add(self.taken) }
    }

    /// Forgets the first `count` items, which somebody else owns now.
    pub(crate) fn give_up(&mut self, count: usize) {
        self.taken += count;
    }

    pub(crate) fn next(&mut self) -> Option<T> {
        if self.len() == 0 {
            return None;
        }
        // SAFETY: the first item left is initialised and is given up at once.
        let item = unsafe { self.front().read() };
        self.give_up(1);
        Some(item)
    }

    /// The first item left, where it lies.
    pub(crate) fn peek(&self) -> Option<&T> {
        // SAFETY: items from `taken` to `len` are initialised and still owned by the vector.
        (self.len() > 0).then(|| unsafe { &*self.front() })
    }

    /// Drops what is left; returns how many there were.
    pub(crate) fn drop_rest(&mut self) -> u64 {
        let rest = std::ptr::slice_from_raw_parts_mut(self.front().cast_mut(), self.len());
        let count = self.len();
        self.give_up(count);
        // SAFETY: the vector owned these items, and they were just given up.
        unsafe { crate::shield::drop_all(rest) };
        count as u64
    }

    /// Puts the item that `next` gave back to the front.
    pub(crate) fn put_back(&mut self, item: T) {
        self.taken -= 1;
        // SAFETY: this slot is in bounds and its item was moved out by `next`.
        unsafe { self.items.as_mut_ptr().add(self.taken).write(item) };
    }
}

impl<T> Drop for Taking<'_, T> {
    fn drop(&mut self) {
        let (rest, items) = (self.len(), self.items.as_mut_ptr());
        // SAFETY: `rest` items from `taken` on are still owned by the vector; both parts are in bounds.
        unsafe {
            items.copy_from(items.add(self.taken), rest);
            self.items.set_len(rest);
        }
    }
}
