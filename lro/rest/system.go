package rest

import "strings"

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

const (
	altJSON    = "json"
	altNumbers = "json;enum-encoding=int"
)
