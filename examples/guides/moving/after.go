package moving

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportslro"
	"github.com/longrunning-go/longrunning/lro"
)

type after struct {
	pb.UnimplementedReportsServer

	writeReport *reportslro.WriteReportMethod
}

func registerAfter(g *grpc.Server, m *lro.Manager) {
	pb.RegisterReportsServer(g, &after{writeReport: reportslro.HandleWriteReport(m, run, nil)})
	longrunningpb.RegisterOperationsServer(g, lro.NewServer(m, lro.AllowAll, nil))
}

func (s *after) WriteReport(ctx context.Context, req *pb.WriteReportRequest) (*longrunningpb.Operation, error) {
	return s.writeReport.Start(ctx, req, nil)
}

func run(ctx context.Context, task *reportslro.WriteReportTask, req *pb.WriteReportRequest) (*pb.WriteReportResponse, error) {
	return write(ctx, req, task.Report)
}
