// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync/atomic"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ending is a command and the exit code that the CRI must tell of it.
type ending struct {
	command []string
	code    int32
}

// Not QUIT: the shell of busybox ignores it.
var signals = []struct {
	name   string
	number int32
}{{"HUP", 1}, {"INT", 2}, {"ABRT", 6}, {"KILL", 9}, {"USR1", 10}, {"SEGV", 11}, {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15}}

// endingOf gives each number its way to end: by itself with any code, or by a signal.
func endingOf(i int) ending {
	switch i % 4 {
	case 0:
		return ending{[]string{"/bin/true"}, 0}
	case 1:
		return ending{[]string{"/bin/false"}, 1}
	case 2:
		code := i / 4 % 256
		return ending{[]string{"/bin/sh", "-c", fmt.Sprintf("exit %d", code)}, int32(code)}
	default:
		s := signals[i/4%len(signals)]
		return ending{[]string{"/bin/sh", "-c", "kill -" + s.name + " $$"}, 128 + s.number}
	}
}

// exits runs many containers that end at once and checks what each one's status says.
func (p *Plan) exits(d *Daemon) error {
	const pods = 10
	var wrong, done atomic.Int64
	running := make([]*Pod, pods)
	for i := range running {
		config := p.podConfig(d, fmt.Sprintf("exits%d", i))
		// The first process of a PID namespace of its own cannot kill itself.
		config.Linux.SecurityContext.NamespaceOptions.Pid = cri.NamespaceMode_NODE
		pod, err := p.runPod(d, config)
		if err != nil {
			return err
		}
		running[i] = pod
	}
	began := time.Now()
	_ = parallel(p.Exits, p.AtOnce, func(i int) error {
		if p.stopped() {
			return nil
		}
		if err := p.exitOnce(d, running[i%pods], i); err != nil {
			wrong.Add(1)
			p.results.fail(fmt.Sprintf("container %d, %v", i, endingOf(i).command), d.Name, err)
		}
		if n := done.Add(1); n%1000 == 0 {
			fmt.Printf("%6d containers, %d wrong, %.1f s\n", n, wrong.Load(), time.Since(began).Seconds())
		}
		return nil
	})
	fmt.Printf("%d containers, %d wrong, %.1f containers/s, %d at a time\n", done.Load(), wrong.Load(),
		float64(done.Load())/time.Since(began).Seconds(), p.AtOnce)
	return clear(d)
}

func (p *Plan) exitOnce(d *Daemon, pod *Pod, i int) error {
	want := endingOf(i)
	id, err := run(d, pod, containerConfig(fmt.Sprintf("c%d", i), p.Image, cri.NamespaceMode_NODE, want.command...))
	if err != nil {
		return err
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		answer, err := containerStatus(d, id)
		if err != nil {
			return err
		}
		if answer.State == cri.ContainerState_CONTAINER_EXITED {
			if err := check(answer, want.code); err != nil {
				return err
			}
			return remove(d, id)
		}
		time.Sleep(wait)
	}
}

func check(s *cri.ContainerStatus, code int32) error {
	reason := "Error"
	if code == 0 {
		reason = "Completed"
	}
	if s.ExitCode != code || s.Reason != reason {
		return fmt.Errorf("exit code %d, reason %s instead of %d, %s", s.ExitCode, s.Reason, code, reason)
	}
	if s.CreatedAt <= 0 || s.StartedAt < s.CreatedAt || s.FinishedAt < s.StartedAt {
		return fmt.Errorf("created %d, started %d, finished %d", s.CreatedAt, s.StartedAt, s.FinishedAt)
	}
	return nil
}
