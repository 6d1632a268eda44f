package lrotest

// Rules answers every rule that a case of the suite checks.
func Rules() []string {
	var all []string
	for _, topic := range topics() {
		for _, c := range topic {
			all = append(all, string(c.rule))
		}
	}
	return all
}
