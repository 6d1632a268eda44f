package filter_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// What is wrong is said: where, what was expected, and what is there.
func TestInvalid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"(":                                 "byte 2: expected a field such as done, found the end",
		"done = true)":                      `byte 12: expected AND, OR or the end, found ")"`,
		"  done\n AND done)":                `byte 17: expected AND, OR or the end, found ")"`,
		"(done":                             "byte 6: expected AND, OR or ), found the end",
		"()":                                `byte 2: expected a field such as done, found ")"`,
		"done AND":                          "byte 9: expected a field such as done, found the end",
		"OR done":                           `byte 1: expected a field such as done, found "OR"`,
		"NOT":                               "byte 4: expected a field such as done, found the end",
		"done and attempt = 2":              `"and" is no condition: write AND in capitals`,
		"NOT NOT done":                      `byte 5: expected a field such as done, found "NOT"`,
		"- done":                            `byte 2: expected a field such as done, found " "`,
		"done =":                            "byte 7: expected a value after =, found the end",
		"done = AND done":                   `byte 8: expected a value after =, found "AND"`,
		"name = (x)":                        `byte 8: expected a value after =, found "("`,
		"done=true=true":                    "byte 10: expected a space; or put the value in quotes, found \"=true\"",
		`name="a"name="b"`:                  "byte 9: expected a space",
		"error. = x":                        `byte 7: expected a field such as done, found " "`,
		"attempt = 1,2":                     `byte 12: expected a space, found ",2"`,
		`name = "unclosed`:                  "string that begins at byte 8 has no end",
		`name = "a\b"`:                      "byte 11: expected one of \" ' * \\ after a backslash",
		`'\`:                                "search for mere text is not served",
		`"text"`:                            "search for mere text is not served",
		"text":                              "alone is no condition",
		"name":                              "alone is no condition",
		"f(name)":                           `byte 1: "f" is no function`,
		"done AND size(name) = 1":           `byte 10: "size" is no function`,
		"name = f(x)":                       "byte 9: expected a value without parentheses",
		"NOT()":                             `byte 5: expected a field such as done, found ")"`,
		"FUZZY(done)":                       `"FUZZY" is no function`,
		"AND()":                             `byte 1: expected a field such as done, found "AND`,
		"nonsense = 1":                      "there is no field nonsense",
		"done.x = 1":                        "there is no field done.x",
		"done = yes":                        `"yes" does not fit: expected true or false`,
		"done = 1":                          "true or false",
		"attempt = many":                    "a whole number",
		"attempt = 1.5":                     "a whole number",
		"attempt = 18446744073709551616":    "a whole number of at most 64 bits",
		"create_time > yesterday":           "a time such as 2030-01-31T12:00:00Z",
		"end_time > create_time":            "a time",
		"done > false":                      "no order",
		"error = 5":                         "one of its fields",
		"error.reason = x":                  "there is no field error.reason",
		"error.code = BOGUS":                "a value of google.rpc.Code",
		"metadata = 1":                      "one of its fields",
		"metadata.nope = 1":                 "no method has the field metadata.nope",
		"metadata.label = LOUD":             "expected the name of a value of",
		"metadata.reason.x = 1":             "no method has the field metadata.reason.x",
		"metadata.reason.x:*":               "no method has the field metadata.reason.x",
		"metadata.metadata = zone":          "use : instead of =",
		"metadata.label > LABEL_REPEATED":   "no order",
		"attempt = 0x10":                    "a whole number",
		"attempt = 0.99999999999999999999":  "a whole number",
		"attempt = 1e-400":                  "a whole number",
		"create_time > 2030-01-31T1:00:00Z": "a time",
		"metadata.retry_delay = soon":       "a duration such as 20s",
		"metadata.retry_delay = 5ms":        "a duration such as 20s",
		"metadata.violations = x":           "metadata.violations is repeated, or a map: use : instead of =",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one that says %s", text, err, want)
		}
	}
}

// The bounds hold whatever words, strings and spaces a filter is made of.
func TestBounds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		strings.Repeat("x", 5000):                                    "at most 4096",
		strings.Repeat("(", 1_000_000):                               "at most 4096",
		strings.Repeat("(", 33) + "done":                             "nested deeper than 32",
		`error.message != a"` + "\u00a0" + strings.Repeat("(", 2000): "expected a space; or put the value in quotes",
		`error.message != a' ` + strings.Repeat("(", 2000):           "nested deeper than 32",
		strings.Repeat("done ", 101):                                 "more than 100 terms",
		strings.Repeat("done\v", 101):                                "more than 100 terms",
		strings.Repeat("done OR(", 20) + strings.Repeat("done ", 81): "more than 100 terms",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got error %v, want one that says %q", text, err, want)
		}
	}
	for _, text := range []string{
		strings.Repeat("(", 32) + "done" + strings.Repeat(")", 32),
		strings.Repeat("(done)", 100),
	} {
		if _, err := parse(text); err != nil {
			t.Errorf("%.60s: got error %v, want none at the bounds", text, err)
		}
	}
}

// Whatever is a filter can be evaluated; NOT of it selects all else, and it with
// itself the same; and what it selects has what its conjuncts say.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"done", "NOT()", "AND(done)", `name="a*" AND -done OR attempt>-2`, `metadata.metadata."k"=1.5`, "create_time>2030-01-31T12:00:00Z",
		"20s", `'\`, "(((", "metadata.retry_delay<-5s", "done:* error:code", `error.message!=a" "`, "attempt=1e3", `name='a\*b'`,
	} {
		f.Add(seed)
	}
	op := setup(&errdetails.ErrorInfo{Reason: "SLOW"})
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(text)
		if err != nil {
			return
		}
		matches := got.Matches(op)
		if c := got.Conjuncts(); matches && (c.Done != nil && *c.Done != op.Done || c.Name != "" && c.Name != op.Name) {
			t.Errorf("it selects the operation, and its conjuncts %+v do not", c)
		}
		if strings.TrimSpace(text) == "" {
			return
		}
		for other, want := range map[string]bool{"NOT (" + text + ")": !matches, "(" + text + ") AND (" + text + ")": matches} {
			f, err := parse(other)
			switch {
			case err != nil && !strings.Contains(err.Error(), "deeper") && !strings.Contains(err.Error(), "at most") && !strings.Contains(err.Error(), "terms"):
				t.Errorf("%s: got error %v, want none", other, err)
			case err == nil && f.Matches(op) != want:
				t.Errorf("%s: matches %v, want %v", other, !want, want)
			}
		}
	})
}

// What the longest, deepest and most filters cost that anybody may send.
func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"a million parentheses": strings.Repeat("(", 1_000_000),
		"100 terms":             strings.Repeat("attempt<1e3 ", 100),
		"4 KiB of parentheses":  strings.Repeat("(", 4096),
		"4 KiB of minus":        strings.Repeat("-", 4096),
		"4 KiB of dots":         strings.Repeat("a.", 2048),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = parse(text)
			}
		})
	}
}
