package filter_test

import (
	"os"
	"regexp"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro/internal/filter"
)

// Every filter of the table in docs/filters.md is one.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/filters.md")
	must(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(page, -1)
	if len(rows) < 10 {
		t.Fatalf("docs/filters.md has %d rows with a filter; want at least 10", len(rows))
	}
	meta := []protoreflect.MessageDescriptor{(&pb.TakeSnapshotMetadata{}).ProtoReflect().Descriptor()}
	for _, row := range rows {
		if _, err := filter.Parse(string(row[1]), meta); err != nil {
			t.Errorf("docs/filters.md shows %s: %v", row[1], err)
		}
	}
}
