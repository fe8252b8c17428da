//! The naive and optimized ones under criterion: one criterion group per group, each scenario a pair in it.
//!
//! Criterion runs one contender at a time, so compare across contenders with the binary `table` instead.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::time::Duration;

use batchline_benches::{
    counting_alloc::CountingAlloc,
    interleave::Contender,
    suite::{RateJob, twin_jobs},
};
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: CountingAlloc<MiMalloc> = CountingAlloc(MiMalloc);

fn bench_contender(group: &mut BenchmarkGroup<'_, WallTime>, job: &RateJob, contender: &Contender) {
    let items = job.pace.fixed_items();
    // The items a run really has, which may be rounded up, and so the time per item.
    let run_items = contender.run(items).items;
    group.throughput(Throughput::Elements(run_items));
    let run_many = |runs| (0..runs).map(|_| contender.run(items).elapsed).sum();
    group.bench_function(BenchmarkId::new(&contender.name, &job.scenario), |bencher| {
        bencher.iter_custom(run_many);
    });
}

fn bench_group(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    for job in twin_jobs().iter().filter(|job| job.group == name) {
        job.contenders.iter().for_each(|contender| bench_contender(&mut group, job, contender));
    }
    group.finish();
}

fn bench_put(criterion: &mut Criterion) {
    bench_group(criterion, "put");
}

fn bench_worker_loop(criterion: &mut Criterion) {
    bench_group(criterion, "worker-loop");
}

fn bench_batch_buffers(criterion: &mut Criterion) {
    bench_group(criterion, "batch-buffers");
}

fn bench_close(criterion: &mut Criterion) {
    bench_group(criterion, "close");
}

#[cfg(feature = "dedup")]
fn bench_dedup(criterion: &mut Criterion) {
    ["map-get", "map-set", "dedup-batcher"].iter().for_each(|name| bench_group(criterion, name));
}

#[cfg(not(feature = "dedup"))]
fn bench_dedup(_: &mut Criterion) {}

criterion_group!(twins, bench_put, bench_worker_loop, bench_batch_buffers, bench_close, bench_dedup);
criterion_main!(twins);
