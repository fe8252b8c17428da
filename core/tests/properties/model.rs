//! The engine equals a model of it, a vector of pending items with times: which batches come out of a poll,
//! for which reason, at which virtual millisecond.

use super::config;
use crate::support::{assert_balanced, guarded};
use batchline::{
    Batcher, Clock, Deadline, FlushError, ItemOptions, Overflow, Oversize, PutError, PutManyError,
    SealReason, Ticket, TicketError, VirtualClock,
};
use proptest::option;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

const NEVER: u64 = u64::MAX;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    batch_items_max: usize,
    queue_items_max: usize,
    batch_bytes_max: Option<usize>,
    queue_bytes_max: Option<usize>,
    weighed: bool,
    alone: bool,
    linger: Option<u64>,
    tick: Option<u64>,
    ordered: bool,
}

/// A put's weight, linger and deadline, and whether it wants a ticket.
#[derive(Clone, Copy, Debug)]
struct Put {
    weight: usize,
    linger: Option<u64>,
    deadline: Option<u64>,
    ticket: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Put(Put),
    PutMany(Vec<usize>),
    Cancel(usize),
    Advance(u64),
    Poll,
    Flush,
    SetLinger(u64),
    SetTick(Option<u64>),
}

fn settings() -> impl Strategy<Value = Settings> {
    let sizes = (1..=8_usize, 0..=40_usize, option::of(1..=30_usize), option::of(0..=60_usize));
    let times = (option::weighted(0.8, 1..=20_u64), option::weighted(0.3, 1..=15_u64));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (sizes, times, flags).prop_map(|((batch, more, bytes, more_bytes), (linger, tick), flags)| {
        let weighed = flags.0;
        let batch_bytes_max = bytes.filter(|_| weighed);
        let queue_bytes_max = more_bytes.map(|more| batch_bytes_max.unwrap_or(1) + more).filter(|_| weighed);
        Settings {
            batch_items_max: batch,
            queue_items_max: batch + more,
            batch_bytes_max,
            queue_bytes_max,
            weighed,
            alone: flags.1,
            linger,
            tick,
            ordered: flags.2,
        }
    })
}

fn put() -> impl Strategy<Value = Put> {
    let weight = prop_oneof![1 => Just(0_usize), 6 => 1..12_usize, 1 => 12..60_usize];
    let linger = option::weighted(0.3, 1..=25_u64);
    let deadline = option::weighted(0.2, 2..=30_u64);
    (weight, linger, deadline, any::<bool>()).prop_map(|(weight, linger, deadline, ticket)| Put {
        weight,
        linger,
        deadline,
        ticket,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => put().prop_map(Step::Put),
        3 => proptest::collection::vec(0..12_usize, 0..20).prop_map(Step::PutMany),
        2 => any::<usize>().prop_map(Step::Cancel),
        6 => (1..=12_u64).prop_map(Step::Advance),
        2 => Just(Step::Poll),
        1 => Just(Step::Flush),
        1 => (1..=20_u64).prop_map(Step::SetLinger),
        1 => option::of(1..=15_u64).prop_map(Step::SetTick),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    id: usize,
    weight: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pending,
    Done,
    Failed,
    Cancelled,
    Expired,
    HandedBack,
    Refused,
}

/// How a put ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Accepted,
    Full,
    TooLarge,
}

#[derive(Debug)]
struct Pending {
    item: Item,
    deadline: u64,
}

/// Items that will be one batch; only the last group may be open.
#[derive(Debug)]
struct Group {
    items: Vec<Pending>,
    bytes: usize,
    sealed: Option<SealReason>,
}

type Batch = (Vec<usize>, SealReason);

/// The oracle.
struct Model {
    settings: Settings,
    now: u64,
    groups: VecDeque<Group>,
    opened: u64,
    pull: u64,
    fates: Vec<Fate>,
    cancelled: Vec<bool>,
}

/// Items that the polls of these tests fail.
fn is_bad(id: usize) -> bool {
    id % 5 == 4
}

impl Model {
    fn new(settings: Settings) -> Self {
        let (fates, cancelled) = (Vec::new(), Vec::new());
        Self { settings, now: 0, groups: VecDeque::new(), opened: 0, pull: NEVER, fates, cancelled }
    }

    fn put(&mut self, item: Item, linger: Option<u64>, deadline: Option<u64>) -> Entry {
        let (max, queue) = (self.settings.batch_bytes_max, self.settings.queue_bytes_max);
        let bound = if self.settings.alone { queue } else { max.or(queue) };
        let weight = if self.settings.weighed { item.weight } else { 0 };
        let live = self.groups.iter().map(|group| group.items.len()).sum::<usize>();
        let bytes = self.groups.iter().map(|group| group.bytes).sum::<usize>();
        let entry = if bound.is_some_and(|bound| weight > bound) {
            Entry::TooLarge
        } else if live == self.settings.queue_items_max || queue.is_some_and(|max| bytes + weight > max) {
            Entry::Full
        } else {
            self.enter(item, weight, linger, deadline);
            Entry::Accepted
        };
        self.fates.push(if entry == Entry::Accepted { Fate::Pending } else { Fate::Refused });
        self.cancelled.push(false);
        entry
    }

    /// How many are accepted, and what the first one was refused for; after it none is tried.
    fn put_many(&mut self, items: &[Item]) -> (usize, Option<Entry>) {
        for (accepted, &item) in items.iter().enumerate() {
            let entry = self.put(item, None, None);
            if entry != Entry::Accepted {
                self.fates.resize(item.id + items.len() - accepted, Fate::Refused);
                self.cancelled.resize(self.fates.len(), false);
                return (accepted, Some(entry));
            }
        }
        (items.len(), None)
    }

    fn enter(&mut self, item: Item, weight: usize, linger: Option<u64>, deadline: Option<u64>) {
        let max = self.settings.batch_bytes_max;
        if let Some(group) = self.open_group()
            && max.is_some_and(|max| group.bytes + weight > max)
        {
            group.sealed = Some(SealReason::Bytes);
        }
        if self.open_group().is_none() {
            self.groups.push_back(Group { items: Vec::new(), bytes: 0, sealed: None });
            (self.opened, self.pull) = (self.now, NEVER);
        }
        let pulls = [linger.map(|linger| 2 * linger), deadline].into_iter().flatten().min();
        // In half milliseconds, because a deadline pulls by half of itself.
        self.pull = self.pull.min(pulls.map_or(NEVER, |half| 2 * self.now + half));
        let deadline = deadline.map_or(NEVER, |deadline| self.now + deadline);
        let items_max = self.settings.batch_items_max;
        let group = self.open_group().expect("it was just made");
        group.items.push(Pending { item, deadline });
        group.bytes += weight;
        if group.items.len() == items_max {
            group.sealed = Some(SealReason::Size);
        }
    }

    fn open_group(&mut self) -> Option<&mut Group> {
        self.groups.back_mut().filter(|group| group.sealed.is_none())
    }

    /// Why the open group is due now, if it is. Times are in half milliseconds.
    fn due(&self) -> Option<SealReason> {
        let linger = self.settings.linger.map_or(NEVER, |linger| 2 * (self.opened + linger)).min(self.pull);
        let tick = self.settings.tick.map_or(NEVER, |tick| 2 * (self.opened / tick + 1) * tick);
        let reason = if tick < linger { SealReason::Tick } else { SealReason::Linger };
        (linger.min(tick) <= 2 * self.now).then_some(reason)
    }

    fn poll(&mut self) -> Option<Batch> {
        loop {
            let reason = self.groups.front()?.sealed.or_else(|| self.due())?;
            let items = self.take();
            if !items.is_empty() {
                return Some((items, reason));
            }
        }
    }

    fn flush(&mut self) -> Option<Batch> {
        self.groups.front()?;
        Some((self.take(), SealReason::Flush)).filter(|(items, _)| !items.is_empty())
    }

    /// Takes the first group: those of its items that a handler gets.
    fn take(&mut self) -> Vec<usize> {
        let fit = self.take_fit();
        for &id in &fit {
            self.fates[id] = if is_bad(id) { Fate::Failed } else { Fate::Done };
        }
        fit
    }

    fn take_fit(&mut self) -> Vec<usize> {
        let group = self.groups.pop_front().expect("there is one");
        let mut fit = Vec::new();
        for Pending { item, deadline } in group.items {
            match (self.cancelled[item.id], deadline <= self.now) {
                (true, _) => self.fates[item.id] = Fate::Cancelled,
                (_, true) => self.fates[item.id] = Fate::Expired,
                _ => fit.push(item.id),
            }
        }
        fit
    }

    fn hand_back(&mut self) -> Vec<usize> {
        let mut items = Vec::new();
        while !self.groups.is_empty() {
            items.extend(self.take_fit());
        }
        items.iter().for_each(|&id| self.fates[id] = Fate::HandedBack);
        items
    }

    /// Whether a cancellation is confirmed.
    fn cancel(&mut self, id: usize) -> bool {
        self.cancelled[id] |= self.fates[id] == Fate::Pending;
        self.cancelled[id]
    }

    fn count(&self, fate: Fate) -> u64 {
        self.fates.iter().filter(|&&other| other == fate).count() as u64
    }
}

/// The engine and the model, side by side.
struct Pair {
    model: Model,
    time: VirtualClock,
    batcher: Batcher<Item>,
    tickets: Vec<(usize, Ticket)>,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let time = VirtualClock::new();
        let mut builder = Batcher::builder()
            .clock(Clock::from(&time))
            .batch_items_max(settings.batch_items_max)
            .queue_items_max(settings.queue_items_max)
            .ordered(settings.ordered)
            .overflow(Overflow::Fail)
            .oversize(if settings.alone { Oversize::Alone } else { Oversize::Refuse })
            .on_failure(|_| {});
        builder = if settings.weighed { builder.weigher(|item: &Item| item.weight) } else { builder };
        builder = match settings.batch_bytes_max {
            Some(bytes) => builder.batch_bytes_max(bytes),
            None => builder,
        };
        builder = match settings.queue_bytes_max {
            Some(bytes) => builder.queue_bytes_max(bytes),
            None => builder,
        };
        builder = match settings.linger {
            Some(linger) => builder.linger(ms(linger)),
            None => builder.no_linger(),
        };
        builder = match settings.tick {
            Some(tick) => builder.tick(ms(tick)),
            None => builder,
        };
        let batcher = builder.build_poll().expect("the settings work");
        Self { model: Model::new(settings), time, batcher, tickets: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Put(put) => self.put(*put),
            Step::PutMany(weights) => self.put_many(weights),
            Step::Cancel(which) => self.cancel(*which),
            Step::Advance(time) => self.advance(*time),
            Step::Poll => self.poll_all(),
            Step::Flush => self.flush(),
            Step::SetLinger(linger) => self.set_times(Some(*linger), self.model.settings.tick),
            Step::SetTick(tick) => self.set_times(self.model.settings.linger, *tick),
        }
    }

    fn put(&mut self, put: Put) {
        let item = Item { id: self.model.fates.len(), weight: put.weight };
        let mut options = ItemOptions::new();
        options = put.linger.map_or(options, |linger| options.linger(ms(linger)));
        options = put.deadline.map_or(options, |deadline| options.deadline(ms(deadline)));
        let result = if put.ticket {
            let ticket = self.batcher.submit_with(item, options);
            ticket.map(|ticket| self.tickets.push((item.id, ticket)))
        } else if options == ItemOptions::new() {
            self.batcher.put(item)
        } else {
            self.batcher.put_with(item, options)
        };
        let entry = match result {
            Ok(()) => Entry::Accepted,
            Err(PutError::Full(back)) if back == item => Entry::Full,
            Err(PutError::TooLarge { item: back, .. }) if back == item => Entry::TooLarge,
            Err(other) => panic!("refused for another reason: {other}"),
        };
        assert_eq!(entry, self.model.put(item, put.linger, put.deadline), "{put:?}");
    }

    fn put_many(&mut self, weights: &[usize]) {
        let first = self.model.fates.len();
        let items: Vec<_> = (first..).zip(weights).map(|(id, &weight)| Item { id, weight }).collect();
        let (taken, refused) = self.model.put_many(&items);
        let mut left = items.clone();
        let accepted = match (self.batcher.put_many(&mut left), refused) {
            (Ok(accepted), None) => accepted,
            (Err(PutManyError::Full { accepted }), Some(Entry::Full))
            | (Err(PutManyError::TooLarge { accepted }), Some(Entry::TooLarge)) => accepted,
            (result, predicted) => panic!("{result:?}, and not {taken} and {predicted:?}"),
        };
        assert_eq!(accepted, taken);
        assert_eq!(left, items[accepted..], "what was not accepted is still there");
    }

    fn cancel(&mut self, which: usize) {
        if self.tickets.is_empty() {
            return;
        }
        let (id, ticket) = &self.tickets[which % self.tickets.len()];
        assert_eq!(ticket.cancel(), self.model.cancel(*id), "item {id}");
    }

    /// Millisecond by millisecond, so that each batch is compared at its time.
    fn advance(&mut self, time: u64) {
        for _ in 0..time {
            self.poll_all();
            self.time.advance(ms(1));
            self.model.now += 1;
        }
        self.poll_all();
    }

    fn set_times(&mut self, linger: Option<u64>, tick: Option<u64>) {
        self.poll_all();
        if let Some(linger) = linger {
            self.batcher.set_linger(ms(linger)).expect("it is in range");
        }
        self.batcher.set_tick(tick.map(ms)).expect("it is in range");
        (self.model.settings.linger, self.model.settings.tick) = (linger, tick);
        self.poll_all();
    }

    fn poll_all(&mut self) {
        loop {
            let (got, predicted) = (self.poll(), self.model.poll());
            assert_eq!(got, predicted, "at {} ms", self.model.now);
            if got.is_none() {
                return;
            }
        }
    }

    fn poll(&self) -> Option<Batch> {
        let mut batch = self.batcher.next_batch(Duration::ZERO)?;
        let ids: Vec<_> = batch.iter().map(|item| item.id).collect();
        (0..ids.len()).filter(|&index| is_bad(ids[index])).for_each(|index| batch.fail(index, "on purpose"));
        Some((ids, batch.reason()))
    }

    /// Flushes on a thread of its own, while this one polls.
    fn flush(&mut self) {
        self.poll_all();
        let mut got = Vec::new();
        thread::scope(|scope| {
            let flush = scope.spawn(|| self.batcher.flush());
            while !flush.is_finished() {
                got.extend(self.poll());
                thread::yield_now();
            }
            assert_eq!(flush.join().unwrap(), Ok(()));
        });
        assert_eq!(got, Vec::from_iter(self.model.flush()), "at {} ms", self.model.now);
        self.poll_all();
    }

    /// Closes at once, and compares every outcome.
    fn end(mut self) {
        let receipt = self.batcher.close(Deadline::now());
        let items: Vec<_> = receipt.items.iter().map(|item| item.id).collect();
        assert_eq!(items, self.model.hand_back());
        assert!(receipt.is_balanced());
        let got = [receipt.done, receipt.failed, receipt.cancelled, receipt.expired, receipt.handed_back];
        let fates = [Fate::Done, Fate::Failed, Fate::Cancelled, Fate::Expired, Fate::HandedBack];
        assert_eq!(got, fates.map(|fate| self.model.count(fate)), "{fates:?}");
        assert_balanced(&self.batcher.stats());
        for (id, ticket) in self.tickets {
            let outcome = ticket.wait_timeout(Duration::ZERO).expect("every ticket has its outcome");
            assert_eq!(fate(&outcome), self.model.fates[id], "item {id}");
        }
    }
}

fn fate(outcome: &Result<(), TicketError>) -> Fate {
    match outcome {
        Ok(()) => Fate::Done,
        Err(TicketError::Failed(_)) => Fate::Failed,
        Err(TicketError::Cancelled) => Fate::Cancelled,
        Err(TicketError::Expired) => Fate::Expired,
        Err(TicketError::HandedBack) => Fate::HandedBack,
        Err(other) => panic!("an outcome that nobody predicts: {other}"),
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn every_batch_is_the_one_that_the_model_predicts(
        settings in settings(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        guarded("a program", move || {
            let mut pair = Pair::new(settings);
            steps.iter().for_each(|step| pair.step(step));
            pair.end();
        });
    }
}

#[test]
fn a_flush_that_timed_out_has_sealed_all_the_same() {
    let batcher = Batcher::builder().no_linger().build_poll().unwrap();
    batcher.put(1).unwrap();
    assert_eq!(batcher.flush_timeout(Duration::ZERO), Err(FlushError::TimedOut));
    let batch = batcher.next_batch(Duration::ZERO).expect("the flush sealed it");
    assert_eq!((&batch[..], batch.reason()), (&[1][..], SealReason::Flush));
}
