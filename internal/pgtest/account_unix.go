//go:build unix

package pgtest

import "syscall"

// childOf says how to start a child that runs as another user, if user is
// set, and that no Ctrl-C at the terminal reaches.
func childOf(user *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if user != nil {
		attr.Credential = &syscall.Credential{Uid: user.uid, Gid: user.gid}
	}
	return attr
}
