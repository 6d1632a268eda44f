package oracle

import (
	"fmt"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
)

// A Stamp says who wrote a value: every value that a harness writes bears one.
type Stamp struct {
	Epoch int64  // of the attempt; 0 where no attempt writes: at Start, or by name
	Seq   int64  // grows with every value of that attempt
	By    string // the process, or the client; one word
}

const stampFormat = "epoch=%d seq=%d by=%s"

func (s Stamp) String() string { return fmt.Sprintf(stampFormat, s.Epoch, s.Seq, s.By) }

// Metadata answers metadata with the stamp.
func (s Stamp) Metadata() *testpb.PrintMetadata {
	return &testpb.PrintMetadata{PagesDone: s.Seq, Stage: s.String()}
}

// Checkpoint answers a checkpoint with the stamp.
func (s Stamp) Checkpoint() *testpb.Checkpoint {
	return &testpb.Checkpoint{Offset: s.Seq, Note: s.String()}
}

// Response answers a response with the stamp.
func (s Stamp) Response() *testpb.PrintResponse {
	return &testpb.PrintResponse{Pages: s.Epoch, Text: s.String()}
}

// Err answers an error with the stamp, as a gRPC status.
func (s Stamp) Err() error { return status.Error(codes.DataLoss, s.String()) }

// Parse answers the stamp in a text.
func Parse(text string) (s Stamp, ok bool) {
	n, err := fmt.Sscanf(text, stampFormat, &s.Epoch, &s.Seq, &s.By)
	return s, err == nil && n == 3
}

// before orders the stamps of attempts.
func (s Stamp) before(o Stamp) bool {
	return s.Epoch < o.Epoch || s.Epoch == o.Epoch && s.Seq < o.Seq
}

// inAny answers the stamp in a serialized Any; none is no stamp.
func inAny(b []byte) (Stamp, bool) {
	packed := new(anypb.Any)
	if b == nil || proto.Unmarshal(b, packed) != nil {
		return Stamp{}, false
	}
	return inMessage(packed)
}

func inMessage(packed *anypb.Any) (Stamp, bool) {
	if packed == nil {
		return Stamp{}, false
	}
	msg, err := packed.UnmarshalNew()
	if err != nil {
		return Stamp{}, false
	}
	switch msg := msg.(type) {
	case *testpb.PrintMetadata:
		return Parse(msg.GetStage())
	case *testpb.Checkpoint:
		return Parse(msg.GetNote())
	case *testpb.PrintResponse:
		return Parse(msg.GetText())
	default:
		return Stamp{}, false
	}
}

// inStatus answers the stamp in a serialized Status; the library's own have none.
func inStatus(b []byte) (Stamp, bool) {
	st := new(spb.Status)
	if b == nil || proto.Unmarshal(b, st) != nil {
		return Stamp{}, false
	}
	return Parse(st.GetMessage())
}
