// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cpu is the processor time of a process in seconds, that of threads that have ended too; 0 when it
// is gone.
func cpu(pid int) float64 {
	var spent unix.Timespec
	// The clock of a process, as clock_getcpuclockid(3) makes its number; 2 is that of the scheduler.
	if unix.ClockGettime(int32(^pid<<3|2), &spent) != nil {
		return 0
	}
	return float64(spent.Nano()) / 1e9
}

// memory is the resident and the proportional size of a process in KiB.
func memory(pid int) (rss, pss float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		value, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "Rss:":
			rss = value
		case "Pss:":
			pss = value
		}
	}
	return rss, pss
}

// monitors finds the processes with a name that have one of the ids in their command line.
func monitors(name string, ids map[string]bool) []int {
	var found []int
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		comm, _ := os.ReadFile(folder + "/comm")
		// The kernel keeps 15 characters of a name.
		if text := strings.TrimSpace(string(comm)); text == "" || !strings.HasPrefix(name, text) {
			continue
		}
		line, _ := os.ReadFile(folder + "/cmdline")
		for _, word := range bytes.Split(line, []byte{0}) {
			if ids[string(word)] {
				pid, _ := strconv.Atoi(filepath.Base(folder))
				found = append(found, pid)
				break
			}
		}
	}
	return found
}
