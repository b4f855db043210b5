package spool

import "time"

// runSyncer makes the disk keep, every SyncEvery, whatever running parts have
// handed to the kernel, their manifests and their names: all of it with one call
// for the whole file system, so it costs the same for one call and for thousands.
// It is slow on a slow disk, and nobody waits for it.
func (s *Spool) runSyncer() {
	every := time.NewTicker(s.cfg.SyncEvery)
	defer every.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-every.C:
		}
		if !s.dirty.Swap(false) {
			continue
		}
		if err := s.disk.syncAll(); err != nil {
			s.dirty.Store(true)
			s.syncFaults.Add(1)
			s.log.Error("cannot sync the running recordings, will try again", "in", s.cfg.SyncEvery, "err", err)
		}
	}
}
