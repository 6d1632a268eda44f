// Package convention says by a method's name which response its operation has,
// where no google.longrunning.operation_info does.
package convention

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Empty is the response of a method that returns no data.
const Empty protoreflect.FullName = "google.protobuf.Empty"

// Response answers the type that the operation of a method should have as its
// response: [Empty] in full, and any other without its package, which is the
// service's own affair. IsMessage reports whether the package of the method's
// request has a message of that name.
//
// operations.proto says it at Operation.response: "If the original method returns
// no data on success, such as Delete, the response is google.protobuf.Empty. If
// the original method is standard Get/Create/Update, the response should be the
// resource. For other methods, the response should have the type XxxResponse."
func Response(method string, isMessage func(protoreflect.Name) bool) protoreflect.FullName {
	if _, ok := cutVerb(method, "Delete"); ok {
		return Empty
	}
	// Standard are those whose package has the resource (AIP-131, 133, 134).
	for _, verb := range []string{"Get", "Create", "Update"} {
		if resource, ok := cutVerb(method, verb); ok && isMessage(protoreflect.Name(resource)) {
			return protoreflect.FullName(resource)
		}
	}
	return protoreflect.FullName(method + "Response")
}

// Follows reports whether a type is the one that Response answered.
func Follows(found, response protoreflect.FullName) bool {
	if response == Empty {
		return found == Empty
	}
	return found.Name() == response.Name()
}

func cutVerb(method, verb string) (string, bool) {
	rest, ok := strings.CutPrefix(method, verb)
	return rest, ok && rest != "" && unicode.IsUpper(rune(rest[0]))
}
