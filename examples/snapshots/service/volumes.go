package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Volumes is the list of volumes: one small file for each, in a folder. Its
// methods may be called from any goroutine and by several processes on the same
// folder.
//
// Why not in the store of the operations? An operation is the history of a
// volume and not the volume: clients may delete it, and retention removes it
// after 30 days. And why not in a database? What a volume names is a folder of
// this machine, and an archive that another attempt goes on with lies in the
// folder of the archives: servers that share a store share that one in any
// case. So the list lives beside the archives, and is as durable as they are.
type Volumes struct{ dir string }

// OpenVolumes answers the volumes listed in the folder dir, which is made if it
// is missing.
func OpenVolumes(dir string) (*Volumes, error) {
	return &Volumes{dir}, os.MkdirAll(dir, 0o755)
}

// A volume as its file has it.
type volume struct {
	Path       string    `json:"path"`
	CreateTime time.Time `json:"create_time"`
	Operation  string    `json:"operation"`            // that created it
	RequestID  string    `json:"request_id,omitempty"` // of that operation
}

// path answers where the file of a volume is. A file with the suffix .gone
// stands for a volume that is no more, and says who removed it.
func (v *Volumes) path(name volumeName, suffix string) string {
	return filepath.Join(v.dir, name.project, name.volume+suffix)
}

// get answers a volume, or fs.ErrNotExist.
func (v *Volumes) get(name volumeName) (volume, error) {
	var vol volume
	data, err := os.ReadFile(v.path(name, ".json"))
	if err != nil {
		return vol, err
	}
	return vol, json.Unmarshal(data, &vol)
}

// create adds a volume, or answers fs.ErrExist where another operation has
// added one of that name.
func (v *Volumes) create(name volumeName, vol volume) error {
	data, err := json.Marshal(vol)
	if err != nil {
		return err
	}
	path := v.path(name, ".json")
	err = publish(path, data, os.Link) // fails if there is one
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	existing, getErr := v.get(name)
	if getErr == nil && existing.Operation == vol.Operation {
		return nil // an earlier attempt came this far
	}
	return err
}

// remove removes a volume, on behalf of the request with this id.
func (v *Volumes) remove(name volumeName, requestID string) error {
	if err := publish(v.path(name, ".gone"), []byte(requestID), os.Rename); err != nil {
		return err
	}
	path := v.path(name, ".json")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// removedBy answers the id of the request that removed the last volume of that
// name, "" if there is none.
func (v *Volumes) removedBy(name volumeName) string {
	data, err := os.ReadFile(v.path(name, ".gone"))
	if err != nil {
		return ""
	}
	return string(data)
}

// publish writes a file under another name, brings it to the disk, and gives it
// its own by place: so that nobody ever reads half of it.
func publish(path string, data []byte, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("snapshots: write %s: %w", path, err)
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir))) // dir may be new
}

// syncDir brings the names in dir to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
