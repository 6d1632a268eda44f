//go:build linux

package worker

import (
	"encoding/json"
	"io"
	"sync"
)

// events go out one line each, and none is lost but by the death of the process.
type events struct {
	mu    sync.Mutex
	out   io.Writer
	under int // handlers under way
}

func (e *events) tell(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.write(event)
}

func (e *events) write(event Event) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err) // a struct of plain fields
	}
	_, _ = e.out.Write(append(line, '\n')) // who listened is gone, and this process soon
}

// began and returned count the handlers under way.
func (e *events) began(name string, epoch int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.under++
	e.write(Event{Kind: Began, Name: name, Epoch: epoch})
}

func (e *events) returned(name string, epoch int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.under--
	e.write(Event{Kind: Returned, Name: name, Epoch: epoch})
}

// strike kills this process, and says at which point, if handlers are under way:
// otherwise its death would prove nothing. It keeps the lock, so that no second
// point is told of the same death.
func (e *events) strike(point string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.under > 0 {
		e.write(Event{Kind: Struck, Text: point, Running: e.under})
		kill()
	}
}
