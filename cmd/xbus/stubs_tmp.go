package main

import "github.com/spf13/cobra"

func (a *app) checkCommand() *cobra.Command  { return &cobra.Command{Use: "check"} }
func (a *app) benchCommand() *cobra.Command  { return &cobra.Command{Use: "bench"} }
func (a *app) doctorCommand() *cobra.Command { return &cobra.Command{Use: "doctor"} }
