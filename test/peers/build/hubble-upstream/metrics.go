package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/yaml"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/metrics"
	"github.com/cilium/cilium/pkg/hubble/metrics/api"
)

// metricsRequest is one line of the standard input: either form of the configuration of metrics.
type metricsRequest struct {
	// Static is a list as the option hubble-metrics has it.
	Static string `json:"static"`
	// Dynamic is the text of a file as hubble-dynamic-metrics-config-path names one.
	Dynamic string `json:"dynamic"`
}

// metricsAnswer is one line of the standard output.
type metricsAnswer struct {
	// Text is what /metrics shows to a reader of OpenMetrics.
	Text string `json:"text,omitempty"`
	// Error is why the handlers cannot be made.
	Error string `json:"error,omitempty"`
}

// metricsCommand counts the flows of a file with Hubble's metric handlers, anew for each request that a line of its
// standard input holds.
func metricsCommand(args []string) error {
	flags := flag.NewFlagSet("metrics", flag.ContinueOnError)
	file := flags.String("events", "", "file of events")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var flows []*flowpb.Flow
	err := readEvents(*file, func(event *v1.Event) {
		if flow := event.GetFlow(); flow != nil {
			flows = append(flows, flow)
		}
	})
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var request metricsRequest
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			return err
		}
		if err := answers.Encode(counted(request, flows)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func counted(request metricsRequest, flows []*flowpb.Flow) metricsAnswer {
	config := api.ParseStaticMetricsConfig(strings.Fields(request.Static))
	if request.Dynamic != "" {
		if err := yaml.Unmarshal([]byte(request.Dynamic), config); err != nil {
			return metricsAnswer{Error: err.Error()}
		}
	}
	log := slog.New(slog.DiscardHandler)
	registry := prometheus.NewPedanticRegistry()
	handlers, err := metrics.InitMetricHandlers(log, registry, config)
	if err != nil {
		return metricsAnswer{Error: err.Error()}
	}
	processor := metrics.NewStaticFlowProcessor(log, *handlers)
	for i, flow := range flows {
		if err := processor.ProcessFlow(context.Background(), flow); err != nil {
			return metricsAnswer{Error: fmt.Sprintf("flow %d: %v", i, err)}
		}
	}
	return metricsAnswer{Text: scraped(registry)}
}

func scraped(registry *prometheus.Registry) string {
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	response := httptest.NewRecorder()
	metrics.ServerHandler(registry, true).ServeHTTP(response, request)
	return response.Body.String()
}
