// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// each does something with every subject in turn, beginning with another one each time, so that
// what disturbs the machine disturbs all alike. A nil daemon is the floor.
func (p *Plan) each(phase string, rounds int, withFloor bool, do func(d *Daemon, round int) error) {
	subjects := append([]*Daemon(nil), p.Daemons...)
	if withFloor && p.Floor != nil {
		subjects = append(subjects, nil)
	}
	for round := range rounds {
		for i := range subjects {
			d := subjects[(i+round)%len(subjects)]
			name := "floor"
			if d != nil {
				name = d.Name
			}
			if p.broken[name] > 2 || p.stopped() {
				continue
			}
			if err := do(d, round); err != nil {
				p.results.fail(phase, name, err)
				p.broken[name]++
			}
		}
	}
}

func (p *Plan) cold() {
	p.each("cold", p.N, false, func(d *Daemon, _ int) error {
		took, err := d.stop()
		if err != nil {
			return err
		}
		p.results.add("cold/SIGTERM to exit, ms", d.Name, ms(took))
		if took, err = d.start(); err != nil {
			return err
		}
		p.results.add("cold/exec to first answer, ms", d.Name, ms(took))
		return nil
	})
}

// seq is the whole life of a pod with one container, call after call.
func (p *Plan) seq() {
	p.each("seq", p.N+1, true, func(d *Daemon, round int) error {
		r := p.results
		if round == 0 {
			// The first one fills caches and makes the bridge.
			r = newResults()
		}
		if d == nil {
			if err := p.Floor.mounts(r); err != nil {
				return err
			}
			return p.Floor.cycle(r)
		}
		return p.cycle(r, d, fmt.Sprintf("seq%d", round))
	})
}

func (p *Plan) cycle(r *Results, d *Daemon, name string) error {
	var pod *Pod
	var id string
	config := p.podConfig(d, name)
	steps := []struct {
		name string
		do   func() error
	}{
		{"RunPodSandbox", func() (err error) { pod, err = p.runPod(d, config); return err }},
		{"CreateContainer", func() (err error) { id, err = create(d, pod, p.idle(0)); return err }},
		{"StartContainer", func() error { return start(d, id) }},
		{"StopContainer", func() error { return stop(d, id) }},
		{"RemoveContainer", func() error { return remove(d, id) }},
		{"StopPodSandbox", func() error { return stopPod(d, pod.ID) }},
		{"RemovePodSandbox", func() error { return removePod(d, pod.ID) }},
	}
	before, began := cpu(d.pid()), time.Now()
	for i, step := range steps {
		if err := r.time("seq/"+step.name, d.Name, step.do); err != nil {
			return err
		}
		if i == 2 {
			r.add("seq/pod to Running, ms", d.Name, ms(time.Since(began)))
		}
	}
	r.add("seq/full life cycle, ms", d.Name, ms(time.Since(began)))
	r.add("seq/CPU of the daemon for each cycle, ms", d.Name, (cpu(d.pid())-before)*1000)
	return nil
}

// long is one pod for many measurements.
func (p *Plan) long(phase string) map[*Daemon]*Pod {
	pods := map[*Daemon]*Pod{}
	p.each(phase, 1, false, func(d *Daemon, _ int) (err error) {
		pods[d], err = p.runPod(d, p.podConfig(d, phase))
		return err
	})
	return pods
}

func (p *Plan) endLong(phase string) {
	p.each(phase, 1, false, func(d *Daemon, _ int) error { return clear(d) })
}

// stopping: the process is told to end by TERM and does so at once.
func (p *Plan) stopping() {
	pods := p.long("stop")
	p.each("stop", p.N, false, func(d *Daemon, round int) error {
		name := fmt.Sprintf("c%d", round)
		id, err := run(d, pods[d], containerConfig(name, p.Pause, cri.NamespaceMode_CONTAINER))
		if err != nil {
			return err
		}
		// The first process of a PID namespace loses a TERM that comes before it is ready for it.
		time.Sleep(20 * time.Millisecond)
		if err := p.results.time("stop/StopContainer, process obeys TERM", d.Name, func() error { return stop(d, id) }); err != nil {
			return err
		}
		return remove(d, id)
	})
	p.endLong("stop")
}

func (p *Plan) exec() {
	pods, ids := p.long("exec"), map[*Daemon]string{}
	p.each("exec", 1, true, func(d *Daemon, _ int) (err error) {
		if d != nil {
			ids[d], err = run(d, pods[d], p.idle(0))
			return err
		}
		if err := p.Floor.create("long", "long"); err != nil {
			return err
		}
		return p.Floor.oci("start", "long")
	})
	p.each("exec", p.N+1, true, func(d *Daemon, round int) error {
		r := p.results
		if round == 0 {
			r = newResults()
		}
		if d == nil {
			return r.time("exec/ExecSync true", "floor", func() error { return p.Floor.oci("exec", "long", "true") })
		}
		return r.time("exec/ExecSync true", d.Name, func() error { return execTrue(d, ids[d]) })
	})
	p.each("exec", 1, false, func(d *Daemon, _ int) error {
		began := time.Now()
		err := parallel(p.N, atOnce, func(int) error { return execTrue(d, ids[d]) })
		if err == nil {
			p.results.add("exec/ExecSync true, 8 at a time, 1/s", d.Name, float64(p.N)/time.Since(began).Seconds())
		}
		return err
	})
	if p.Floor != nil {
		if err := p.Floor.kill("long", "long"); err != nil {
			p.results.fail("exec", "floor", err)
		}
		if err := p.Floor.oci("delete", "--force", "long"); err != nil {
			p.results.fail("exec", "floor", err)
		}
	}
	p.endLong("exec")
}

func execTrue(d *Daemon, id string) error {
	ctx, done := deadline()
	defer done()
	answer, err := d.runtime.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"true"}, Timeout: 30})
	if err == nil && answer.ExitCode != 0 {
		err = fmt.Errorf("exit code %d: %s", answer.ExitCode, answer.Stderr)
	}
	return err
}

const logBytes, logLine = 200_000_000, 100

func (p *Plan) log() {
	pods := p.long("log")
	for _, writer := range []struct{ name, block string }{{"in writes of a line", "100"}, {"in writes of 64 kB", "64000"}} {
		p.each("log", p.Rounds, true, func(d *Daemon, round int) error {
			if d == nil {
				return p.Floor.log(p.results, writer.block, "log/200 MB "+writer.name)
			}
			config := containerConfig(fmt.Sprintf("log%s-%d", writer.block, round), p.Image, cri.NamespaceMode_CONTAINER,
				"/bin/logspam", fmt.Sprint(logBytes), fmt.Sprint(logLine), writer.block)
			return p.logOnce(d, pods[d], config, "log/200 MB "+writer.name)
		})
	}
	p.endLong("log")
}

// logOnce measures from StartContainer to the last write into the log file, as the file tells.
func (p *Plan) logOnce(d *Daemon, pod *Pod, config *cri.ContainerConfig, metric string) error {
	path := filepath.Join(pod.Config.LogDirectory, config.LogPath)
	id, err := create(d, pod, config)
	if err != nil {
		return err
	}
	// A shim is named after its pod.
	found := monitors(d.Monitor, map[string]bool{id: true, pod.ID: true})
	if len(found) == 0 {
		return fmt.Errorf("no %s of %s is found", d.Monitor, id)
	}
	before, daemonBefore := 0.0, cpu(d.pid())
	spent := map[int]float64{}
	for _, pid := range found {
		before += cpu(pid)
	}
	began := time.Now()
	if err := start(d, id); err != nil {
		return err
	}
	// A monitor takes its counters with it when it ends, so they are read again and again.
	for state := cri.ContainerState_CONTAINER_RUNNING; state != cri.ContainerState_CONTAINER_EXITED; time.Sleep(2 * time.Millisecond) {
		for _, pid := range found {
			spent[pid] = max(spent[pid], cpu(pid))
		}
		if answer, err := containerStatus(d, id); err != nil {
			return err
		} else if state = answer.State; state == cri.ContainerState_CONTAINER_EXITED && answer.ExitCode != 0 {
			return fmt.Errorf("the writer ended with %d", answer.ExitCode)
		}
	}
	end, err := settled(path)
	if err != nil {
		return err
	}
	if lines, size := content(path); lines != logBytes/logLine || size != logBytes {
		p.results.fail(metric, d.Name, fmt.Errorf("the log holds %d lines, %d bytes", lines, size))
	}
	total := -before
	for _, pid := range found {
		total += max(spent[pid], cpu(pid))
	}
	p.results.add(metric+", MB/s", d.Name, logBytes/1e6/end.Sub(began).Seconds())
	p.results.add(metric+": monitor CPU, s", d.Name, total)
	p.results.add(metric+": daemon CPU, s", d.Name, cpu(d.pid())-daemonBefore)
	if err := remove(d, id); err != nil {
		return err
	}
	os.Remove(path)
	return nil
}

// settled returns when a file was written last, once nothing more comes.
func settled(path string) (time.Time, error) {
	for last := (time.Time{}); ; time.Sleep(200 * time.Millisecond) {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Equal(last) {
			return last, err
		}
		last = info.ModTime()
	}
}

// content is what a container has written, as its log tells: lines, and bytes without the frame of
// the format (time, stream and a tag, P for a part of a line). 0 when it cannot be read.
func content(path string) (lines, size int) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	for {
		row, err := reader.ReadSlice('\n')
		if err != nil {
			return lines, size
		}
		parts := bytes.SplitN(row, []byte{' '}, 4)
		if len(parts) != 4 {
			return 0, 0
		}
		size += len(parts[3])
		if string(parts[2]) == "P" {
			size--
		} else {
			lines++
		}
	}
}

func (p *Plan) pulls() {
	p.each("pull", p.N/3+1, false, func(d *Daemon, _ int) error {
		ctx, done := deadline()
		defer done()
		spec := &cri.ImageSpec{Image: p.Image}
		err := p.results.time("pull/RemoveImage", d.Name, func() error {
			_, err := d.images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: spec})
			return err
		})
		if err == nil {
			err = p.results.time("pull/PullImage, absent", d.Name, func() error { return pull(d, p.Image) })
		}
		if err == nil {
			err = p.results.time("pull/PullImage, present", d.Name, func() error { return pull(d, p.Image) })
		}
		return err
	})
}
