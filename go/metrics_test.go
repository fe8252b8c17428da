package batchline

import (
	"expvar"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestMetricsAreWrittenAsText(t *testing.T) {
	var metricsOfAll Metrics
	one := New(2, NoTimeout, func([]*int) {}, false, WithName(`a "b"`), WithMetrics(&metricsOfAll))
	two := NewWithDeduplication(2, NoTimeout, func([]*int) {}, false, WithName(`a "b"`), WithMetrics(&metricsOfAll))
	for _, item := range numbers(5) {
		ok(t, one.Put(item))
		ok(t, two.Put(item))
	}
	_ = two.Put(number(1))
	ok(t, one.Flush(background))
	eventually(t, "two batches", func() bool { return two.Stats().Done == 4 && two.Stats().InHand == 0 })
	var text strings.Builder
	ok(t, metricsOfAll.WriteMetrics(&text))
	for _, line := range []string{
		`batchline_items_accepted_total{batcher="a \"b\""} 5`,
		`batchline_items_outcome_total{batcher="a \"b\"",outcome="done"} 5`,
		`batchline_batches_total{batcher="a \"b\"",reason="size"} 2`,
		`batchline_batches_total{batcher="a \"b\"",reason="flush"} 1`,
		`batchline_batch_items_bucket{batcher="a \"b\"",le="1"} 1`,
		`batchline_batch_items_bucket{batcher="a \"b\"",le="+Inf"} 3`,
		`batchline_batch_items_sum{batcher="a \"b\""} 5`,
		`batchline_dedup_duplicates_total{batcher="a \"b\"#2"} 1`,
		`batchline_queue_items{batcher="a \"b\"#2"} 1`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("%s is missing in\n%s", line, text.String())
		}
	}
	// A name of its own for each run: expvar never lets go of one.
	name := fmt.Sprintf("batchline-test-%p", &metricsOfAll)
	metricsOfAll.Publish(name)
	if value := expvar.Get(name).String(); !strings.Contains(value, `"Accepted":5`) {
		t.Error(value)
	}
	balanced(t, &one.core)
	balanced(t, &two.core)
	text.Reset()
	ok(t, metricsOfAll.WriteMetrics(&text))
	if strings.Contains(text.String(), "batcher=") {
		t.Error("closed batchers are still exported")
	}
	text.Reset()
	ok(t, one.WriteMetrics(&text))
	if !strings.Contains(text.String(), "_items_accepted_total{batcher=\"a \\\"b\\\"\"} 5\n") {
		t.Error(text.String())
	}
}

func TestEveryMetricIsInTheReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	ok(t, err)
	for _, m := range metrics {
		if !strings.Contains(string(readme), "`"+m.name+"`") {
			t.Errorf("%s is not in README.md", m.name)
		}
	}
}
