//! Every contender handles every item of a small load; the drivers panic when one is lost or repeated.

use std::time::Duration;

use batchline_benches::{
    load::PRODUCER_COUNTS,
    scenarios::{linger, overload, put, submit, wake},
};

#[test]
fn every_put_contender_handles_everything() {
    for contender in PRODUCER_COUNTS.into_iter().flat_map(put::contenders) {
        // Not a multiple of the batch size, nor of the producers: the last batch is partial.
        let run = (contender.run)(100_003);
        assert_eq!(run.items, 100_003, "{}", contender.name);
        assert!(run.batches.is_some_and(|batches| batches >= 101), "{}", contender.name);
    }
}

#[test]
fn every_submit_contender_answers_everything() {
    for contender in submit::contenders() {
        assert_eq!((contender.run)(9_001).items, 9_001, "{}", contender.name);
    }
}

#[test]
fn every_latency_scenario_takes_its_samples() {
    assert!(wake::measure(20).iter().all(|row| row.samples() == 20));
    assert!(linger::measure(20).iter().all(|row| row.samples() > 0));
    assert!(overload::measure(Duration::from_millis(200)).iter().all(|row| row.samples() > 0));
}
