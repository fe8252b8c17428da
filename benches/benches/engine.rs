//! Batchline and its peers under criterion, for those who want its statistics and its history between runs.
//!
//! Criterion runs one contender at a time, so compare across contenders with the binary `table` instead.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::time::Duration;

use batchline_benches::{
    counting_alloc::CountingAlloc,
    interleave::{Contender, Role},
    load::PRODUCER_COUNTS,
    scenarios::{put, submit},
};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: CountingAlloc<MiMalloc> = CountingAlloc(MiMalloc);

/// Items per run: enough that the ends of a run do not show.
const PUT_ITEMS: u64 = 1_000_000;
const SUBMIT_ITEMS: u64 = 100_000;

fn bench_group(criterion: &mut Criterion, name: &str, contenders: &[Contender], items: u64) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(items)).sampling_mode(SamplingMode::Flat).sample_size(10);
    group.measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for contender in contenders {
        let id = BenchmarkId::new(&contender.name, contender.producers);
        let run_many = |runs| (0..runs).map(|_| contender.run(items).elapsed).sum();
        group.bench_function(id, |bencher| bencher.iter_custom(run_many));
    }
    group.finish();
}

fn bench_put_where(criterion: &mut Criterion, name: &str, admit: impl Fn(&Contender) -> bool) {
    let all = PRODUCER_COUNTS.into_iter().flat_map(put::contenders);
    let contenders: Vec<Contender> = all.filter(|contender| admit(contender)).collect();
    bench_group(criterion, name, &contenders, PUT_ITEMS);
}

fn bench_put(criterion: &mut Criterion) {
    bench_put_where(criterion, "put", |contender| contender.role != Role::Ours || contender.name == put::PUT);
}

fn bench_put_many(criterion: &mut Criterion) {
    bench_put_where(criterion, "put_many", |contender| contender.name == put::PUT_MANY);
}

fn bench_producer(criterion: &mut Criterion) {
    bench_put_where(criterion, "producer", |contender| contender.name == put::PRODUCER);
}

fn bench_ordered(criterion: &mut Criterion) {
    bench_put_where(criterion, "ordered", |contender| contender.name == put::ORDERED);
}

fn bench_submit(criterion: &mut Criterion) {
    bench_group(criterion, "submit", &submit::contenders(), SUBMIT_ITEMS);
}

criterion_group!(engine, bench_put, bench_put_many, bench_producer, bench_ordered, bench_submit);
criterion_main!(engine);
