package rest

import (
	"iter"
	"net/url"
	"strings"
)

// isSystem reports whether a query parameter is one of Google's system
// parameters, which any method takes and clients add on their own
// (https://cloud.google.com/apis/docs/system-parameters). All with a $ are.
func isSystem(key string) bool {
	switch key {
	case "access_token", "alt", "callback", "fields", "key", "oauth_token",
		"prettyPrint", "quotaUser", "uploadType", "upload_protocol", "userIp":
		return true
	default:
		return strings.HasPrefix(key, "$")
	}
}

// isAlt reports whether a parameter says in which format to answer.
func isAlt(key string) bool { return key == "alt" || key == "$alt" }

// The formats: JSON, with enums by their names or by their numbers.
const (
	altJSON    = "json"
	altNumbers = "json;enum-encoding=int"
)

// wantsNumbers reports whether a query asks for the numbers of enums, in errors
// too, and so whatever else is wrong with it.
func wantsNumbers(query string) bool {
	for k, v := range params(query) {
		key, _ := url.QueryUnescape(k)
		value, _ := url.QueryUnescape(v)
		if isAlt(key) && value == altNumbers {
			return true
		}
	}
	return false
}

// params answers the parameters of a query, as they are escaped. They are read
// here since the semicolon of Google's $alt is one that net/url refuses.
func params(query string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for param := range strings.SplitSeq(query, "&") {
			key, value, _ := strings.Cut(param, "=")
			if param != "" && !yield(key, value) {
				return
			}
		}
	}
}
