//! Saved runs as the benchmark would write them, made from a list of costs, a speed of the machine and some noise.

use serde_json::{Value, json};

/// How a run is made.
#[derive(Debug, Clone)]
pub(crate) struct SavedRun {
    /// All times are multiplied by this.
    pub(crate) slowness: f64,
    /// Rounds lie within this share around their cost.
    pub(crate) noise: f64,
    /// Where the noise starts.
    pub(crate) seed: u64,
    /// Costs of these contenders are multiplied once more.
    pub(crate) changed: Vec<(&'static str, f64)>,
}

impl Default for SavedRun {
    fn default() -> Self {
        Self { slowness: 1.0, noise: 0.02, seed: 1, changed: Vec::new() }
    }
}

const ROUNDS: usize = 9;

/// Name, role, ns per item by one producer.
type Contender = (&'static str, &'static str, f64);

const PUT: &[Contender] = &[
    ("floor", "floor", 0.9),
    ("batchline-put-many-64", "ours", 1.1),
    ("batchline-producer", "ours", 3.4),
    ("batchline-put", "ours", 4.2),
    ("batchline-ordered", "ours", 14.0),
    ("crossbeam", "rival", 17.5),
    ("crossfire", "rival", 19.0),
    ("kanal", "rival", 41.0),
    ("flume", "rival", 55.0),
    ("std-mpsc", "rival", 24.0),
    ("naive", "naive", 410.0),
];

const SUBMIT: &[Contender] = &[
    ("floor-submit-tasks", "floor", 60.0),
    ("batchline-tasks-linger", "ours", 180.0),
    ("batchline-producer-threads-demand", "ours", 70.0),
    ("oneshot-threads-demand", "rival", 410.0),
    ("batch-aint-one-tasks-linger", "rival", 1_900.0),
    ("ultra-batch-tasks", "rival", 2_600.0),
    ("naive-tasks", "naive", 3_500.0),
];

const MAP_SET: &[Contender] = &[("naive", "naive", 48.0), ("optimized", "ours", 21.0)];
const WAKE: &[Contender] = &[
    ("bare-unpark", "floor", 5_200.0),
    ("batchline-wake", "ours", 6_900.0),
    ("naive-wake", "naive", 61_000.0),
];

impl SavedRun {
    /// The file's content.
    pub(crate) fn json(&self) -> Value {
        let mut tables = Vec::new();
        for allocator in ["mimalloc", "system"] {
            for producers in [1, 2, 4] {
                let load = (producers, 1_000);
                tables.push(self.rates("put", &format!("producers-{producers}"), allocator, load, PUT));
            }
        }
        for items in [10, 100, 1_000, 10_000] {
            tables.push(self.rates("put", &format!("batches-of-{items}"), "mimalloc", (2, items), PUT));
        }
        tables.push(self.rates("submit", "submit", "mimalloc", (2, 1_000), SUBMIT));
        tables.push(self.rates("map-set", "random", "mimalloc", (1, 1_000), MAP_SET));
        tables.push(self.latencies());
        json!({
            "schema": 2,
            "conditions": conditions(),
            "tables": tables,
            "goals": goals(),
            "instructions": [
                { "group": "map-set", "contender": "optimized", "item_instructions": 51.2, "baseline": 49.9 },
                { "group": "map-set", "contender": "naive", "item_instructions": 130.0, "baseline": null },
            ],
            "a_field_of_tomorrow": { "any": [1, 2, 3] },
        })
    }

    /// The file's content as text.
    pub(crate) fn text(&self) -> String {
        self.json().to_string()
    }

    fn cost_ns(&self, (name, _, base_ns): Contender) -> f64 {
        let changes = self.changed.iter().filter(|(changed, _)| *changed == name);
        base_ns * self.slowness * changes.map(|(_, factor)| factor).product::<f64>()
    }

    fn rates(
        &self,
        group: &str,
        scenario: &str,
        allocator: &str,
        load: (u64, u64),
        all: &[Contender],
    ) -> Value {
        let mut noise = Noise::new(self.seed, &format!("{group}{scenario}{allocator}"));
        let row = |contender: &Contender| self.rate_row(*contender, load, &mut noise);
        let mut rows: Vec<Value> = all.iter().map(row).collect();
        let naive = rows.iter().find(|row| row["role"] == "naive").and_then(|row| row["item_ns"].as_f64());
        for row in &mut rows {
            row["speedup_over_naive"] =
                json!(naive.zip(row["item_ns"].as_f64()).map(|(naive, own)| naive / own));
        }
        json!({ "group": group, "scenario": scenario, "kind": "rate", "allocator": allocator, "rows": rows })
    }

    fn rate_row(
        &self,
        contender: Contender,
        (producers, batch_items_max): (u64, u64),
        noise: &mut Noise,
    ) -> Value {
        let (name, role, _) = contender;
        let crowd = if role == "ours" { 1.0 } else { (producers as f64).sqrt() };
        let cost_ns = self.cost_ns(contender) * crowd * (1.0 + 20.0 / batch_items_max as f64);
        let rounds: Vec<f64> = (0..ROUNDS).map(|_| cost_ns * (1.0 + self.noise * noise.next())).collect();
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        json!({
            "contender": name,
            "role": role,
            "producers": producers,
            "batch_items_max": batch_items_max,
            "run_items": 2_000_000,
            "item_ns": sorted[4],
            "item_ns_p25": sorted[2],
            "item_ns_p75": sorted[6],
            "item_ns_by_round": rounds,
            "items_per_second": 1e9 / sorted[4],
            "item_allocations": if role == "naive" { 2.004 } else { 0.001 },
            "item_bytes": if role == "naive" { 96.0 } else { 0.02 },
            "batch_items": batch_items_max as f64 * 0.97,
            "latency": distribution(cost_ns * batch_items_max as f64, if role == "ours" { 0.25 } else { 0.4 }),
            "speedup_over_rival": null,
        })
    }

    fn latencies(&self) -> Value {
        let row = |contender: &Contender| {
            let mut row = distribution(self.cost_ns(*contender), 0.3);
            row["contender"] = json!(contender.0);
            row["role"] = json!(contender.1);
            row["remark"] = json!("");
            row
        };
        let rows: Vec<Value> = WAKE.iter().map(row).collect();
        json!({ "group": "wake", "scenario": "wake", "kind": "latency", "rows": rows })
    }
}

fn conditions() -> Value {
    json!({
        "cores": 2,
        "cpu": "Example 9000 @ 3.0 GHz",
        "kernel": "6.18.0",
        "rustc": "rustc 1.95.0",
        "commit": "0123456789ab",
        "load_average": "0.10 0.20 0.30",
        "peers": { "crossbeam-channel": "0.5.17", "flume": "0.12.0", "kanal": "0.1.1" },
        "mode": "quick",
        "allocator": "mimalloc",
    })
}

fn goals() -> Value {
    json!([
        { "goal": "put by 1: batchline-put over crossbeam", "at_least": 4.0, "unit": "x", "measured": 4.17,
          "reached": true },
        { "goal": "put by 1: batchline-put-many-64", "at_most": 0.8, "unit": "ns/item", "measured": 1.1,
          "reached": false },
        { "goal": "overload: longest put", "at_most": 25.0, "unit": "ms", "measured": null, "reached": null },
    ])
}

/// Lognormal but for its tail, which is longer.
fn distribution(median_ns: f64, spread: f64) -> Value {
    let at = |share: f64| {
        let logit = (share / (1.0 - share)).ln();
        (median_ns * (spread * logit * (1.0 + 0.06 * logit.max(0.0))).exp()).round()
    };
    let quantiles: Vec<f64> =
        (0..=100).map(|percent| at((f64::from(percent) / 100.0).clamp(0.001, 0.9999))).collect();
    json!({
        "samples": 20_000,
        "p50_ns": at(0.5),
        "p95_ns": at(0.95),
        "p99_ns": at(0.99),
        "p999_ns": at(0.999),
        "max_ns": at(0.9999),
        "quantiles_ns": quantiles,
    })
}

/// Numbers between -1 and 1 that look random and are the same every time.
struct Noise(u64);

impl Noise {
    fn new(seed: u64, place: &str) -> Self {
        Self(place.bytes().fold(seed, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte))))
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}
