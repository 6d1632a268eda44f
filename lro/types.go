package lro

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/longrunning-go/longrunning/internal/convention"
)

const operationType protoreflect.FullName = "google.longrunning.Operation"

// checkTypes finds the RPC of h and compares its types with those of h, by
// google.longrunning.operation_info or else by the convention that
// operations.proto states at Operation.response. It answers the RPC's full name.
func checkTypes(h *method) (string, error) {
	rpc, name, err := findRPC(h)
	if err != nil {
		return "", err
	}
	if rpc != nil {
		if info := operationInfo(rpc); info != nil {
			return name, checkInfo(h, rpc, info)
		}
	}
	if h.opts.AnyResponse {
		return name, nil
	}
	return name, checkConvention(h, name)
}

// findRPC answers the RPC's descriptor, nil where it is not linked but named.
func findRPC(h *method) (protoreflect.MethodDescriptor, string, error) {
	req := h.req.ProtoReflect().Descriptor().FullName()
	if h.opts.Name != "" {
		return namedRPC(h.opts.Name, req)
	}
	found := rpcsOf(req)
	switch len(found) {
	case 1:
		return found[0], fullMethodName(found[0]), nil
	case 0:
		return nil, "", fmt.Errorf("no linked RPC takes %s and returns %s; set MethodOptions.Name to the RPC's FullMethodName constant", req, operationType)
	default:
		names := make([]string, len(found))
		for i, rpc := range found {
			names[i] = fullMethodName(rpc)
		}
		slices.Sort(names)
		return nil, "", fmt.Errorf("%d RPCs take %s: %s; set MethodOptions.Name to the one that is meant", len(found), req, strings.Join(names, ", "))
	}
}

func namedRPC(name string, req protoreflect.FullName) (protoreflect.MethodDescriptor, string, error) {
	service, short, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !ok || !strings.HasPrefix(name, "/") || !protoreflect.FullName(service).IsValid() || !protoreflect.Name(short).IsValid() {
		return nil, "", fmt.Errorf("MethodOptions.Name is %q; it must read /package.Service/Method, as the FullMethodName constants do", name)
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + short))
	if errors.Is(err, protoregistry.NotFound) {
		if _, err = protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service)); err == nil {
			return nil, "", fmt.Errorf("MethodOptions.Name %s names no RPC: %s is linked and has no method %s", name, service, short)
		}
		return nil, name, nil
	}
	rpc, ok := d.(protoreflect.MethodDescriptor)
	switch {
	case err != nil || !ok:
		return nil, "", fmt.Errorf("MethodOptions.Name %s names no RPC", name)
	case rpc.Output().FullName() != operationType:
		return nil, "", fmt.Errorf("%s returns %s; only an RPC that returns %s has operations", name, rpc.Output().FullName(), operationType)
	case rpc.Input().FullName() != req:
		return nil, "", fmt.Errorf("%s takes %s, and the handler takes %s; make them the same", name, rpc.Input().FullName(), req)
	}
	return rpc, name, nil
}

func rpcsOf(req protoreflect.FullName) []protoreflect.MethodDescriptor {
	var found []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			rpcs := file.Services().Get(i).Methods()
			for j := range rpcs.Len() {
				if rpc := rpcs.Get(j); rpc.Input().FullName() == req && rpc.Output().FullName() == operationType {
					found = append(found, rpc)
				}
			}
		}
		return true
	})
	return found
}

func fullMethodName(rpc protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", rpc.Parent().FullName(), rpc.Name())
}

func operationInfo(rpc protoreflect.MethodDescriptor) *longrunningpb.OperationInfo {
	if rpc.Options() == nil || !proto.HasExtension(rpc.Options(), longrunningpb.E_OperationInfo) {
		return nil
	}
	return proto.GetExtension(rpc.Options(), longrunningpb.E_OperationInfo).(*longrunningpb.OperationInfo)
}

func checkInfo(h *method, rpc protoreflect.MethodDescriptor, info *longrunningpb.OperationInfo) error {
	for _, c := range []struct {
		field, want, param string
		got                protoreflect.FullName
	}{
		{"response_type", info.GetResponseType(), "Res", h.res.ProtoReflect().Descriptor().FullName()},
		{"metadata_type", info.GetMetadataType(), "Meta", h.meta.ProtoReflect().Descriptor().FullName()},
	} {
		want := protoreflect.FullName(c.want)
		if want != "" && !strings.Contains(c.want, ".") {
			want = rpc.ParentFile().Package().Append(protoreflect.Name(c.want))
		}
		switch {
		case want == "":
			return fmt.Errorf("google.longrunning.operation_info of %s has no %s; write the type of %s there, or %q if there is none",
				fullMethodName(rpc), c.field, c.param, string(convention.Empty))
		case want != c.got:
			return fmt.Errorf("google.longrunning.operation_info of %s says %s %q, and %s is %s; make %s *%s, or correct the proto",
				fullMethodName(rpc), c.field, c.want, c.param, c.got, c.param, goName(want))
		}
	}
	return nil
}

// checkConvention compares Res with what the method's name says.
func checkConvention(h *method, name string) error {
	short := name[strings.LastIndexByte(name, '/')+1:]
	got := h.res.ProtoReflect().Descriptor().FullName()
	pkg := h.req.ProtoReflect().Descriptor().FullName().Parent()
	want := convention.Response(short, func(message protoreflect.Name) bool {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(pkg.Append(message))
		_, ok := d.(protoreflect.MessageDescriptor)
		return err == nil && ok
	})
	if convention.Follows(got, want) {
		return nil
	}
	return fmt.Errorf("by the naming convention of google.longrunning %s answers %s, and Res is %s; make Res *%s, add operation_info to the proto, or set MethodOptions.AnyResponse",
		name, want, got, goName(want))
}

// goName is what to write in Go for a message: its name, with a package where
// that is known.
func goName(message protoreflect.FullName) string {
	if message == convention.Empty {
		return "emptypb.Empty"
	}
	return string(message.Name())
}
