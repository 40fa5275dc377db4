// SPDX-License-Identifier: Apache-2.0

// cribench measures CRI daemons against each other and against what lies below them. It is told by
// a plan, a JSON file that tests/bench/run writes, and answers with a JSON file of all figures.
//
//	cribench PLAN
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
)

// Plan is what to measure. N counts life cycles and the like, Rounds whole loads and logs.
type Plan struct {
	Work, Cgroup, Out  string
	Image, Pause       string
	N, Rounds, Queries int
	Exits, AtOnce      int
	Phases             []string
	Daemons            []*Daemon
	Floor              *Floor

	results     *Results
	broken      map[string]int
	interrupted atomic.Bool
}

func (p *Plan) wants(phase string) bool {
	return slices.Contains(p.Phases, phase)
}

func (p *Plan) stopped() bool {
	return p.interrupted.Load()
}

func (p *Plan) setUp() error {
	for _, d := range p.Daemons {
		if _, err := d.start(); err != nil {
			return err
		}
		d.refs = map[string]string{}
		for _, image := range []string{p.Pause, p.Image} {
			if err := pull(d, image); err != nil {
				return fmt.Errorf("%s: pull of %s: %w", d.Name, image, err)
			}
		}
	}
	if p.Floor != nil {
		return p.Floor.prepare(p.Cgroup)
	}
	return nil
}

// tearDown leaves no pod behind, also after an error or an interrupt.
func (p *Plan) tearDown() {
	for _, d := range p.Daemons {
		if d.conn == nil {
			continue
		}
		if err := clear(d); err != nil {
			p.results.fail("clean-up", d.Name, err)
		}
		if _, err := d.stop(); err != nil {
			p.results.fail("stop", d.Name, err)
		}
	}
	if p.Floor != nil {
		_ = p.Floor.unmount("")
	}
}

func (p *Plan) measure() {
	phases := []struct {
		names []string
		do    func()
	}{
		{[]string{"cold"}, p.cold},
		{[]string{"seq"}, p.seq},
		{[]string{"stop"}, p.stopping},
		{[]string{"exec"}, p.exec},
		{[]string{"log"}, p.log},
		{[]string{"pull"}, p.pulls},
		{[]string{"conc", "query", "mem"}, func() { p.each("load", p.Rounds, false, p.load) }},
	}
	calibrate(p.results, "before")
	for _, phase := range phases {
		if !slices.ContainsFunc(phase.names, p.wants) || p.stopped() {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %v ...\n", phase.names)
		phase.do()
	}
	calibrate(p.results, "after")
}

func (p *Plan) write() error {
	text, err := json.MarshalIndent(map[string]any{
		"processors": runtime.NumCPU(), "metrics": p.results.summary(), "errors": p.results.Errors}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(p.Out, text, 0o644)
}

func work(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p := &Plan{results: newResults(), broken: map[string]int{}}
	if err := json.Unmarshal(text, p); err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	go func() { <-stop; p.interrupted.Store(true) }()
	defer p.tearDown()
	if err := p.setUp(); err != nil {
		return err
	}
	if p.wants("exits") {
		err = p.exits(p.Daemons[0])
	} else {
		p.measure()
	}
	if err == nil {
		err = p.write()
	}
	if err == nil && len(p.results.Errors) > 0 {
		err = fmt.Errorf("%d errors", len(p.results.Errors))
	}
	return err
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: cribench PLAN")
		os.Exit(2)
	}
	if err := work(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "cribench:", err)
		os.Exit(1)
	}
}
