// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

// Results holds samples by metric ("seq/RunPodSandbox, ms") and subject (a daemon or "floor").
type Results struct {
	mu     sync.Mutex
	data   map[string]map[string][]float64
	Errors []string
}

// Summary is what is kept of the samples of one metric and subject.
type Summary struct {
	N                           int
	Min, Median, P99, Max, Mean float64
}

func newResults() *Results {
	return &Results{data: map[string]map[string][]float64{}}
}

func (r *Results) add(metric, subject string, value float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data[metric] == nil {
		r.data[metric] = map[string][]float64{}
	}
	r.data[metric][subject] = append(r.data[metric][subject], value)
}

func (r *Results) fail(what, subject string, err error) {
	text := fmt.Sprintf("%s: %s: %v", subject, what, err)
	fmt.Fprintln(os.Stderr, "cribench:", text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Errors = append(r.Errors, text)
}

func ms(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1e6
}

// time adds the milliseconds that f takes. What fails has no time.
func (r *Results) time(metric, subject string, f func() error) error {
	began := time.Now()
	err := f()
	took := time.Since(began)
	if err != nil {
		return fmt.Errorf("%s: %w", metric, err)
	}
	r.add(metric+", ms", subject, ms(took))
	return nil
}

func (r *Results) summary() map[string]map[string]Summary {
	all := map[string]map[string]Summary{}
	for metric, subjects := range r.data {
		all[metric] = map[string]Summary{}
		for subject, samples := range subjects {
			all[metric][subject] = summarize(samples)
		}
	}
	return all
}

func summarize(samples []float64) Summary {
	s := append([]float64(nil), samples...)
	sort.Float64s(s)
	sum := 0.0
	for _, value := range s {
		sum += value
	}
	n := len(s)
	median := (s[(n-1)/2] + s[n/2]) / 2
	return Summary{N: n, Min: s[0], Median: median, P99: s[(n*99+99)/100-1], Max: s[n-1], Mean: sum / float64(n)}
}

// calibrate measures the machine and not the daemons: runs compare only where these agree.
func calibrate(r *Results, when string) {
	block := make([]byte, 8<<20)
	for i := 0; i < 30; i++ {
		if err := r.time("noise/fork and exec of true", when, func() error { return quiet(nil, "/bin/true") }); err != nil {
			r.fail("noise", when, err)
		}
		_ = r.time("noise/SHA-256 of 8 MiB", when, func() error { sha256.Sum256(block); return nil })
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		var load float64
		fmt.Sscan(strings.Fields(string(text))[0], &load)
		r.add("noise/load average", when, load)
	}
}
