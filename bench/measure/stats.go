package measure

import (
	"slices"
	"time"
)

// A spread is what many samples of one number look like.
type spread struct{ lower, median, upper float64 } // upper and lower quartile

func spreadOf(samples []float64) spread {
	sorted := slices.Sorted(slices.Values(samples))
	return spread{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// width is the interquartile range as a share of the median.
func (s spread) width() float64 { return (s.upper - s.lower) / s.median }

// Quantile answers the time that q of all times, from 0 to 1, do not exceed.
func Quantile(times []time.Duration, q float64) time.Duration {
	sorted := make([]float64, len(times))
	for i, t := range times {
		sorted[i] = float64(t)
	}
	slices.Sort(sorted)
	return time.Duration(quantile(sorted, q))
}

// quantile interpolates between the two samples that q, from 0 to 1, lies between.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
