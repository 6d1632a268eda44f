package moving

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
)

// write is the work. It stays as it is.
func write(ctx context.Context, req *pb.WriteReportRequest, report func(*pb.WriteReportMetadata)) (*pb.WriteReportResponse, error) {
	if _, err := time.Parse("2006-01", req.GetMonth()); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "the month is %q; it must read like 2026-11", req.GetMonth())
	}
	const pages = 3
	for page := range int32(pages) {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		report(&pb.WriteReportMetadata{PagesDone: page + 1, Pages: pages})
	}
	return &pb.WriteReportResponse{Text: "all about " + req.GetMonth()}, nil
}
