package service_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

// What a killed server has archived is not read again: at 100 bytes a second,
// 10,000 bytes take 100 s, and those of two attempts at most 110 s.
func TestResumeAfterCrash(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.write(t, "a", 1_000)
	f.write(t, "b", 8_000)
	f.write(t, "c", 1_000)
	synctest.Test(t, func(t *testing.T) {
		first, second := setup(t, f), setup(t, f)
		first.create(f)
		whole, err := first.wait(first.take(0))
		must(t, err)

		time.Sleep(time.Minute) // both have lived for long enough to adopt
		name := first.take(100)
		time.Sleep(50 * time.Second)
		first.link.cut.Store(true)
		killed := time.Now()
		before := second.metadata(name).GetBytesDone()
		res, err := second.wait(name)
		must(t, err)

		if res.GetSha256() != whole.GetSha256() || res.GetFiles() != 3 || res.GetBytes() != 10_000 {
			t.Errorf("the snapshot of two attempts: got %v, want that of one, %v", res, whole)
		}
		if got := sumOf(t, res.GetSnapshot()); got != whole.GetSha256() {
			t.Errorf("sha256 of the archive on the disk: got %s, want %s", got, whole.GetSha256())
		}
		if got := second.metadata(name).GetAttempt(); got != 2 {
			t.Errorf("attempt in the metadata: got %d, want 2", got)
		}
		if before < 4_000 {
			t.Errorf("bytes done when the server was killed: got %d, want about 5,000", before)
		}
		// Half a minute is more than the lease and the time to notice.
		if took := time.Since(killed); took > 60*time.Second+30*time.Second {
			t.Errorf("after the crash it took %v, want the remaining half (50 s), at most a tenth of all (10 s), and the lease", took)
		}
	})
}

// A drain hands a snapshot to another server at once.
func TestResumeAfterDrain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.write(t, "a", 10_000)
	synctest.Test(t, func(t *testing.T) {
		first := setup(t, f)
		first.create(f)
		name := first.take(100)
		time.Sleep(30 * time.Second)
		second := setup(t, f)
		drain := time.Now()
		first.stop()
		res, err := second.wait(name)
		must(t, err)
		if res.GetBytes() != 10_000 {
			t.Errorf("got %v, want 10,000 bytes", res)
		}
		if took := time.Since(drain); took > 80*time.Second {
			t.Errorf("after the drain it took %v, want about the 70 s that were left", took)
		}
	})
}

// Volumes are there for every server with the same list, now and later.
func TestVolumesAreShared(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	synctest.Test(t, func(t *testing.T) {
		first, second := setup(t, f), setup(t, f)
		first.create(f)
		_, err := second.wait(second.take(0))
		must(t, err)
		first.stop()
		third := setup(t, f)
		_, err = third.wait(third.take(0))
		must(t, err)
	})
}

// Of those who create one volume at a time, one succeeds.
func TestConcurrentCreate(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	synctest.Test(t, func(t *testing.T) {
		servers := []*server{setup(t, f), setup(t, f)}
		results := make([]error, 10)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				s := servers[i%len(servers)]
				op, err := s.CreateVolume(t.Context(), &pb.CreateVolumeRequest{Parent: project, VolumeId: "v1", Volume: &pb.Volume{Path: f.folder}})
				if err == nil {
					_, err = poller.New[*pb.Volume](s.ops, op, nil).Wait(t.Context())
				}
				results[i] = err
			})
		}
		wg.Wait()
		var created int
		for _, err := range results {
			if err == nil {
				created++
				continue
			}
			wantCode(t, "CreateVolume", err, codes.AlreadyExists)
		}
		if created != 1 {
			t.Errorf("created: got %d, want 1", created)
		}
	})
}

// A handler that was killed after its work and before it was known to be done
// is run again, and finds it done.
func TestSecondAttemptOnVolumes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	synctest.Test(t, func(t *testing.T) {
		first, second := setup(t, f), setup(t, f)
		time.Sleep(time.Minute) // both have lived for long enough to adopt
		first.link.cut.Store(true)
		op, err := first.CreateVolume(t.Context(), &pb.CreateVolumeRequest{Parent: project, VolumeId: "v1", Volume: &pb.Volume{Path: f.folder}})
		must(t, err)
		_, err = poller.Resume[*pb.Volume](second.ops, op.GetName(), nil).Wait(t.Context())
		if err != nil {
			t.Errorf("CreateVolume, executed twice: got error %v, want none", err)
		}

		deleteLast := func() string {
			s := setup(t, f)
			time.Sleep(time.Minute)
			s.link.cut.Store(true)
			deleting, deleteErr := s.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Name: volume})
			must(t, deleteErr)
			synctest.Wait()
			return deleting.GetName()
		}
		_, err = poller.Resume[*emptypb.Empty](second.ops, deleteLast(), nil).Wait(t.Context())
		if err != nil {
			t.Errorf("DeleteVolume, executed twice: got error %v, want none", err)
		}

		second.create(f)
		name := deleteLast()
		time.Sleep(time.Second)
		second.create(f) // after the first execution and before the second
		_, err = poller.Resume[*emptypb.Empty](second.ops, name, nil).Wait(t.Context())
		if err != nil {
			t.Errorf("DeleteVolume, executed twice: got error %v, want none", err)
		}
		if _, err := second.wait(second.take(0)); err != nil {
			t.Errorf("the volume that was created meanwhile: got error %v, want that it exists", err)
		}
	})
}
