package storetest

// Rules answers every rule that a case of the suite checks.
func Rules() []string {
	var all []string
	for _, topic := range topics() {
		for _, c := range topic {
			if c.rule != ruleModel { // which lays its findings to other topics
				all = append(all, string(c.rule))
			}
		}
	}
	return all
}
