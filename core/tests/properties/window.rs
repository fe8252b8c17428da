//! The deduplication window equals a plain map of keys and the times at which they expire; and a batcher behind a
//! window equals a model of what `batchline::dedup` promises.

use super::config;
use crate::support::{assert_balanced, guarded};
use batchline::dedup::{Filter, InsertError, TimePartitionedMap, Window};
use batchline::naive::NaiveTimePartitionedMap;
use batchline::{
    Batcher, Clock, Deadline, Failure, Overflow, PolledBatch, PutError, PutManyError, Ticket, TicketError,
    VirtualClock,
};
use proptest::option;
use proptest::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::thread;
use std::time::Duration;

const fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// When a key that is put now is forgotten.
fn expiry_us(now_us: u64, window_us: u64, bucket_us: u64) -> u64 {
    (now_us / bucket_us + 1) * bucket_us + window_us
}

// ---- the map

#[derive(Clone, Copy, Debug)]
struct MapSettings {
    bucket_us: u64,
    window_us: u64,
    filter: u8,
    rate: f64,
    /// Few enough for one shard, where the cap is exact.
    keys_max: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum MapStep {
    Insert(u64),
    /// So many keys from this one on.
    InsertRun(u64, u64),
    Get(u64),
    Contains(u64),
    Remove(u64),
    /// By so many thousandths of a bucket.
    Advance(u64),
    /// To the nanosecond before this key expires, and to that when it does.
    AdvanceToExpiry(u64),
    Clear,
    Sweep,
}

fn map_settings() -> impl Strategy<Value = MapSettings> {
    let bucket_us = prop_oneof![Just(1000), Just(10_000), Just(50_000), 1000..60_000_000_u64];
    let rest =
        (0..3_u8, prop_oneof![Just(0.0001), Just(0.01), Just(0.5)], option::weighted(0.3, 1..60_usize));
    (bucket_us, 1.0..40.0_f64, rest).prop_map(|(bucket_us, buckets, (filter, rate, keys_max))| MapSettings {
        bucket_us,
        window_us: (bucket_us as f64 * buckets) as u64,
        filter,
        rate,
        keys_max,
    })
}

fn map_step(keys: u64) -> impl Strategy<Value = MapStep> {
    prop_oneof![
        10 => (0..keys).prop_map(MapStep::Insert),
        2 => (0..keys, 0..700_u64).prop_map(|(first, count)| MapStep::InsertRun(first, count)),
        4 => (0..keys).prop_map(MapStep::Get),
        2 => (0..keys).prop_map(MapStep::Contains),
        4 => (0..keys).prop_map(MapStep::Remove),
        8 => prop_oneof![0..1500_u64, 0..30_000_u64].prop_map(MapStep::Advance),
        2 => (0..keys).prop_map(MapStep::AdvanceToExpiry),
        1 => Just(MapStep::Clear),
        1 => Just(MapStep::Sweep),
    ]
}

fn map_program() -> impl Strategy<Value = (MapSettings, Vec<MapStep>)> {
    let keys = prop_oneof![Just(4_u64), Just(60), Just(5000), Just(u64::MAX / 2)];
    keys.prop_flat_map(|keys| (map_settings(), proptest::collection::vec(map_step(keys), 0..120)))
}

fn filter(number: u8) -> Filter {
    match number {
        0 => Filter::None,
        #[cfg(feature = "bloomfilter")]
        2 => Filter::Bloomfilter,
        _ => Filter::Fastbloom,
    }
}

/// Both maps and the model, side by side. A value tells which insertion it came from.
struct Maps {
    settings: MapSettings,
    map: TimePartitionedMap<u64, u64>,
    /// Has no cap, so it is there only when none is set.
    naive: Option<NaiveTimePartitionedMap<u64, u64>>,
    model: HashMap<u64, (u64, u64)>,
    time: VirtualClock,
    insertions: u64,
}

impl Maps {
    fn new(settings: MapSettings) -> Self {
        let time = VirtualClock::new();
        let (window, bucket) = (us(settings.window_us), us(settings.bucket_us));
        let plan = Window::new(window).bucket(bucket).filter(filter(settings.filter));
        let plan = plan.false_positive_rate(settings.rate);
        let plan = settings.keys_max.map_or(plan, |keys_max| plan.keys_max(keys_max));
        let map = TimePartitionedMap::with_clock(plan, Clock::from(&time)).expect("the settings work");
        let naive = NaiveTimePartitionedMap::with_clock(window, bucket, Clock::from(&time));
        let naive = settings.keys_max.is_none().then_some(naive);
        Self { settings, map, naive, model: HashMap::new(), time, insertions: 0 }
    }

    fn step(&mut self, step: MapStep) {
        match step {
            MapStep::Insert(key) => self.insert(key),
            MapStep::InsertRun(first, count) => (first..first + count).for_each(|key| self.insert(key)),
            MapStep::Get(key) => self.get(key),
            MapStep::Contains(key) => assert_eq!(self.map.contains(&key), self.model.contains_key(&key)),
            MapStep::Remove(key) => self.remove(key),
            MapStep::Advance(thousandths) => self.advance(us(self.settings.bucket_us * thousandths / 1000)),
            MapStep::AdvanceToExpiry(key) => self.advance_to_expiry(key),
            MapStep::Clear => self.clear(),
            MapStep::Sweep => self.map.sweep(),
        }
        self.check_len();
    }

    fn insert(&mut self, key: u64) {
        self.insertions += 1;
        let value = self.insertions;
        let is_full = self.settings.keys_max.is_some_and(|keys_max| self.model.len() >= keys_max);
        let expected = match (self.model.contains_key(&key), is_full) {
            (true, _) => Err(InsertError::Present(key, value)),
            (false, true) => Err(InsertError::Full(key, value)),
            (false, false) => Ok(()),
        };
        assert_eq!(self.map.insert(key, value), expected, "key {key}");
        if let Some(naive) = &self.naive {
            assert_eq!(naive.insert(key, value), expected, "key {key}, naive");
        }
        if expected.is_ok() {
            let now_us = self.time.now().as_micros() as u64;
            let expires_us = expiry_us(now_us, self.settings.window_us, self.settings.bucket_us);
            self.model.insert(key, (expires_us, value));
        }
    }

    fn get(&self, key: u64) {
        let expected = self.model.get(&key).map(|(_, value)| *value);
        assert_eq!(self.map.get(&key), expected, "key {key}");
        if let Some(naive) = &self.naive {
            assert_eq!(naive.get(&key), expected, "key {key}, naive");
        }
    }

    fn remove(&mut self, key: u64) {
        let expected = self.model.remove(&key).map(|(_, value)| value);
        assert_eq!(self.map.remove(&key), expected, "key {key}");
        if let Some(naive) = &self.naive {
            assert_eq!(naive.remove(&key), expected, "key {key}, naive");
        }
    }

    fn advance(&mut self, by: Duration) {
        self.time.advance(by);
        let now_us = self.time.now().as_nanos() as u64;
        self.model.retain(|_, (expires_us, _)| *expires_us * 1000 > now_us);
    }

    fn advance_to_expiry(&mut self, key: u64) {
        let Some((expires_us, _)) = self.model.get(&key) else { return };
        let left = us(*expires_us) - self.time.now();
        self.advance(left - Duration::from_nanos(1));
        self.get(key);
        self.check_len();
        self.advance(Duration::from_nanos(1));
        assert!(!self.model.contains_key(&key));
        self.get(key);
        // Back to a whole microsecond, as the model counts them.
        let beyond = self.time.now().as_nanos() % 1000;
        self.advance(Duration::from_nanos((1000 - beyond as u64) % 1000));
    }

    fn clear(&mut self) {
        self.map.clear();
        for key in std::mem::take(&mut self.model).into_keys() {
            assert!(self.naive.as_ref().is_none_or(|naive| naive.remove(&key).is_some()));
        }
    }

    fn check_len(&self) {
        assert_eq!(self.map.len(), self.model.len());
        assert!(self.naive.as_ref().is_none_or(|naive| naive.len() == self.model.len()));
    }

    /// Every key is found with its value, and is gone when its time comes.
    fn finish(&mut self) {
        self.model.keys().for_each(|key| self.get(*key));
        self.advance(us(self.settings.window_us + self.settings.bucket_us));
        assert!(self.model.is_empty() && self.map.is_empty());
        self.map.sweep();
        assert_eq!(self.map.stats().keys, 0);
    }
}

fn run_map(settings: MapSettings, steps: &[MapStep]) {
    let mut maps = Maps::new(settings);
    steps.iter().for_each(|step| maps.step(*step));
    maps.finish();
}

// ---- a batcher

const WINDOW_US: u64 = 100_000;
const BUCKET_US: u64 = 10_000;

#[derive(Clone, Copy, Debug)]
struct Settings {
    batch_items_max: usize,
    queue_items_max: usize,
    ordered: bool,
    joins: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Put(u64),
    PutMany(Vec<u64>),
    Submit(u64),
    /// Cancels one of the tickets, and flushes.
    Cancel(usize),
    Advance(u64),
    /// Takes the full batches.
    Poll,
    Flush,
}

fn settings() -> impl Strategy<Value = Settings> {
    let sizes = (1..=6_usize, 0..=20_usize);
    (sizes, any::<bool>(), any::<bool>()).prop_map(|((batch, more), ordered, joins)| Settings {
        batch_items_max: batch,
        queue_items_max: batch + more,
        ordered,
        joins,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop_oneof![4 => 0..8_u64, 1 => 0..100_u64];
    prop_oneof![
        8 => key().prop_map(Step::Put),
        3 => proptest::collection::vec(key(), 0..10).prop_map(Step::PutMany),
        10 => key().prop_map(Step::Submit),
        2 => any::<usize>().prop_map(Step::Cancel),
        4 => prop_oneof![0..15_000_u64, 0..150_000_u64].prop_map(Step::Advance),
        4 => Just(Step::Poll),
        2 => Just(Step::Flush),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    id: usize,
    key: u64,
}

/// Items that the polls of these tests fail.
fn is_bad(id: usize) -> bool {
    id % 3 == 2
}

/// What a ticket gets: the number of the item that was handled, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pending,
    Done(usize),
    Failed,
    Cancelled,
    HandedBack,
}

/// What is remembered of a key.
#[derive(Clone, Copy, Debug)]
struct Known {
    expires_us: u64,
    /// The item that claimed it.
    id: usize,
    is_done: bool,
}

#[derive(Debug)]
struct Queued {
    item: Item,
    /// The first one's ticket, then those that joined; by their place in `fates`.
    tickets: Vec<usize>,
    is_submitted: bool,
}

/// How a put ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    New,
    Joined,
    Duplicate,
    Full,
}

/// The oracle.
struct Model {
    settings: Settings,
    now_us: u64,
    window: HashMap<u64, Known>,
    /// Items that will be one batch; only the last group may be open.
    groups: VecDeque<Vec<Queued>>,
    fates: Vec<Fate>,
    duplicates: u64,
    joined: u64,
}

impl Model {
    fn new(settings: Settings) -> Self {
        let (window, groups, fates) = (HashMap::new(), VecDeque::new(), Vec::new());
        Self { settings, now_us: 0, window, groups, fates, duplicates: 0, joined: 0 }
    }

    fn live(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    fn known(&self, key: u64) -> Option<Known> {
        self.window.get(&key).copied().filter(|known| known.expires_us > self.now_us)
    }

    /// Puts an item, or submits it: then `fates` gets one more.
    fn put(&mut self, item: Item, is_submitted: bool) -> Entry {
        let ticket = self.fates.len();
        let Some(known) = self.known(item.key) else { return self.enter(item, is_submitted) };
        if !is_submitted || !self.settings.joins {
            self.duplicates += 1;
            return Entry::Duplicate;
        }
        self.joined += 1;
        if known.is_done {
            self.fates.push(Fate::Done(known.id));
        } else {
            self.fates.push(Fate::Pending);
            let queued = self.groups.iter_mut().flatten().find(|queued| queued.item.id == known.id);
            queued.expect("an item without an outcome waits").tickets.push(ticket);
        }
        Entry::Joined
    }

    fn enter(&mut self, item: Item, is_submitted: bool) -> Entry {
        if self.live() == self.settings.queue_items_max {
            return Entry::Full;
        }
        let expires_us = expiry_us(self.now_us, WINDOW_US, BUCKET_US);
        self.window.insert(item.key, Known { expires_us, id: item.id, is_done: false });
        let tickets = if is_submitted { vec![self.fates.len()] } else { Vec::new() };
        self.fates.extend(tickets.iter().map(|_| Fate::Pending));
        if self.groups.back().is_none_or(|group| group.len() == self.settings.batch_items_max) {
            self.groups.push_back(Vec::new());
        }
        self.groups.back_mut().expect("it was just made").push(Queued { item, tickets, is_submitted });
        Entry::New
    }

    /// Takes the first group: those of its items that a handler gets, with their tickets.
    fn take(&mut self) -> Vec<Queued> {
        let mut fit = Vec::new();
        for queued in self.groups.pop_front().expect("there is one") {
            let is_wanted = |ticket: &usize| self.fates[*ticket] == Fate::Pending;
            if !queued.is_submitted || queued.tickets.iter().any(is_wanted) {
                fit.push(queued);
            } else {
                self.release(queued.item);
            }
        }
        fit
    }

    fn release(&mut self, item: Item) {
        if self.window.get(&item.key).is_some_and(|known| known.id == item.id) {
            self.window.remove(&item.key);
        }
    }

    /// Handles what `take` gave.
    fn settle(&mut self, queued: &Queued) {
        let item = queued.item;
        let fate = if is_bad(item.id) { Fate::Failed } else { Fate::Done(item.id) };
        self.end(queued, fate);
        match self.window.get_mut(&item.key).filter(|known| known.id == item.id) {
            Some(known) if fate != Fate::Failed => known.is_done = true,
            _ => {}
        }
        if fate == Fate::Failed {
            self.release(item);
        }
    }

    fn end(&mut self, queued: &Queued, fate: Fate) {
        for &ticket in &queued.tickets {
            if self.fates[ticket] == Fate::Pending {
                self.fates[ticket] = fate;
            }
        }
    }

    fn has_full_group(&self) -> bool {
        self.groups.front().is_some_and(|group| group.len() == self.settings.batch_items_max)
    }
}

/// A batcher and the model, side by side.
struct Pair {
    model: Model,
    time: VirtualClock,
    batcher: Batcher<Item, usize>,
    tickets: Vec<Ticket<usize>>,
    ids: usize,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let time = VirtualClock::new();
        let window = Window::new(us(WINDOW_US)).bucket(us(BUCKET_US));
        let builder = Batcher::<Item>::builder()
            .replies::<usize>()
            .clock(Clock::from(&time))
            .batch_items_max(settings.batch_items_max)
            .queue_items_max(settings.queue_items_max)
            .no_linger()
            .ordered(settings.ordered)
            .overflow(Overflow::Fail)
            .on_failure(|_| {});
        let builder = match settings.joins {
            true => builder.dedup_join(window, |item: &Item| item.key),
            false => builder.dedup(window, |item: &Item| item.key),
        };
        let batcher = builder.build_poll().expect("the settings work");
        Self { model: Model::new(settings), time, batcher, tickets: Vec::new(), ids: 0 }
    }

    fn item(&mut self, key: u64) -> Item {
        self.ids += 1;
        Item { id: self.ids, key }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Put(key) => self.put(*key),
            Step::PutMany(keys) => self.put_many(keys),
            Step::Submit(key) => self.submit(*key),
            Step::Cancel(which) => self.cancel(*which),
            Step::Advance(by_us) => {
                self.time.advance(us(*by_us));
                self.model.now_us += by_us;
            }
            Step::Poll => self.poll(),
            Step::Flush => self.flush(),
        }
        self.check();
    }

    fn put(&mut self, key: u64) {
        let item = self.item(key);
        let result = match self.batcher.put(item) {
            Ok(()) => Entry::New,
            Err(PutError::Duplicate(same)) if same == item => Entry::Duplicate,
            Err(PutError::Full(same)) if same == item => Entry::Full,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(result, self.model.put(item, false), "{item:?}");
    }

    fn put_many(&mut self, keys: &[u64]) {
        let mut items: Vec<_> = keys.iter().map(|key| self.item(*key)).collect();
        let (mut accepted, mut duplicates, mut rest) = (0, Vec::new(), Vec::new());
        for (index, &item) in items.iter().enumerate() {
            match self.model.put(item, false) {
                Entry::New => accepted += 1,
                Entry::Duplicate => duplicates.push(item),
                entry => {
                    assert_eq!(entry, Entry::Full);
                    rest = items[index..].to_vec();
                    break;
                }
            }
        }
        let told = match (duplicates.len(), rest.len()) {
            (0, 0) => Ok(accepted),
            (duplicates, 0) => Err(PutManyError::Duplicates { accepted, duplicates }),
            _ => Err(PutManyError::Full { accepted }),
        };
        assert_eq!(self.batcher.put_many(&mut items), told);
        assert_eq!(items, [duplicates, rest].concat());
    }

    fn submit(&mut self, key: u64) {
        let (item, joined) = (self.item(key), self.model.joined);
        let entry = self.model.put(item, true);
        match self.batcher.submit(item) {
            Ok(ticket) => {
                assert!(matches!(entry, Entry::New | Entry::Joined), "{item:?}: {entry:?}");
                assert_eq!(entry == Entry::Joined, self.model.joined > joined);
                self.tickets.push(ticket);
            }
            Err(PutError::Duplicate(same)) => assert_eq!((same, entry), (item, Entry::Duplicate)),
            Err(PutError::Full(same)) => assert_eq!((same, entry), (item, Entry::Full)),
            Err(error) => panic!("{error}"),
        }
    }

    /// With the flush, since a cancelled item's key is held until its batch is taken: see C40.
    fn cancel(&mut self, which: usize) {
        if self.tickets.is_empty() {
            return;
        }
        let which = which % self.tickets.len();
        let is_pending = self.model.fates[which] == Fate::Pending;
        let was_cancelled = self.model.fates[which] == Fate::Cancelled;
        assert_eq!(self.tickets[which].cancel(), is_pending || was_cancelled);
        if is_pending {
            self.model.fates[which] = Fate::Cancelled;
        }
        self.flush();
    }

    fn poll(&mut self) {
        while self.model.has_full_group() {
            let expected = self.model.take();
            if !expected.is_empty() {
                let batch = self.batcher.next_batch(Duration::ZERO).expect("a full batch");
                handle(&mut self.model, batch, &expected);
            }
        }
        assert!(self.batcher.next_batch(Duration::ZERO).is_none());
    }

    fn flush(&mut self) {
        let (batcher, model) = (&self.batcher, &mut self.model);
        thread::scope(|scope| {
            let flush = scope.spawn(|| batcher.flush());
            while !flush.is_finished() {
                let Some(batch) = batcher.next_batch(Duration::ZERO) else {
                    thread::yield_now();
                    continue;
                };
                let mut expected = model.take();
                while expected.is_empty() {
                    expected = model.take();
                }
                handle(model, batch, &expected);
            }
            assert_eq!(flush.join().unwrap(), Ok(()));
        });
        while !self.model.groups.is_empty() {
            assert!(self.model.take().is_empty(), "the flush has left a batch");
        }
    }

    fn check(&self) {
        for (ticket, fate) in self.tickets.iter().zip(&self.model.fates) {
            assert_eq!(ticket.is_done(), *fate != Fate::Pending);
        }
        let stats = self.batcher.stats();
        assert_eq!((stats.duplicates, stats.joined), (self.model.duplicates, self.model.joined));
        assert_eq!(stats.live, self.model.live() as u64);
        let known = self.model.window.values().filter(|known| known.expires_us > self.model.now_us).count();
        assert_eq!(self.batcher.window_stats().unwrap().keys, known as u64);
    }

    fn finish(mut self) {
        let mut expected = Vec::new();
        while !self.model.groups.is_empty() {
            for queued in self.model.take() {
                self.model.end(&queued, Fate::HandedBack);
                expected.push(queued.item);
            }
        }
        assert_eq!(self.batcher.close(Deadline::now()).items, expected);
        assert_balanced(&self.batcher.stats());
        for (ticket, fate) in self.tickets.into_iter().zip(self.model.fates) {
            assert!(ticket.is_done(), "{fate:?}");
            let outcome = match ticket.wait() {
                Ok(id) => Fate::Done(id),
                Err(TicketError::Failed(Failure::Error(_))) => Fate::Failed,
                Err(TicketError::Cancelled) => Fate::Cancelled,
                Err(TicketError::HandedBack) => Fate::HandedBack,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(outcome, fate);
        }
    }
}

fn handle(model: &mut Model, mut batch: PolledBatch<Item, usize>, expected: &[Queued]) {
    assert!(batch.iter().eq(expected.iter().map(|queued| &queued.item)), "{batch:?} and not {expected:?}");
    for index in 0..batch.len() {
        match batch[index].id {
            id if is_bad(id) => batch.fail(index, "bad"),
            id => batch.reply(index, id),
        }
    }
    drop(batch);
    expected.iter().for_each(|queued| model.settle(queued));
}

fn run_batcher(settings: Settings, steps: &[Step]) {
    let mut pair = Pair::new(settings);
    steps.iter().for_each(|step| pair.step(step));
    pair.finish();
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn the_window_equals_a_plain_map((settings, steps) in map_program()) {
        run_map(settings, &steps);
    }

    #[test]
    fn a_batcher_behind_a_window_keeps_its_promises(
        settings in settings(),
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        guarded("a program", move || run_batcher(settings, &steps));
    }
}
