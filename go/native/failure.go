package native

import (
	"log/slog"

	batchline "github.com/batchline/batchline/go"
)

// report tells the hook, or the log where there is none. A hook that panics stops nothing; the panic is logged.
func (e *engine) report(report batchline.FailureReport) {
	report.Batcher = e.settings.name
	if e.settings.onFailure == nil {
		e.logReport(report)
		return
	}
	defer func() {
		if value := recover(); value != nil {
			e.logger().Error("batchline: the failure hook panicked", "batcher", e.settings.name, "panic", value)
		}
	}()
	e.settings.onFailure(report)
}

func (e *engine) reportDropped(items int) {
	e.report(batchline.FailureReport{Kind: batchline.Dropped, Items: items})
}

func (e *engine) reportLost(items int, err error) {
	e.report(batchline.FailureReport{Kind: batchline.Failed, Items: items, Err: err})
}

func (e *engine) logReport(report batchline.FailureReport) {
	args := []any{"batcher", report.Batcher, "items", report.Items}
	if report.BatchItems > 0 {
		args = append(args, "batch_items", report.BatchItems, "reason", report.Reason.String())
	}
	if report.Err != nil {
		args = append(args, "error", report.Err)
	}
	e.logger().Error("batchline: items "+report.Kind.String(), args...)
}

func (e *engine) logger() *slog.Logger {
	if e.settings.logger != nil {
		return e.settings.logger
	}
	return slog.Default()
}
