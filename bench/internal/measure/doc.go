// Package measure is what the programs of bench have in common: it lets
// contenders take turns, keeps medians with their spread, and prints figures
// beside the bars that they must reach.
//
// A program describes its [Case] values, one for each cell of its tables, and
// gives them to [Bench.Run], which measures each once per round:
//
//	func main() {
//		measure.Main("calls", func(ctx context.Context, b *measure.Bench) error {
//			err := b.Run(ctx, []measure.Case{{Key: measure.Key{Table: "calls", Row: "xbus tcp", Column: "256"}, Unit: "calls/s",
//				Measure: func(ctx context.Context) (measure.Sample, error) {
//					return measure.PerSecond(n, nil, func() error { … })
//				}}})
//			b.Ratio("calls256_vs_raw", ours, theirs, measure.AtLeast(0.35))
//			return err
//		})
//	}
//
// A cell counts with the median of its rounds, a ratio is one of two medians of
// the same run. A bar that is missed is printed and fails nothing.
package measure
