package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

// checkCreateVolume answers the name of the volume to create.
//
// A volume that exists is no mistake in the request that created it: sent
// again, that is answered the same operation (AIP-155).
func (s *Service) checkCreateVolume(req *pb.CreateVolumeRequest) (volumeName, error) {
	name, err := parseVolume(req.GetParent() + "/volumes/" + req.GetVolumeId())
	if err != nil {
		return volumeName{}, failure(codes.InvalidArgument, "INVALID_NAME",
			"expected parent projects/{project}, and a volume_id of 1 to 63 letters, digits, dots, hyphens and underscores, the first a letter or a digit; found parent %q, volume_id %q",
			req.GetParent(), req.GetVolumeId())
	}
	existing, err := s.volumes.get(name)
	switch {
	case err == nil && repeats(req.GetRequestId(), existing.RequestID):
		return name, nil
	case err == nil:
		return volumeName{}, failure(codes.AlreadyExists, "VOLUME_EXISTS", "volume %q exists", name)
	case !errors.Is(err, fs.ErrNotExist):
		return volumeName{}, err
	}
	return name, s.checkPath(req.GetVolume().GetPath())
}

// checkPath answers an error unless a volume may be created of path.
func (s *Service) checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return failure(codes.InvalidArgument, "INVALID_PATH", "expected the absolute path of a folder in volume.path, found %q", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return failure(codes.InvalidArgument, "INVALID_PATH", "expected a folder at volume.path, found nothing readable at %q", path)
	}
	if !info.IsDir() {
		return failure(codes.InvalidArgument, "INVALID_PATH", "expected a folder at volume.path, found a file at %q", path)
	}
	if own, err := os.Stat(s.dir); err == nil && os.SameFile(info, own) {
		return failure(codes.InvalidArgument, "INVALID_PATH", "volume.path %q is where the server keeps its snapshots, which is never archived", path)
	}
	return nil
}

// checkDeleteVolume answers the name of the volume to delete. As in
// checkCreateVolume, the request that has deleted it may be sent again.
func (s *Service) checkDeleteVolume(req *pb.DeleteVolumeRequest) (volumeName, error) {
	name, err := parseVolume(req.GetName())
	if err != nil {
		return volumeName{}, err
	}
	_, err = s.volumes.get(name)
	if errors.Is(err, fs.ErrNotExist) {
		if repeats(req.GetRequestId(), s.volumes.removedBy(name)) {
			return name, nil
		}
		return volumeName{}, noVolume(name)
	}
	return name, err
}

// checkTakeSnapshot answers the name of the volume to archive.
func (s *Service) checkTakeSnapshot(req *pb.TakeSnapshotRequest) (volumeName, error) {
	name, err := parseVolume(req.GetVolume())
	if err != nil {
		return volumeName{}, err
	}
	if req.GetBytesPerSecond() < 0 {
		return volumeName{}, failure(codes.InvalidArgument, "INVALID_RATE",
			"expected bytes_per_second to be 0, for unlimited, or more; found %d", req.GetBytesPerSecond())
	}
	v, err := s.volumes.get(name)
	if errors.Is(err, fs.ErrNotExist) {
		return volumeName{}, noVolume(name)
	}
	if err != nil {
		return volumeName{}, err
	}
	return name, s.checkPath(v.Path)
}

// repeats reports whether a request with this id may be one that was executed
// before. Whether it is, lro knows.
func repeats(id, earlier string) bool { return id != "" && id == earlier }

// A volumeName is projects/{project}/volumes/{volume}.
type volumeName struct{ project, volume string }

var volumePattern = regexp.MustCompile(`^projects/([A-Za-z0-9][A-Za-z0-9._-]{0,62})/volumes/([A-Za-z0-9][A-Za-z0-9._-]{0,62})$`)

func parseVolume(name string) (volumeName, error) {
	m := volumePattern.FindStringSubmatch(name)
	if m == nil {
		return volumeName{}, failure(codes.InvalidArgument, "INVALID_NAME", "expected a volume projects/{project}/volumes/{volume}, found %q", name)
	}
	return volumeName{m[1], m[2]}, nil
}

func (n volumeName) String() string { return "projects/" + n.project + "/volumes/" + n.volume }

// parent answers the parent of the volume and of all operations on it.
func (n volumeName) parent() string { return "projects/" + n.project }

func noVolume(name volumeName) error {
	return failure(codes.NotFound, "NO_SUCH_VOLUME", "volume %q does not exist", name)
}

// failure answers an error for clients, with the one ErrorInfo that AIP-193
// asks for.
func failure(code codes.Code, reason, format string, args ...any) error {
	st := status.New(code, fmt.Sprintf(format, args...))
	detailed, err := st.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "snapshots.example.com"})
	if err != nil {
		return st.Err()
	}
	return detailed.Err()
}
