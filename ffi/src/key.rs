//! The key of an item: a range of its bytes, up to 32 of them without an allocation.

use std::hash::{Hash, Hasher};

const INLINE_BYTES: usize = 32;

#[derive(Clone)]
pub(crate) enum Key {
    Inline(u8, [u8; INLINE_BYTES]),
    Boxed(Box<[u8]>),
}

impl Key {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE_BYTES {
            return Self::Boxed(bytes.into());
        }
        let mut inline = [0; INLINE_BYTES];
        inline[..bytes.len()].copy_from_slice(bytes);
        Self::Inline(bytes.len() as u8, inline)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Self::Boxed(bytes) => bytes,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// Which bytes of an item are its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRange {
    pub(crate) offset: usize,
    /// Up to the end of the item, if it is 0.
    pub(crate) size: usize,
}

impl KeyRange {
    /// The key; of a byte string that is too short, as much of the range as it has.
    pub(crate) fn of(self, item: &[u8]) -> Key {
        let rest = item.get(self.offset..).unwrap_or_default();
        let size = if self.size == 0 { rest.len() } else { self.size.min(rest.len()) };
        Key::new(&rest[..size])
    }
}
