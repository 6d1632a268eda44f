// Package measure compares how fast two things are, and says whether that is fast
// enough.
//
// A [Comparison] has two contenders, the subject and its base, and a twin of the
// base. In each of many rounds all three do their work, one after the other and in
// changing order, so that whatever else the machine does meets them alike. A round
// gives two ratios: the subject against the base, and the twin against the base.
// The second is the control: it is 1 but for noise. The figure is the median of
// the first, divided by the median of the second.
//
// Where the control scatters too much the figure means nothing, and the [Line] is
// [Noisy].
package measure
