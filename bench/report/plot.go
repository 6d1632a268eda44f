package report

import (
	"fmt"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/longrunning-go/longrunning/bench/measure"
)

const width, height = 16 * vg.Centimeter, 10 * vg.Centimeter

// draw writes a curve as SVG into dir.
func draw(dir string, c measure.Curve) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.Title.Padding, p.Legend.Padding = vg.Millimeter, vg.Millimeter
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	var xs []float64
	for i, s := range c.Series {
		points := make(plotter.XYs, 0, len(s.Points))
		for _, point := range s.Points {
			if point.Y == 0 {
				continue // an error came instead of a figure
			}
			points = append(points, plotter.XY(point))
			xs = append(xs, point.X)
			p.Y.Max = max(p.Y.Max, point.Y)
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("report: draw %s: %w", c.Name, err)
		}
		line.Color, dots.Color, dots.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		p.Add(line, dots)
		p.Legend.Add(s.Name, line, dots)
	}
	p.Y.Min = 0
	p.Y.Max /= 0.95 - 0.065*float64(len(c.Series)) // above is the legend
	slices.Sort(xs)
	p.X.Tick.Marker = ticks(slices.Compact(xs))
	if c.Log {
		p.X.Scale = plot.LogScale{}
	}
	if err := p.Save(width, height, filepath.Join(dir, c.Name+".svg")); err != nil {
		return fmt.Errorf("report: draw %s: %w", c.Name, err)
	}
	return nil
}

// ticks are where there are points.
type ticks []float64

// Ticks implements plot.Ticker.
func (t ticks) Ticks(_, _ float64) []plot.Tick {
	marks := make([]plot.Tick, len(t))
	for i, x := range t {
		marks[i] = plot.Tick{Value: x, Label: fmt.Sprintf("%.0f", x)}
	}
	return marks
}
