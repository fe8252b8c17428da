//! The conformance vectors that every language runs: tests/vectors/README.md.
#![cfg(all(feature = "dedup", not(batchline_loom), not(batchline_shuttle)))]

use batchline::dedup::{AtCap, Dedup, KeyClaim, NotClaimed, Window};
use batchline::{Clock, VirtualClock};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tinyjson::JsonValue;

/// One object of the file.
struct Object<'a>(&'a HashMap<String, JsonValue>);

impl<'a> Object<'a> {
    fn of(value: &'a JsonValue) -> Self {
        Self(value.get().expect("an object"))
    }

    fn text(&self, name: &str) -> &'a str {
        self.0.get(name).and_then(JsonValue::get::<String>).unwrap_or_else(|| panic!("a text {name}"))
    }

    fn number(&self, name: &str) -> u64 {
        *self.0.get(name).and_then(JsonValue::get::<f64>).unwrap_or_else(|| panic!("a number {name}")) as u64
    }

    fn list(&self, name: &str) -> &'a [JsonValue] {
        self.0.get(name).and_then(JsonValue::get::<Vec<_>>).unwrap_or_else(|| panic!("a list {name}"))
    }

    fn expects(&self, answer: &JsonValue) -> bool {
        self.0.get("expect") == Some(answer)
    }
}

/// A program's window, and the claims that are out.
struct Machine<'a> {
    seen: &'a Dedup<String>,
    claims: HashMap<&'a str, KeyClaim<'a, String>>,
}

impl<'a> Machine<'a> {
    /// Takes a step; the answer, if the operation has one.
    fn step(&mut self, step: &Object<'a>) -> Option<JsonValue> {
        match step.text("op") {
            "claim" => return Some(JsonValue::from(self.claim(step).to_string())),
            "commit" => self.claims.remove(step.text("claim")).expect("the claim is out").commit(),
            "release" => drop(self.claims.remove(step.text("claim"))),
            "contains" => return Some(JsonValue::from(self.seen.contains(step.text("key")))),
            "forget" => return Some(JsonValue::from(self.seen.forget(step.text("key")))),
            "len" => return Some(JsonValue::from(self.seen.len() as f64)),
            other => panic!("there is no operation {other}"),
        }
        None
    }

    fn claim(&mut self, step: &Object<'a>) -> &'static str {
        match self.seen.claim(step.text("key").to_string()) {
            Ok(claim) if step.0.contains_key("claim") => {
                self.claims.insert(step.text("claim"), claim);
                "claimed"
            }
            Ok(claim) => {
                // It stays claimed: nothing says what became of it.
                std::mem::forget(claim);
                "claimed"
            }
            Err(NotClaimed::Duplicate(_)) => "duplicate",
            Err(_) => "full",
        }
    }
}

fn window(program: &Object<'_>) -> Window {
    let nanos = |name| Duration::from_nanos(program.number(name));
    let at_cap = match program.text("at_cap") {
        "refuse" => AtCap::Refuse,
        "forget_oldest" => AtCap::ForgetOldest,
        other => panic!("there is no at_cap {other}"),
    };
    let window = Window::new(nanos("window_ns")).bucket(nanos("bucket_ns")).at_cap(at_cap);
    window.keys_max(program.number("keys_max") as usize)
}

fn run(program: &Object<'_>) {
    let (time, name) = (VirtualClock::new(), program.text("name"));
    let seen = Dedup::with_clock(window(program), Clock::from(&time)).expect("the settings are sound");
    let mut machine = Machine { seen: &seen, claims: HashMap::new() };
    for (number, step) in program.list("steps").iter().enumerate() {
        let step = Object::of(step);
        time.advance(Duration::from_nanos(step.number("at_ns")) - time.now());
        if let Some(answer) = machine.step(&step) {
            assert!(
                step.expects(&answer),
                "{name:?}, step {number}: {answer:?} instead of {:?}",
                step.0.get("expect")
            );
        }
    }
}

#[test]
fn the_dedup_vectors_hold() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/dedup.json");
    let text = std::fs::read_to_string(file).unwrap();
    let programs: JsonValue = text.parse().unwrap();
    let programs: &Vec<JsonValue> = programs.get().expect("a list of programs");
    assert!(programs.len() >= 10);
    programs.iter().for_each(|program| run(&Object::of(program)));
}
