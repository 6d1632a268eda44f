package convention_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/longrunning-go/longrunning/internal/convention"
)

// TestResponse: what operations.proto says at Operation.response.
func TestResponse(t *testing.T) {
	t.Parallel()
	isMessage := func(name protoreflect.Name) bool { return name == "Book" || name == "book" }
	for method, want := range map[string]protoreflect.FullName{
		"DeleteBook":   convention.Empty,
		"DeleteAll":    convention.Empty, // whatever it deletes
		"Delete":       "DeleteResponse", // deletes nothing that it names
		"Deleted":      "DeletedResponse",
		"GetBook":      "Book",
		"CreateBook":   "Book",
		"UpdateBook":   "Book",
		"UpdateAll":    "UpdateAllResponse", // no resource
		"Createbook":   "CreatebookResponse",
		"PrintBook":    "PrintBookResponse",
		"TakeSnapshot": "TakeSnapshotResponse",
	} {
		if got := convention.Response(method, isMessage); got != want {
			t.Errorf("Response(%q): got %q, want %q", method, got, want)
		}
	}
}

// TestFollows: the package is the service's own affair, except that of Empty.
func TestFollows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		found, response protoreflect.FullName
		want            bool
	}{
		{"library.v1.Book", "Book", true},
		{"elsewhere.Book", "Book", true},
		{"library.v1.Shelf", "Book", false},
		{"google.protobuf.Empty", convention.Empty, true},
		{"library.v1.Empty", convention.Empty, false},
	} {
		if got := convention.Follows(c.found, c.response); got != c.want {
			t.Errorf("Follows(%q, %q): got %v, want %v", c.found, c.response, got, c.want)
		}
	}
}
