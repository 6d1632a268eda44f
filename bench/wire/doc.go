// Package wire measures what package lro adds to a call on the wire: a server of
// its own against a bare handler behind the same one, over TCP on loopback. One
// file per way to ask.
package wire
