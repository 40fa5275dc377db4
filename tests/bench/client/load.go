// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const loadPods, perPod, atOnce = 50, 4, 8

// parallel runs f for 0..n-1, a number of them at once; the first error is returned.
func parallel(n, width int, f func(int) error) error {
	var group sync.WaitGroup
	next, failed := make(chan int), make(chan error, n)
	for range width {
		group.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					failed <- err
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// load fills a daemon with 50 pods and 200 containers, measures it on the way, and empties it.
func (p *Plan) load(d *Daemon, round int) error {
	r := p.results
	// Memory is that of a daemon that has just been started, and not what earlier phases left.
	if _, err := d.restart(); err != nil {
		return err
	}
	// What an error in an earlier phase left would be counted.
	if err := clear(d); err != nil {
		return err
	}
	if err := p.query(d, 0, "", ""); err != nil {
		return err
	}
	time.Sleep(time.Second)
	p.daemonMemory(d, "idle")

	pods, ids := make([]*Pod, loadPods), map[string]bool{}
	containers := make([]string, loadPods*perPod)
	began := time.Now()
	err := parallel(loadPods, atOnce, func(i int) (err error) {
		pods[i], err = p.runPod(d, p.podConfig(d, fmt.Sprintf("load%d-%d", round, i)))
		if err == nil {
			containers[i], err = run(d, pods[i], p.idle(0))
		}
		return err
	})
	if err != nil {
		return err
	}
	r.add("conc/pods to Running, 1/s", d.Name, loadPods/time.Since(began).Seconds())
	if err := p.query(d, loadPods, pods[0].ID, containers[0]); err != nil {
		return err
	}

	began = time.Now()
	err = parallel(loadPods*(perPod-1), atOnce, func(i int) (err error) {
		at := loadPods + i
		containers[at], err = run(d, pods[at%loadPods], p.idle(at/loadPods))
		return err
	})
	if err != nil {
		return err
	}
	r.add("conc/further containers, 1/s", d.Name, loadPods*(perPod-1)/time.Since(began).Seconds())
	if err := p.query(d, loadPods*perPod, pods[0].ID, containers[0]); err != nil {
		return err
	}
	for i := range pods {
		ids[pods[i].ID] = true
	}
	for i := range containers {
		ids[containers[i]] = true
	}
	p.fullMemory(d, ids)

	began = time.Now()
	err = parallel(loadPods, atOnce, func(i int) error {
		if err := stopPod(d, pods[i].ID); err != nil {
			return err
		}
		return removePod(d, pods[i].ID)
	})
	if err != nil {
		return err
	}
	r.add("conc/pods of 4 removed, 1/s", d.Name, loadPods/time.Since(began).Seconds())
	p.daemonMemory(d, "emptied")
	return nil
}

func (p *Plan) daemonMemory(d *Daemon, when string) {
	if !p.wants("mem") {
		return
	}
	rss, pss := memory(d.pid())
	p.results.add("mem/daemon RSS "+when+", KiB", d.Name, rss)
	p.results.add("mem/daemon PSS "+when+", KiB", d.Name, pss)
}

func (p *Plan) fullMemory(d *Daemon, ids map[string]bool) {
	if !p.wants("mem") {
		return
	}
	p.daemonMemory(d, "with 200 containers")
	before, began := cpu(d.pid()), time.Now()
	time.Sleep(2 * time.Second)
	idle := (cpu(d.pid()) - before) / time.Since(began).Seconds()
	p.results.add("mem/daemon CPU idle with 200 containers, ms/s", d.Name, idle*1000)
	var rss, pss float64
	found := monitors(d.Monitor, ids)
	for _, pid := range found {
		r, s := memory(pid)
		rss, pss = rss+r, pss+s
	}
	p.results.add("mem/monitors, processes", d.Name, float64(len(found)))
	p.results.add("mem/monitors PSS per container, KiB", d.Name, pss/(loadPods*perPod))
	p.results.add("mem/monitors RSS per container, KiB", d.Name, rss/(loadPods*perPod))
}

// raw carries answers without decoding them: what is measured is the daemon and the transport.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = append([]byte(nil), b...); return nil }
func (raw) Name() string                    { return "proto" }

func (p *Plan) query(d *Daemon, count int, pod, container string) error {
	if !p.wants("query") {
		return nil
	}
	ctx, done := deadline()
	defer done()
	calls := []struct {
		name   string
		needed string
		do     func() error
	}{
		{"Version", "-", func() error { _, err := d.runtime.Version(ctx, &cri.VersionRequest{}); return err }},
		{"Status", "-", func() error { _, err := d.runtime.Status(ctx, &cri.StatusRequest{}); return err }},
		{"ListContainers", "-", func() error {
			answer, err := d.runtime.ListContainers(ctx, &cri.ListContainersRequest{})
			if err == nil && len(answer.Containers) != count {
				err = fmt.Errorf("lists %d containers of %d", len(answer.Containers), count)
			}
			return err
		}},
		{"ListContainers, not decoded", "-", func() error {
			var request, answer []byte
			return d.conn.Invoke(ctx, "/runtime.v1.RuntimeService/ListContainers", &request, &answer, grpc.ForceCodec(raw{}))
		}},
		{"ListPodSandbox", "-", func() error {
			_, err := d.runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
			return err
		}},
		{"ContainerStatus", container, func() error { _, err := containerStatus(d, container); return err }},
		{"PodSandboxStatus", pod, func() error {
			_, err := d.runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: pod})
			return err
		}},
		{"ImageStatus", "-", func() error {
			_, err := d.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: p.Image}})
			return err
		}},
	}
	for _, call := range calls {
		if call.needed == "" {
			continue
		}
		for range 20 {
			if err := call.do(); err != nil {
				return fmt.Errorf("%s: %w", call.name, err)
			}
		}
		for range p.Queries {
			if err := p.results.time(fmt.Sprintf("query/%s (%d)", call.name, count), d.Name, call.do); err != nil {
				return err
			}
		}
	}
	return nil
}
