package rest_test

import (
	"net/http"
	"testing"

	"github.com/longrunning-go/longrunning/lro/rest"
)

// A page of another origin may read nothing that the browser would not let it,
// and changes nothing.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	friends := http.NewCrossOriginProtection()
	if err := friends.AddTrustedOrigin("https://friend.example"); err != nil {
		t.Fatal(err)
	}
	friends.SetDenyHandler(http.RedirectHandler("/", http.StatusFound)) // is not used
	for _, tt := range []struct {
		name    string
		opts    *rest.Options
		headers []string
		allowed bool
	}{
		{"no browser", nil, nil, true},
		{"same origin", nil, []string{"Sec-Fetch-Site", "same-origin"}, true},
		{"cross-site", nil, []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"same site", nil, []string{"Sec-Fetch-Site", "same-site"}, false},
		{"an old browser", nil, []string{"Origin", "https://evil.example"}, false},
		{"trusted", &rest.Options{CrossOrigin: friends}, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://friend.example"}, true},
		{"not trusted", &rest.Options{CrossOrigin: friends}, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
	} {
		for _, target := range []string{"POST /v1/operations/x:cancel", "POST /v1/operations/x:wait", "DELETE /v1/operations/x", "GET /v1/operations/x"} {
			method, path := split(target)
			s := new(recorder)
			a := call(t, rest.NewHandler(s, tt.opts), method, path, "", tt.headers...)
			what := tt.name + ": " + target
			if method == "GET" || tt.allowed {
				if a.Code != http.StatusOK {
					t.Errorf("%s: got %d, want 200", what, a.Code)
				}
				continue
			}
			a.want(t, what, http.StatusForbidden, "PERMISSION_DENIED", "CROSS_ORIGIN_REQUEST", "")
			if s.got != nil {
				t.Errorf("%s: the server saw %v, want nothing", what, s.got)
			}
		}
	}
}

// A body that an HTML form could send is refused; a request without one needs no
// content type.
func TestContentType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		media, body string
		allowed     bool
	}{
		{"application/json", "{}", true},
		{"Application/JSON; charset=utf-8", "{}", true},
		{"text/plain", "", true},
		{"", "", true},
		{"text/plain", "{}", false},
		{"application/x-www-form-urlencoded", "{}", false},
		{"multipart/form-data; boundary=x", "{}", false},
		{"application/jsonp", "{}", false},
		{"application/json;", "{}", true},
		{"application/json; =", "{}", false},
		{"", "{}", false},
	} {
		s := new(recorder)
		a := call(t, rest.NewHandler(s, nil), "POST", "/v1/operations/x:cancel", tt.body, "Content-Type", tt.media)
		if tt.allowed {
			if a.Code != http.StatusOK {
				t.Errorf("%q with the body %q: got %d, want 200", tt.media, tt.body, a.Code)
			}
			continue
		}
		a.want(t, tt.media, http.StatusUnsupportedMediaType, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE", "")
		if s.got != nil {
			t.Errorf("%q: the server saw %v, want nothing", tt.media, s.got)
		}
	}
}

// What middleware puts into the context reaches the server, and so its
// Authorizer.
func TestContext(t *testing.T) {
	t.Parallel()
	type caller struct{}
	s := new(recorder)
	h := rest.NewHandler(s, nil)
	r, err := http.NewRequestWithContext(contextWith(t, caller{}, "me"), "GET", "/v1/operations/x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, h, r)
	if got := s.ctx.Value(caller{}); got != "me" {
		t.Errorf("the caller in the server's context: got %v, want the one that middleware put there", got)
	}
}
