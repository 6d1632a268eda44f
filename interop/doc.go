// Package interop has tests only: clients that others wrote, unchanged, against
// a server built with this library, in a process of its own. README.md says
// which.
package interop
