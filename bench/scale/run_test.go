package scale_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/scale"
)

// A process in which operations run says what each takes at every count, and ends
// when all are done.
func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := scale.Run(t.Context(), []string{database.Memory, "10", "20"}, &out); err != nil {
		t.Fatal(err)
	}
	var few, many, seconds float64
	if _, err := fmt.Fscan(&out, &few, &many, &seconds); err != nil || seconds <= 0 {
		t.Errorf("20 operations in one Manager: got %v, %v, %v, %v; want the bytes of each, twice, and some seconds", few, many, seconds, err)
	}
}
