// Package parallel does the same work for several things at a time: jobs of a
// release, releases in a folder. It decides nothing about them.
package parallel

import (
	"iter"
	"runtime"
)

// InOrder works on as many items at a time as there are processors, and gives the
// results in the order of the items.
func InOrder[A, B any](items []A, work func(A) B) iter.Seq[B] {
	return func(yield func(B) bool) {
		results := make([]chan B, len(items))
		for i := range items {
			results[i] = make(chan B, 1)
		}
		slots := make(chan struct{}, runtime.GOMAXPROCS(0))
		go func() {
			for i, item := range items {
				slots <- struct{}{}
				go func() {
					results[i] <- work(item)
					<-slots
				}()
			}
		}()
		for _, r := range results {
			if !yield(<-r) {
				return
			}
		}
	}
}

// Slots bound how much is worked on at a time by several who share them: the jobs
// of releases that are themselves worked on side by side. nil bounds nothing.
type Slots chan struct{}

// NewSlots are as many as there are processors.
func NewSlots() Slots { return make(Slots, runtime.GOMAXPROCS(0)) }

// Do works when there is a free slot.
func (s Slots) Do(work func()) {
	if s != nil {
		s <- struct{}{}
		defer func() { <-s }()
	}
	work()
}
