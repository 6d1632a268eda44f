package main

import "fmt"

// assignNames gives the methods of one Go package their names: their own, or
// where what is generated would collide, with their service's before it.
func assignNames(methods []*method) error {
	for _, m := range methods {
		m.name = m.GoName
	}
	for {
		name, users := clash(methods)
		if len(users) == 0 {
			return nil
		}
		// Where a method is named like a function of another one, as ResumeImport
		// is like Import's, only its own name changes.
		var named []*method
		for _, m := range users {
			if m.name == name {
				named = append(named, m)
			}
		}
		if !prefix(named) && !prefix(users) {
			return fmt.Errorf("%s and %s would both be generated as %s beside package %s: rename one of the methods or services",
				users[0].Desc.FullName(), users[1].Desc.FullName(), name, users[0].file.GoImportPath)
		}
	}
}

// prefix sets the names of services before those of methods. It reports whether
// that changed one.
func prefix(methods []*method) bool {
	changed := false
	for _, m := range methods {
		if long := m.Parent.GoName + m.GoName; m.name != long {
			m.name, changed = long, true
		}
	}
	return changed
}

// clash answers a name that several methods would have generated, if there is
// one, and these methods. Methods of the same name come first.
func clash(methods []*method) (string, []*method) {
	for _, declared := range []func(*method) []string{
		func(m *method) []string { return []string{m.name} },
		(*method).declares,
	} {
		users := map[string][]*method{}
		for _, m := range methods {
			for _, name := range declared(m) {
				users[name] = append(users[name], m)
			}
		}
		for _, m := range methods {
			for _, name := range declared(m) {
				if len(users[name]) > 1 {
					return name, users[name]
				}
			}
		}
	}
	return "", nil
}

// declares answers the names of what is generated for m, those for servers behind
// their package's, since they may be those for clients of another method.
func (m *method) declares() []string {
	names := []string{m.name, "Resume" + m.name, "lro.Handle" + m.name, "lro.Declare" + m.name, "lro." + m.name + "Method", "lro." + m.name + "Task"}
	if m.hasMetadata() {
		names = append(names, m.name+"Metadata")
	}
	return names
}
