//! Every contender handles every item of a small load; the drivers panic when one is lost or repeated.

use std::time::Duration;

use batchline_benches::{
    interleave::{Contender, Sampling},
    scenarios::{linger, overload, put, submit, wake},
    suite::rate_jobs,
};

/// Not a multiple of a batch, nor of the producers: the last batch is partial.
const ITEMS: u64 = 20_003;

/// The contenders of a group, with their scenarios.
fn contenders_of(group: &str) -> Vec<(String, Contender)> {
    let jobs = rate_jobs().into_iter().filter(|job| job.group == group);
    let named = jobs.flat_map(|job| {
        let scenario = job.scenario;
        job.contenders.into_iter().map(move |contender| (scenario.clone(), contender))
    });
    named.collect()
}

fn run_all(group: &str) {
    let all = contenders_of(group);
    assert!(!all.is_empty(), "{group} has contenders");
    for (scenario, contender) in all {
        let run = contender.run(ITEMS);
        assert!(run.items >= ITEMS, "{scenario}/{}", contender.name);
        assert!(
            run.samples_ns.is_empty(),
            "{scenario}/{}: a run for the clock has no samples",
            contender.name
        );
        let sampled = (contender.run)(ITEMS, Sampling::On);
        assert!(!sampled.samples_ns.is_empty(), "{scenario}/{}: no samples", contender.name);
    }
}

#[test]
fn every_put_contender_handles_everything() {
    run_all(put::GROUP);
}

#[test]
fn every_submit_contender_answers_everything() {
    run_all(submit::GROUP);
}

#[test]
fn every_consumer_takes_everything() {
    run_all("worker-loop");
    run_all("batch-buffers");
}

#[test]
fn every_close_leaves_nothing() {
    run_all("close");
}

#[test]
#[cfg(feature = "dedup")]
fn every_window_remembers_what_it_should() {
    run_all("map-set");
    run_all("map-get");
    run_all("dedup-batcher");
}

#[test]
fn flat_out_batches_are_full() {
    for (scenario, contender) in contenders_of(put::GROUP).iter().filter(|(name, _)| name == "producers-1") {
        let run = contender.run(100_003);
        assert_eq!(run.items, 100_003, "{scenario}/{}", contender.name);
        assert!(run.batches.is_some_and(|batches| batches >= 101), "{scenario}/{}", contender.name);
    }
}

#[test]
fn light_items_know_how_long_they_were_on_their_way() {
    for (scenario, contender) in contenders_of(put::GROUP).iter().filter(|(name, _)| name == "light") {
        let run = (contender.run)(1_000, Sampling::On);
        assert_eq!(run.arrivals_ns.len(), 1_000, "{scenario}/{}", contender.name);
    }
}

#[test]
fn every_latency_scenario_takes_its_samples() {
    assert!(wake::measure(20).iter().all(|row| row.samples() == 20));
    assert!(linger::measure(20).iter().all(|row| row.samples() > 0));
    assert!(overload::measure(Duration::from_millis(200)).iter().all(|row| row.samples() > 0));
}
