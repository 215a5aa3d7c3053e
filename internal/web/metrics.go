package web

import (
	"fmt"
	"net/http"
)

// Kinds of metrics.
const (
	Counter = "counter" // of this process; begins at 0 with it
	Gauge   = "gauge"
)

// Metric is one number that monitoring asks for.
type Metric struct {
	Name, Kind, Help string
	Value            uint64
}

// WriteMetrics answers with metrics in the text format of Prometheus (version 0.0.4).
func WriteMetrics(w http.ResponseWriter, all []Metric) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	for _, m := range all {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.Name, m.Help, m.Name, m.Kind, m.Name, m.Value)
	}
}
