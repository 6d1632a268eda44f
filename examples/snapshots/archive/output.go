package archive

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"
	"os"

	"github.com/longrunning-go/longrunning/examples/snapshots/internal/checkpointpb"
)

// An output makes the bytes of a tar into gzip members at the end of a file.
type output struct {
	file *os.File
	buf  *bufio.Writer // to file
	zip  *gzip.Writer  // to buf
	open bool          // a member is begun and not ended
	sum  hash.Hash     // of the tar
}

// newOutput goes on behind the checkpoint from, where file is positioned.
func newOutput(file *os.File, from *checkpointpb.Checkpoint) (*output, error) {
	o := &output{file: file, buf: bufio.NewWriterSize(file, chunkSize), sum: sha256.New()}
	if state := from.GetSha256(); state != nil {
		if err := o.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
			return nil, fmt.Errorf("archive: checkpoint: %w", err)
		}
	}
	var err error
	o.zip, err = gzip.NewWriterLevel(o.buf, gzip.BestSpeed)
	return o, err
}

// Write takes bytes of the tar, and begins a gzip member if none is open.
func (o *output) Write(p []byte) (int, error) {
	if !o.open {
		o.zip.Reset(o.buf)
		o.open = true
	}
	o.sum.Write(p)
	return o.zip.Write(p)
}

// pad fills up the last block of an entry of size bytes.
func (o *output) pad(size int64) error {
	var zero [blockSize]byte
	_, err := o.Write(zero[:-size&(blockSize-1)])
	return err
}

// finish writes the two empty blocks that end a tar.
func (o *output) finish() error {
	var zero [2 * blockSize]byte
	if _, err := o.Write(zero[:]); err != nil {
		return err
	}
	if err := o.endMember(); err != nil {
		return err
	}
	return o.buf.Flush()
}

func (o *output) endMember() error {
	if !o.open {
		return nil
	}
	o.open = false
	return o.zip.Close()
}

// sync ends the member and brings all to the disk. It answers the size of the
// file and the state of the hash.
func (o *output) sync() (size int64, state []byte, err error) {
	if err := o.endMember(); err != nil {
		return 0, nil, err
	}
	if err := o.buf.Flush(); err != nil {
		return 0, nil, err
	}
	if err := o.file.Sync(); err != nil {
		return 0, nil, err
	}
	info, err := o.file.Stat()
	if err != nil {
		return 0, nil, err
	}
	state, err = o.sum.(encoding.BinaryMarshaler).MarshalBinary()
	return info.Size(), state, err
}
