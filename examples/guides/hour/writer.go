// Package hour is the code of docs/guides/testing.md: a handler that takes an hour,
// and its tests, which take milliseconds.
package hour

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportslro"
)

const pages = 60

// write writes a page a minute. An attempt goes on where the last one has stopped.
func write(ctx context.Context, task *reportslro.WriteReportTask, req *pb.WriteReportRequest) (*pb.WriteReportResponse, error) {
	done := new(wrapperspb.Int32Value)
	if _, err := task.Load(done); err != nil {
		return nil, err
	}
	for page := done.GetValue(); page < pages; page++ {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		task.Report(&pb.WriteReportMetadata{PagesDone: page + 1, Pages: pages})
		if err := task.Save(ctx, wrapperspb.Int32(page+1)); err != nil {
			return nil, err
		}
	}
	return &pb.WriteReportResponse{Text: fmt.Sprintf("%s, attempt %d", req.GetMonth(), task.Attempt())}, nil
}
