package mutant

// Edited answers the text of each file that the mutant edits, by its
// slash-separated path in the module.
func (m Mutant) Edited(module string) (map[string]string, error) { return m.edited(module) }
