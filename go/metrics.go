package batchline

import (
	"bufio"
	"expvar"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Metrics is a collection of batchers whose counters are exported together. The zero value is ready to use; it must
// not be copied. Batchers join with WithMetrics, and leave when they are closed.
type Metrics struct {
	mu      sync.Mutex
	sources map[metricSource]string
}

// metricSource is an engine of any type.
type metricSource interface {
	name() string
	metricStats() metricStats
}

// metricStats is a snapshot with what only metrics tell.
type metricStats struct {
	Stats
	sizes sizeBuckets
	// sealed is how many items all batches had.
	sealed uint64
	window *DedupStats
}

func (e *engine[T, R]) name() string { return e.settings.name }

func (e *engine[T, R]) metricStats() metricStats {
	e.mu.Lock()
	m := metricStats{Stats: e.statsLocked(), sizes: e.counts.sizes, sealed: e.counts.sealedItems}
	e.mu.Unlock()
	if e.gate != nil {
		window := e.gate.stats()
		m.window = &window
	}
	return m
}

// add gives a batcher a name of its own: a second one of the same name gets "#2".
func (m *Metrics) add(source metricSource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sources == nil {
		m.sources = map[metricSource]string{}
	}
	taken := map[string]bool{}
	for _, name := range m.sources {
		taken[name] = true
	}
	name := source.name()
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s#%d", source.name(), i)
	}
	m.sources[source] = name
}

func (m *Metrics) remove(source metricSource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sources, source)
}

// named is a snapshot with the name it is exported under.
type named struct {
	name string
	metricStats
}

func (m *Metrics) snapshots() []named {
	m.mu.Lock()
	all := make([]named, 0, len(m.sources))
	sources := make([]metricSource, 0, len(m.sources))
	for source, name := range m.sources {
		sources = append(sources, source)
		all = append(all, named{name: name})
	}
	m.mu.Unlock()
	for i, source := range sources {
		all[i].metricStats = source.metricStats()
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// WriteMetrics writes the counters of all batchers in the Prometheus text format.
func (m *Metrics) WriteMetrics(w io.Writer) error { return writeMetrics(w, m.snapshots()) }

// WriteMetrics writes the batcher's counters in the Prometheus text format. For several batchers on one page use
// Metrics.
func (c *core[T, R]) WriteMetrics(w io.Writer) error {
	return writeMetrics(w, []named{{c.engine.name(), c.engine.metricStats()}})
}

// Publish exports the counters of all batchers under a name of expvar, as a map from the batcher's name to Stats. As
// expvar.Publish it panics if the name is taken.
func (m *Metrics) Publish(name string) {
	expvar.Publish(name, expvar.Func(func() any {
		all := map[string]any{}
		for _, one := range m.snapshots() {
			values := map[string]any{"stats": one.Stats}
			if one.window != nil {
				values["window"] = *one.window
			}
			all[one.name] = values
		}
		return all
	}))
}

// sample is one line of a metric: its further labels and its value.
type sample struct {
	labels string
	value  float64
}

// metric is one row of the list of metrics, which is the only one: the text, its documentation and its test follow
// it.
type metric struct {
	name, kind, help string
	samples          func(*metricStats) []sample
}

func one(value uint64) []sample { return []sample{{"", float64(value)}} }

var metrics = []metric{
	{"batchline_items_accepted_total", "counter", "Items taken in.",
		func(s *metricStats) []sample { return one(s.Accepted) }},
	{"batchline_items_refused_total", "counter", "Items that stayed with the putter.",
		func(s *metricStats) []sample { return one(s.Refused) }},
	{"batchline_items_dropped_total", "counter", "Items dropped by the overflow choice.",
		func(s *metricStats) []sample { return one(s.Dropped) }},
	{"batchline_items_outcome_total", "counter", "Items by outcome.", outcomeSamples},
	{"batchline_batches_total", "counter", "Batches by the reason of their seal.", reasonSamples},
	{"batchline_batch_items", "histogram", "Items per batch.", sizeSamples},
	{"batchline_batches_failed_total", "counter", "Batches in which an item failed.",
		func(s *metricStats) []sample { return one(s.FailedBatches) }},
	{"batchline_handler_calls_total", "counter", "Calls of the handler.",
		func(s *metricStats) []sample { return one(s.HandlerCalls) }},
	{"batchline_handler_panics_total", "counter", "Calls of the handler that panicked.",
		func(s *metricStats) []sample { return one(s.Panics) }},
	{"batchline_wait_seconds_total", "counter",
		"Time waited: puts for room (admission), batches for their seal (linger) and for a handler (slot), in the handler.",
		waitSamples},
	{"batchline_queue_items", "gauge", "Items that wait.",
		func(s *metricStats) []sample { return one(s.Queued) }},
	{"batchline_in_hand_items", "gauge", "Items in handlers.",
		func(s *metricStats) []sample { return one(s.InHand) }},
	{"batchline_live_bytes", "gauge", "Weight of the items without an outcome.",
		func(s *metricStats) []sample { return one(s.BytesLive) }},
	{"batchline_timer_wakeups_total", "counter", "Times the timer fired while something waited.",
		func(s *metricStats) []sample { return one(s.Wakeups) }},
	{"batchline_dedup_duplicates_total", "counter", "Items whose key was seen within the window.",
		windowSample(func(s *DedupStats) uint64 { return s.Duplicates })},
	{"batchline_dedup_keys", "gauge", "Keys remembered.",
		windowSample(func(s *DedupStats) uint64 { return s.Keys })},
	{"batchline_dedup_forgotten_total", "counter", "Keys forgotten early, at the cap.",
		windowSample(func(s *DedupStats) uint64 { return s.Forgotten })},
	{"batchline_dedup_refused_total", "counter", "Keys refused at the cap.",
		windowSample(func(s *DedupStats) uint64 { return s.Refused })},
}

func outcomeSamples(s *metricStats) []sample {
	return []sample{
		{`outcome="done"`, float64(s.Done)}, {`outcome="failed"`, float64(s.Failed)},
		{`outcome="cancelled"`, float64(s.Cancelled)}, {`outcome="expired"`, float64(s.Expired)},
		{`outcome="handed_back"`, float64(s.HandedBack)},
	}
}

func reasonSamples(s *metricStats) []sample {
	all := make([]sample, SealReasons)
	for i, batches := range s.BatchesByReason {
		all[i] = sample{fmt.Sprintf("reason=%q", SealReason(i).String()), float64(batches)}
	}
	return all
}

func waitSamples(s *metricStats) []sample {
	return []sample{
		{`part="admission"`, s.AdmissionWait.Seconds()}, {`part="linger"`, s.LingerWait.Seconds()},
		{`part="slot"`, s.SlotWait.Seconds()}, {`part="handler"`, s.HandlerTime.Seconds()},
	}
}

// sizeSamples are the lines of a histogram; writeMetrics knows their endings by the labels.
func sizeSamples(s *metricStats) []sample {
	var all []sample
	sum := uint64(0)
	for i, batches := range s.sizes {
		sum += batches
		all = append(all, sample{fmt.Sprintf(`le="%d"`, 1<<i), float64(sum)})
	}
	return append(all, sample{`le="+Inf"`, float64(s.Batches)})
}

func windowSample(value func(*DedupStats) uint64) func(*metricStats) []sample {
	return func(s *metricStats) []sample {
		if s.window == nil {
			return nil
		}
		return one(value(s.window))
	}
}

func writeMetrics(w io.Writer, batchers []named) error {
	out := bufio.NewWriter(w)
	for _, m := range metrics {
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		for i := range batchers {
			writeSamples(out, &m, &batchers[i])
		}
	}
	return out.Flush()
}

func writeSamples(out io.Writer, m *metric, b *named) {
	batcher := "batcher=\"" + labelEscaper.Replace(b.name) + "\""
	ending := ""
	if m.kind == "histogram" {
		ending = "_bucket"
	}
	for _, s := range m.samples(&b.metricStats) {
		labels := batcher
		if s.labels != "" {
			labels += "," + s.labels
		}
		fmt.Fprintf(out, "%s%s{%s} %s\n", m.name, ending, labels, strconv.FormatFloat(s.value, 'f', -1, 64))
	}
	if m.kind == "histogram" {
		fmt.Fprintf(out, "%s_sum{%s} %d\n%s_count{%s} %d\n", m.name, batcher, b.sealed, m.name, batcher, b.Batches)
	}
}

// labelEscaper escapes as the text format asks.
var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
