//! The bytes of a program, read one choice at a time. Where they end, every further choice is the first one.

#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `end`, which is not 0 and at most 256.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True once in so many times, and not at the end of the program.
    pub(crate) fn rarely(&mut self, times: u8) -> bool {
        self.byte() % times == times - 1
    }

    /// A number that nobody expects, or one of the edges.
    pub(crate) fn nonsense(&mut self) -> u64 {
        let edge = self.pick(&[0, 1, 7, u64::from(u32::MAX), 1 << 40, u64::MAX - 1, u64::MAX, 255]);
        if edge == 255 { u64::from_le_bytes(std::array::from_fn(|_| self.byte())) } else { edge }
    }

    /// A wait that a test has the time for.
    pub(crate) fn short_ns(&mut self) -> u64 {
        self.pick(&[0, 1, 1000, 100_000, 500_000])
    }
}
