// Package report makes the page and the picture of what the programs of bench
// have found: docs/performance.md and docs/performance.svg.
package report
