package main

import (
	"bufio"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// machineMemory is how much memory this process can have at most, in bytes: the
// machine's, or less where a control group of ours, or one above it, says so. 0: it
// cannot be told. root is the file system.
func machineMemory(root fs.FS) (least int64) {
	note := func(bytes int64, err error) {
		if err == nil && bytes > 0 && (least == 0 || bytes < least) {
			least = bytes
		}
	}
	for _, line := range textLines(root, "proc/meminfo") {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			note(kb<<10, err)
		}
	}
	for _, line := range textLines(root, "proc/self/cgroup") { // cgroups(7): ID:CONTROLLERS:PATH
		f := strings.SplitN(line, ":", 3)
		var mount string
		var limits []string
		switch {
		case len(f) < 3:
			continue
		case f[0] == "0" && f[1] == "":
			mount, limits = "sys/fs/cgroup", []string{"memory.max", "memory.high"}
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			mount, limits = "sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
		default:
			continue
		}
		// In a container the path may be the host's. Then only the top is there to
		// see, and is the container's.
		for dir := path.Join("/", f[2]); ; dir = path.Dir(dir) {
			for _, name := range limits {
				for _, text := range textLines(root, path.Join(mount, dir, name)) {
					note(strconv.ParseInt(text, 10, 64)) // "max" is no number
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// textLines are those of a small file; none if it cannot be read.
func textLines(root fs.FS, name string) (out []string) {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}
