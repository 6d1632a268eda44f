package proxy

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// A verdict is what becomes of a message.
type verdict int

const (
	pass verdict = iota
	lose
	cut // it and all that follows it
)

const (
	// headerSize is the type and the length of a message; the length counts itself
	// and what follows.
	headerSize = 5
	// peekSize is how much of a message is looked at, at most: names, tags and the
	// texts of statements. The rest streams through.
	peekSize = 16 << 10
)

// frames finds the messages in what one side says.
type frames struct {
	judge func(kind byte, body []byte) verdict // gets what is looked at of a message
	left  int                                  // bytes of the message under way
	lost  bool                                 // those are dropped
}

// next answers what goes on of buf, at its beginning, and what of its end is to be
// shown again with more behind it. After a cut nothing more goes on.
func (f *frames) next(buf []byte) (out, rest []byte, isCut bool) {
	w, r := 0, 0
	for {
		n := min(f.left, len(buf)-r)
		if !f.lost {
			w += copy(buf[w:], buf[r:r+n])
		}
		r += n
		f.left -= n
		rest = buf[r:]
		if f.left > 0 || len(rest) < headerSize {
			return buf[:w], rest, false
		}
		size := max(headerSize, 1+int(binary.BigEndian.Uint32(rest[1:])))
		seen := min(size, peekSize)
		if len(rest) < seen {
			return buf[:w], rest, false
		}
		v := f.judge(rest[0], rest[headerSize:seen])
		if v == cut {
			return buf[:w], nil, true
		}
		f.left, f.lost = size, v == lose
	}
}

// A session knows whether the transaction of a connection has written something.
// The rule: since it began the server has completed an INSERT, UPDATE or DELETE
// of more than 0 rows; or a SELECT of more than 0 rows whose text has one of these
// words, which is one that writes in a WITH clause and answers what it wrote. The
// words of FOR UPDATE and FOR NO KEY UPDATE do not count. Nor does a single row
// that is the number 0, which is how the statement of pgstore's Expire says that it
// has removed nothing.
//
// So what every transaction of pgstore begins with, a SELECT of set_config, is no
// write, nor are its reads. What is undone by ROLLBACK TO counts all the same, and
// COPY, DDL and what functions do does not.
//
// A transaction ends with a COMMIT; or, where it has none, when the server is ready
// for the next query and in no transaction any more.
//
// A CommandComplete does not say which text it is about, but the server answers in
// the order of the client's messages, which is why these are followed too.
type session struct {
	proxy *Proxy

	mu         sync.Mutex      // guards what follows
	statements map[string]bool // whether the text of a prepared statement writes
	portals    map[string]bool // the same for what was bound
	steps      []step          // what the server has yet to answer
	none       bool            // the last row is the number 0
	wrote      bool            // since the transaction began
	undone     bool            // by an error or a ROLLBACK, unless a COMMIT follows
}

// A step is an Execute, a Sync, or a simple query, which is both.
type step struct {
	writes bool // by its text
	sync   bool // a ReadyForQuery ends it
}

func newSession(p *Proxy) session {
	return session{proxy: p, statements: make(map[string]bool), portals: make(map[string]bool)}
}

func (s *session) clientSays(kind byte, body []byte) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case 'P': // Parse
		name, text := word(body)
		s.statements[name] = writes(text)
	case 'B': // Bind
		portal, rest := word(body)
		statement, _ := word(rest)
		s.portals[portal] = s.statements[statement]
	case 'E': // Execute
		portal, _ := word(body)
		s.steps = append(s.steps, step{writes: s.portals[portal]})
	case 'Q': // Query
		s.steps = append(s.steps, step{writes: writes(body), sync: true})
	case 'S', 'F': // Sync, FunctionCall
		s.steps = append(s.steps, step{sync: true})
	}
	return pass
}

func (s *session) serverSays(kind byte, body []byte) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case 'A': // NotificationResponse
		if s.proxy.losesNotification() {
			return lose
		}
	case 'D': // DataRow
		s.none = isZero(body)
	case 'C': // CommandComplete
		tag, _ := word(body)
		if s.completed(tag) && s.proxy.losesCommit() {
			return cut
		}
	case 'E': // ErrorResponse
		s.undone = true
	case 'I', 's': // EmptyQueryResponse, PortalSuspended
		s.executed()
	case 'Z': // ReadyForQuery: after an error the server has skipped what came before the Sync
		for len(s.steps) > 0 && !s.steps[0].sync {
			s.steps = s.steps[1:]
		}
		s.steps = s.steps[min(1, len(s.steps)):]
		if s.ready(body) && s.proxy.losesCommit() {
			return cut
		}
	}
	return pass
}

// ready reports whether a ReadyForQuery tells of the commit of a transaction
// without COMMIT that has written something.
func (s *session) ready(status []byte) bool {
	if string(status) != "I" {
		return false
	}
	committed := s.wrote && !s.undone
	s.wrote, s.undone = false, false
	return committed
}

// executed answers whether the text of what the server has just executed writes.
func (s *session) executed() bool {
	if len(s.steps) == 0 {
		return false
	}
	first := s.steps[0]
	if !first.sync {
		s.steps = s.steps[1:]
	}
	return first.writes
}

// completed notes a command, by its tag, and reports whether it is the COMMIT of a
// transaction that has written something.
func (s *session) completed(tag string) bool {
	wrote, byText, none := s.wrote, s.executed(), s.none
	s.none = false
	verb, _, _ := strings.Cut(tag, " ")
	rows, _ := strconv.Atoi(tag[strings.LastIndexByte(tag, ' ')+1:])
	switch verb {
	case "BEGIN", "START", "COMMIT":
		s.wrote, s.undone = false, false
		return verb == "COMMIT" && wrote
	case "ROLLBACK":
		s.undone = true
	case "INSERT", "UPDATE", "DELETE":
		s.wrote = wrote || rows > 0
	case "SELECT":
		s.wrote = wrote || byText && rows > 0 && (rows > 1 || !none)
	}
	return false
}

// isZero reports whether a row is the number 0 and nothing else: one column, its
// length, and its value in binary or in text.
func isZero(row []byte) bool {
	return string(row) == "\x00\x01\x00\x00\x00\x08"+"\x00\x00\x00\x00\x00\x00\x00\x00" ||
		string(row) == "\x00\x01\x00\x00\x00\x01"+"0"
}

// writes reports whether a text of SQL has the word of a command that writes.
func writes(text []byte) bool {
	before := ""
	for w := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch w := strings.ToUpper(string(w)); {
		case w == "INSERT", w == "DELETE", w == "UPDATE" && before != "FOR" && before != "KEY":
			return true
		default:
			before = w
		}
	}
	return false
}

// word answers the text up to the first NUL, and what follows that.
func word(body []byte) (string, []byte) {
	text, rest, _ := bytes.Cut(body, []byte{0})
	return string(text), rest
}
