//! The exceptions, each with its reason. An exception that is no longer used is a complaint itself.

/// What is excepted, and why. A function is written `path#name`.
pub(crate) type Allowed = (&'static str, &'static str);

/// Files in which `unsafe` may stand.
pub(crate) const UNSAFE: &[Allowed] = &[
    ("core/src/barrier.rs", "the membarrier system call has no safe wrapper"),
    (
        "core/src/lane.rs",
        "a lane is shared by one producer and its consumers, and each side has fields of its own",
    ),
    ("core/src/lane/writer.rs", "writes items into claimed slots through a cached pointer"),
    ("core/src/lane/writer/reservation.rs", "reads the item that a caller wrote into a lent slot"),
    ("core/src/reserve.rs", "a commit rests on the caller's promise that the slot was written"),
    ("core/src/lane/reader.rs", "moves published items out of slabs that a hold keeps alive"),
    ("core/src/slab.rs", "slots are uninitialised room until they are published"),
    ("core/src/table.rs", "entries never move, so readers take no lock"),
    ("core/src/batch.rs", "a batch owns items in a slab and hands them to its handler as a slice"),
    ("core/src/engine.rs", "takes the producer's side of a lane it has just made, before anyone shares it"),
    ("core/src/dedup/generation.rs", "entries are uninitialised room where the index names none"),
    ("core/src/dedup/lock.rs", "a value behind the lock of the ordered lanes"),
    ("core/src/desk.rs", "a desk has one guard at a time, which alone opens its drawer"),
    ("core/src/ticket.rs", "two ends share one slot, and the last to let go frees it"),
    ("core/src/batcher.rs", "a put takes the producer's side of its thread's lane"),
    ("core/src/entrance.rs", "the one door to a lane's producer side for every slower put"),
    ("core/src/keyed/shard.rs", "a slot alone holds its open slab, behind the shard's lock"),
    ("core/src/prefetch.rs", "a prefetch is an instruction without a stable intrinsic for writes"),
    ("core/src/producer.rs", "a producer is the owner of its lane"),
    ("core/src/put.rs", "copies many items at once out of the caller's vector"),
    ("core/src/shield.rs", "drops items one by one, so that a panicking drop stops nothing"),
    ("core/src/taking.rs", "takes items from the front of a vector in place"),
    ("core/src/threads.rs", "finds a lane of any type behind an address in a thread-local"),
    ("core/src/worker.rs", "the prctl that sharpens a thread's timers has no safe wrapper"),
    ("core/src/lane/tests.rs", "tests call the lane's unsafe surface themselves"),
    ("core/src/models/ordered.rs", "the model stands in for the producer behind the lock"),
    ("core/src/models/pool.rs", "the model touches what it took, to let loom see a race"),
    ("core/src/models/slab_lane.rs", "the model stands in for producer and consumer"),
    ("core/tests/shuttle.rs", "writes a lent slot, and commits it by the unsafe call"),
    ("core/tests/reservations.rs", "tests write lent slots, and commit them by the unsafe call"),
    (
        "core/tests/support/counting_alloc.rs",
        "an allocator that counts: the trait itself is unsafe to implement",
    ),
    ("ffi/src/batch.rs", "a batch's pointer comes from C, which the header lends it to for a while"),
    ("ffi/src/batcher.rs", "a batcher's handle is a pointer that C holds and gives back"),
    ("ffi/src/blob.rs", "byte strings lie in blocks that are counted, with their block in front"),
    ("ffi/src/engine.rs", "reads the name in the options, a text of C"),
    ("ffi/src/guard.rs", "turns pointers of C into references, and writes out-parameters"),
    ("ffi/src/hooks.rs", "calls functions of C"),
    ("ffi/src/last_error.rs", "copies a text into a buffer of C"),
    ("ffi/src/options.rs", "reads a struct of C whose size may differ from ours"),
    ("ffi/src/poll.rs", "gives batches to C and takes them back"),
    ("ffi/src/put.rs", "reads items where C has them"),
    ("ffi/src/receipt.rs", "a receipt's pointer comes from C"),
    ("ffi/src/request.rs", "a request is memory of C, shared with the thread that completes it"),
    ("ffi/src/reserve.rs", "gives room to C and takes it back written"),
    ("ffi/src/plain.rs", "the shortest way of a put, by a pointer that its handle keeps"),
    ("ffi/src/surface.rs", "a put by a pointer that its handle keeps"),
    ("ffi/src/item.rs", "copies a record from where C has it"),
    ("ffi/src/record.rs", "copies a record from where C has it"),
    ("ffi/src/stats.rs", "writes a struct of C whose size may differ from ours"),
    ("ffi/src/window.rs", "reads keys where C has them"),
    ("python/src/attach.rs", "keeps a thread state of Python, which pyo3 has no word for"),
    ("python/src/dedup.rs", "a claim keeps its window alive, and so may outlive the borrow it was made by"),
    ("python/src/deliver.rs", "takes a batch's items out of its slab, for a list"),
    ("python/src/future.rs", "an exception is set where it is raised"),
    ("python/src/item.rs", "an item is a counted reference in one word"),
    ("python/src/live.rs", "asks which interpreter this is"),
    ("python/src/method.rs", "a method of Python's plainest kind, and the core's fast put"),
    ("python/src/objects.rs", "makes a list of the references in a slab by one copy"),
    ("python/src/put_many.rs", "takes references to a part of a list at once"),
    ("python/src/record.rs", "records are bytes of any kind in a slot"),
    ("python/src/shared.rs", "a pointer to the batcher of objects, for the shortest put"),
    ("python/src/surface.rs", "the promise that a batch's items are made by"),
    ("python/src/typed.rs", "reads arrays through the buffer protocol"),
    ("python/src/stay.rs", "puts a cleanup record of glibc on the thread, for when Python ends it"),
    ("ffi/src/user_data.rs", "calls a free function of C"),
    ("ffi/src/status.rs", "exports a call without mangling its name"),
    ("ffi/src/version.rs", "exports a call without mangling its name"),
    ("ffi/tests/allocations.rs", "calls the C ABI as a C program would"),
    ("ffi/tests/window.rs", "calls the C ABI as a C program would"),
    ("ffi/tests/drive/life.rs", "calls the C ABI as a C program would, also wrongly"),
    ("ffi/tests/drive/puts.rs", "calls the C ABI as a C program would, also wrongly"),
    ("ffi/tests/drive/wrong.rs", "calls the C ABI as a C program would, wrongly"),
    ("ffi/tests/drive/out.rs", "calls the C ABI as a C program would, also wrongly"),
    ("ffi/tests/drive/seen.rs", "callbacks that the C ABI calls"),
    ("benches/src/scenarios/c_abi.rs", "calls the ABI as a program in C does"),
    ("benches/src/counting_alloc.rs", "an allocator that counts: the trait itself is unsafe to implement"),
];

/// Functions that may be longer than the limit: hot loops only, where cutting would cost time.
pub(crate) const LONG_FUNCTIONS: &[Allowed] = &[];

/// Files outside the tools that may print.
pub(crate) const PRINTS: &[Allowed] = &[
    ("core/src/report.rs", "the default failure hook: nobody else was told of the failure"),
    ("ffi/build.rs", "a build script talks to cargo by printing"),
];

/// True if the list has this entry.
pub(crate) fn is_allowed(list: &[Allowed], name: &str) -> bool {
    list.iter().any(|(allowed, _)| *allowed == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_has_a_reason() {
        let all = [UNSAFE, LONG_FUNCTIONS, PRINTS].concat();
        all.iter().for_each(|(name, why)| assert!(why.len() > 15, "{name}: {why}"));
    }

    #[test]
    fn names_match_exactly() {
        let list = [("core/src/slab.rs", "uninitialised room")];
        assert!(is_allowed(&list, "core/src/slab.rs"));
        assert!(!is_allowed(&list, "core/src/slab"));
    }
}
