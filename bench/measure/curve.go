package measure

// A Curve is how something changes with how much there is.
type Curve struct {
	Name   string // of its file, without an ending
	Title  string
	X, Y   string // what the axes say
	Log    bool   // equal factors of x are equally far apart
	Series []Series
}

// A Series is one line of a Curve.
type Series struct {
	Name   string
	Points []Point
}

// A Point is a figure that was measured.
type Point struct{ X, Y float64 }
