package server

import "log/slog"

// SetDefaultLogger is where halls log that are given no logger.
func SetDefaultLogger(l *slog.Logger) { defaultLogger = l }
