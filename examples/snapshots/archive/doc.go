// Package archive writes a folder into a tar.gz, and goes on where an earlier
// attempt was killed.
//
// # What an archive holds
//
// Directories, regular files and symbolic links (as links), in byte order of
// their paths; sockets, devices and pipes are left out. An entry's name is its
// path from the folder, a directory's without a slash behind it, so that names
// have the same order. Of an entry's attributes only its type and its
// permission bits are kept; times and owners are zero. So the bytes of the tar,
// and their SHA-256, depend on nothing but what is in the folder: not on when,
// by whom or in how many attempts it was taken, nor on a copy having got new
// times and another owner.
//
// # How it resumes
//
// An archive is a row of gzip members, at least one for each file, and a
// checkpoint is only ever taken between two of them: it is the offset there, the
// state of the hash, and the path it stands behind. A large file is split over
// several members, so that a checkpoint comes after every twentieth of the
// folder, wherever that lies. The next attempt cuts the partial archive off at
// that offset and goes on; what it reads again is less than that twentieth.
//
// # Why an attempt that was thought dead does no harm
//
// A process may be paused, have its operation adopted by another, and wake up in
// the middle of a write. Two rules keep it away from the result:
//
// An attempt writes to a file that nobody else writes to. It takes an earlier
// attempt's partial archive over as it is only while it holds the lock that
// the other's process would hold if it lived; otherwise it copies what counts
// of it.
//
// An attempt publishes by renaming its partial archive, whose name carries the
// attempt, and later attempts take that name away. It saves a checkpoint after
// it has given the file its name and before anything else. That write is
// fenced, so either it fails and the attempt ends, or every later attempt
// starts after it, finds the name and removes it before it publishes itself. An
// older attempt can thus publish only before a newer one does, which then
// replaces what it published.
package archive
