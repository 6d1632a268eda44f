package main

import (
	"fmt"
	"slices"
)

// assignNames gives the methods of one Go package their names: their own, or
// where what is generated would collide, with their service's before it.
func assignNames(methods []*method) error {
	for _, m := range methods {
		m.name = m.GoName
	}
	for {
		clashes := clashing(methods)
		if len(clashes) == 0 {
			return nil
		}
		renamed := false
		for _, m := range clashes {
			if long := m.Parent.GoName + m.GoName; m.name != long {
				m.name, renamed = long, true
			}
		}
		if !renamed {
			return fmt.Errorf("%s and %s would both be generated as %s beside package %s: rename one of the methods or services",
				clashes[0].Desc.FullName(), clashes[1].Desc.FullName(), clashes[1].name, clashes[0].file.GoImportPath)
		}
	}
}

// clashing answers the methods with a name in common, beginning with two of
// which that is so.
func clashing(methods []*method) []*method {
	var clashes []*method
	taken := map[string]*method{}
	for _, m := range methods {
		for _, name := range m.declares() {
			other, ok := taken[name]
			if !ok {
				taken[name] = m
				continue
			}
			for _, clash := range []*method{other, m} {
				if !slices.Contains(clashes, clash) {
					clashes = append(clashes, clash)
				}
			}
		}
	}
	return clashes
}

// declares answers the names of what is generated for m and could be that of
// another method too. Those for servers differ in the method's name only.
func (m *method) declares() []string {
	names := []string{m.name, "Resume" + m.name}
	if m.hasMetadata() {
		names = append(names, m.name+"Metadata")
	}
	return names
}
